//! The handshake of AMQP over WebSocket.
//!
//! Owns: request and response. Does not own: the stream below (TCP or TLS), or the messages (`websocket`).

use std::time::Duration;

use hyper::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use hyper::{Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::endpoint::Endpoint;
use super::error::TransportError;
use super::http::{self, Upgrade};
use super::tcp::no_answer;
use crate::websocket::{OTHER_SUBPROTOCOL, PATH, SUBPROTOCOL, WebSocketBytes};

/// Starts WebSocket on a stream to the hub.
pub(super) async fn handshake<S>(
    stream: S,
    end: Endpoint<'_>,
    is_tls: bool,
) -> Result<WebSocketBytes<S>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |cause: String| TransportError::WebSocketBroken { to: end.to_string(), cause };
    let key = generate_key();
    let request = request(end, is_tls, &key).map_err(|error| broken(error.to_string()))?;
    let answer = timeout(WEBSOCKET_TIMEOUT, http::upgrade(stream, request))
        .await
        .map_err(|_| broken(no_answer(WEBSOCKET_TIMEOUT)))?
        .map_err(|error| broken(error.to_string()))?;
    check(&answer, end, &key)?;
    let Upgrade { stream, rest, .. } = answer;
    Ok(WebSocketBytes::client(stream, rest).await)
}

fn request(end: Endpoint<'_>, is_tls: bool, key: &str) -> Result<Request<String>, hyper::http::Error> {
    let default_port = if is_tls { 443 } else { 80 };
    let authority = end.to_string();
    let port = format!(":{default_port}");
    Request::get(PATH)
        .header(HOST, authority.strip_suffix(&port).unwrap_or(&authority))
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        .body(String::new())
}

/// Checks the response. Hubs answer with either name of the subprotocol; one without it is taken as well.
fn check<S>(answer: &Upgrade<S>, end: Endpoint<'_>, key: &str) -> Result<(), TransportError> {
    let broken =
        |cause: &str| TransportError::WebSocketBroken { to: end.to_string(), cause: cause.to_owned() };
    if answer.status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(TransportError::WebSocketRefused {
            to: end.to_string(),
            status: answer.status.as_u16(),
            reason: answer.status.canonical_reason().unwrap_or_default(),
        });
    }
    let accept = answer.headers.get(SEC_WEBSOCKET_ACCEPT);
    if accept.is_none_or(|accept| accept.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(broken("the response is for another request"));
    }
    match answer.headers.get(SEC_WEBSOCKET_PROTOCOL) {
        Some(name) if name != SUBPROTOCOL && name != OTHER_SUBPROTOCOL => {
            Err(broken("the peer chose another subprotocol than AMQP"))
        }
        _ => Ok(()),
    }
}

/// Limit on the response to the handshake: one round trip, and a gateway that finds the namespace.
const WEBSOCKET_TIMEOUT: Duration = Duration::from_secs(20);
