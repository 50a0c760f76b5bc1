//! Stopping a run: the request to drain, and its deadline.

use std::time::Duration;

use tokio::sync::watch;

/// Tells a run to finish what is in flight and end.
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

    /// Waits until the drain has begun; for ever if nobody can begin it any more.
    pub(super) async fn begun(&self) {
        let mut begun = self.0.subscribe();
        if begun.wait_for(|begun| *begun).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Passes when a drain has lasted long enough.
#[derive(Clone, Debug)]
pub(super) struct Deadline(Drain);

impl Deadline {
    /// The deadline of a drain.
    pub(super) fn behind(drain: &Drain) -> Self {
        Self(drain.clone())
    }

    /// Waits until it has passed.
    pub(super) async fn passed(&self) {
        self.0.begun().await;
        tokio::time::sleep(DRAIN_LIMIT).await;
    }
}

/// How long a drain may last; what is not durable then will be read again. The last checkpoints have another second.
const DRAIN_LIMIT: Duration = Duration::from_secs(9);
