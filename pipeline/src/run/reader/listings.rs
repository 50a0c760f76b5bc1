//! Listings of the lake that partitions share while they start together.
//!
//! Owns: the age of a shared listing. Does not own: its use (`start`). A listing is a hint: a caller for which it
//! contradicts something requests a fresh one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::recovery::{self, Days, Listing};
use catchwater_sinks::paths::Date;
use catchwater_sinks::store::Store;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Listings of the lake, shared for a few seconds.
#[derive(Debug, Default)]
pub(in crate::run) struct Listings {
    shared: Mutex<Shared>,
}

/// The time and result of each listing, by its first date.
type Shared = HashMap<Option<Date>, (Instant, Arc<Listing>)>;

/// Required freshness of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Age {
    /// At most a few seconds old.
    Shared,
    /// Requested now.
    Fresh,
}

impl Listings {
    /// A listing of these days. Concurrent callers wait for one request.
    pub(in crate::run) async fn get(
        &self,
        store: &Store,
        days: &Days,
        age: Age,
        backoff: &Backoff,
    ) -> Result<Arc<Listing>, recovery::Error> {
        if age == Age::Fresh || !days.also.is_empty() {
            return Ok(Arc::new(Listing::read(store, days, backoff).await?));
        }
        let mut shared = self.shared.lock().await;
        if let Some((made, listing)) = shared.get(&days.since)
            && made.elapsed() < SHARED_MAX_AGE
        {
            return Ok(Arc::clone(listing));
        }
        // A listing is as old as its first request.
        let made = Instant::now();
        let listing = Arc::new(Listing::read(store, days, backoff).await?);
        shared.retain(|_, (made, _)| made.elapsed() < SHARED_MAX_AGE);
        shared.insert(days.since, (made, Arc::clone(&listing)));
        Ok(listing)
    }
}

/// Maximum age of a shared listing: the time that a thousand partitions take to start.
const SHARED_MAX_AGE: Duration = Duration::from_secs(10);
