//! The transport: opens the byte stream to a hub. No other module dials.
//!
//! Owns: the TCP connection, and where TLS or WebSocket would wrap it. Does not own: AMQP on the stream (`connection`,
//! and fe2o3-amqp for requests and sending).

use tokio::net::TcpStream;

use super::address::Address;
use super::error::Error;

/// The way to a hub: protocol below AMQP, trusted certificates, proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransportOptions {}

/// The stream that both AMQP stacks run on. A TLS stream would be its second variant.
pub(super) type Stream = TcpStream;

/// Opens a stream to the hub.
///
/// # Errors
/// [`Error::NeedsTls`] for every namespace but an emulator; [`Error::Unreachable`].
pub(super) async fn dial(to: &Address, _options: &TransportOptions) -> Result<Stream, Error> {
    if !to.is_development() {
        return Err(Error::NeedsTls(to.namespace().to_owned()));
    }
    let unreachable = |source| Error::Unreachable { address: format!("{}:{}", to.host(), to.port()), source };
    let stream = TcpStream::connect((to.host(), to.port())).await.map_err(unreachable)?;
    // Frames are small and waited for; Nagle's algorithm would delay them.
    stream.set_nodelay(true).map_err(unreachable)?;
    Ok(stream)
}
