//! Why a partition is no longer read, and what to do about it. Does not own what that means for the run (`run::kind`).

use catchwater_sinks::lake::records;
use catchwater_sinks::lake::start::{LakeBehind, PositionLost};
use catchwater_sinks::lake::{recovery, rules};
use catchwater_sinks::paths::SourceId;

use crate::eventhubs::{self, ErrorKind};
use crate::partitions;
use crate::position::PartitionId;

/// Why a partition is no longer read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hub said no, or nothing.
    #[error("partition {partition}")]
    Hub {
        /// Which partition.
        partition: PartitionId,
        /// The hub's answer.
        source: eventhubs::Error,
    },
    /// Events that should come next are gone.
    #[error(
        "partition {partition}: the position is lost; {}",
        if source.ranges().is_empty() {
            "this is another log than the lake's: give it a lake of its own with --lake"
        } else {
            "to go on past the range that is gone, and have it recorded, run once with --accept-loss"
        }
    )]
    PositionLost {
        /// Which partition.
        partition: PartitionId,
        /// What is gone.
        source: PositionLost,
    },
    /// The lake lacks what the checkpoint says it has.
    #[error(
        "partition {partition}: this lake is an older copy than its checkpoint, or files were removed from it; \
         to read what the event hub still has of it, remove the checkpoint {checkpoint:?} from the state (by default the lake's \
         `_catchwater` folder) and run again with --reread"
    )]
    LakeBehind {
        /// Which partition.
        partition: PartitionId,
        /// Where the checkpoint is, in the state store.
        checkpoint: String,
        /// What is missing.
        source: LakeBehind,
    },
    /// The lake has files of the partition, and no record of where it begins.
    #[error(
        "partition {partition}: the lake has files of {source_id} but its record `_catchwater/origin/{source_id}.json` is \
         missing; restore the `_catchwater` folder from a backup"
    )]
    OriginMissing {
        /// Which partition.
        partition: PartitionId,
        /// Its name in the lake.
        source_id: SourceId,
    },
    /// Another version of the program has taken over the partition's routing.
    #[error(
        "partition {partition}: other routing rules were recorded in the lake meanwhile; this version stops"
    )]
    OtherRules {
        /// Which partition.
        partition: PartitionId,
    },
    /// A checkpoint could not be read.
    #[error("read the checkpoint")]
    Checkpoint(#[from] partitions::Error),
    /// The lake's records can't be read or written.
    #[error("read the lake's records")]
    Records(#[from] records::Error),
    /// The routing rules of the lake are not ours.
    #[error(transparent)]
    Rules(#[from] rules::Error),
    /// The lake could not be looked through.
    #[error("look up how far the lake is")]
    Recovery(#[from] recovery::Error),
    /// The rest of the run has ended before the reader.
    #[error("the run ended while the partition was read")]
    Ended,
}

impl Error {
    /// True if another reader has taken the partition.
    pub fn is_ownership_lost(&self) -> bool {
        matches!(self, Self::Hub { source, .. } if source.kind() == ErrorKind::OwnershipLost)
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
