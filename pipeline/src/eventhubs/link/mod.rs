//! Links, each alone on a session of its own: an error that ends a session ends one partition and no other.
//!
//! Owns: attaching, flow control, settling, detaching; requests to a node and their responses. Does not own: the
//! connection (`connection`), deliveries and batches (`receive`), when a token is put (`authorization`).
//!
//! `receiver_link` and `request_link` are state machines: frames in, frames out, without socket or runtime.
//! `partition_link` and `request_client` wait for them.

mod attach; // begin and attach as bytes
mod partition_link; // a reader's end of a receiver link
mod receiver_link; // state machine of a partition's link
mod request_client; // a caller's end of a request link
mod request_message; // messages of requests and responses
mod request_link; // state machine of request and response

pub(super) use partition_link::{LinkBudget, PartitionLink};
pub(super) use receiver_link::ReceiverLink;
pub(super) use request_client::RequestClient;
pub(super) use request_message::Request;
