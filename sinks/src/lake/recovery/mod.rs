//! How far each destination of a source got: read from the lake itself, at start.
//!
//! What is found is a hint, since a listing may be stale: a chain that is longer than it looks makes the next
//! put collide, and the footer under that name tells the rest.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use super::backoff::{Backoff, Failure};
use super::paths::{self, DataFileName, Date, Destination, Ordinal, SourceId};
use crate::parquet::{self, FooterFacts, read_facts};
use crate::store::{self, Kind, Store};

/// How far a destination got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Which one.
    pub destination: Destination,
    /// The last row of its last file; events at or below it are in the lake.
    pub last: Ordinal,
}

/// Finds the destinations of a source and how far each got, of the days from `since` on.
///
/// A destination that is left out, by `since` or by a stale listing, is not lost: its chain then begins with
/// a collision. What is returned is durable.
///
/// # Errors
/// A file with a name of the chain that can't be read, or says that it stands elsewhere, is an error: to pass
/// over it would put its rows into the lake once more.
pub async fn recover(
    store: &Store,
    source: &SourceId,
    since: Option<Date>,
    backoff: &Backoff,
) -> Result<Vec<Recovered>, Error> {
    let lake = Lake { store, backoff };
    let days = lake.days(since).await?;
    let listings = stream::iter(days.into_iter().map(|day| lake.files(day)));
    let files: Vec<Vec<Path>> = listings.buffered(REQUESTS_AT_ONCE).try_collect().await?;
    let names = files.iter().flatten().filter_map(paths::parse_data_file);
    let last_files = newest(names.filter(|name| name.source == *source).map(|name| {
        let continues_at = name.continues_at;
        ((name.folder, name.date), continues_at)
    }));
    let last_files = last_files.into_iter().map(|((folder, date), continues_at)| {
        lake.recovered(DataFileName { folder, date, source: source.clone(), continues_at })
    });
    stream::iter(last_files).buffered(REQUESTS_AT_ONCE).try_collect().await
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

/// A lake whose files can't be relied upon, or a store that does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A file of a chain can't be read.
    #[error("could not read data file {path:?}, which has a place in a chain")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why not.
        #[source]
        source: parquet::Error,
    },
    /// A file of a chain is gone.
    #[error("data file {path:?} was listed and is not there: a name once taken is never freed")]
    Gone {
        /// Which file.
        path: String,
    },
    /// A file of a chain says that it stands elsewhere.
    #[error("data file {path:?} says that it stands at {says:?}")]
    Misplaced {
        /// Which file.
        path: String,
        /// What its footer says.
        says: String,
    },
}

impl Error {
    /// Whether asking again later can help.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Unreadable { source, .. } => source.kind(),
            Self::Gone { .. } | Self::Misplaced { .. } => Kind::Fatal,
        }
    }
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        self.kind()
    }
}

/// Requests that wait for a store's answer at the same time: a lake of a hundred destinations is read in a
/// handful of round trips, and no store minds.
const REQUESTS_AT_ONCE: usize = 16;

/// Where the chains are looked for.
#[derive(Clone, Copy)]
struct Lake<'a> {
    store: &'a Store,
    backoff: &'a Backoff,
}

impl Lake<'_> {
    /// The folders of all tables and days that may hold chains.
    async fn days(self, since: Option<Date>) -> Result<Vec<Path>, Error> {
        let tables = self.folders(None).await?;
        let tables: Vec<Path> = tables
            .iter()
            .filter(|name| *name != paths::RECORDS_FOLDER)
            .map(|name| paths::listed_folder(&[name]))
            .collect();
        let days = stream::iter(tables.into_iter().map(|table| self.days_of(table, since)));
        let days: Vec<Vec<Path>> = days.buffered(REQUESTS_AT_ONCE).try_collect().await?;
        Ok(days.into_iter().flatten().collect())
    }

    async fn days_of(self, table: Path, since: Option<Date>) -> Result<Vec<Path>, Error> {
        let names = self.folders(Some(&table)).await?;
        let is_asked_for = |name: &&String| {
            paths::parse_date_folder(name).is_some_and(|date| since.is_none_or(|since| date >= since))
        };
        let asked_for = names.iter().filter(is_asked_for);
        Ok(asked_for.map(|name| paths::listed_folder(&[table.as_ref(), name])).collect())
    }

    async fn folders(self, of: Option<&Path>) -> Result<Vec<String>, Error> {
        let mut attempts = self.backoff.begin();
        loop {
            match self.store.list_folders(of).await {
                Ok(names) => return Ok(names),
                Err(error) => attempts.again(error).await?,
            }
        }
    }

    async fn files(self, day: Path) -> Result<Vec<Path>, Error> {
        let mut attempts = self.backoff.begin();
        loop {
            match self.store.list(&day).await {
                Ok(found) => return Ok(found.into_iter().map(|object| object.location).collect()),
                Err(error) => attempts.again(error).await?,
            }
        }
    }

    async fn recovered(self, name: DataFileName) -> Result<Recovered, Error> {
        let path = name.path();
        let mut attempts = self.backoff.begin();
        let facts = loop {
            match self.durable_facts(&path).await {
                Ok(facts) => break facts,
                Err(error) => attempts.again(error).await?,
            }
        };
        let destination = Destination { table: facts.table.into(), date: facts.date, source: facts.source };
        let says = paths::data_file(&destination, facts.continues_at);
        if says != path || facts.last < facts.continues_at {
            return Err(Error::Misplaced { path: path.to_string(), says: says.to_string() });
        }
        Ok(Recovered { destination, last: facts.last })
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

#[cfg(test)]
mod tests;
