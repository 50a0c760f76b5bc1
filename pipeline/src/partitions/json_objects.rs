//! Checkpoints as JSON objects, on any store.
//!
//! Owns: their keys and their form.

use bytes::Bytes;
use catchwater_sinks::store::{Key, Store};
use futures::future::{BoxFuture, FutureExt};

use super::checkpoint::{Checkpoint, Scope};
use super::checkpoint_store::{CheckpointStore, ConsumerGroup, Error};
use crate::position::PartitionId;

/// The JSON objects of a store.
#[derive(Debug)]
pub(super) struct JsonObjects {
    store: Store,
}

impl JsonObjects {
    /// The JSON objects of this store.
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }

    async fn get(&self, key: &Key) -> Result<Option<Checkpoint>, Error> {
        let bytes = self.store.get(key).await.map_err(Error::store(key))?;
        let parse = |bytes: Bytes| serde_json::from_slice(&bytes).map_err(Error::unreadable(key));
        bytes.map(parse).transpose()
    }

    async fn put(&self, key: &Key, checkpoint: &Checkpoint) -> Result<(), Error> {
        let bytes = serde_json::to_vec(checkpoint).map_err(Error::unreadable(key))?;
        self.store.put(key, Bytes::from(bytes)).await.map_err(Error::store(key))
    }

    async fn all(&self) -> Result<Vec<Result<Checkpoint, Error>>, Error> {
        let folder = Key::from(FOLDER);
        let mut checkpoints = Vec::new();
        for object in self.store.list(&folder).await.map_err(Error::store(&folder))? {
            match self.get(&object.key).await {
                Err(error @ Error::Store { .. }) => return Err(error),
                read => checkpoints.extend(read.transpose()),
            }
        }
        Ok(checkpoints)
    }
}

impl CheckpointStore for JsonObjects {
    /// `checkpoints/<namespace>/<hub>/<group>/<partition>.json`.
    fn key(&self, _: &ConsumerGroup, scope: &Scope, partition: PartitionId) -> Key {
        let Scope { namespace, event_hub, consumer_group, .. } = scope;
        let (event_hub, group) = (event_hub.to_lowercase(), consumer_group.to_lowercase());
        [FOLDER, namespace, &event_hub, &group, &format!("{partition}.json")].into_iter().collect()
    }

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Checkpoint>, Error>> {
        self.get(key).boxed()
    }

    fn write<'a>(&'a self, key: &'a Key, checkpoint: &'a Checkpoint) -> BoxFuture<'a, Result<(), Error>> {
        self.put(key, checkpoint).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Result<Checkpoint, Error>>, Error>> {
        self.all().boxed()
    }
}

const FOLDER: &str = "checkpoints";
