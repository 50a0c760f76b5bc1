//! Sending over fe2o3-amqp, on a connection of its own.
//!
//! Does not own: reading and asking, which share another connection (`client`).

mod cbs; // tokens put over fe2o3-amqp
mod connection; // a connection whose token is kept valid
mod sender; // events in batches

pub(super) use connection::SendingConnection;
pub use sender::{Sender, Sent};
