//! What a connection's tasks share: the sessions by channel, the bytes that wait to be written, spare buffers.
//!
//! Owns: the channels we have given out. Does not own: the channels the hub uses for the same sessions (`incoming`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::gone::Gone;
use super::protocol_error::ProtocolError;
use super::transfers::Transfers;
use crate::amqp::performatives::{Begin, Condition, Performative};
use crate::budget::Share;
use crate::event::BufferPool;

/// A session and what is on it, as the connection sees it.
pub(super) trait Session: std::fmt::Debug + Send {
    /// The hub has begun its side.
    fn on_begin(&mut self, begin: &Begin<'_>);

    /// Handles a run of transfers, which may be empty.
    ///
    /// # Errors
    /// Those of [`Transfers::next`].
    fn on_transfers(&mut self, transfers: &mut Transfers<'_>, out: &mut Vec<u8>)
    -> Result<(), ProtocolError>;

    /// The budget that pays for arrived events; `None` for a session that carries none.
    fn share(&self) -> Option<&Arc<Share>>;

    /// Handles any other frame of the session.
    fn on_frame(&mut self, performative: &Performative<'_>, out: &mut Vec<u8>);

    /// The hub has ended its side; ours is ended too when this returns.
    fn on_end(&mut self, error: Option<Condition<'_>>, out: &mut Vec<u8>);

    /// The connection is no more.
    fn on_gone(&mut self, gone: &Gone);
}

/// A session behind its lock, and a bell for the one who waits for it.
#[derive(Debug)]
pub(super) struct Shared<T: ?Sized> {
    pub(super) news: Notify,
    state: Mutex<T>,
}

impl<T> Shared<T> {
    pub(super) fn new(state: T) -> Arc<Self> {
        Arc::new(Self { news: Notify::new(), state: Mutex::new(state) })
    }
}

impl<T: ?Sized> Shared<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Any session.
pub(super) type AnySession = Arc<Shared<dyn Session>>;

/// The sessions of a connection by our channels, and what is to be written.
#[derive(Debug)]
pub(super) struct Channels {
    sessions: Mutex<Sessions>,
    pub(super) outgoing: Outgoing,
    /// Shared by the links of the connection.
    pub(super) pool: Arc<BufferPool>,
}

#[derive(Debug)]
struct Sessions {
    by_channel: Vec<Option<AnySession>>,
    channel_max: u16,
    gone: Option<Gone>,
}

impl Channels {
    pub(super) fn new(channel_max: u16) -> Arc<Self> {
        let sessions = Sessions { by_channel: Vec::new(), channel_max, gone: None };
        Arc::new(Self {
            sessions: Mutex::new(sessions),
            outgoing: Outgoing::default(),
            pool: BufferPool::new(),
        })
    }

    /// Gives a session a channel.
    pub(super) fn add(&self, session: AnySession) -> Result<u16, Gone> {
        let mut sessions = self.sessions();
        if let Some(gone) = &sessions.gone {
            return Err(gone.clone());
        }
        let free = sessions.by_channel.iter().position(Option::is_none);
        let channel = free.unwrap_or(sessions.by_channel.len());
        if channel > usize::from(sessions.channel_max) {
            return Err(Gone::Lost("the connection has no channel left".to_owned()));
        }
        if free.is_none() {
            sessions.by_channel.push(None);
        }
        sessions.by_channel[channel] = Some(session);
        Ok(channel as u16)
    }

    pub(super) fn get(&self, channel: u16) -> Option<AnySession> {
        self.sessions().by_channel.get(usize::from(channel)).cloned().flatten()
    }

    /// Both sides have ended the session: another one may have its channel.
    pub(super) fn free(&self, channel: u16) {
        if let Some(session) = self.sessions().by_channel.get_mut(usize::from(channel)) {
            *session = None;
        }
    }

    pub(super) fn gone(&self) -> Option<Gone> {
        self.sessions().gone.clone()
    }

    /// Tells every session, now and later, that the connection is no more.
    pub(super) fn end_all(&self, gone: &Gone) {
        let all = {
            let mut sessions = self.sessions();
            sessions.gone.get_or_insert_with(|| gone.clone());
            std::mem::take(&mut sessions.by_channel)
        };
        for session in all.into_iter().flatten() {
            session.lock().on_gone(gone);
            session.news.notify_one();
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that wait to be written, in the order they were put. Its lock is the innermost.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    waiting: Mutex<Waiting>,
    /// Rings when there is something to write.
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    closing: bool,
}

impl Outgoing {
    /// Puts what `write` writes.
    pub(super) fn put<T>(&self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut waiting = self.waiting();
        let before = waiting.bytes.len();
        let result = write(&mut waiting.bytes);
        if waiting.bytes.len() > before {
            self.wake.notify_one();
        }
        result
    }

    /// Puts the last bytes there are: nothing is written behind them.
    pub(super) fn put_last(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = self.waiting();
        if !waiting.closing {
            write(&mut waiting.bytes);
            waiting.closing = true;
            self.wake.notify_one();
        }
    }

    /// Hands over what waits, in exchange for an empty buffer; tells whether these are the last bytes.
    pub(super) fn swap(&self, empty: &mut Vec<u8>) -> bool {
        let mut waiting = self.waiting();
        std::mem::swap(&mut waiting.bytes, empty);
        waiting.closing
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
