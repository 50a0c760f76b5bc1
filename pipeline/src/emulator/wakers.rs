//! Connections that wait for something to happen in a hub.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

/// The wakers of connections. One of a connection that has ended is removed by the next call.
#[derive(Debug, Default)]
pub(super) struct Wakers(Mutex<Vec<Weak<Notify>>>);

impl Wakers {
    /// Adds a connection, once.
    pub(super) fn add(&self, waker: &Arc<Notify>) {
        let mut wakers = self.locked();
        wakers.retain(|held| held.strong_count() > 0);
        if !wakers.iter().any(|held| held.as_ptr() == Arc::as_ptr(waker)) {
            wakers.push(Arc::downgrade(waker));
        }
    }

    /// Wakes all connections.
    pub(super) fn wake(&self) {
        self.locked().retain(|waker| match waker.upgrade() {
            Some(waker) => {
                waker.notify_one();
                true
            }
            None => false,
        });
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Weak<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
