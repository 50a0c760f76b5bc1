//! The connection that events come in on: our own receiving end of AMQP, on [`crate::amqp`].
//!
//! ```text
//! socket ── bytes ──► incoming ──► link ──► delivery ──► head, body ──► arrivals ──► RawBatch
//!    ▲                               │            └──► undecodable ──────────┘
//!    └────────── outgoing ◄──────────┘   flows, dispositions, detaches
//! ```
//!
//! One task per connection owns the socket and one large buffer. It reads, cuts frames out of the buffer where they lie
//! and appends each body to its partition's batch: the only copy. A link's lock is taken once for the frames that follow
//! one another, and whoever waits for it is woken once per read. So what arrives is taken off the socket at once, and a
//! slow partition stalls nobody: credit bounds what can arrive. Only where events turn out so much larger than those before
//! that the budget is spent twice, the socket waits for the lanes.
//!
//! Each link has a session of its own: an error that ends a session ends one partition and not its neighbours.
//! All but `socket`, `opening` and `connection` is plain protocol: bytes in, events and bytes out, no socket and no runtime.

mod arrivals;
mod attach;
mod body;
mod channels;
mod connection;
mod delivery;
mod gone;
mod head;
mod incoming;
mod layout;
mod link;
mod node;
mod opening;
mod properties;
mod protocol_error;
mod replay;
mod socket;
mod transfers;
mod undecodable;

pub(super) use connection::{Connection, PartitionLink, Patience};
pub use replay::Replay;
