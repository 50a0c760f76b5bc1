//! WebSocket at the start of a connection, for the hub.
//!
//! Owns: the HTTP request, its path and its subprotocol. Does not own: the messages after it (`websocket`).

use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::error::Error;
use super::http::answer;
use crate::websocket::{OTHER_SUBPROTOCOL, PATH, SUBPROTOCOL, WebSocketBytes};

/// Limit on the request: one round trip, and a client on a busy machine.
const WEBSOCKET_TIMEOUT: Duration = Duration::from_secs(20);

/// Starts WebSocket; `None` if the request was refused.
pub(super) async fn accept<S>(stream: S) -> Result<Option<WebSocketBytes<S>>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let is_accepted = AtomicBool::new(false);
    let service = service_fn(|request: Request<_>| {
        let mut response = respond(&request);
        is_accepted.store(response.status() == StatusCode::SWITCHING_PROTOCOLS, Ordering::Relaxed);
        // Not by the server's own setting, which adds it to the upgrade too: aiohttp, the WebSocket of the Python SDK,
        // refuses any `Connection` but `Upgrade`.
        if !is_accepted.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        ready(Ok::<_, Infallible>(response))
    });
    let handshake = async {
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let parts = connection.without_shutdown().await?;
        let mut stream = parts.io.into_inner();
        if is_accepted.load(Ordering::Relaxed) {
            return Ok(Some(WebSocketBytes::server(stream, parts.read_buf).await));
        }
        stream.shutdown().await?;
        Ok(None)
    };
    timeout(WEBSOCKET_TIMEOUT, handshake)
        .await
        .map_err(|_| Error::Slow { protocol: "WebSocket", limit: WEBSOCKET_TIMEOUT })?
}

/// The response to a request: 101, or the status and text of a refusal.
fn respond<B>(request: &Request<B>) -> Response<String> {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    if path.strip_suffix('/').unwrap_or(&path) != PATH {
        return answer(StatusCode::NOT_FOUND, format!("AMQP over WebSocket is at {PATH}."));
    }
    let Ok(mut response) = create_response_with_body(request, String::new) else {
        let text = "This is AMQP over WebSocket: a request of WebSocket, version 13, is expected.";
        let mut refusal = answer(StatusCode::UPGRADE_REQUIRED, text);
        refusal.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        refusal.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return refusal;
    };
    let Some(chosen) = subprotocol(request.headers()) else {
        let text = format!("A subprotocol is required: {SUBPROTOCOL} or {OTHER_SUBPROTOCOL}.");
        return answer(StatusCode::BAD_REQUEST, text);
    };
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(chosen));
    response
}

/// The first subprotocol of a request that is AMQP.
fn subprotocol(headers: &HeaderMap) -> Option<&'static str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let mut names = values.flat_map(|value| value.split(',')).map(str::trim);
    names.find_map(|name| [SUBPROTOCOL, OTHER_SUBPROTOCOL].into_iter().find(|known| *known == name))
}
