//! The checkpoints of one scope: which one counts, and which one a save may replace.
//!
//! Does not own: their form and their place (`checkpoint_store`).

use std::sync::Arc;

use catchwater_sinks::lake::start;
use catchwater_sinks::store::{Key, Store};

use super::checkpoint::{Checkpoint, Scope};
use super::checkpoint_store::{CheckpointStore, ConsumerGroup, Error, SdkCheckpoint};
use super::json_objects::JsonObjects;
use crate::position::{PartitionId, Position};

/// The checkpoints of one scope.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    store: Arc<dyn CheckpointStore>,
    group: ConsumerGroup,
    scope: Scope,
}

impl Checkpoints {
    /// The checkpoints of `scope` in the state store. `host` is the one by which this run reaches the namespace, with
    /// the port if the endpoint has one: the name that other programs look for.
    pub fn new(store: Store, scope: Scope, host: &str) -> Self {
        let (event_hub, name) = (scope.event_hub.clone(), scope.consumer_group.clone());
        let group = ConsumerGroup { host: host.to_owned(), event_hub, name };
        Self { store: form_of(store), group, scope }
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
        let Some(found) = ignore_unreadable(self.store.read(&path).await)? else { return Ok(None) };
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
        let stored = match self.store.read(&path).await {
            Err(Error::Unreadable { .. }) => None,
            read => read?.filter(|stored| self.is_ours(partition, stored)),
        };
        if stored.is_some_and(|stored| stored.position.sequence_number > at.sequence_number) {
            return Ok(());
        }
        let checkpoint =
            Checkpoint { scope: self.scope.clone(), partition, routing_version, position: at.clone() };
        self.store.write(&path, &checkpoint).await
    }

    /// All checkpoints in a state store, of any hub. An unreadable one is left out with a warning.
    pub async fn all(store: &Store) -> Result<Vec<Checkpoint>, Error> {
        let mut checkpoints = Vec::new();
        for found in form_of(store.clone()).list().await? {
            checkpoints.extend(ignore_unreadable(found.map(Some))?);
        }
        Ok(checkpoints)
    }

    /// The checkpoints that consumers with an official SDK wrote for a consumer group.
    pub async fn of_sdks(store: &Store, group: &ConsumerGroup) -> Result<Vec<SdkCheckpoint>, Error> {
        form_of(store.clone()).of_sdks(group).await
    }

    /// Key of the partition's checkpoint.
    pub fn path(&self, partition: PartitionId) -> Key {
        self.store.key(&self.group, &self.scope, partition)
    }

    fn is_ours(&self, partition: PartitionId, found: &Checkpoint) -> bool {
        start::checkpoint(&self.scope.identity(partition), Some(&found.claim())).is_some()
    }
}

/// The form that checkpoints have in a store: that of the official SDKs where their stores are, in Azure.
fn form_of(store: Store) -> Arc<dyn CheckpointStore> {
    #[cfg(feature = "azure")]
    if let Some(blobs) = store.metadata_blobs() {
        return Arc::new(super::sdk_blobs::SdkBlobs::new(blobs));
    }
    Arc::new(JsonObjects::new(store))
}

/// Turns an unreadable checkpoint, for example one truncated by a power loss, into a warning and no checkpoint.
fn ignore_unreadable(read: Result<Option<Checkpoint>, Error>) -> Result<Option<Checkpoint>, Error> {
    match read {
        Err(Error::Unreadable { path, source }) => {
            tracing::warn!(
                %path, error = &*source as &dyn std::error::Error,
                "ignored an unreadable checkpoint; the start position comes from the lake's files"
            );
            Ok(None)
        }
        read => read,
    }
}
