//! The hub as a client meets it, frame by frame and without a socket.

mod client;
mod connections;
mod nodes;
mod readers;
mod senders;
mod sockets;
