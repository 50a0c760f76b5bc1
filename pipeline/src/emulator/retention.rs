//! Retention by time: a task that removes the events of all hubs that are older than they are kept.
//!
//! Owns the interval. Does not own: the removal (`hub`, `log`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::namespace::Namespace;

/// Longest interval between two removals: the memory and disk that expired events still take is that of a minute.
const MAX_INTERVAL: Duration = Duration::from_mins(1);

/// Shortest interval: a removal looks at every partition.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Part of the retention that an event may stay longer, as a divisor.
const LATENESS: u32 = 10;

/// Removes expired events now, and then at an interval, until the sender of `stopped` is dropped.
pub(super) async fn remove_expired(
    namespace: Arc<Namespace>,
    retention: Duration,
    mut stopped: watch::Receiver<()>,
) {
    let mut removals = interval((retention / LATENESS).clamp(MIN_INTERVAL, MAX_INTERVAL));
    removals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = removals.tick() => remove(&namespace, retention),
            // The sender sends nothing: it is dropped.
            _ = stopped.changed() => return,
        }
    }
}

/// Removes the events that are older than the retention.
pub(super) fn remove(namespace: &Namespace, retention: Duration) {
    let oldest = namespace.now() - retention;
    for hub in namespace.hubs() {
        for id in 0..hub.partition_count() {
            let Some(partition) = hub.partition(id) else { continue };
            if let Err(error) = partition.purge_before(oldest) {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(hub = hub.name, partition = id, error, "expired events could not be removed");
            }
        }
    }
}
