//! Staging files of killed puts, removed beside a start.
//!
//! Owns that a start does not wait for it. Does not own which files they are (`catchwater_sinks`).

use std::time::{Duration, UNIX_EPOCH};

use catchwater_sinks::lake::staging;
use catchwater_sinks::store::Store;

use crate::clock::Clock;

/// Begins to remove them from the lake and the state. A failure is a warning: they only take space.
pub(super) fn remove_stale(stores: [Store; 2], clock: &dyn Clock) {
    let now = UNIX_EPOCH + Duration::from_millis(clock.now_ms().max(0) as u64);
    tokio::spawn(async move {
        for store in stores {
            match staging::remove_stale_staging(&store, now).await {
                Ok(0) => {}
                Ok(files) => tracing::info!(files, "removed staging files of killed puts"),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "could not remove staging files of killed puts");
                }
            }
        }
    });
}
