//! Every figure a run keeps, once: name, unit, meaning. Stages get the counters, faces read them.

use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Bodies with lone surrogates, repaired and parsed once more.
    pub bodies_repaired: Counter,
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
    /// Partitions started again after they lost a file name to another writer.
    pub partitions_restarted: Counter,
}
