//! Result of a run, as counters.

use std::collections::BTreeMap;

use crate::metrics::Metrics;

/// Counters of a finished run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Events received, without repeated ones.
    pub events: u64,
    /// Rows that became durable.
    pub rows: u64,
    /// Of those, rows in `_quarantine`.
    pub quarantined: u64,
    /// Rows by table.
    pub tables: BTreeMap<String, u64>,
    /// Files committed.
    pub files: u64,
    /// Bytes of bodies received.
    pub bytes_in: u64,
    /// Bytes of committed files.
    pub bytes_out: u64,
    /// Events that the lake already had.
    pub skipped: u64,
    /// Events whose `ParentContext` was dropped.
    pub parent_contexts_dropped: u64,
    /// Bodies with lone surrogates, which were repaired.
    pub repaired: u64,
    /// JSON bodies that took the slow path of the parser.
    pub slow_path_bodies: u64,
    /// Events that were read but did not become durable; they will be read again.
    pub left: u64,
    /// Dropped deliveries without a readable sequence number.
    pub unreadable: u64,
    /// Numbers without an event: the hub skipped them, or their delivery was unreadable.
    pub accepted_gaps: u64,
    /// Losses of a link or a connection, after which a partition was attached again.
    pub links_lost: u64,
    /// True if everything that the hub had at the start is durable; `None` for a continuous run.
    pub caught_up: Option<bool>,
}

impl Summary {
    /// The counters of a run that left `left` events to be read again.
    pub(super) fn of(metrics: &Metrics, left: u64) -> Self {
        Self {
            events: metrics.events_received.get()
                - metrics.events_skipped.get()
                - metrics.events_dropped.get(),
            rows: metrics.rows_committed.get(),
            quarantined: metrics.rows_quarantined.get(),
            tables: metrics.tables(),
            files: metrics.files_committed.get(),
            bytes_in: metrics.bytes_received.get(),
            bytes_out: metrics.bytes_committed.get(),
            skipped: metrics.events_skipped.get(),
            parent_contexts_dropped: metrics.parent_contexts_dropped.get(),
            repaired: metrics.bodies_repaired.get(),
            slow_path_bodies: metrics.slow_path_bodies.get(),
            left,
            unreadable: metrics.deliveries_unreadable.get(),
            accepted_gaps: metrics.gaps_accepted.get(),
            links_lost: metrics.links_lost.get(),
            caught_up: None,
        }
    }
}
