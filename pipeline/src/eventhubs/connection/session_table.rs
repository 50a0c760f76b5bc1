//! The session table: what the socket's task and the links of a connection share.
//!
//! Owns: the channels of our side. Does not own: the channels that the hub uses for the same sessions (`incoming`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::close_reason::CloseReason;
use super::outgoing::Outgoing;
use super::session::AnySession;
use crate::event::BufferPool;

/// The sessions of a connection by our channels, its write queue, and the buffers that its links reuse.
#[derive(Debug)]
pub(crate) struct SessionTable {
    sessions: Mutex<Sessions>,
    pub(crate) outgoing: Outgoing,
    pub(crate) pool: Arc<BufferPool>,
}

#[derive(Debug)]
struct Sessions {
    by_channel: Vec<Option<AnySession>>,
    channel_max: u16,
    closed: Option<CloseReason>,
}

impl SessionTable {
    /// Makes an empty table for channels up to `channel_max`.
    pub(crate) fn new(channel_max: u16) -> Arc<Self> {
        let sessions = Sessions { by_channel: Vec::new(), channel_max, closed: None };
        Arc::new(Self {
            sessions: Mutex::new(sessions),
            outgoing: Outgoing::default(),
            pool: BufferPool::new(),
        })
    }

    /// Adds a session; returns its channel.
    ///
    /// # Errors
    /// The connection has ended, or all channels are in use.
    pub(crate) fn insert(&self, session: AnySession) -> Result<u16, CloseReason> {
        let mut sessions = self.sessions();
        if let Some(reason) = &sessions.closed {
            return Err(reason.clone());
        }
        let free = sessions.by_channel.iter().position(Option::is_none);
        let channel = free.unwrap_or(sessions.by_channel.len());
        if channel > usize::from(sessions.channel_max) {
            return Err(CloseReason::Lost("all channels of the connection are in use".to_owned()));
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

    /// Frees a channel: both sides have ended its session.
    pub(super) fn remove(&self, channel: u16) {
        if let Some(session) = self.sessions().by_channel.get_mut(usize::from(channel)) {
            *session = None;
        }
    }

    /// The reason why the connection has ended; `None` while it is open.
    pub(super) fn close_reason(&self) -> Option<CloseReason> {
        self.sessions().closed.clone()
    }

    /// Ends all sessions, and refuses later ones.
    pub(super) fn close_all(&self, reason: &CloseReason) {
        let all = {
            let mut sessions = self.sessions();
            sessions.closed.get_or_insert_with(|| reason.clone());
            std::mem::take(&mut sessions.by_channel)
        };
        for session in all.into_iter().flatten() {
            session.lock().on_close(reason);
            session.changed.notify_one();
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
