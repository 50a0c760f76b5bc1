//! Where the reading of a partition is, how it ends, and for how long nothing has come. Does not own the answers to these
//! (`reader`).

use std::time::Duration;

use catchwater_sinks::paths::Ordinal;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Ended;
use crate::position::SequenceNumber;
use crate::run::messages::{PartitionStatus, StartId};

/// Where reading is, since the partition's last start.
pub(super) struct Reading {
    pub(super) start: StartId,
    /// The number that is due.
    pub(super) expected: SequenceNumber,
    /// The last event that was handed to the lane.
    pub(super) last: Option<SequenceNumber>,
    /// The link was asked for by an offset, and no event has confirmed that one yet.
    pub(super) by_offset: bool,
    /// The last event that the hub had at the start.
    pub(super) target: SequenceNumber,
    pub(super) standing: watch::Receiver<PartitionStatus>,
}

impl Reading {
    pub(super) fn next(&self) -> Ordinal {
        Ordinal(self.expected.get())
    }
}

/// Measures how long the hub has sent nothing while it had credit.
pub(super) struct Idle {
    since: Instant,
    limit: Duration,
}

impl Idle {
    pub(super) fn new(limit: Duration) -> Self {
        Self { since: Instant::now(), limit }
    }

    /// True if the limit is reached. While the hub has no credit it may not send: that does not count.
    pub(super) fn has_lasted(&mut self, may_send: bool) -> bool {
        if !may_send {
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.limit
    }
}

/// End of one start of a partition.
pub(super) enum Read {
    Ended(Ended),
    Again,
}
