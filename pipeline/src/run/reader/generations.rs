//! The hub's creation time, asked once for all partitions that attach at one time.
//!
//! A namespace answers fifty requests a second, and after a lost connection all its partitions ask at once.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::eventhubs::{Client, Error};
use crate::position::Generation;

/// The last request for the creation time, and its answer.
#[derive(Debug, Default)]
pub(in crate::run) struct Generations {
    /// Requests that have begun.
    begun: AtomicU64,
    /// Number and answer of the last request that was answered. Locked during a request.
    answered: Mutex<Option<(u64, Generation)>>,
}

impl Generations {
    /// The creation time of the hub, from a request that begins after this call.
    pub(in crate::run) async fn current(&self, client: &Client) -> Result<Generation, Error> {
        let begun_before = self.begun.load(Ordering::Acquire);
        let mut answered = self.answered.lock().await;
        if let Some((number, generation)) = *answered
            && number > begun_before
        {
            return Ok(generation);
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let generation = client.hub().await?.generation;
        *answered = Some((number, generation));
        Ok(generation)
    }
}
