//! Progress of reading a partition, and how its reading ends. Does not own the decisions based on them (`reader`).

use catchwater_sinks::ordinals::Ordinal;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::UnixMillis;
use crate::eventhubs::Start;
use crate::position::SequenceNumber;
use crate::run::messages::{PartitionStatus, StartId};

/// The end of reading a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// None: the partition is read until the run drains.
    Open,
    /// Everything up to this number.
    UpTo(SequenceNumber),
    /// Everything that the hub has once the clock has passed this time.
    Time(UnixMillis),
}

impl Goal {
    /// True if there is nothing to read from `expected` on.
    pub(super) fn is_reached(self, expected: SequenceNumber) -> bool {
        matches!(self, Self::UpTo(target) if expected > target)
    }
}

/// Progress of reading since the partition's last start.
pub(super) struct Reading {
    pub(super) start: StartId,
    /// The next expected sequence number.
    pub(super) expected: SequenceNumber,
    /// The last event that was handed to the lane.
    pub(super) last: Option<SequenceNumber>,
    /// The position of the first link.
    pub(super) first_link: Start,
    /// A link was attached by an offset, and no event has confirmed that offset yet.
    pub(super) by_offset: bool,
    /// A link of this start was attached.
    pub(super) was_attached: bool,
    /// Time at which the link was attached; `None` before.
    pub(super) attached: Option<Instant>,
    /// The end of reading.
    pub(super) goal: Goal,
    pub(super) status: watch::Receiver<PartitionStatus>,
}

impl Reading {
    /// The next expected number, as the lake counts.
    pub(super) fn next(&self) -> Ordinal {
        Ordinal::new(self.expected.get())
    }

    /// The position of the next link: after the last event that was handed over. The offset of the first link is only a
    /// hint; once it has led astray, the number counts.
    pub(super) fn link_start(&self) -> Start {
        let is_astray = !self.by_offset && matches!(self.first_link, Start::After { .. });
        if self.last.is_none() && !is_astray {
            return self.first_link.clone();
        }
        Start::AfterSequence(self.last_received())
    }

    /// The number before the next expected one.
    pub(super) fn last_received(&self) -> SequenceNumber {
        self.expected.previous()
    }
}

/// Time for which the hub has sent nothing while it had credit.
pub(super) struct Idle {
    since: Instant,
    timeout: Duration,
}

impl Idle {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { since: Instant::now(), timeout }
    }

    /// True if the timeout has passed. Time without credit does not count, because the hub may not send.
    pub(super) fn has_timed_out(&mut self, has_credit: bool) -> bool {
        if !has_credit {
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.timeout
    }
}

/// End of one start of a partition.
pub(super) enum ReadOutcome {
    /// The reader ends.
    Ended(Ended),
    /// The partition has to start again.
    Restart,
}

/// End of one link.
pub(super) enum LinkOutcome {
    /// This start of the partition ends.
    Read(ReadOutcome),
    /// Another link has to read on.
    AttachAgain,
}

impl LinkOutcome {
    /// Returns whether the partition has to start again.
    pub(super) fn is_restart(&self) -> bool {
        matches!(self, Self::Read(ReadOutcome::Restart))
    }
}

impl From<ReadOutcome> for LinkOutcome {
    fn from(outcome: ReadOutcome) -> Self {
        Self::Read(outcome)
    }
}

/// Ends of a reader without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Ended {
    /// All that the hub had at the start is durable.
    CaughtUp,
    /// The hub claims to have more events but did not send them. The events that it sent are durable.
    NothingArrived,
    /// The run is draining.
    Stopped,
}
