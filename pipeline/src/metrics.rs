//! Counters of a run: stages update them, `cli` shows them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::position::{PartitionId, SequenceNumber};

/// A counter that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The current value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one run.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Events received from the hub, repeated ones included.
    pub events_received: Counter,
    /// Bytes of the bodies of these events.
    pub bytes_received: Counter,
    /// Events that their destination already had.
    pub events_skipped: Counter,
    /// Deliveries dropped because they had no usable sequence number.
    pub deliveries_unreadable: Counter,
    /// Bodies with lone surrogates, repaired and parsed once more.
    pub bodies_repaired: Counter,
    /// JSON bodies that took the slow path of the parser, rejected ones aside: each costs two to four others.
    pub slow_path_bodies: Counter,
    /// Events whose `ParentContext` was dropped.
    pub parent_contexts_dropped: Counter,
    /// Files committed by this run.
    pub files_committed: Counter,
    /// Bytes of those files.
    pub bytes_committed: Counter,
    /// Rows in those files, quarantine included.
    pub rows_committed: Counter,
    /// Rows of those files in `_quarantine`.
    pub rows_quarantined: Counter,
    /// Events whose rows were dropped because their partition started again or ended; they are read again.
    pub events_dropped: Counter,
    /// Restarts of partitions because a file could not be committed under its name.
    pub partitions_restarted: Counter,
    /// Losses of a link or a connection, after which a partition was attached again.
    pub links_lost: Counter,
    /// Sequence numbers recorded as accepted gaps.
    pub gaps_accepted: Counter,
    lags: Mutex<BTreeMap<PartitionId, Lag>>,
    tables: Mutex<BTreeMap<String, u64>>,
}

/// Reading position of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The last event received.
    pub received: SequenceNumber,
    /// The last event that the hub reported; `None` before its first report.
    pub last_enqueued: Option<SequenceNumber>,
}

impl Lag {
    /// Number of events still to read, if known.
    pub fn events(&self) -> Option<u64> {
        self.last_enqueued.map(|last| (last.get() - self.received.get()).max(0) as u64)
    }
}

impl Metrics {
    /// Notes the reading position of a partition.
    pub fn set_lag(
        &self,
        partition: PartitionId,
        received: SequenceNumber,
        last_enqueued: Option<SequenceNumber>,
    ) {
        let lag = Lag { received, last_enqueued };
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, lag);
    }

    /// Reading position of each partition.
    pub fn lags(&self) -> BTreeMap<PartitionId, Lag> {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Number of events still to read from all partitions; `None` unless it is known for each.
    pub fn total_lag(&self) -> Option<u64> {
        let lags = self.lags();
        if lags.is_empty() { None } else { lags.values().map(Lag::events).sum() }
    }

    /// Adds committed rows to a table.
    pub fn add_table_rows(&self, table: &str, rows: u64) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        match tables.get_mut(table) {
            Some(sum) => *sum += rows,
            None => drop(tables.insert(table.to_owned(), rows)),
        }
    }

    /// Rows committed by this run, by table.
    pub fn tables(&self) -> BTreeMap<String, u64> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
