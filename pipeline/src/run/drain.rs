//! Stopping a run: the request to drain, and its deadline.

use std::time::Duration;

use tokio::sync::watch;

/// A request to a run: finish everything in flight, then end.
#[derive(Clone, Debug)]
pub struct Drain(watch::Sender<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Drain {
    /// Begins the drain; a second call changes nothing.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// A receiver that becomes true when the drain begins.
    pub(super) fn subscribe(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Waits until the drain has begun.
    pub(super) async fn begun(&self) {
        let mut begun = self.0.subscribe();
        if begun.wait_for(|begun| *begun).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The deadline of a drain.
#[derive(Clone, Debug)]
pub(super) struct Deadline(Drain);

impl Deadline {
    /// The deadline of this drain.
    pub(super) fn of(drain: &Drain) -> Self {
        Self(drain.clone())
    }

    /// Waits until the drain has begun and its time is over.
    pub(super) async fn passed(&self) {
        self.0.begun().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    }
}

/// Duration of a drain, after which everything that is not durable is left to be read again. One second is left for the
/// last checkpoints before `docker stop` kills.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(9);
