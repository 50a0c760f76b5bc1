//! Azure Event Hubs over AMQP 1.0: a hub, its partitions, its senders.
//!
//! Owns: the connection string, authorisation, what the hub says of itself, receiving within a budget and
//! sending in batches; and what an error means (`ErrorKind`).
//! Does not own: which partitions to read (`partitions`), when to try again (`run`), what a body says (`parse`).

mod auth;
mod cbs;
mod client;
mod connection_string;
mod credit;
mod error;
mod inbound;
mod names;
mod receiver;
mod requests;
mod retry;
mod sender;

pub use client::{Client, HubProperties, PartitionProperties};
pub use connection_string::{ConnectionString, ConnectionStringError};
pub use error::{Error, ErrorKind};
pub use inbound::Replay;
pub(crate) use names::SIZE_EXCEEDED;
pub use receiver::{Distrust, PartitionReceiver, ReceiveOptions, Start};
pub use sender::{Sender, Sent};

#[cfg(test)]
mod tests;
