//! State that all sessions of a connection share.

use std::sync::Arc;

use tokio::sync::Notify;

use super::access::Grants;
use super::namespace::Namespace;
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
}
