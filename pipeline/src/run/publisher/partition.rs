//! What the publisher holds of one start of a partition: its ledger, and the files that wait.
//!
//! Owns: the order of files per destination, and what is told of the start. Does not own: when a file is put
//! (`publisher`).

use std::collections::{HashMap, VecDeque};

use catchwater_sinks::lake::chain::Chain;
use catchwater_sinks::paths::{Date, Destination, Ordinal};
use tokio::sync::watch;

use crate::position::{Position, SequenceNumber};
use crate::run::ledger::{FileId, Ledger};
use crate::run::messages::{ClosedFile, PartitionStatus, StartId};

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) start: StartId,
    pub(super) ledger: Ledger,
    pub(super) destinations: HashMap<Destination, Queue>,
    pub(super) first: SequenceNumber,
    /// The position that the lake proved at the start.
    proven: Option<SequenceNumber>,
    pub(super) saved: Option<SequenceNumber>,
    pub(super) lost: bool,
    pub(super) standing: watch::Sender<PartitionStatus>,
}

/// The files of one destination that wait, in order; the chain is away while a put holds it.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) chain: Option<Chain>,
    pub(super) files: VecDeque<(FileId, ClosedFile)>,
}

impl Queue {
    /// The queue of a destination whose next file has this name.
    pub(super) fn at(continues_at: Ordinal) -> Self {
        let last = (continues_at > Ordinal(0)).then_some(Ordinal(continues_at.0 - 1));
        Self { chain: Some(Chain::recovered(last)), files: VecDeque::new() }
    }
}

impl Partition {
    pub(super) fn new(
        start: StartId,
        first: SequenceNumber,
        proven: Option<SequenceNumber>,
        checkpoint: Option<Position>,
        standing: watch::Sender<PartitionStatus>,
    ) -> Self {
        let saved = checkpoint.as_ref().map(|position| position.sequence_number);
        let ledger = Ledger::starting_behind(checkpoint);
        Self { start, ledger, destinations: HashMap::new(), first, proven, saved, lost: false, standing }
    }

    /// Everything up to here is in the lake: what the footer of the next file states.
    pub(super) fn durable(&self) -> Option<SequenceNumber> {
        self.ledger.checkpoint().map(|position| position.sequence_number).max(self.proven)
    }

    /// The checkpoint, if it is not what was written last.
    pub(super) fn moved(&self) -> Option<Position> {
        let checkpoint = self.ledger.checkpoint().filter(|_| !self.lost)?;
        (self.saved != Some(checkpoint.sequence_number)).then(|| checkpoint.clone())
    }

    /// The next file of a destination may go. One that has none is forgotten: its lane knows where it is.
    pub(super) fn landed(&mut self, destination: &Destination, chain: Chain) {
        let Some(queue) = self.destinations.get_mut(destination) else { return };
        if queue.files.is_empty() {
            self.destinations.remove(destination);
        } else {
            queue.chain = Some(chain);
        }
    }

    /// Drops all that waits, and tells how many events; the reader starts the partition again and looks at the files of
    /// `day`, where the name was lost.
    pub(super) fn lose(&mut self, day: Date) -> u64 {
        self.lost = true;
        let waiting = self.destinations.drain().flat_map(|(_, queue)| queue.files);
        let events = waiting.map(|(_, file)| file.events).sum();
        self.standing.send_modify(|standing| standing.lost = Some(day));
        events
    }

    pub(super) fn tell(&self) {
        let durable = self.durable();
        self.standing.send_if_modified(|standing| {
            let news = standing.durable != durable;
            standing.durable = durable;
            news
        });
    }

    /// Events that were read and will be read again.
    pub(super) fn left(&self) -> u64 {
        self.ledger.undurable().events(self.first)
    }
}
