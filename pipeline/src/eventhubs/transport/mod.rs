//! The transport: opens the byte stream to a hub. No other module dials.
//!
//! Owns: name resolution, TCP, the tunnel through a proxy, TLS and WebSocket. Does not own: AMQP on the stream
//! (`connection`, and fe2o3-amqp for sending).
//!
//! ```text
//! tcp, or proxy (CONNECT over tcp)  ──►  tls, unless the hub is an emulator  ──►  websocket, if it was chosen
//! ```

mod endpoint; // host and port
mod error; // errors of each step, with a remedy
mod tcp; // name resolution and connecting
mod http; // one HTTP request that turns its connection into another protocol
mod proxy; // the proxy of a connection, and the tunnel through it
mod tls; // TLS: trusted certificates, handshake
mod websocket; // the handshake of WebSocket
mod stream; // the byte stream, of any kind
mod options; // the way to a hub, as an operator chooses it

use tokio::net::TcpStream;

use self::endpoint::Endpoint;
use self::tcp::TcpFailure;
use super::address::Address;

pub use self::error::{TransportError, TransportOptionsError};
pub use self::options::{TransportKind, TransportOptions};
pub use self::proxy::Proxy;
pub(super) use self::stream::Stream;

/// Opens a stream to the hub.
pub(super) async fn dial(to: &Address, options: &TransportOptions) -> Result<Stream, TransportError> {
    let end = Endpoint { host: to.host(), port: options.port(to) };
    let tcp = connect(to, end, options).await?;
    let stream = if to.is_development() {
        Stream::Tcp(tcp)
    } else {
        Stream::Tls(Box::new(tls::handshake(tcp, end, options.tls()).await?))
    };
    match options.kind() {
        TransportKind::Amqp => Ok(stream),
        TransportKind::WebSocket => {
            let socket = websocket::handshake(stream, end, !to.is_development()).await?;
            Ok(Stream::WebSocket(Box::new(socket)))
        }
    }
}

/// Connects to the hub, or through the proxy that the options choose for it.
async fn connect(
    to: &Address,
    end: Endpoint<'_>,
    options: &TransportOptions,
) -> Result<TcpStream, TransportError> {
    if let Some(proxy) = options.proxy().of(end)? {
        tracing::info!(hub = %end, proxy = %proxy, "connecting through a proxy");
        return proxy::tunnel(proxy, end).await;
    }
    tcp::connect(end).await.map_err(|failure| match failure {
        TcpFailure::Resolve(cause) => TransportError::Resolve { host: end.host.to_owned(), cause },
        TcpFailure::Connect(cause) => {
            let remedy = match options.kind() {
                _ if to.is_development() => START_EMULATOR,
                TransportKind::Amqp => TRY_WEBSOCKET,
                TransportKind::WebSocket => TRY_PROXY,
            };
            TransportError::Connect { to: end.to_string(), cause, remedy }
        }
    })
}

/// Remedy for an emulator that can't be reached.
const START_EMULATOR: &str = "is the emulator running, and is the port right?";
/// Remedy for a namespace whose AMQP port can't be reached.
const TRY_WEBSOCKET: &str = "if a firewall blocks port 5671, try --transport websocket (port 443)";
/// Remedy for a namespace whose HTTPS port can't be reached.
const TRY_PROXY: &str = "if this network reaches other hosts only through a proxy, name it with --proxy URL";
