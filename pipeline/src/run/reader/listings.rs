//! Listings of the lake that partitions share while they start together.
//!
//! Owns: how old a shared listing may be. Does not own what is read by it (`start`). A listing is a hint: who finds that it
//! contradicts something asks for a fresh one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::recovery::{self, Days, Listing};
use catchwater_sinks::paths::Date;
use catchwater_sinks::store::Store;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::run) struct Listings {
    shared: Mutex<Shared>,
}

/// When each listing was made, by its first day.
type Shared = HashMap<Option<Date>, (Instant, Arc<Listing>)>;

/// Required freshness of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Age {
    /// A few seconds old at most.
    Shared,
    /// Made now.
    Fresh,
}

impl Listings {
    /// A listing of these days. Whoever comes while it is made waits for the same.
    pub(in crate::run) async fn of(
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
            && made.elapsed() < SHARED_FOR
        {
            return Ok(Arc::clone(listing));
        }
        // As old as its first request.
        let made = Instant::now();
        let listing = Arc::new(Listing::read(store, days, backoff).await?);
        shared.retain(|_, (made, _)| made.elapsed() < SHARED_FOR);
        shared.insert(days.since, (made, Arc::clone(&listing)));
        Ok(listing)
    }
}

/// As long as a thousand partitions take to start.
const SHARED_FOR: Duration = Duration::from_secs(10);
