//! A checkpoint: a hint of where to resume, which may lag the lake and never leads it.

use bytes::Bytes;
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

    /// The partition's checkpoint; one of another scope counts as none.
    pub async fn load(&self, partition: PartitionId) -> Result<Option<Checkpoint>, Error> {
        let path = self.path(partition);
        let found = read(&self.store, &path).await?;
        Ok(found.filter(|checkpoint| {
            let ours = checkpoint.scope == self.scope && checkpoint.partition == partition;
            if !ours {
                tracing::warn!(%path, "the checkpoint is of another lake or hub and does not count");
            }
            ours
        }))
    }

    /// Replaces the partition's checkpoint.
    pub async fn save(
        &self,
        partition: PartitionId,
        routing_version: u32,
        at: &Position,
    ) -> Result<(), Error> {
        let path = self.path(partition);
        let checkpoint =
            Checkpoint { scope: self.scope.clone(), partition, routing_version, position: at.clone() };
        let bytes = serde_json::to_vec(&checkpoint)
            .map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        self.store.put(&path, Bytes::from(bytes)).await.map_err(|source| Error::Store { path, source })
    }

    /// All checkpoints in a state store, whatever hub they are of.
    pub async fn all(store: &Store) -> Result<Vec<Checkpoint>, Error> {
        let folder = Path::from(FOLDER);
        let found = store.list(&folder).await.map_err(|source| Error::Store { path: folder, source })?;
        let mut checkpoints = Vec::new();
        for object in found {
            checkpoints.extend(read(store, &object.location).await?);
        }
        Ok(checkpoints)
    }

    fn path(&self, partition: PartitionId) -> Path {
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
    /// The file is no checkpoint.
    #[error("checkpoint {path} is not readable; removing it costs time, not events")]
    Unreadable {
        /// Which checkpoint.
        path: Path,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

const FOLDER: &str = "checkpoints";

async fn read(store: &Store, path: &Path) -> Result<Option<Checkpoint>, Error> {
    let bytes = store.get(path).await.map_err(|source| Error::Store { path: path.clone(), source })?;
    bytes
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|source| Error::Unreadable { path: path.clone(), source })
}
