//! Content and scope of a checkpoint, which is a hint of where to resume: it may lag the lake and never leads it.
//!
//! Does not own: its form in a store (`json_objects`, `sdk_blobs`), or which checkpoint counts (`checkpoints`).

use catchwater_sinks::lake::start::{Claim, Identity};
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::paths::SourceId;
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
    pub(super) fn identity(&self, partition: PartitionId) -> Identity {
        Identity {
            lake: self.lake.clone(),
            namespace: self.namespace.to_lowercase(),
            source: SourceId::new(&self.event_hub, self.generation.get(), partition.get()),
        }
    }
}

impl Checkpoint {
    /// The part of the checkpoint that the start rule compares.
    pub(super) fn claim(&self) -> Claim {
        Claim {
            identity: self.scope.identity(self.partition),
            last: Ordinal::new(self.position.sequence_number.get()),
        }
    }
}
