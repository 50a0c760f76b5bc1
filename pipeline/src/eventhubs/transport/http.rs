//! One HTTP request that turns its connection into another protocol: CONNECT of a proxy, or the start of WebSocket.

use bytes::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// The response, and the connection after it.
#[derive(Debug)]
pub(super) struct Upgrade<S> {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) stream: S,
    /// Bytes of the next protocol that arrived with the response.
    pub(super) rest: Bytes,
}

/// Sends the request and waits for the headers of the response.
pub(super) async fn upgrade<S>(stream: S, request: Request<String>) -> Result<Upgrade<S>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) =
        http1::Builder::new().title_case_headers(true).handshake(TokioIo::new(stream)).await?;
    // The sender and the body of a refusal are dropped with this block, which ends the connection below.
    let response = async move { sender.send_request(request).await.map(|response| response.into_parts().0) };
    let (head, connection) = tokio::join!(response, connection.without_shutdown());
    let (head, connection) = (head?, connection?);
    Ok(Upgrade {
        status: head.status,
        headers: head.headers,
        stream: connection.io.into_inner(),
        rest: connection.read_buf,
    })
}
