//! Format, scope and storage of checkpoints. A checkpoint is a hint of where to resume: it may lag the lake and never
//! leads it.

use bytes::Bytes;
use catchwater_sinks::lake::start::{self, Claim, Identity};
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::paths::SourceId;
use catchwater_sinks::store::Key;
use catchwater_sinks::store::{self, Store};
use serde::{Deserialize, Serialize};

use crate::position::{Generation, PartitionId, Position};

/// A statement that everything up to `position` is durable in the lake of its scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Lake, log and consumer group of the checkpoint.
    #[serde(flatten)]
    pub scope: Scope,
    /// The partition.
    pub partition: PartitionId,
    /// Version of the rules that routed the events below it.
    pub routing_version: u32,
    /// The last event that is durable, together with all before it.
    #[serde(flatten)]
    pub position: Position,
}

/// Lake, log and consumer group. Checkpoints of another lake, namespace, hub or generation do not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The lake's id.
    pub lake: String,
    /// The namespace, without scheme and port.
    pub namespace: String,
    /// The event hub.
    pub event_hub: String,
    /// The hub's generation.
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
            last: Ordinal::new(self.position.sequence_number.get()),
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

    /// The scope of these checkpoints.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The partition's checkpoint. One of another lake or hub and one that is unreadable are ignored with a warning:
    /// the lake's own files state its durable position.
    ///
    /// # Errors
    /// Only if the store does not answer.
    pub async fn load(&self, partition: PartitionId) -> Result<Option<Checkpoint>, Error> {
        let path = self.path(partition);
        let Some(found) = ignore_unreadable(read(&self.store, &path).await)? else { return Ok(None) };
        let ours = self.is_ours(partition, &found);
        if !ours {
            tracing::warn!(
                %path,
                "ignored the checkpoint of another lake or hub; the start position comes from the lake's files"
            );
        }
        Ok(ours.then_some(found))
    }

    /// Replaces the partition's checkpoint, unless the stored one is higher: a displaced run must not undo what its
    /// successor has saved.
    pub async fn save(
        &self,
        partition: PartitionId,
        routing_version: u32,
        at: &Position,
    ) -> Result<(), Error> {
        let path = self.path(partition);
        // The start has warned of an unreadable or foreign checkpoint.
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

    /// All checkpoints in a state store, of any hub. An unreadable one is left out with a warning.
    pub async fn all(store: &Store) -> Result<Vec<Checkpoint>, Error> {
        let folder = Key::from(FOLDER);
        let found = store.list(&folder).await.map_err(|source| Error::Store { path: folder, source })?;
        let mut checkpoints = Vec::new();
        for object in found {
            checkpoints.extend(ignore_unreadable(read(store, &object.key).await)?);
        }
        Ok(checkpoints)
    }

    fn is_ours(&self, partition: PartitionId, found: &Checkpoint) -> bool {
        start::checkpoint(&self.scope.identity(partition), Some(&found.claim())).is_some()
    }

    /// Key of the partition's checkpoint.
    pub fn path(&self, partition: PartitionId) -> Key {
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

/// Failures of reading or writing a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request to the store failed.
    #[error("read or write the checkpoint {path}")]
    Store {
        /// Key of the checkpoint.
        path: Key,
        /// The store's error.
        source: store::Error,
    },
    /// The object is not a checkpoint.
    #[error("checkpoint {path} can't be read")]
    Unreadable {
        /// Key of the checkpoint.
        path: Key,
        /// The parser's error.
        source: serde_json::Error,
    },
}

const FOLDER: &str = "checkpoints";

/// Turns an unreadable checkpoint, for example one truncated by a power loss, into a warning and no checkpoint.
fn ignore_unreadable(read: Result<Option<Checkpoint>, Error>) -> Result<Option<Checkpoint>, Error> {
    match read {
        Err(Error::Unreadable { path, source }) => {
            tracing::warn!(
                %path, error = %source,
                "ignored an unreadable checkpoint; the start position comes from the lake's files"
            );
            Ok(None)
        }
        read => read,
    }
}

async fn read(store: &Store, path: &Key) -> Result<Option<Checkpoint>, Error> {
    let bytes = store.get(path).await.map_err(|source| Error::Store { path: path.clone(), source })?;
    bytes
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|source| Error::Unreadable { path: path.clone(), source })
}
