//! The first start of a log in a lake: its partitions at that time, and where the lake begins.
//!
//! Owns the form of the record. Does not own putting it ([`super::records`]), or the first number of a partition, which
//! its origin has.

use serde::{Deserialize, Serialize};

use crate::ordinals::Ordinal;

/// State of a log when the lake first read it, and where the lake begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstStart {
    /// Partitions at that time. Any other partition was added later and is read from its first event.
    pub partitions: Vec<u32>,
    /// Where the lake begins.
    #[serde(default, skip_serializing_if = "Beginning::is_earliest")]
    pub from: Beginning,
}

/// The beginning of a log in a lake, as an operator chose it before the first start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beginning {
    /// The oldest event that each partition has.
    #[default]
    Earliest,
    /// The events after the first start: the first number of each partition, in the order of
    /// [`FirstStart::partitions`].
    Latest(Vec<Ordinal>),
    /// The first event that was enqueued at this time or later, Unix milliseconds.
    EnqueuedAt(i64),
    /// The events after the checkpoints of another consumer, which this lake replaces: the first number of each
    /// partition, in the order of [`FirstStart::partitions`]. A partition without one begins with its oldest event.
    AfterCheckpoints(Vec<Option<Ordinal>>),
}

/// The beginning of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionBeginning {
    /// The oldest event that the partition has.
    Oldest,
    /// The event with this number.
    At(Ordinal),
    /// The first event that was enqueued at this time or later, Unix milliseconds.
    EnqueuedAt(i64),
}

impl FirstStart {
    /// The beginning of a partition. One that was added after the first start begins with its first event.
    pub fn beginning_of(&self, partition: u32) -> PartitionBeginning {
        let Some(at) = self.partitions.iter().position(|known| *known == partition) else {
            return PartitionBeginning::At(Ordinal::new(0));
        };
        match &self.from {
            Beginning::Earliest => PartitionBeginning::Oldest,
            Beginning::Latest(first) => {
                first.get(at).map_or(PartitionBeginning::Oldest, |first| PartitionBeginning::At(*first))
            }
            Beginning::EnqueuedAt(time) => PartitionBeginning::EnqueuedAt(*time),
            Beginning::AfterCheckpoints(first) => {
                first.get(at).copied().flatten().map_or(PartitionBeginning::Oldest, PartitionBeginning::At)
            }
        }
    }
}

impl Beginning {
    fn is_earliest(&self) -> bool {
        *self == Self::Earliest
    }
}
