//! Messages between reader, lane and publisher.

use std::collections::BTreeMap;

use catchwater_sinks::lake::schema::FileColumn;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::{Body, FooterFacts};
use catchwater_sinks::paths::{Date, Destination, SourceId};
use tokio::sync::watch;

use super::ledger::Before;
use crate::budget::Permit;
use crate::event::RawBatch;
use crate::position::{PartitionId, Position, SequenceNumber};

/// One start of one partition. A partition that starts again drops everything its earlier start had in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StartId {
    /// The partition.
    pub partition: PartitionId,
    /// Number of this start in the run, from 1.
    pub attempt: u64,
}

/// Messages from readers to their lane.
#[derive(Debug)]
pub enum LaneInput {
    /// A partition starts, possibly again: the lane drops the rows of its earlier start.
    Begin {
        /// This start.
        start: StartId,
        /// The partition's name in the lake.
        source: SourceId,
        /// The last row of each known destination.
        covered: Vec<(Destination, Ordinal)>,
    },
    /// Events of a partition.
    Events {
        /// The start that read them.
        start: StartId,
        /// The events.
        batch: RawBatch,
    },
    /// No more events follow: the lane closes the partition's files.
    End {
        /// The start that ends.
        start: StartId,
    },
    /// Another run has the partition: the lane drops its rows, which that run commits.
    Forget {
        /// The start that ends.
        start: StartId,
    },
}

/// Messages from lanes to the publisher.
#[derive(Debug)]
pub enum LaneOutput {
    /// A file is closed.
    Closed(Box<ClosedFile>),
    /// A partition's position moved. Follows the files that were closed up to there.
    Advanced {
        /// The start of the partition.
        start: StartId,
        /// Every event up to here was skipped, or is in a closed or an open file.
        processed: Position,
        /// The place just before the oldest row in an open file, if there is one.
        oldest_open: Option<Before>,
    },
}

/// A closed file: all its pages. The publisher completes the footer.
#[derive(Debug)]
pub struct ClosedFile {
    /// The start that read its events; files of an earlier start are dropped.
    pub start: StartId,
    /// Facts for its footer; the publisher adds the durable position.
    pub facts: FooterFacts,
    /// Number of events that its rows come from.
    pub events: u64,
    /// The place just before its first row.
    pub before: Before,
    /// Its columns, by name.
    pub columns: BTreeMap<String, FileColumn>,
    /// Its encoded pages.
    pub body: Body,
    /// Charge for the pages until they are durable.
    pub permit: Permit,
}

/// Messages to the publisher.
#[derive(Debug)]
pub(super) enum PublisherInput {
    /// A partition starts, possibly again. Sent before its lane gets the start, so that no file arrives earlier.
    Begin {
        /// This start.
        start: StartId,
        /// The first event that it reads.
        first: SequenceNumber,
        /// The durable position that the lake proves.
        proven: Option<SequenceNumber>,
        /// The checkpoint that it resumes from, if there is one.
        checkpoint: Option<Position>,
        /// Status for the partition's reader.
        status: watch::Sender<PartitionStatus>,
    },
    /// Output of a lane.
    Lane(LaneOutput),
}

/// Status of one start of a partition, from the publisher to the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartitionStatus {
    /// Everything up to here is durable.
    pub(super) durable: Option<SequenceNumber>,
    /// Date of a file that can't be committed, because its name has other rows or the lake's schema contradicts it. The
    /// partition must start again.
    pub(super) conflict: Option<Date>,
}
