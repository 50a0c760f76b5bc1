//! The kinds of links that a session holds.

use super::incoming::Incoming;
use super::nodes::Service;
use super::outgoing::{EventLink, ReplyLink};

/// One link, by what the hub does on it.
#[derive(Debug)]
pub(super) enum Link {
    /// Sends events.
    Events(Box<EventLink>),
    /// Sends replies of a node.
    Replies(ReplyLink),
    /// Takes events in, for one partition or any.
    Publisher(Option<u32>, Incoming),
    /// Takes requests to a node in.
    Requests(Service, Incoming),
    /// Is detached by us; what the peer still sends on it is dropped until it detaches too.
    Detached,
}
