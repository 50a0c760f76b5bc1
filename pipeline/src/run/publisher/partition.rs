//! The publisher's view of one start of a partition: its ledger, and the files that wait.
//!
//! Owns: the order of files per destination, and the status that the reader sees. Does not own: when a file is put
//! (`publisher`).

use std::collections::{HashMap, VecDeque};

use catchwater_sinks::lake::chain::Chain;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::paths::{Date, Destination};
use tokio::sync::watch;

use crate::clock::UnixMillis;
use crate::position::{Offset, Position, SequenceNumber};
use crate::run::ledger::{FileId, Ledger};
use crate::run::messages::{ClosedFile, PartitionStatus, StartId};

/// Ledger and waiting files of one start of a partition.
#[derive(Debug)]
pub(super) struct PartitionUploads {
    pub(super) start: StartId,
    pub(super) ledger: Ledger,
    pub(super) destinations: HashMap<Destination, UploadQueue>,
    /// The first event that this start reads.
    first: SequenceNumber,
    /// The number before it: everything up to there is settled. The checkpoint until the ledger has a higher one.
    before_first: Position,
    /// The position that the lake proved at the start.
    proven: Option<SequenceNumber>,
    /// The checkpoint in the state store.
    saved: Option<SequenceNumber>,
    pub(super) has_conflict: bool,
    status: watch::Sender<PartitionStatus>,
}

/// The waiting files of one destination, in order. The chain is absent while a put holds it.
#[derive(Debug)]
pub(super) struct UploadQueue {
    pub(super) chain: Option<Chain>,
    pub(super) files: VecDeque<(FileId, ClosedFile)>,
}

impl UploadQueue {
    /// An empty queue of a destination whose next file is named by `continues_at`.
    pub(super) fn new(continues_at: Ordinal) -> Self {
        let last = (continues_at > Ordinal::new(0)).then_some(continues_at.previous());
        Self { chain: Some(Chain::recovered(last)), files: VecDeque::new() }
    }
}

impl PartitionUploads {
    pub(super) fn new(
        start: StartId,
        first: SequenceNumber,
        proven: Option<SequenceNumber>,
        checkpoint: Option<Position>,
        status: watch::Sender<PartitionStatus>,
    ) -> Self {
        let saved = checkpoint.as_ref().map(|position| position.sequence_number);
        let enqueued_time = checkpoint.as_ref().map_or(UnixMillis::EPOCH, |position| position.enqueued_time);
        let before_first =
            Position { sequence_number: first.previous(), offset: Offset::new(""), enqueued_time };
        let ledger = Ledger::starting_after(checkpoint);
        let destinations = HashMap::new();
        Self { start, ledger, destinations, first, before_first, proven, saved, has_conflict: false, status }
    }

    /// Everything up to here is in the lake. The footer of the next file states it.
    pub(super) fn durable(&self) -> Option<SequenceNumber> {
        self.ledger.checkpoint().map(|position| position.sequence_number).max(self.proven)
    }

    /// The checkpoint, if it is above the saved one. Before anything is durable it is the number before the first event:
    /// without a checkpoint, KEDA counts every event that the hub retains.
    pub(super) fn unsaved_checkpoint(&self) -> Option<Position> {
        let of_ledger = self.ledger.checkpoint();
        let checkpoint = of_ledger
            .filter(|at| at.sequence_number >= self.before_first.sequence_number)
            .unwrap_or(&self.before_first);
        let is_unsaved = !self.has_conflict && self.saved < Some(checkpoint.sequence_number);
        is_unsaved.then(|| checkpoint.clone())
    }

    /// Notes that a checkpoint was saved.
    pub(super) fn on_saved(&mut self, checkpoint: SequenceNumber) {
        self.saved = self.saved.max(Some(checkpoint));
    }

    /// Returns the chain to its destination, so that the next file may go. A destination without waiting files is
    /// removed: the lane still has the end of its chain.
    pub(super) fn on_committed(&mut self, destination: &Destination, chain: Chain) {
        let Some(queue) = self.destinations.get_mut(destination) else { return };
        if queue.files.is_empty() {
            self.destinations.remove(destination);
        } else {
            queue.chain = Some(chain);
        }
    }

    /// Drops all waiting files after a name conflict, and returns their number of events. The reader starts the
    /// partition again and lists the files of `date`.
    pub(super) fn on_conflict(&mut self, date: Date) -> u64 {
        self.has_conflict = true;
        let waiting = self.destinations.drain().flat_map(|(_, queue)| queue.files);
        let events = waiting.map(|(_, file)| file.events).sum();
        self.status.send_modify(|status| status.conflict = Some(date));
        events
    }

    /// Publishes the durable position to the reader, if it has moved.
    pub(super) fn update_status(&self) {
        let durable = self.durable();
        self.status.send_if_modified(|status| {
            let has_moved = status.durable != durable;
            status.durable = durable;
            has_moved
        });
    }

    /// Number of events that were read and will be read again.
    pub(super) fn events_left(&self) -> u64 {
        self.ledger.undurable().events(self.first)
    }
}
