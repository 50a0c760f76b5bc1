//! Records of the lake: its identity, the origin of each source, ordinals that were given up.
//!
//! Owns the protocol of records: each is a JSON object that is put once and never changed. If two writers disagree, the
//! first put is valid and the other writer reads it. Does not own routing rules ([`super::rules`]), accepted gaps
//! ([`super::gaps`]) and schemas ([`super::schema`]), which use the same protocol.

use crate::store::Key;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::first_start::FirstStart;
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

/// The origin of a source in a lake. Earlier events are not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The first sequence number that the lake contains.
    pub first: Ordinal,
    /// Version of the rules that apply from there on, until the first record of [`super::rules`].
    pub routing_version: u32,
    /// Namespace of the log. Names of logs are unique only within it.
    pub namespace: String,
}

impl Records {
    /// The records in a store.
    pub fn new(store: Store, backoff: Backoff) -> Self {
        Self { store, backoff }
    }

    /// Returns the lake's id; creates one for an empty lake.
    ///
    /// # Errors
    /// [`Error::NoIdentity`] if the folder has data files but no id: the records of that lake are missing.
    pub async fn lake_id(&self) -> Result<String, Error> {
        // Nearly every start finds the record, so the read saves a put.
        if let Some(id) = self.existing_id().await? {
            return Ok(id);
        }
        if let Some(data_file) = self.any_data_file().await? {
            let record = paths::lake_record().to_string();
            return Err(Error::NoIdentity { data_file: data_file.to_string(), record });
        }
        let ours = Lake { id: Uuid::new_v4().to_string(), contract: CONTRACT };
        check_contract(self.put_once(&paths::lake_record(), ours).await?)
    }

    /// The lake's id, if it has one.
    ///
    /// # Errors
    /// [`Error::Contract`] if the lake has another version of the contract than this program.
    pub async fn existing_id(&self) -> Result<Option<String>, Error> {
        self.get::<Lake>(&paths::lake_record()).await?.map(check_contract).transpose()
    }

    /// The first start of a log, if the lake has read it. `source` is any of its partitions.
    pub async fn first_start(&self, source: &SourceId) -> Result<Option<FirstStart>, Error> {
        self.get(&paths::first_start(source)).await
    }

    /// Records the partitions of a log at its first start, unless they are recorded; returns the record. `source` is
    /// any of its partitions.
    ///
    /// # Errors
    /// [`Error::StartMissing`] if a partition of the log has an origin but the record is missing: the partitions that
    /// were added later are then unknown.
    pub async fn record_first_start(&self, source: &SourceId, ours: FirstStart) -> Result<FirstStart, Error> {
        let path = paths::first_start(source);
        if let Some(recorded) = self.get(&path).await? {
            return Ok(recorded);
        }
        let origins = self.list(&paths::origin_folder()).await?;
        let begun = origins.iter().filter_map(paths::parse_origin).find(|of| paths::first_start(of) == path);
        let Some(begun) = begun else { return self.put_once(&path, ours).await };
        // Another run may have recorded start and origin since the first read.
        let recorded = self.get(&path).await?;
        recorded.ok_or_else(|| Error::StartMissing { record: path.to_string(), begun })
    }

    /// Records the origin of a source, unless it has one; returns the record.
    ///
    /// # Errors
    /// [`Error::Namespace`] if the recorded origin has another namespace.
    pub async fn record_origin(&self, source: &SourceId, ours: Origin) -> Result<Origin, Error> {
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

    /// Records that the run continues without these events (rule 8).
    ///
    /// If a recorded range with the same start ends earlier, the rest becomes another record.
    pub async fn record_loss(&self, source: &SourceId, mut range: OrdinalRange) -> Result<(), Error> {
        while !range.is_empty() {
            let recorded = self.put_once(&paths::lost(source, range.from), range).await?;
            // Advances at least one ordinal, so that a record that ends before its start can't cause an endless loop.
            let Some(next) = recorded.to.max(range.from).checked_next() else { break };
            range.from = next;
        }
        Ok(())
    }

    /// The ranges that were given up, in ascending order.
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

    /// Puts a record unless its name is taken; returns the record under the name.
    pub(super) async fn put_once<T>(&self, path: &Key, ours: T) -> Result<T, Error>
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
            // After any answer but success, the record under the name decides, as for data files (rule 3).
            if let Some(recorded) = self.get(path).await? {
                return Ok(recorded);
            }
            attempts.wait_after(failed).await?;
        }
    }

    /// Reads a record and makes it durable before any other write depends on it.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &Key) -> Result<Option<T>, Error> {
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

    /// Lists the records below a folder. A listing is a hint.
    pub(super) async fn list(&self, folder: &Key) -> Result<Vec<Key>, Error> {
        let mut attempts = self.backoff.attempts();
        loop {
            match self.store.list(folder).await {
                Ok(found) => return Ok(found.into_iter().map(|object| object.key).collect()),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    /// A data file of any table, if there is one.
    pub async fn any_data_file(&self) -> Result<Option<Key>, Error> {
        for table in self.table_folders().await? {
            if let Some(found) = self.data_file_in(&table).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Folder names of the lake's tables.
    pub(super) async fn table_folders(&self) -> Result<Vec<String>, Error> {
        let mut folders = self.folders(None).await?;
        folders.retain(|folder| paths::is_table_folder(folder));
        Ok(folders)
    }

    /// A data file of the table with this folder name, if there is one.
    pub(super) async fn data_file_in(&self, table: &str) -> Result<Option<Key>, Error> {
        let days = self.folders(Some(&paths::listed_folder(&[table]))).await?;
        for day in days.iter().filter(|day| paths::parse_date_folder(day).is_some()) {
            let files = self.list(&paths::listed_folder(&[table, day])).await?;
            if let Some(found) = files.into_iter().find(|file| paths::parse_data_file(file).is_some()) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn folders(&self, of: Option<&Key>) -> Result<Vec<String>, Error> {
        let mut attempts = self.backoff.attempts();
        loop {
            match self.store.list_folders(of).await {
                Ok(names) => return Ok(names),
                Err(error) => attempts.wait_after(error).await?,
            }
        }
    }

    async fn get_durable(&self, path: &Key) -> Result<Option<Bytes>, store::Error> {
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
    /// The store refused a request, or did not answer in time.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A record that can't be parsed.
    #[error("record {path:?} can't be parsed: restore it from a backup of the lake's `_catchwater` folder")]
    Json {
        /// The record.
        path: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The store reports a name as taken and as absent: another writer's put may be in flight.
    #[error(
        "the store reports record {path:?} as existing on a put and as missing on a read: if a folder has that name, remove it"
    )]
    TakenAndAbsent {
        /// The record.
        path: String,
    },
    /// Data files without the identity record of their lake.
    #[error(
        "the lake has data files such as {data_file:?}, but its identity {record:?} is missing: \
         restore the `_catchwater` folder from a backup (`catchwater audit` prints the content of {record:?}), \
         or write to an empty folder"
    )]
    NoIdentity {
        /// One of the data files.
        data_file: String,
        /// The missing record.
        record: String,
    },
    /// A lake with another version of the contract: its files have other types and names.
    #[error(
        "the lake has version {found} of the contract, but this version of catchwater reads and writes version {CONTRACT}: {}",
        if *found > CONTRACT {
            "use a newer version of catchwater"
        } else {
            "begin a new lake in an empty folder, which receives all events that the hub still has; read the old lake with \
             the version that wrote it"
        }
    )]
    Contract {
        /// The version in the identity record.
        found: u32,
    },
    /// A log whose partitions at its first start are unknown.
    #[error(
        "{begun} has an origin in this lake, but record {record:?} with the partitions of the first start is missing: \
         restore the `_catchwater` folder from a backup"
    )]
    StartMissing {
        /// The record.
        record: String,
        /// A partition with an origin.
        begun: SourceId,
    },
    /// A record of gaps that does not cover the sequence number in its name.
    #[error(
        "record {path:?} does not cover the sequence number in its name: it was changed by hand; \
         restore it, or remove it and start again"
    )]
    NotCovered {
        /// The record.
        path: String,
    },
    /// Two logs with the same name.
    #[error(
        "{log} has events of namespace {recorded:?} in this lake, but this run reads {ours:?}: \
         if both are names of the same namespace, run once with --known-as {recorded}; otherwise use another lake, \
         because the events of two logs can't share a source"
    )]
    Namespace {
        /// The name that both logs have.
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

/// Identity record of a lake. The id distinguishes it from every other lake.
#[derive(Serialize, Deserialize)]
struct Lake {
    id: String,
    /// Version of the contract. Lakes of version 1 do not have this member.
    #[serde(default = "first_contract")]
    contract: u32,
}

fn first_contract() -> u32 {
    1
}

fn check_contract(lake: Lake) -> Result<String, Error> {
    if lake.contract == CONTRACT { Ok(lake.id) } else { Err(Error::Contract { found: lake.contract }) }
}

#[cfg(test)]
mod tests;
