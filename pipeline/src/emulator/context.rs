//! State that all sessions of a connection share.

use std::sync::Arc;

use tokio::sync::Notify;

use super::access::Grants;
use super::hub::Hub;
use super::nodes::Reply;

/// State that all sessions of a connection share.
#[derive(Debug)]
pub(super) struct ConnectionContext {
    pub(super) hub: Arc<Hub>,
    /// Wakes the connection.
    pub(super) waker: Arc<Notify>,
    pub(super) grants: Grants,
    /// The largest frame that the peer takes.
    pub(super) frame_size_max: usize,
    /// Replies that have not found their link yet.
    pub(super) replies: Vec<Reply>,
}
