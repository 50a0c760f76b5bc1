//! The kinds of links that a session holds.

use super::incoming::Incoming;
use super::nodes::RequestNode;
use super::outgoing::{EventLink, ReplyLink};

/// One link, by its purpose.
#[derive(Debug)]
pub(super) enum Link {
    /// Sends events.
    Events(Box<EventLink>),
    /// Sends the replies of a node.
    Replies(ReplyLink),
    /// Receives events, for one partition or for any.
    Publisher(Option<u32>, Incoming),
    /// Receives requests to a node.
    Requests(RequestNode, Incoming),
    /// Detached by us; transfers on it are dropped until the peer detaches too.
    Detached,
}
