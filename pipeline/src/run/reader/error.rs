//! Failures that end the reading of a partition, with their remedies. Does not own their exit codes (`run::kind`).

use catchwater_sinks::lake::reattach::Changed;
use catchwater_sinks::lake::records;
use catchwater_sinks::lake::start::{LakeBehind, PositionLost};
use catchwater_sinks::lake::{recovery, rules};
use catchwater_sinks::paths::SourceId;

use crate::clock::UnixMillis;
use crate::eventhubs::{self, ErrorKind, Recovery};
use crate::partitions;
use crate::position::PartitionId;

/// Failures that end the reading of a partition.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A connection or request to the hub failed.
    #[error("partition {partition}")]
    Hub {
        /// The partition.
        partition: PartitionId,
        /// The hub's error.
        source: eventhubs::Error,
    },
    /// Events that should come next are gone.
    #[error(
        "partition {partition}: the position is lost; {}",
        if source.ranges().is_empty() {
            "the event hub has another log than the lake: use another lake with --lake"
        } else {
            "to go on without the events that are gone, and record their range, run once with --accept-loss"
        }
    )]
    PositionLost {
        /// The partition.
        partition: PartitionId,
        /// The events that are gone.
        source: PositionLost,
    },
    /// The hub claims to have events of a time and does not send them.
    #[error(
        "partition {partition}: the event hub has events since {}, but did not send the first one; run again",
        jiff::Timestamp::from_millisecond(time.get()).unwrap_or_default()
    )]
    NoEventOfTime {
        /// The partition.
        partition: PartitionId,
        /// The time.
        time: UnixMillis,
    },
    /// The lake lacks rows below the checkpoint.
    #[error(
        "partition {partition}: this lake is an older copy than its checkpoint, or files were removed from it; \
         to read the missing events that the event hub still has, remove the checkpoint {checkpoint:?} from the \
         state (by default the lake's `_catchwater` folder) and run again with --reread"
    )]
    LakeBehind {
        /// The partition.
        partition: PartitionId,
        /// Path of the checkpoint in the state store.
        checkpoint: String,
        /// The missing rows.
        source: LakeBehind,
    },
    /// The lake has files of the partition but no record of its origin.
    #[error(
        "partition {partition}: the lake has files of {source_id} but its record \
         `_catchwater/origin/{source_id}.json` is missing; restore the `_catchwater` folder from a backup"
    )]
    OriginMissing {
        /// The partition.
        partition: PartitionId,
        /// Its name in the lake.
        source_id: SourceId,
    },
    /// The hub was deleted and created again while the partition was read.
    #[error("partition {partition}: the next run reads the event hub as another log")]
    HubCreatedAgain {
        /// The partition.
        partition: PartitionId,
        /// Both creation times.
        source: Changed,
    },
    /// A checkpoint could not be read.
    #[error("read the checkpoint")]
    Checkpoint(#[from] partitions::Error),
    /// The lake's records can't be read or written.
    #[error("read the lake's records")]
    Records(#[from] records::Error),
    /// The routing rules of the lake do not allow this version.
    #[error(transparent)]
    Rules(#[from] rules::Error),
    /// The lake's files could not be read.
    #[error("find the durable position in the lake")]
    Recovery(#[from] recovery::Error),
    /// The lane or the publisher has ended before the reader.
    #[error("the run ended while the partition was read")]
    Ended,
}

impl Error {
    /// True if another reader has taken the partition.
    pub fn is_ownership_lost(&self) -> bool {
        matches!(self, Self::Hub { source, .. } if source.kind() == ErrorKind::OwnershipLost)
    }

    /// The next step after an error of the hub; `None` for other errors.
    pub(super) fn recovery(&self) -> Option<Recovery> {
        match self {
            Self::Hub { source, .. } => Some(source.recovery()),
            _ => None,
        }
    }

    /// True if events are gone that the lake does not have.
    pub fn is_position_lost(&self) -> bool {
        match self {
            Self::PositionLost { .. } => true,
            Self::Hub { source, .. } => source.kind() == ErrorKind::PositionLost,
            _ => false,
        }
    }
}
