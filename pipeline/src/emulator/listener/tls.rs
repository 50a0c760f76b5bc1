//! TLS at the start of a connection, for the hub.
//!
//! Owns the handshake, and the answer to a client without TLS. Does not own: certificates (`authority`).

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::error::Error;
use crate::amqp::TLS_HEADER;

/// Limit on a handshake: two round trips, and a client on a busy machine.
const TLS_TIMEOUT: Duration = Duration::from_secs(20);

/// First byte of a client's TLS: the content type of a handshake record.
const HANDSHAKE_RECORD: u8 = 22;

/// Answer to HTTP without TLS, such as from a browser.
const HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
    Content-Length: 49\r\n\r\nThis port has TLS. Use wss:// instead of ws:// .\n";

/// Starts TLS. It begins with the client's first byte; a client without it gets the end of the connection at once.
pub(super) async fn accept(mut stream: TcpStream, tls: &TlsAcceptor) -> Result<TlsStream<TcpStream>, Error> {
    let handshake = async {
        let mut first = [0; 1];
        if stream.peek(&mut first).await? == 0 {
            return Err(Error::NoBytes);
        }
        if first[0] == HANDSHAKE_RECORD {
            return tls.accept(stream).await.map_err(Error::Tls);
        }
        answer(&mut stream, first[0]).await?;
        Err(Error::NotTls)
    };
    timeout(TLS_TIMEOUT, handshake).await.map_err(|_| Error::Slow { protocol: "TLS", limit: TLS_TIMEOUT })?
}

/// Answers a client without TLS in its own protocol, and reads what it has sent: unread bytes would reset the connection,
/// and the answer could be lost.
async fn answer(stream: &mut TcpStream, first: u8) -> std::io::Result<()> {
    let answer: &[u8] = match first {
        b'A' => &TLS_HEADER,
        b'G' | b'H' | b'P' => HTTP_ANSWER,
        _ => return Ok(()),
    };
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    let mut rest = vec![0; 4096];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
