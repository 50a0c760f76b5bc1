//! Checkpoints in Azure Blob Storage, as the official SDKs and KEDA read and write them.
//!
//! Owns: the names of blobs, and the metadata that holds a checkpoint. Does not own: the requests
//! (`catchwater_sinks::store`).

use std::collections::BTreeMap;

use catchwater_sinks::store::{Key, MetadataBlob, MetadataBlobs};
use futures::future::{BoxFuture, FutureExt};

use super::checkpoint::{Checkpoint, Scope};
use super::checkpoint_store::{CheckpointStore, ConsumerGroup, Error, SdkCheckpoint};
use crate::clock::UnixMillis;
use crate::position::{Generation, Offset, PartitionId, Position, SequenceNumber};

/// The checkpoint blobs of a store.
#[derive(Debug)]
pub(super) struct SdkBlobs {
    blobs: MetadataBlobs,
}

impl SdkBlobs {
    /// The checkpoints among these blobs.
    pub(super) fn new(blobs: MetadataBlobs) -> Self {
        Self { blobs }
    }

    async fn get(&self, key: &Key) -> Result<Option<Checkpoint>, Error> {
        let found = self.blobs.get(key).await.map_err(Error::store(key))?;
        found.and_then(|blob| checkpoint_of(&blob)).transpose()
    }

    async fn set(&self, key: &Key, checkpoint: &Checkpoint) -> Result<(), Error> {
        self.blobs.set(key, &metadata_of(checkpoint)).await.map_err(Error::store(key))
    }

    async fn all(&self) -> Result<Vec<Result<Checkpoint, Error>>, Error> {
        let root = Key::default();
        let found = self.blobs.list(&root).await.map_err(Error::store(&root))?;
        Ok(found.iter().filter_map(checkpoint_of).collect())
    }

    async fn sdk_checkpoints(&self, group: &ConsumerGroup) -> Result<Vec<SdkCheckpoint>, Error> {
        let folder = folder_of(group);
        let found = self.blobs.list(&folder).await.map_err(Error::store(&folder))?;
        Ok(found.iter().filter_map(sdk_checkpoint_of).collect())
    }
}

impl CheckpointStore for SdkBlobs {
    /// `<host>/<hub>/<group>/checkpoint/<partition>`, all in lower case.
    fn key(&self, group: &ConsumerGroup, _: &Scope, partition: PartitionId) -> Key {
        let folder = folder_of(group);
        folder.as_ref().split('/').chain([partition.to_string().as_str()]).collect()
    }

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Checkpoint>, Error>> {
        self.get(key).boxed()
    }

    fn write<'a>(&'a self, key: &'a Key, checkpoint: &'a Checkpoint) -> BoxFuture<'a, Result<(), Error>> {
        self.set(key, checkpoint).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Result<Checkpoint, Error>>, Error>> {
        self.all().boxed()
    }

    fn of_sdks<'a>(&'a self, group: &'a ConsumerGroup) -> BoxFuture<'a, Result<Vec<SdkCheckpoint>, Error>> {
        self.sdk_checkpoints(group).boxed()
    }
}

fn folder_of(group: &ConsumerGroup) -> Key {
    let parts = [&group.host, &group.event_hub, &group.name].map(|part| part.to_lowercase());
    parts.iter().map(String::as_str).chain([FOLDER]).collect()
}

/// The metadata of a checkpoint. The official SDKs read the first two; KEDA fails without a number.
fn metadata_of(checkpoint: &Checkpoint) -> [(&'static str, String); 7] {
    let Checkpoint { scope, routing_version, position, .. } = checkpoint;
    let offset = if position.offset.is_unknown() { UNKNOWN_OFFSET } else { position.offset.as_str() };
    [
        (SEQUENCE_NUMBER, position.sequence_number.to_string()),
        (OFFSET, offset.to_owned()),
        (LAKE, scope.lake.clone()),
        (NAMESPACE, scope.namespace.clone()),
        (GENERATION, scope.generation.to_string()),
        (ROUTING_VERSION, routing_version.to_string()),
        (ENQUEUED_TIME, position.enqueued_time.to_string()),
    ]
}

/// The checkpoint in a blob; none if the blob is another program's.
fn checkpoint_of(blob: &MetadataBlob) -> Option<Result<Checkpoint, Error>> {
    let place = Place::of(&blob.key)?;
    let lake = blob.metadata.get(LAKE)?.clone();
    let read = || {
        Ok(Checkpoint {
            scope: Scope {
                lake,
                namespace: text(&blob.metadata, NAMESPACE)?.to_owned(),
                event_hub: place.event_hub.to_owned(),
                generation: Generation::new(UnixMillis::new(number(&blob.metadata, GENERATION)?)),
                consumer_group: place.consumer_group.to_owned(),
            },
            partition: place.partition,
            routing_version: number(&blob.metadata, ROUTING_VERSION)?,
            position: Position {
                sequence_number: SequenceNumber::new(number(&blob.metadata, SEQUENCE_NUMBER)?),
                offset: Offset::new(
                    Some(text(&blob.metadata, OFFSET)?).filter(|it| *it != UNKNOWN_OFFSET).unwrap_or(""),
                ),
                enqueued_time: UnixMillis::new(number(&blob.metadata, ENQUEUED_TIME)?),
            },
        })
    };
    Some(read().map_err(|lacking: Lacking| Error::unreadable(&blob.key)(lacking)))
}

/// The checkpoint of an official SDK in a blob; none if the blob is ours, or has no number.
fn sdk_checkpoint_of(blob: &MetadataBlob) -> Option<SdkCheckpoint> {
    let place = Place::of(&blob.key)?;
    if blob.metadata.contains_key(LAKE) {
        return None;
    }
    // .NET writes an empty text for a missing number, older versions `no offset` for a missing offset.
    let sequence_number = number(&blob.metadata, SEQUENCE_NUMBER).ok()?;
    Some(SdkCheckpoint {
        partition: place.partition,
        sequence_number: SequenceNumber::new(sequence_number),
        written: UnixMillis::new(blob.modified_ms),
    })
}

/// The parts of a checkpoint's key.
struct Place<'a> {
    event_hub: &'a str,
    consumer_group: &'a str,
    partition: PartitionId,
}

impl<'a> Place<'a> {
    fn of(key: &'a Key) -> Option<Self> {
        let parts: Vec<&str> = key.as_ref().split('/').collect();
        let [_, event_hub, consumer_group, FOLDER, partition] = parts[..] else { return None };
        Some(Self { event_hub, consumer_group, partition: PartitionId::new(partition.parse().ok()?) })
    }
}

/// A checkpoint of ours without one of its values.
#[derive(Debug, thiserror::Error)]
#[error("its metadata has no usable {name}")]
struct Lacking {
    name: &'static str,
}

fn text<'a>(metadata: &'a BTreeMap<String, String>, name: &'static str) -> Result<&'a str, Lacking> {
    metadata.get(name).map(String::as_str).ok_or(Lacking { name })
}

fn number<T: std::str::FromStr>(
    metadata: &BTreeMap<String, String>,
    name: &'static str,
) -> Result<T, Lacking> {
    text(metadata, name)?.parse().map_err(|_| Lacking { name })
}

const FOLDER: &str = "checkpoint";

const SEQUENCE_NUMBER: &str = "sequencenumber";
const OFFSET: &str = "offset";

/// The offset before the oldest event, in place of an unknown one: an SDK that goes on after us reads events again and
/// leaves none out. The SDK of Python reads an empty offset as `None`, which the hub refuses.
const UNKNOWN_OFFSET: &str = "-1";

// The official SDKs ignore these. Names of metadata are C# identifiers: letters and digits.
const LAKE: &str = "catchwaterlake";
const NAMESPACE: &str = "catchwaternamespace";
const GENERATION: &str = "catchwatergeneration";
const ROUTING_VERSION: &str = "catchwaterroutingversion";
const ENQUEUED_TIME: &str = "catchwaterenqueuedtime";

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(key: &str, metadata: &[(&str, &str)]) -> MetadataBlob {
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        MetadataBlob { key: key.into(), metadata: metadata.collect(), modified_ms: 5 }
    }

    #[test]
    fn metadata_has_a_number_always_and_is_read_back() {
        let checkpoint = Checkpoint {
            scope: Scope {
                lake: "lake".to_owned(),
                namespace: "first.example".to_owned(),
                event_hub: "events".to_owned(),
                generation: Generation::new(UnixMillis::new(7)),
                consumer_group: "$default".to_owned(),
            },
            partition: PartitionId::new(3),
            routing_version: 2,
            position: Position {
                sequence_number: SequenceNumber::new(-1),
                offset: Offset::new(""),
                enqueued_time: UnixMillis::EPOCH,
            },
        };
        let metadata = metadata_of(&checkpoint);
        assert_eq!(metadata[..2], [("sequencenumber", "-1".to_owned()), ("offset", "-1".to_owned())]);
        let metadata: Vec<_> = metadata.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let blob = blob("host:5672/events/$default/checkpoint/3", &metadata);
        assert_eq!(checkpoint_of(&blob).unwrap().unwrap(), checkpoint);
        assert_eq!(sdk_checkpoint_of(&blob), None, "it is ours");
    }

    #[test]
    fn checkpoints_of_sdks_need_a_number_only() {
        let key = "host/events/$default/checkpoint/3";
        let number = |metadata: &[(&str, &str)]| {
            sdk_checkpoint_of(&blob(key, metadata)).map(|found| found.sequence_number.get())
        };
        assert_eq!(number(&[("sequencenumber", "12"), ("offset", "800")]), Some(12));
        assert_eq!(
            number(&[("sequencenumber", "12"), ("offset", "no offset"), ("clientidentifier", "x")]),
            Some(12)
        );
        for missing in [&[("sequencenumber", ""), ("offset", "")][..], &[("offset", "800")], &[]] {
            assert_eq!(number(missing), None, "{missing:?}");
        }
    }

    #[test]
    fn other_blobs_are_not_checkpoints() {
        for key in ["lake.json", "host/events/$default/ownership/3", "host/events/$default/checkpoint/x"] {
            let blob = blob(key, &[("sequencenumber", "12"), ("catchwaterlake", "lake")]);
            assert!(checkpoint_of(&blob).is_none() && sdk_checkpoint_of(&blob).is_none(), "{key}");
        }
        let unreadable = blob("host/events/$default/checkpoint/1", &[("catchwaterlake", "lake")]);
        assert!(checkpoint_of(&unreadable).unwrap().is_err());
    }
}
