//! State that all sessions of a connection share.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::amqp::MIN_MAX_FRAME_SIZE;

use super::super::access::Grants;
use super::super::limits::Budgets;
use super::super::namespace::Namespace;
use super::nodes::Reply;

/// State that all sessions of a connection share.
#[derive(Debug)]
pub(super) struct ConnectionContext {
    pub(super) namespace: Arc<Namespace>,
    /// Wakes the connection when there is something to send.
    pub(super) waker: Arc<Notify>,
    pub(super) grants: Grants,
    /// Maximum frame size of the peer, bytes.
    pub(super) max_frame_size: usize,
    /// Replies that are not queued on a link yet.
    pub(super) replies: Vec<Reply>,
    /// Bytes that the links of the connection may hold.
    pub(super) budgets: Budgets,
    /// Number of ended hubs at the last call of [`has_ended_hub`](Self::has_ended_hub).
    ended_hubs: u64,
}

impl ConnectionContext {
    /// Returns the state of a connection that `waker` wakes.
    pub(super) fn new(namespace: Arc<Namespace>, waker: Arc<Notify>) -> Self {
        let ended_hubs = namespace.ended();
        Self {
            namespace,
            waker,
            grants: Grants::default(),
            max_frame_size: MIN_MAX_FRAME_SIZE as usize,
            replies: Vec::new(),
            budgets: Budgets::default(),
            ended_hubs,
        }
    }

    /// Returns whether a hub has ended since the last call.
    pub(super) fn has_ended_hub(&mut self) -> bool {
        let ended = self.namespace.ended();
        std::mem::replace(&mut self.ended_hubs, ended) != ended
    }
}
