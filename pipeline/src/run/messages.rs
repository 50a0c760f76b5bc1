//! Messages between reader, lane and publisher.

use std::collections::BTreeMap;

use catchwater_sinks::lake::schema::FileColumn;
use catchwater_sinks::parquet::{Body, FooterFacts};
use catchwater_sinks::paths::{Date, Destination, Ordinal, SourceId};
use tokio::sync::watch;

use super::ledger::Before;
use crate::budget::Permit;
use crate::event::RawBatch;
use crate::position::{PartitionId, Position, SequenceNumber};

/// One start of one partition. A partition that starts again drops whatever its earlier start had in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StartId {
    /// The partition.
    pub partition: PartitionId,
    /// Counts its starts in this run.
    pub attempt: u64,
}

/// What a lane is told.
#[derive(Debug)]
pub enum LaneInput {
    /// A partition starts (again): what the lane has of it is dropped.
    Begin {
        /// This start.
        start: StartId,
        /// Names its chains.
        source: SourceId,
        /// How far each destination's files reach, as far as is known.
        covered: Vec<(Destination, Ordinal)>,
    },
    /// Events of a partition.
    Events {
        /// The start they were read in.
        start: StartId,
        /// They.
        batch: RawBatch,
    },
    /// No more events come: close its files.
    End {
        /// The start that ends.
        start: StartId,
    },
    /// The partition is another run's now: its rows are that run's to put.
    Forget {
        /// The start that ends.
        start: StartId,
    },
}

/// What a lane tells.
#[derive(Debug)]
pub enum LaneOutput {
    /// A file is whole.
    Closed(Box<ClosedFile>),
    /// How far a partition has come. Sent behind the files it speaks of.
    Advanced {
        /// Of which start.
        start: StartId,
        /// Every event up to here is skipped, in a closed file or in an open one.
        processed: Position,
        /// Where reading stood before the oldest row that is still open, if one is.
        oldest_open: Option<Before>,
    },
}

/// A file on its way to the store: whole and paid for.
#[derive(Debug)]
pub struct ClosedFile {
    /// The start of the partition it was read in; files of an earlier start are dropped.
    pub start: StartId,
    /// Facts for its footer; the publisher adds the durable position.
    pub facts: FooterFacts,
    /// How many events its rows are of.
    pub events: u64,
    /// Where reading stood before its first row.
    pub before: Before,
    /// Its columns, by name.
    pub columns: BTreeMap<String, FileColumn>,
    /// Its pages. The publisher adds the footer.
    pub body: Body,
    /// Pays for the pages until they are durable.
    pub permit: Permit,
}

/// What the publisher is told.
#[derive(Debug)]
pub(super) enum PublisherInput {
    /// A partition starts (again). Sent before its lane hears of it, so that no file comes too early.
    Begin {
        /// This start.
        start: StartId,
        /// The first event it reads.
        first: SequenceNumber,
        /// The position that the lake proves to be durable.
        proven: Option<SequenceNumber>,
        /// The checkpoint it resumes from, if there is one.
        checkpoint: Option<Position>,
        /// Where the partition's reader looks.
        standing: watch::Sender<PartitionStatus>,
    },
    /// What a lane tells.
    Lane(LaneOutput),
}

/// How a start of a partition stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartitionStatus {
    /// Everything up to here is durable.
    pub(super) durable: Option<SequenceNumber>,
    /// The day of a name under which another writer has put other rows: the partition must start again.
    pub(super) lost: Option<Date>,
}
