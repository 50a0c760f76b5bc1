//! A session as its connection sees it.
//!
//! Owns: the events of a session, and the lock that its link and the socket's task share. Does not own: what is
//! attached on the session (`link`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::close_reason::CloseReason;
use super::protocol_error::ProtocolError;
use super::transfers::Transfers;
use crate::amqp::performatives::{Begin, Condition, Performative};

/// State machine of a session and its links. Frames for the hub are appended to `out`.
pub(crate) trait Session: std::fmt::Debug + Send {
    /// The hub has begun its side.
    fn on_begin(&mut self, begin: &Begin<'_>);

    /// Handles a run of transfers, which may be empty.
    ///
    /// # Errors
    /// Those of [`Transfers::next`].
    fn on_transfers(&mut self, transfers: &mut Transfers<'_>, out: &mut Vec<u8>)
    -> Result<(), ProtocolError>;

    /// Handles any other frame of the session.
    fn on_frame(&mut self, performative: &Performative<'_>, out: &mut Vec<u8>);

    /// The hub has ended its side; our side is ended too on return.
    fn on_end(&mut self, error: Option<Condition<'_>>, out: &mut Vec<u8>);

    /// The connection has ended.
    fn on_close(&mut self, reason: &CloseReason);
}

/// A session behind its lock, and the signal for the task that waits for its progress.
#[derive(Debug)]
pub(crate) struct SharedSession<T: ?Sized> {
    /// Notified when frames have arrived or the session has ended.
    pub(crate) changed: Notify,
    state: Mutex<T>,
}

impl<T> SharedSession<T> {
    pub(crate) fn new(state: T) -> Arc<Self> {
        Arc::new(Self { changed: Notify::new(), state: Mutex::new(state) })
    }
}

impl<T: ?Sized> SharedSession<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session of any kind.
pub(crate) type AnySession = Arc<SharedSession<dyn Session>>;
