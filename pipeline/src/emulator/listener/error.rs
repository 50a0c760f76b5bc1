//! Errors of the handshakes before AMQP. They are logged: the peer sees the end of its connection, or an HTTP status.

use std::io;
use std::time::Duration;

/// A connection that ended before AMQP, or by an error of its socket.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The socket failed.
    #[error("the socket failed")]
    Socket(#[from] io::Error),
    /// The peer closed the connection before it sent anything.
    #[error("the client sent nothing")]
    NoBytes,
    /// The peer does not start TLS.
    #[error(
        "the client does not speak TLS, and this port does; its connection string needs no UseDevelopmentEmulator"
    )]
    NotTls,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed; does the client trust the hub's certificate authority?")]
    Tls(#[source] io::Error),
    /// The HTTP request failed.
    #[error("the HTTP request failed")]
    Http(#[from] hyper::Error),
    /// A handshake took too long.
    #[error("the client did not complete the handshake of {protocol} in {} s", .limit.as_secs())]
    Slow {
        /// The protocol.
        protocol: &'static str,
        /// The time that it had.
        limit: Duration,
    },
}
