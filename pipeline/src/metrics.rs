//! Every figure a run keeps, once: name, unit, meaning. Stages get the counters, faces read them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::position::{PartitionId, SequenceNumber};

/// A figure that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The figure now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The figures of one run.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Events received from the hub, again after a restart of their partition too.
    pub events_received: Counter,
    /// Bytes of their bodies.
    pub bytes_received: Counter,
    /// Events at or below what their destination already held.
    pub events_skipped: Counter,
    /// Deliveries that were dropped because no usable sequence number could be read of them.
    pub deliveries_unreadable: Counter,
    /// Bodies with lone surrogates, repaired and parsed once more.
    pub bodies_repaired: Counter,
    /// JSON bodies that took the slow path of the parser, rejected ones aside: each costs two to four others.
    pub slow_path_bodies: Counter,
    /// Events whose `ParentContext` was left out.
    pub parent_contexts_dropped: Counter,
    /// Files put by this run.
    pub files_put: Counter,
    /// Bytes of those files.
    pub bytes_put: Counter,
    /// Rows in those files, quarantine included.
    pub rows_put: Counter,
    /// Rows of those that stand in `_quarantine`.
    pub rows_quarantined: Counter,
    /// Events whose rows were let go when their partition started again; they are read again.
    pub events_dropped: Counter,
    /// Partitions started again after they lost a file name to another writer.
    pub partitions_restarted: Counter,
    /// Numbers that the hub left out: no event was lost, and the lake records them.
    pub gaps_accepted: Counter,
    lags: Mutex<BTreeMap<PartitionId, Lag>>,
    tables: Mutex<BTreeMap<String, u64>>,
}

/// How far one partition is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The last event received.
    pub received: SequenceNumber,
    /// The last event the hub is known to have; `None` while it has not said so.
    pub last_enqueued: Option<SequenceNumber>,
}

impl Lag {
    /// Events still to come, if known.
    pub fn events(&self) -> Option<u64> {
        self.last_enqueued.map(|last| (last.get() - self.received.get()).max(0) as u64)
    }
}

impl Metrics {
    /// Notes how far a partition is read.
    pub fn lag(
        &self,
        partition: PartitionId,
        received: SequenceNumber,
        last_enqueued: Option<SequenceNumber>,
    ) {
        let lag = Lag { received, last_enqueued };
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, lag);
    }

    /// How far each partition is read.
    pub fn lags(&self) -> BTreeMap<PartitionId, Lag> {
        self.lags.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Events still to come from all partitions together; `None` unless it is known for each.
    pub fn total_lag(&self) -> Option<u64> {
        let lags = self.lags();
        if lags.is_empty() { None } else { lags.values().map(Lag::events).sum() }
    }

    /// Notes rows that are durable in a table.
    pub fn table_rows(&self, table: &str, rows: u64) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        match tables.get_mut(table) {
            Some(sum) => *sum += rows,
            None => drop(tables.insert(table.to_owned(), rows)),
        }
    }

    /// Rows put by this run, by table.
    pub fn tables(&self) -> BTreeMap<String, u64> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
