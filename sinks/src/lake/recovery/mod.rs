//! The last row of each destination of a source, read from the lake at a start.
//!
//! The results are lower bounds, since a listing may be stale. If a chain is longer than listed, its next put finds
//! the name taken, and the footer under that name has the last row. Does not own the start rule ([`super::start`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::store::Key;
use futures::{StreamExt, TryStreamExt, stream};

use crate::backoff::{Backoff, Retryable};
use crate::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use crate::parquet::{self, DataFile, FooterFacts, RowColumns, read_facts};
use crate::paths::{self, DataFileName, Date, Destination, SourceId};
use crate::store::{self, Kind, Store};

/// The chains of one source in a lake, and the access to them.
#[derive(Clone, Copy, Debug)]
pub struct Chains<'a> {
    /// The store of the lake.
    pub store: &'a Store,
    /// The id of the lake.
    pub lake: &'a str,
    /// The source.
    pub source: &'a SourceId,
    /// Retry policy for a store that does not answer.
    pub backoff: &'a Backoff,
}

/// A selection of days. It always includes [`Date::UNKNOWN`], the day of events without a usable time.
#[derive(Clone, Debug, Default)]
pub struct Days {
    /// The first day; `None` selects all days.
    pub since: Option<Date>,
    /// Additional days before it.
    pub also: BTreeSet<Date>,
}

/// The data files of a lake, as of one listing. All sources of a run can share it.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    by_source: HashMap<SourceId, Vec<DataFileName>>,
}

/// The last row of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The destination.
    pub destination: Destination,
    /// The last row of its last file. Events at or below it are in the lake.
    pub last: Ordinal,
}

/// Facts from the last files of a source's destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The destinations on the selected days.
    pub destinations: Vec<Recovered>,
    /// The highest durable position in a footer: everything up to it is in the lake.
    pub durable: Option<Ordinal>,
}

impl Found {
    /// The highest row of the source on the selected days.
    pub fn highest_row(&self) -> Option<Ordinal> {
        self.destinations.iter().map(|found| found.last).max()
    }
}

impl Chains<'_> {
    /// Finds the destinations of the source and the last row of each. The rows found are durable.
    ///
    /// The listing may lack a destination, because of its days or because it is stale. The first put of that chain then
    /// finds its name taken, which is safe.
    ///
    /// # Errors
    /// Fails on a file of a chain that can't be read, is of another lake, or contradicts its name. Without the error,
    /// its rows would be put into the lake again.
    pub async fn recover(self, listing: &Listing) -> Result<Found, Error> {
        let names = listing.files_of(self.source).iter();
        let last_files = last_files(names.map(|name| ((name.folder.clone(), name.date), name.continues_at)));
        let last_files = last_files.into_iter().map(|((folder, date), continues_at)| {
            self.recover_destination(DataFileName { folder, date, source: self.source.clone(), continues_at })
        });
        let found: Vec<(Recovered, Option<Ordinal>)> =
            stream::iter(last_files).buffered(CONCURRENT_REQUESTS).try_collect().await?;
        let durable = found.iter().filter_map(|(_, durable)| *durable).max();
        Ok(Found { destinations: found.into_iter().map(|(recovered, _)| recovered).collect(), durable })
    }

    /// The events of the source above `after` that have a row, read from all listed files that may have one.
    pub async fn rows_above(
        self,
        listing: &Listing,
        after: Option<Ordinal>,
        columns: RowColumns,
    ) -> Result<OrdinalSet, Error> {
        let mut chains: BTreeMap<(String, Date), Vec<DataFileName>> = BTreeMap::new();
        for name in listing.files_of(self.source).iter().cloned() {
            chains.entry((name.folder.clone(), name.date)).or_default().push(name);
        }
        let files = chains.into_values().flat_map(|names| files_above(names, after));
        let reads = files.map(|name| self.rows_of_file(name, columns));
        let rows: Vec<Vec<OrdinalRange>> =
            stream::iter(reads).buffered(CONCURRENT_REQUESTS).try_collect().await?;
        let above = after.map_or(Ordinal::MIN, Ordinal::next);
        Ok(rows.into_iter().flatten().map(|rows| OrdinalRange::new(rows.from.max(above), rows.to)).collect())
    }
}

/// The name (`continues_at`) of each destination's last listed file.
pub fn last_files<D: Ord>(listed: impl Iterator<Item = (D, Ordinal)>) -> BTreeMap<D, Ordinal> {
    let mut last_files = BTreeMap::new();
    for (destination, continues_at) in listed {
        let last = last_files.entry(destination).or_insert(continues_at);
        *last = continues_at.max(*last);
    }
    last_files
}

impl Days {
    fn includes(&self, day: Date) -> bool {
        self.since.is_none_or(|since| day >= since) || day == Date::UNKNOWN || self.also.contains(&day)
    }
}

/// A file of a chain that is unusable, or a failed request to the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request to the store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A file of a chain can't be read.
    #[error("could not read data file {path:?}, which is part of a chain")]
    Unreadable {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: parquet::Error,
    },
    /// A file of a chain does not exist.
    #[error(
        "data file {path:?} was listed but does not exist: something removed it, although a name once taken is never \
         freed; restore it from a backup"
    )]
    Gone {
        /// The file.
        path: String,
    },
    /// A file of a chain belongs to another lake.
    #[error(
        "data file {path:?} belongs to lake {theirs}, but this is lake {ours}, and two lakes can't share a folder: \
         write to another lake, or put the files and the `_catchwater` folder of one lake back together"
    )]
    OtherLake {
        /// The file.
        path: String,
        /// The lake in its footer.
        theirs: String,
        /// This lake.
        ours: String,
    },
    /// A file states a durable position that includes its own rows, which were not durable before its put.
    #[error(
        "the footer of data file {path:?} has durable position {durable}, which is not below the file's first row \
         {first}: restore the file from a backup"
    )]
    DurableTooHigh {
        /// The file.
        path: String,
        /// The durable position in its footer.
        durable: Ordinal,
        /// The first row of the file.
        first: Ordinal,
    },
    /// A file of a chain contradicts its name.
    #[error(
        "data file {path:?} contradicts its footer, which belongs to {stated:?}: restore the file from a backup"
    )]
    Misplaced {
        /// The file.
        path: String,
        /// The path according to the footer.
        stated: String,
    },
}

impl Error {
    /// [`Kind::Unknown`] if a later attempt can succeed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Unreadable { source, .. } => source.kind(),
            Self::Gone { .. }
            | Self::OtherLake { .. }
            | Self::DurableTooHigh { .. }
            | Self::Misplaced { .. } => Kind::Fatal,
        }
    }
}

impl Retryable for Error {
    fn is_transient(&self) -> bool {
        self.kind() == Kind::Unknown
    }
}

/// Concurrent requests to the store: a hundred destinations need about ten round trips, and the load is small for any
/// store.
const CONCURRENT_REQUESTS: usize = 16;

/// The files of one destination that may have a row above `after`. The rows of a file end below the name of the next.
fn files_above(mut names: Vec<DataFileName>, after: Option<Ordinal>) -> Vec<DataFileName> {
    names.sort_unstable_by_key(|name| name.continues_at);
    let at_or_below =
        names.partition_point(|name| after.is_some_and(|after| name.continues_at <= after.next()));
    names.split_off(at_or_below.saturating_sub(1))
}

impl Listing {
    /// Lists the data files of the selected days.
    pub async fn read(store: &Store, days: &Days, backoff: &Backoff) -> Result<Self, Error> {
        let lister = Lister { store, backoff };
        let folders = lister.day_folders(days).await?;
        let listings = stream::iter(folders.into_iter().map(|day| lister.files_in(day)));
        let files: Vec<Vec<Key>> = listings.buffered(CONCURRENT_REQUESTS).try_collect().await?;
        let mut by_source: HashMap<SourceId, Vec<DataFileName>> = HashMap::new();
        for name in files.iter().flatten().filter_map(paths::parse_data_file) {
            by_source.entry(name.source.clone()).or_default().push(name);
        }
        Ok(Self { by_source })
    }

    fn files_of(&self, source: &SourceId) -> &[DataFileName] {
        self.by_source.get(source).map_or(&[], Vec::as_slice)
    }
}

/// Lists folders and files, with retries.
#[derive(Clone, Copy)]
struct Lister<'a> {
    store: &'a Store,
    backoff: &'a Backoff,
}

impl Lister<'_> {
    /// The folders of the selected days, in all tables.
    async fn day_folders(self, days: &Days) -> Result<Vec<Key>, Error> {
        let tables = self.folders_in(None).await?;
        let tables: Vec<Key> = tables
            .iter()
            .filter(|name| paths::is_table_folder(name))
            .map(|name| paths::listed_folder(&[name]))
            .collect();
        let by_table = stream::iter(tables.into_iter().map(|table| self.day_folders_of(table, days)));
        let by_table: Vec<Vec<Key>> = by_table.buffered(CONCURRENT_REQUESTS).try_collect().await?;
        Ok(by_table.into_iter().flatten().collect())
    }

    async fn day_folders_of(self, table: Key, days: &Days) -> Result<Vec<Key>, Error> {
        let names = self.folders_in(Some(&table)).await?;
        let selected =
            names.iter().filter(|name| paths::parse_date_folder(name).is_some_and(|day| days.includes(day)));
        Ok(selected.map(|name| paths::listed_folder(&[table.as_ref(), name])).collect())
    }

    async fn folders_in(self, parent: Option<&Key>) -> Result<Vec<String>, Error> {
        let mut attempts = self.backoff.attempts();
        loop {
            match self.store.list_folders(parent).await {
                Ok(names) => return Ok(names),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    async fn files_in(self, day: Key) -> Result<Vec<Key>, Error> {
        let mut attempts = self.backoff.attempts();
        loop {
            match self.store.list(&day).await {
                Ok(found) => return Ok(found.into_iter().map(|object| object.key).collect()),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }
}

impl Chains<'_> {
    /// The last row of a destination's last file, and the durable position in its footer.
    async fn recover_destination(self, name: DataFileName) -> Result<(Recovered, Option<Ordinal>), Error> {
        let path = name.path();
        let mut attempts = self.backoff.attempts();
        let facts = loop {
            match self.durable_facts(&path).await {
                Ok(facts) => break facts,
                Err(error) => attempts.wait_after(error).await?,
            }
        };
        self.check_lake(&path, &facts)?;
        let stated = facts.data_file();
        if let Some(durable) = facts.durable.filter(|durable| *durable >= facts.first) {
            return Err(Error::DurableTooHigh { path: path.to_string(), durable, first: facts.first });
        }
        if stated != path || facts.last < facts.continues_at {
            return Err(Error::Misplaced { path: path.to_string(), stated: stated.to_string() });
        }
        Ok((Recovered { destination: facts.destination, last: facts.last }, facts.durable))
    }

    /// The events of a file, as ranges of consecutive numbers.
    async fn rows_of_file(self, name: DataFileName, columns: RowColumns) -> Result<Vec<OrdinalRange>, Error> {
        let path = name.path();
        let mut attempts = self.backoff.attempts();
        loop {
            match self.read_rows(&path, columns).await {
                Ok(ranges) => return Ok(ranges),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    async fn read_rows(self, path: &Key, columns: RowColumns) -> Result<Vec<OrdinalRange>, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_string(), source };
        let file = DataFile::open(self.store, path).await.map_err(unreadable)?;
        let file = file.ok_or_else(|| Error::Gone { path: path.to_string() })?;
        self.check_lake(path, file.facts())?;
        let mut ranges = Vec::new();
        file.ordinals(columns, |rows, _| append_rows(&mut ranges, rows)).await.map_err(unreadable)?;
        if file.facts().removed.is_some() {
            ranges.push(OrdinalRange::new(file.facts().first, file.facts().last));
        }
        self.store.make_durable(path).await?;
        Ok(ranges)
    }

    fn check_lake(self, path: &Key, facts: &FooterFacts) -> Result<(), Error> {
        if facts.lake == self.lake {
            return Ok(());
        }
        let (path, theirs, ours) = (path.to_string(), facts.lake.clone(), self.lake.to_owned());
        Err(Error::OtherLake { path, theirs, ours })
    }

    /// The footer facts of a file, once it is durable: its writer may have lost power before it synced the file.
    async fn durable_facts(self, path: &Key) -> Result<FooterFacts, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_string(), source };
        let facts = read_facts(self.store, path).await.map_err(unreadable)?;
        let facts = facts.ok_or_else(|| Error::Gone { path: path.to_string() })?;
        self.store.make_durable(path).await?;
        Ok(facts)
    }
}

/// Appends rows to ranges of consecutive numbers.
fn append_rows(ranges: &mut Vec<OrdinalRange>, rows: &[i64]) {
    for row in rows.iter().copied().map(Ordinal::new) {
        match ranges.last_mut() {
            Some(range) if row == range.to || Some(row) == range.to.checked_next() => range.to = row,
            _ => ranges.push(OrdinalRange::new(row, row)),
        }
    }
}

#[cfg(test)]
mod tests;
