//! The lake's small records: its identity, the origin of each source, ordinals that were given up.
//!
//! Each is a JSON object that is put once and never changed, so that two writers that disagree find out, and
//! the one that was first holds. Does not own the chain of routing rules ([`super::rules`]), accepted gaps
//! ([`super::gaps`]) and the tables' schemas ([`super::schema`]), which are put the same way.

use bytes::Bytes;
use object_store::path::Path;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::CONTRACT;
use crate::backoff::{Backoff, Retryable};
use crate::ordinals::{Ordinal, OrdinalRange};
use crate::paths::{self, SourceId};
use crate::store::{self, Kind, Put, Store};

/// The records of one lake.
#[derive(Clone, Debug)]
pub struct Records {
    store: Store,
    backoff: Backoff,
}

/// The origin of a source in a lake: earlier events are not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The first sequence number of the lake.
    pub first: Ordinal,
    /// The rules that hold from there on, until the first of [`super::rules`].
    pub routing_version: u32,
    /// The namespace of the log, whose names are unique only there.
    pub namespace: String,
}

/// Facts of a log when the lake first read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstStart {
    /// The partitions it had. Any other was added later, and is read from its first event.
    pub partitions: Vec<u32>,
}

impl Records {
    /// The records in a store.
    pub fn new(store: Store, backoff: Backoff) -> Self {
        Self { store, backoff }
    }

    /// The lake's id; the first to ask gives it one.
    ///
    /// # Errors
    /// [`Error::NoIdentity`] if the folder has data files and no id: they are of a lake whose records are gone.
    pub async fn lake_id(&self) -> Result<String, Error> {
        // Nearly every start finds the record: looking first saves a put of a thing that is there.
        if let Some(id) = self.existing_id().await? {
            return Ok(id);
        }
        if let Some(data_file) = self.any_data_file().await? {
            let record = paths::lake_record().to_string();
            return Err(Error::NoIdentity { data_file: data_file.to_string(), record });
        }
        let ours = Lake { id: Uuid::new_v4().to_string(), contract: CONTRACT };
        of_our_contract(self.put_once(&paths::lake_record(), ours).await?)
    }

    /// The lake's id, if it has one.
    ///
    /// # Errors
    /// [`Error::Contract`] if the lake keeps another contract than this version's.
    pub async fn existing_id(&self) -> Result<Option<String>, Error> {
        self.get::<Lake>(&paths::lake_record()).await?.map(of_our_contract).transpose()
    }

    /// Records the partitions of a log at its first start, unless they are recorded; returns the record. `source` is any of
    /// its partitions.
    ///
    /// # Errors
    /// [`Error::StartMissing`] if a partition of the log has begun and the record is gone: which partitions were added
    /// since can't be told any more.
    pub async fn first_start(&self, source: &SourceId, ours: FirstStart) -> Result<FirstStart, Error> {
        let path = paths::first_start(source);
        if let Some(recorded) = self.get(&path).await? {
            return Ok(recorded);
        }
        let origins = self.list(&paths::origin_folder()).await?;
        let begun = origins.iter().filter_map(paths::parse_origin).find(|of| paths::first_start(of) == path);
        let Some(begun) = begun else { return self.put_once(&path, ours).await };
        // Another run may have recorded both in between.
        let recorded = self.get(&path).await?;
        recorded.ok_or_else(|| Error::StartMissing { record: path.to_string(), begun })
    }

    /// Records the origin of a source, unless it has one; returns the record.
    ///
    /// # Errors
    /// [`Error::Namespace`] if the source was begun from another namespace.
    pub async fn begin(&self, source: &SourceId, ours: Origin) -> Result<Origin, Error> {
        let namespace = ours.namespace.clone();
        let recorded = self.put_once(&paths::origin(source), ours).await?;
        if recorded.namespace.eq_ignore_ascii_case(&namespace) {
            return Ok(recorded);
        }
        Err(Error::Namespace { log: source.clone(), recorded: recorded.namespace, ours: namespace })
    }

    /// The origin of a source, if it has one.
    pub async fn origin(&self, source: &SourceId) -> Result<Option<Origin>, Error> {
        self.get(&paths::origin(source)).await
    }

    /// Records that the run goes on without these events (rule 8).
    ///
    /// Where a range that begins the same is recorded and ends earlier, the rest is recorded as another.
    pub async fn give_up(&self, source: &SourceId, mut range: OrdinalRange) -> Result<(), Error> {
        while !range.is_empty() {
            let recorded = self.put_once(&paths::lost(source, range.from), range).await?;
            // At least one ordinal each round: a record that ends before it begins must not repeat it without end.
            let Some(next) = recorded.to.max(range.from).checked_next() else { break };
            range.from = next;
        }
        Ok(())
    }

    /// The ranges that were given up, in rising order.
    pub async fn lost_ranges(&self, source: &SourceId) -> Result<Vec<OrdinalRange>, Error> {
        let mut ranges = Vec::new();
        for path in self.list(&paths::lost_folder()).await? {
            if paths::parse_lost(&path).is_some_and(|(of, _)| of == *source) {
                ranges.extend(self.get::<OrdinalRange>(&path).await?);
            }
        }
        ranges.sort_unstable_by_key(|range| range.from);
        Ok(ranges)
    }

    /// Puts a record unless its name has one, and returns the one that is there.
    pub(super) async fn put_once<T>(&self, path: &Path, ours: T) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
    {
        let unreadable = |source| Error::Json { path: path.to_string(), source };
        let bytes = Bytes::from(serde_json::to_vec(&ours).map_err(unreadable)?);
        let mut attempts = self.backoff.attempts();
        loop {
            let failed = match self.store.put_if_absent(path, bytes.clone()).await {
                Ok(Put::Created) => return Ok(ours),
                Ok(Put::Taken) => Error::TakenAndAbsent { path: path.to_string() },
                Err(error) if error.kind() == Kind::Unknown => error.into(),
                Err(error) => return Err(error.into()),
            };
            // As for files: after any other answer, the record under the name decides.
            if let Some(standing) = self.get(path).await? {
                return Ok(standing);
            }
            attempts.wait_after(failed).await?;
        }
    }

    /// Reads a record, made durable before anybody builds on it.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, Error> {
        let mut attempts = self.backoff.attempts();
        let bytes = loop {
            match self.get_durable(path).await {
                Ok(bytes) => break bytes,
                Err(error) => attempts.wait_after(error).await?,
            }
        };
        let parse = |bytes: Bytes| serde_json::from_slice(&bytes);
        bytes.map(parse).transpose().map_err(|source| Error::Json { path: path.to_string(), source })
    }

    /// The records below a folder: a hint, as every listing.
    pub(super) async fn list(&self, folder: &Path) -> Result<Vec<Path>, Error> {
        let mut attempts = self.backoff.attempts();
        loop {
            match self.store.list(folder).await {
                Ok(found) => return Ok(found.into_iter().map(|object| object.location).collect()),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    /// A data file of any table, if there is one.
    pub async fn any_data_file(&self) -> Result<Option<Path>, Error> {
        for table in self.table_folders().await? {
            if let Some(found) = self.data_file_in(&table).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The folders of the lake's tables.
    pub(super) async fn table_folders(&self) -> Result<Vec<String>, Error> {
        let mut folders = self.folders(None).await?;
        folders.retain(|folder| paths::is_table_folder(folder));
        Ok(folders)
    }

    /// A data file of the table with this folder, if there is one.
    pub(super) async fn data_file_in(&self, table: &str) -> Result<Option<Path>, Error> {
        let days = self.folders(Some(&paths::listed_folder(&[table]))).await?;
        for day in days.iter().filter(|day| paths::parse_date_folder(day).is_some()) {
            let files = self.list(&paths::listed_folder(&[table, day])).await?;
            if let Some(found) = files.into_iter().find(|file| paths::parse_data_file(file).is_some()) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn folders(&self, of: Option<&Path>) -> Result<Vec<String>, Error> {
        let mut attempts = self.backoff.attempts();
        loop {
            match self.store.list_folders(of).await {
                Ok(names) => return Ok(names),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    async fn get_durable(&self, path: &Path) -> Result<Option<Bytes>, store::Error> {
        let bytes = self.store.get(path).await?;
        if bytes.is_some() {
            self.store.make_durable(path).await?;
        }
        Ok(bytes)
    }
}

/// A record that could not be read or put.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A record is not what this version writes.
    #[error(
        "record {path:?} can't be understood: restore it from a backup of the lake's `_catchwater` folder"
    )]
    Json {
        /// The record.
        path: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The store says that a name is taken and that nothing is there: another's put may be on its way.
    #[error(
        "the store says that record {path:?} is there and that it is not: is there a folder of that name?"
    )]
    TakenAndAbsent {
        /// The record.
        path: String,
    },
    /// Data files without the record that says which lake they are of.
    #[error(
        "there are data files ({data_file:?}, for one), but the lake's identity {record:?} is missing: \
         restore the `_catchwater` folder from a backup (`catchwater audit` tells what {record:?} held), \
         or write to an empty folder"
    )]
    NoIdentity {
        /// One of the files.
        data_file: String,
        /// The record that is missing.
        record: String,
    },
    /// A lake whose files have other types and names.
    #[error(
        "the lake keeps version {found} of the contract, and this version of catchwater reads and writes version {CONTRACT}: {}",
        if *found > CONTRACT {
            "use a newer version of catchwater"
        } else {
            "begin a new lake in an empty folder, which gets all events that the hub still has; the old one is read with the \
             version that wrote it"
        }
    )]
    Contract {
        /// The version in its record.
        found: u32,
    },
    /// A log whose partitions at its first start are not known any more.
    #[error(
        "{begun} was begun in this lake, and record {record:?}, which names the partitions of the first start, is missing: \
         restore the `_catchwater` folder from a backup"
    )]
    StartMissing {
        /// The record.
        record: String,
        /// A partition that was begun.
        begun: SourceId,
    },
    /// A record of gaps without the number that its name begins with.
    #[error(
        "record {path:?} does not cover the number in its name: it was changed by hand; \
         restore it, or remove it and start again"
    )]
    NotCovered {
        /// The record.
        path: String,
    },
    /// Two logs of one name.
    #[error(
        "{log} was begun in this lake from namespace {recorded:?}, and this run reads {ours:?}: \
         the two would take each other's events for their own; use another lake"
    )]
    Namespace {
        /// The log, by the name that both have.
        log: SourceId,
        /// The namespace in the lake.
        recorded: String,
        /// The namespace of this run.
        ours: String,
    },
}

impl Error {
    /// [`Kind::Unknown`] if a later attempt can succeed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::TakenAndAbsent { .. } => Kind::Unknown,
            Self::Json { .. }
            | Self::StartMissing { .. }
            | Self::NoIdentity { .. }
            | Self::Contract { .. }
            | Self::Namespace { .. }
            | Self::NotCovered { .. } => Kind::Fatal,
        }
    }
}

impl Retryable for Error {
    fn is_transient(&self) -> bool {
        self.kind() == Kind::Unknown
    }
}

/// What tells a lake apart from every other, and from a copy made elsewhere that went its own way.
#[derive(Serialize, Deserialize)]
struct Lake {
    id: String,
    /// The version of the contract that its files keep. Lakes of version 1 do not say it.
    #[serde(default = "unsaid")]
    contract: u32,
}

fn unsaid() -> u32 {
    1
}

fn of_our_contract(lake: Lake) -> Result<String, Error> {
    if lake.contract == CONTRACT { Ok(lake.id) } else { Err(Error::Contract { found: lake.contract }) }
}

#[cfg(test)]
mod tests;
