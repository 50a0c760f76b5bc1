//! The kinds of links that a session holds.

use std::sync::Arc;

use super::super::hub::Hub;
use super::super::refusal::Refusal;
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
    /// Receives events for a hub.
    Publisher(Publisher, Incoming),
    /// Receives requests to a node.
    Requests(RequestNode, Incoming),
    /// Detached by us; transfers on it are dropped until the peer detaches too.
    Detached,
}

impl Link {
    /// Returns the reason to detach if the link's hub has ended.
    pub(super) fn ended(&self) -> Option<&Refusal> {
        match self {
            Self::Events(events) => events.hub().ended(),
            Self::Publisher(publisher, _) => publisher.hub.ended(),
            Self::Replies(_) | Self::Requests(..) | Self::Detached => None,
        }
    }
}

/// The destination of a publisher's events.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) hub: Arc<Hub>,
    /// The partition; `None` means that of an event's key, or the next in turn.
    pub(super) partition: Option<u32>,
}
