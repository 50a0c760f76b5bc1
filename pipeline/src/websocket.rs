//! AMQP over WebSocket: the names that both ends use, and a byte stream in binary messages.
//!
//! Owns: path, subprotocols, and messages as bytes. Does not own: the handshake of either end (`eventhubs/transport`,
//! `emulator/listener`), or the framing (tokio-tungstenite).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

/// The service's path.
pub(crate) const PATH: &str = "/$servicebus/websocket";

/// The subprotocol that the official Python and JavaScript SDKs request.
pub(crate) const SUBPROTOCOL: &str = "AMQPWSB10";

/// The registered name, which .NET requests and some servers choose.
pub(crate) const OTHER_SUBPROTOCOL: &str = "amqp";

/// Upper bound on a message: a peer may pack many frames of 64 KiB into one. An incomplete message is held, also that of
/// a peer that has not proved who it is.
const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// A byte stream in the binary messages of a WebSocket. Messages need not be frames of AMQP.
#[derive(Debug)]
pub(crate) struct WebSocketBytes<S> {
    socket: WebSocketStream<S>,
    /// The rest of the last message.
    unread: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketBytes<S> {
    /// The client's end, after its handshake. `rest` arrived with the response.
    pub(crate) async fn client(stream: S, rest: Bytes) -> Self {
        Self::new(stream, rest, Role::Client).await
    }

    /// The server's end, after its handshake. `rest` arrived with the request.
    pub(crate) async fn server(stream: S, rest: Bytes) -> Self {
        Self::new(stream, rest, Role::Server).await
    }

    async fn new(stream: S, rest: Bytes, role: Role) -> Self {
        let config = WebSocketConfig::default()
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let socket = WebSocketStream::from_partially_read(stream, rest.into(), role, Some(config)).await;
        Self { socket, unread: Bytes::new() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocketBytes<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.unread.is_empty() {
            match ready!(Pin::new(&mut this.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => this.unread = bytes,
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the peer sent a text message over WebSocket",
                    )));
                }
                // The library answers pings, and sends its own Close before it reports the end.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_))) => {}
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(end_of_stream(error)),
            }
        }
        let count = this.unread.len().min(buffer.remaining());
        buffer.put_slice(&this.unread[..count]);
        this.unread.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocketBytes<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.get_mut().socket);
        ready!(socket.as_mut().poll_ready(context)).map_err(io_error)?;
        socket.start_send(Message::Binary(Bytes::copy_from_slice(bytes))).map_err(io_error)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context).map_err(io_error)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_close(context).map_err(io_error)
    }
}

/// A peer that closes without a Close of WebSocket ends the stream like one without TLS: AMQP has a Close of its own.
fn end_of_stream(error: tungstenite::Error) -> io::Result<()> {
    use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    match error {
        tungstenite::Error::Protocol(ResetWithoutClosingHandshake) => Ok(()),
        other => Err(io_error(other)),
    }
}

fn io_error(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use futures::{SinkExt as _, StreamExt as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    /// A client's stream with 64 bytes in flight, and the server of it.
    async fn pair() -> (WebSocketBytes<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (client, server) = duplex(64);
        let client = WebSocketBytes::client(client, Bytes::new()).await;
        let server = WebSocketStream::from_raw_socket(server, Role::Server, None).await;
        (client, server)
    }

    #[tokio::test]
    async fn pings_are_answered_while_nothing_is_written() {
        let (mut client, mut server) = pair().await;
        let pings = async {
            for n in 0..3_u8 {
                server.send(Message::Ping(vec![n].into())).await.unwrap();
                assert_eq!(server.next().await.unwrap().unwrap(), Message::Pong(vec![n].into()));
            }
            server.send(Message::binary(b"end".to_vec())).await.unwrap();
        };
        let mut bytes = [0; 3];
        let (read, ()) = tokio::join!(client.read_exact(&mut bytes), pings);
        read.unwrap();
        assert_eq!(&bytes, b"end");
    }

    #[tokio::test]
    async fn flushed_bytes_arrive_although_the_peer_is_slow() {
        let (mut client, mut server) = pair().await;
        let sent: Vec<u8> = (0..100_000_usize).map(|index| (index % 251) as u8).collect();
        let writing = async {
            for piece in sent.chunks(7_001) {
                client.write_all(piece).await.unwrap();
            }
            client.flush().await.unwrap();
            client.shutdown().await.unwrap();
        };
        let reading = async {
            let mut received = Vec::new();
            while let Some(Ok(message)) = server.next().await {
                received.extend(message.into_data());
            }
            received
        };
        let ((), received) = tokio::join!(writing, reading);
        assert!(received == sent);
    }

    #[tokio::test]
    async fn close_is_the_end_and_text_is_an_error() {
        let (mut client, mut server) = pair().await;
        let mut bytes = Vec::new();
        let (read, closed) = tokio::join!(client.read_to_end(&mut bytes), async {
            server.send(Message::binary(b"ab".to_vec())).await.unwrap();
            server.close(None).await.unwrap();
            // The close of the client.
            server.next().await;
            drop(server);
        });
        let () = closed;
        assert_eq!((read.unwrap(), bytes.as_slice()), (2, &b"ab"[..]));

        let (mut client, mut server) = pair().await;
        server.send(Message::text("hello")).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap_err().kind(), io::ErrorKind::InvalidData);

        let (mut client, server) = pair().await;
        drop(server);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
