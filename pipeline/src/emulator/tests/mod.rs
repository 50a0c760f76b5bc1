//! The hub as a client sees it: frame by frame without a socket, and over TCP in `sockets`.

mod client; // the client of the tests
mod connections; // handshakes and sessions
mod faults; // injected faults
mod namespace; // several hubs, and hubs that change
mod nodes; // `$cbs` and `$management`
mod other_sdks; // the forms of SDKs that no test runs
mod readers; // links that read
mod data_folder; // the hubs of a data folder after a restart
mod log_walk; // the log against a plain list of events
mod ports; // the handshakes before AMQP
mod retention; // what is left of a partition, and what its readers get
mod senders; // links that publish
mod sockets; // timeouts, wake-ups and restarts over TCP
