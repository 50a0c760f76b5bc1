//! The last row of each destination of a source, read from the lake at a start.
//!
//! What is found is a hint, since a listing may be stale: a chain that is longer than it looks makes the next
//! put collide, and the footer under that name tells the rest. Does not own what follows from it ([`super::start`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use crate::backoff::{Backoff, Retryable};
use crate::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use crate::parquet::{self, DataFile, FooterFacts, RowColumns, read_facts};
use crate::paths::{self, DataFileName, Date, Destination, SourceId};
use crate::store::{self, Kind, Store};

/// The lake and the source that a recovery is about.
#[derive(Clone, Copy, Debug)]
pub struct Chains<'a> {
    /// The store of the lake.
    pub store: &'a Store,
    /// Its id.
    pub lake: &'a str,
    /// The source whose files are looked for.
    pub source: &'a SourceId,
    /// Retry policy for a store that does not answer.
    pub backoff: &'a Backoff,
}

/// The days whose files are looked at. Events without a usable time have the day [`Date::UNKNOWN`], which always is.
#[derive(Clone, Debug, Default)]
pub struct Days {
    /// The first day; every day without it.
    pub since: Option<Date>,
    /// Earlier days that are looked at too.
    pub also: BTreeSet<Date>,
}

/// The data files of a lake, as one listing showed them. Every source of a run can be recovered by the same.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    by_source: HashMap<SourceId, Vec<DataFileName>>,
}

/// The last row of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The destination.
    pub destination: Destination,
    /// The last row of its last file; events at or below it are in the lake.
    pub last: Ordinal,
}

/// Facts from the last files of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Each destination that was looked at.
    pub destinations: Vec<Recovered>,
    /// The highest durable position that a footer states: everything up to it is in the lake.
    pub durable: Option<Ordinal>,
}

impl Found {
    /// The highest row of the source, among the days that were looked at.
    pub fn highest_row(&self) -> Option<Ordinal> {
        self.destinations.iter().map(|found| found.last).max()
    }
}

impl Chains<'_> {
    /// Finds the destinations of the source and how far each got.
    ///
    /// A destination that the listing leaves out, by its days or because it is stale, is not lost: its chain then begins
    /// with a collision. What is returned is durable.
    ///
    /// # Errors
    /// A file with a name of the chain that can't be read, is of another lake or says that it stands elsewhere, is an
    /// error: to pass over it would put its rows into the lake once more.
    pub async fn recover(self, listing: &Listing) -> Result<Found, Error> {
        let names = listing.of(self.source).iter();
        let last_files = newest(names.map(|name| ((name.folder.clone(), name.date), name.continues_at)));
        let last_files = last_files.into_iter().map(|((folder, date), continues_at)| {
            self.recovered(DataFileName { folder, date, source: self.source.clone(), continues_at })
        });
        let found: Vec<(Recovered, Option<Ordinal>)> =
            stream::iter(last_files).buffered(REQUESTS_AT_ONCE).try_collect().await?;
        let durable = found.iter().filter_map(|(_, durable)| *durable).max();
        Ok(Found { destinations: found.into_iter().map(|(recovered, _)| recovered).collect(), durable })
    }

    /// The events of the source above `after` that have a row, read from every listed file that may have one.
    pub async fn rows_above(
        self,
        listing: &Listing,
        after: Option<Ordinal>,
        columns: RowColumns,
    ) -> Result<OrdinalSet, Error> {
        let mut chains: BTreeMap<(String, Date), Vec<DataFileName>> = BTreeMap::new();
        for name in listing.of(self.source).iter().cloned() {
            chains.entry((name.folder.clone(), name.date)).or_default().push(name);
        }
        let files = chains.into_values().flat_map(|names| reaching_above(names, after));
        let reads = files.map(|name| self.rows_of(name, columns));
        let rows: Vec<Vec<OrdinalRange>> =
            stream::iter(reads).buffered(REQUESTS_AT_ONCE).try_collect().await?;
        let above = after.map_or(Ordinal::MIN, Ordinal::next);
        Ok(rows.into_iter().flatten().map(|rows| OrdinalRange::new(rows.from.max(above), rows.to)).collect())
    }
}

/// The file of each destination that continues furthest: its last, as far as the listing goes.
pub fn newest<D: Ord>(listed: impl Iterator<Item = (D, Ordinal)>) -> BTreeMap<D, Ordinal> {
    let mut newest = BTreeMap::new();
    for (destination, continues_at) in listed {
        let last = newest.entry(destination).or_insert(continues_at);
        *last = continues_at.max(*last);
    }
    newest
}

impl Days {
    fn include(&self, day: Date) -> bool {
        self.since.is_none_or(|since| day >= since) || day == Date::UNKNOWN || self.also.contains(&day)
    }
}

/// A lake whose files can't be relied upon, or a store that does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A file of a chain can't be read.
    #[error("could not read data file {path:?}, which has a place in a chain")]
    Unreadable {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: parquet::Error,
    },
    /// A file of a chain is gone.
    #[error("data file {path:?} was listed and is not there: a name once taken is never freed")]
    Gone {
        /// The file.
        path: String,
    },
    /// A file of a chain was written for another lake.
    #[error(
        "data file {path:?} is of lake {theirs}, and this is lake {ours}: files of two lakes can't share a folder; \
         write to another lake, or put the files and the `_catchwater` folder of one lake back together"
    )]
    OtherLake {
        /// The file.
        path: String,
        /// The lake in its footer.
        theirs: String,
        /// The lake that is read.
        ours: String,
    },
    /// A file's own rows were not durable when it was put.
    #[error(
        "data file {path:?} says that everything up to {durable} was durable before it, and its first row is of {first}"
    )]
    Leads {
        /// The file.
        path: String,
        /// The durable position in its footer.
        durable: Ordinal,
        /// Its first row.
        first: Ordinal,
    },
    /// A file of a chain says that it stands elsewhere.
    #[error("data file {path:?} says that it stands at {says:?}")]
    Misplaced {
        /// The file.
        path: String,
        /// Its value in the footer that was found.
        says: String,
    },
}

impl Error {
    /// [`Kind::Unknown`] if a later attempt can succeed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Unreadable { source, .. } => source.kind(),
            Self::Gone { .. } | Self::OtherLake { .. } | Self::Leads { .. } | Self::Misplaced { .. } => {
                Kind::Fatal
            }
        }
    }
}

impl Retryable for Error {
    fn is_transient(&self) -> bool {
        self.kind() == Kind::Unknown
    }
}

/// Requests that wait for a store's answer at the same time: a lake of a hundred destinations is read in a
/// handful of round trips, and no store minds.
const REQUESTS_AT_ONCE: usize = 16;

/// The files of one destination that may have a row above `after`: all but those whose next file says that they end
/// at or below it.
fn reaching_above(mut names: Vec<DataFileName>, after: Option<Ordinal>) -> Vec<DataFileName> {
    names.sort_unstable_by_key(|name| name.continues_at);
    let done = names.partition_point(|name| after.is_some_and(|after| name.continues_at <= after.next()));
    names.split_off(done.saturating_sub(1))
}

impl Listing {
    /// Lists the files of these days.
    pub async fn read(store: &Store, days: &Days, backoff: &Backoff) -> Result<Self, Error> {
        let lister = Lister { store, backoff };
        let folders = lister.days(days).await?;
        let listings = stream::iter(folders.into_iter().map(|day| lister.files(day)));
        let files: Vec<Vec<Path>> = listings.buffered(REQUESTS_AT_ONCE).try_collect().await?;
        let mut by_source: HashMap<SourceId, Vec<DataFileName>> = HashMap::new();
        for name in files.iter().flatten().filter_map(paths::parse_data_file) {
            by_source.entry(name.source.clone()).or_default().push(name);
        }
        Ok(Self { by_source })
    }

    fn of(&self, source: &SourceId) -> &[DataFileName] {
        self.by_source.get(source).map_or(&[], Vec::as_slice)
    }
}

/// Where folders and files are listed.
#[derive(Clone, Copy)]
struct Lister<'a> {
    store: &'a Store,
    backoff: &'a Backoff,
}

impl Lister<'_> {
    /// The folders of all tables and days that may hold chains.
    async fn days(self, days: &Days) -> Result<Vec<Path>, Error> {
        let tables = self.folders(None).await?;
        let tables: Vec<Path> = tables
            .iter()
            .filter(|name| paths::is_table_folder(name))
            .map(|name| paths::listed_folder(&[name]))
            .collect();
        let of_tables = stream::iter(tables.into_iter().map(|table| self.days_of(table, days)));
        let of_tables: Vec<Vec<Path>> = of_tables.buffered(REQUESTS_AT_ONCE).try_collect().await?;
        Ok(of_tables.into_iter().flatten().collect())
    }

    async fn days_of(self, table: Path, days: &Days) -> Result<Vec<Path>, Error> {
        let names = self.folders(Some(&table)).await?;
        let asked_for =
            names.iter().filter(|name| paths::parse_date_folder(name).is_some_and(|day| days.include(day)));
        Ok(asked_for.map(|name| paths::listed_folder(&[table.as_ref(), name])).collect())
    }

    async fn folders(self, of: Option<&Path>) -> Result<Vec<String>, Error> {
        let mut attempts = self.backoff.attempts();
        loop {
            match self.store.list_folders(of).await {
                Ok(names) => return Ok(names),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    async fn files(self, day: Path) -> Result<Vec<Path>, Error> {
        let mut attempts = self.backoff.attempts();
        loop {
            match self.store.list(&day).await {
                Ok(found) => return Ok(found.into_iter().map(|object| object.location).collect()),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }
}

impl Chains<'_> {
    /// Last ordinal of a destination's last file, and the durable position in its footer.
    async fn recovered(self, name: DataFileName) -> Result<(Recovered, Option<Ordinal>), Error> {
        let path = name.path();
        let mut attempts = self.backoff.attempts();
        let facts = loop {
            match self.durable_facts(&path).await {
                Ok(facts) => break facts,
                Err(error) => attempts.wait_after(error).await?,
            }
        };
        self.is_of_this_lake(&path, &facts)?;
        let says = facts.data_file();
        if let Some(durable) = facts.durable.filter(|durable| *durable >= facts.first) {
            return Err(Error::Leads { path: path.to_string(), durable, first: facts.first });
        }
        if says != path || facts.last < facts.continues_at {
            return Err(Error::Misplaced { path: path.to_string(), says: says.to_string() });
        }
        Ok((Recovered { destination: facts.destination, last: facts.last }, facts.durable))
    }

    /// The events of a file, as runs of consecutive numbers.
    async fn rows_of(self, name: DataFileName, columns: RowColumns) -> Result<Vec<OrdinalRange>, Error> {
        let path = name.path();
        let mut attempts = self.backoff.attempts();
        loop {
            match self.read_rows(&path, columns).await {
                Ok(runs) => return Ok(runs),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    async fn read_rows(self, path: &Path, columns: RowColumns) -> Result<Vec<OrdinalRange>, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_string(), source };
        let file = DataFile::open(self.store, path).await.map_err(unreadable)?;
        let file = file.ok_or_else(|| Error::Gone { path: path.to_string() })?;
        self.is_of_this_lake(path, file.facts())?;
        let mut runs = Vec::new();
        file.ordinals(columns, |rows, _| add_runs(&mut runs, rows)).await.map_err(unreadable)?;
        if file.facts().removed.is_some() {
            runs.push(OrdinalRange::new(file.facts().first, file.facts().last));
        }
        self.store.make_durable(path).await?;
        Ok(runs)
    }

    fn is_of_this_lake(self, path: &Path, facts: &FooterFacts) -> Result<(), Error> {
        if facts.lake == self.lake {
            return Ok(());
        }
        let (path, theirs, ours) = (path.to_string(), facts.lake.clone(), self.lake.to_owned());
        Err(Error::OtherLake { path, theirs, ours })
    }

    /// A found file counts only once it is durable: its writer may have lost power before it synced.
    async fn durable_facts(self, path: &Path) -> Result<FooterFacts, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_string(), source };
        let facts = read_facts(self.store, path).await.map_err(unreadable)?;
        let facts = facts.ok_or_else(|| Error::Gone { path: path.to_string() })?;
        self.store.make_durable(path).await?;
        Ok(facts)
    }
}

/// Adds rows, which mostly follow each other, to the runs before them.
fn add_runs(runs: &mut Vec<OrdinalRange>, rows: &[i64]) {
    for row in rows.iter().copied().map(Ordinal::new) {
        match runs.last_mut() {
            Some(run) if row == run.to || Some(row) == run.to.checked_next() => run.to = row,
            _ => runs.push(OrdinalRange::new(row, row)),
        }
    }
}

#[cfg(test)]
mod tests;
