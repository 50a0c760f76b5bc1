//! Azure Event Hubs over AMQP 1.0: a hub, its partitions, its senders.
//!
//! Owns: the connection string, authorization, properties of the hub, receiving within a budget, sending in batches,
//! and the classification of errors (`ErrorKind`).
//! Does not own: which partitions to read (`partitions`), retries (`run`), the contents of a body (`parse`).
//!
//! ```text
//!              client
//!      ┌─────────┴─────────────┐
//!   connections             sending      fe2o3-amqp, on connections of its own
//!   receiver, management                 reading and asking share connections
//!   link ──► receive                     links; from transfers to batches
//!   connection                           our own AMQP on `amqp/`
//!      └─────────┬─────────────┘
//!            transport                   the only dialer
//! ```

mod access; // address, credential and transport of one event hub
mod address; // host, port and name of an event hub
mod authorization; // tokens of a connection, renewed before they expire
mod authorized; // a connection whose token is kept valid
mod client; // one event hub, the facade
mod condition; // classification of error conditions
mod connection; // a connection: handshake, socket, sessions
mod connection_string; // the connection string
mod connections; // the connections of a client, opened again after they were lost
mod credential; // keys, signatures and identities, and tokens made of them
mod error; // one error for both AMQP stacks
mod link; // links on sessions of their own
mod management; // properties of a hub and of its partitions
mod names; // names that Event Hubs defines
mod options; // options of reading a partition
mod receive; // from transfers to batches of events
mod receiver; // one partition, read within a budget
mod replay; // a recorded link from memory
mod sending; // sending over fe2o3-amqp
mod timeouts; // timeouts of a client
mod transport; // the only dialer

pub use access::HubAccess;
pub use address::{Address, NamespaceError};
pub use client::Client;
pub use condition::{ErrorKind, Recovery, Row, TABLE as CONDITIONS};
pub use connection_string::{ConnectionString, ConnectionStringError};
pub use credential::{Credential, CredentialError, EntraCredential, Identity, IdentityKind};
pub use error::Error;
pub use management::{HubProperties, PartitionProperties};
pub(crate) use names::SIZE_EXCEEDED;
pub use options::{Distrust, ReceiveOptions, Start};
pub use receiver::PartitionReceiver;
pub use replay::Replay;
pub use sending::{Sender, Sent};
pub use transport::{Proxy, TransportError, TransportKind, TransportOptions, TransportOptionsError};

#[cfg(test)]
mod tests;
