//! Removes staging files of killed puts, in a task beside the start.
//!
//! Does not own: which files are stale (`catchwater_sinks`).

use std::time::UNIX_EPOCH;

use catchwater_sinks::lake::staging;
use catchwater_sinks::store::Store;

use crate::clock::{Clock, UnixMillis};

/// Starts to remove stale staging files from the lake and the state store. A failure is only a warning, because the
/// files only take space.
#[expect(clippy::disallowed_methods, reason = "the cleaning runs beside the run and ends by itself")]
pub(super) fn remove_stale(stores: [Store; 2], clock: &dyn Clock) {
    let now = UNIX_EPOCH + clock.now().since(UnixMillis::EPOCH);
    tokio::spawn(async move {
        for store in stores {
            match staging::remove_stale_staging(&store, now).await {
                Ok(0) => {}
                Ok(files) => tracing::info!(files, "stale staging files removed"),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "stale staging files could not be removed; they only take space");
                }
            }
        }
    });
}
