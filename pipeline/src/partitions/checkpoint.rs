//! A checkpoint: a hint of where to resume, which may lag the lake and never leads it.

use bytes::Bytes;
use catchwater_sinks::lake::start::{self, Claim, Identity};
use catchwater_sinks::paths::{Ordinal, SourceId};
use catchwater_sinks::store::{self, Store};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::position::{Generation, PartitionId, Position};

/// Everything up to `position` is durable in the lake named here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose it is.
    #[serde(flatten)]
    pub scope: Scope,
    /// The partition.
    pub partition: PartitionId,
    /// The rules that routed the events below it.
    pub routing_version: u32,
    /// The last event that is durable, together with all before it.
    #[serde(flatten)]
    pub position: Position,
}

/// What a checkpoint must name to count: another lake, namespace, hub or generation is another log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The lake's id.
    pub lake: String,
    /// The namespace, without scheme and port.
    pub namespace: String,
    /// The event hub.
    pub event_hub: String,
    /// The hub's creation time.
    pub generation: Generation,
    /// The consumer group; each has its own checkpoints.
    pub consumer_group: String,
}

impl Scope {
    /// The identity that a checkpoint of this partition must match. The consumer group is not part of it, because all
    /// groups read the same log.
    fn identity(&self, partition: PartitionId) -> Identity {
        Identity {
            lake: self.lake.clone(),
            namespace: self.namespace.to_lowercase(),
            source: SourceId::new(&self.event_hub, self.generation.get(), partition.get()),
        }
    }
}

impl Checkpoint {
    fn claim(&self) -> Claim {
        Claim {
            identity: self.scope.identity(self.partition),
            last: Ordinal(self.position.sequence_number.get()),
        }
    }
}

/// The checkpoints of one scope.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    store: Store,
    scope: Scope,
}

impl Checkpoints {
    /// The checkpoints of `scope` in the state store.
    pub fn new(store: Store, scope: Scope) -> Self {
        Self { store, scope }
    }

    /// Whose checkpoints these are.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The partition's checkpoint. One of another lake or hub, and one that can't be read, count as none: it is a hint,
    /// and the lake's own files say how far it is.
    ///
    /// # Errors
    /// Only if the store does not answer.
    pub async fn load(&self, partition: PartitionId) -> Result<Option<Checkpoint>, Error> {
        let path = self.path(partition);
        let Some(found) = readable(read(&self.store, &path).await)? else { return Ok(None) };
        let ours = self.is_ours(partition, &found);
        if !ours {
            tracing::warn!(%path, "checkpoint of another lake or hub ignored; the lake's own files say how far it is");
        }
        Ok(ours.then_some(found))
    }

    /// Replaces the partition's checkpoint, unless the one that is there is further on: a run that was displaced must not
    /// take back what its successor has saved.
    pub async fn save(
        &self,
        partition: PartitionId,
        routing_version: u32,
        at: &Position,
    ) -> Result<(), Error> {
        let path = self.path(partition);
        // One that can't be read, or is of another log, was told of at the start.
        let stored = match read(&self.store, &path).await {
            Err(Error::Unreadable { .. }) => None,
            read => read?.filter(|stored| self.is_ours(partition, stored)),
        };
        if stored.is_some_and(|stored| stored.position.sequence_number > at.sequence_number) {
            return Ok(());
        }
        let checkpoint =
            Checkpoint { scope: self.scope.clone(), partition, routing_version, position: at.clone() };
        let bytes = serde_json::to_vec(&checkpoint)
            .map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        self.store.put(&path, Bytes::from(bytes)).await.map_err(|source| Error::Store { path, source })
    }

    /// All checkpoints in a state store, whatever hub they are of; one that can't be read is left out with a warning.
    pub async fn all(store: &Store) -> Result<Vec<Checkpoint>, Error> {
        let folder = Path::from(FOLDER);
        let found = store.list(&folder).await.map_err(|source| Error::Store { path: folder, source })?;
        let mut checkpoints = Vec::new();
        for object in found {
            checkpoints.extend(readable(read(store, &object.location).await)?);
        }
        Ok(checkpoints)
    }

    fn is_ours(&self, partition: PartitionId, found: &Checkpoint) -> bool {
        start::checkpoint(&self.scope.identity(partition), Some(&found.claim())).is_some()
    }

    /// Where the partition's checkpoint is stored.
    pub fn path(&self, partition: PartitionId) -> Path {
        let Scope { namespace, event_hub, consumer_group, .. } = &self.scope;
        [
            FOLDER,
            namespace,
            &event_hub.to_lowercase(),
            &consumer_group.to_lowercase(),
            &format!("{partition}.json"),
        ]
        .into_iter()
        .collect()
    }
}

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do it.
    #[error("checkpoint {path}: the store did not answer as it should")]
    Store {
        /// Which checkpoint.
        path: Path,
        /// What the store said.
        source: store::Error,
    },
    /// The object is not a checkpoint.
    #[error("checkpoint {path} can't be read")]
    Unreadable {
        /// Which checkpoint.
        path: Path,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

const FOLDER: &str = "checkpoints";

/// A checkpoint that can't be read (cut short by a power loss, for one) is a warning and counts as none.
fn readable(read: Result<Option<Checkpoint>, Error>) -> Result<Option<Checkpoint>, Error> {
    match read {
        Err(Error::Unreadable { path, source }) => {
            tracing::warn!(%path, error = %source, "unreadable checkpoint ignored; the lake's own files say how far it is");
            Ok(None)
        }
        read => read,
    }
}

async fn read(store: &Store, path: &Path) -> Result<Option<Checkpoint>, Error> {
    let bytes = store.get(path).await.map_err(|source| Error::Store { path: path.clone(), source })?;
    bytes
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|source| Error::Unreadable { path: path.clone(), source })
}
