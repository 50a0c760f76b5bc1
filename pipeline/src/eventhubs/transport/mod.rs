//! The transport: opens the byte stream to a hub. No other module dials.
//!
//! Owns: name resolution, the TCP connection and TLS on it. Does not own: AMQP on the stream (`connection`, and
//! fe2o3-amqp for requests and sending).

mod endpoint; // host and port
mod error; // errors of each step, with a remedy
mod options; // the way to a hub, as an operator chooses it
mod stream; // the byte stream, of any kind
mod tcp; // name resolution and connecting
mod tls; // TLS: trusted certificates, handshake

use self::endpoint::Endpoint;
use self::tcp::TcpFailure;
use super::address::Address;

pub use self::error::{TransportError, TransportOptionsError};
pub use self::options::TransportOptions;
pub(super) use self::stream::Stream;

/// Opens a stream to the hub.
pub(super) async fn dial(to: &Address, options: &TransportOptions) -> Result<Stream, TransportError> {
    let end = Endpoint { host: to.host(), port: to.port() };
    let tcp = tcp::connect(end).await.map_err(|failure| unreachable(failure, end, to))?;
    if to.is_development() {
        return Ok(Stream::Tcp(tcp));
    }
    let tls = tls::handshake(tcp, end, options.tls()).await?;
    Ok(Stream::Tls(Box::new(tls)))
}

fn unreachable(failure: TcpFailure, end: Endpoint<'_>, hub: &Address) -> TransportError {
    match failure {
        TcpFailure::Resolve(cause) => TransportError::Resolve { host: end.host.to_owned(), cause },
        TcpFailure::Connect(cause) => {
            let remedy = if hub.is_development() { START_EMULATOR } else { TRY_WEBSOCKET };
            TransportError::Connect { to: end.to_string(), cause, remedy }
        }
    }
}

/// Remedy for an emulator that can't be reached.
const START_EMULATOR: &str = "is the emulator running, and is the port right?";
/// Remedy for a namespace that can't be reached.
const TRY_WEBSOCKET: &str = "if a firewall blocks port 5671, use --transport websocket (port 443)";
