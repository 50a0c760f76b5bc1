//! The handshake of a connection: SASL, then AMQP, one step after the other.
//!
//! Owns: our Open. Does not own: the stream and its encryption (`transport`); any stream will do.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::buffer::ReadBuffer;
use super::close_reason::CloseReason;
use crate::amqp::encode::Encoder;
use crate::amqp::frames::{FrameRef, Layer, put_frame, put_sasl_frame};
use crate::amqp::performatives::{Open, Performative};
use crate::amqp::{AMQP_HEADER, MAX_FRAME_SIZE, SASL_HEADER, codec, sasl};
use crate::eventhubs::address::Address;
use crate::eventhubs::condition::ErrorKind;
use crate::eventhubs::error::{Error, no_amqp};

/// The limits in the hub's Open.
#[derive(Clone, Copy, Debug)]
pub(super) struct RemoteOpen {
    pub(super) channel_max: u16,
    /// The hub closes a connection on which it has received nothing for this time.
    pub(super) idle_timeout: Option<Duration>,
}

/// Opens a connection on `stream` as `name`. Bytes after the hub's Open stay in `buffer`.
pub(super) async fn open<S>(
    stream: &mut S,
    buffer: &mut ReadBuffer,
    to: &Address,
    name: &str,
    idle_timeout: Duration,
) -> Result<RemoteOpen, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut handshake = Handshake { stream, buffer, address: format!("{}:{}", to.host(), to.port()) };
    handshake.write(&SASL_HEADER).await?;
    handshake.read_header(SASL_HEADER).await?;
    // The list of mechanisms is not checked: a hub accepts every client here, and requires a token later.
    handshake.read_frame(Layer::Sasl, |_| Ok(())).await?;
    let init = sasl::Init { mechanism: "ANONYMOUS", initial_response: b"" };
    let mut out = Vec::new();
    put_sasl_frame(&mut out, |out| sasl::encode_init(&init, to.host(), out));
    handshake.write(&out).await?;
    if !handshake.read_frame(Layer::Sasl, sasl::decode_outcome).await? {
        return Err(handshake.failed("SASL ANONYMOUS was refused", ErrorKind::Unauthorized));
    }
    let mut out = AMQP_HEADER.to_vec();
    write_open(to.host(), name, idle_timeout, &mut out);
    handshake.write(&out).await?;
    handshake.read_header(AMQP_HEADER).await?;
    handshake.read_open().await
}

fn write_open(host: &str, name: &str, idle_timeout: Duration, out: &mut Vec<u8>) {
    let mut properties = Vec::new();
    Encoder::new(&mut properties).map(|map| {
        for (name, value) in [("product", "catchwater"), ("version", env!("CARGO_PKG_VERSION"))] {
            map.symbol(name);
            map.string(value);
        }
    });
    let open = Open {
        container_id: name,
        hostname: Some(host),
        max_frame_size: Some(MAX_FRAME_SIZE),
        channel_max: Some(CHANNEL_MAX),
        // Half of it, as the standard advises: a frame that is sent at the last moment must arrive in time.
        idle_time_out: Some((idle_timeout / 2).as_millis() as u32),
        properties: Some(&properties),
        ..Open::default()
    };
    put_frame(out, 0, |out| open.encode(out));
}

struct Handshake<'a, S> {
    stream: &'a mut S,
    buffer: &'a mut ReadBuffer,
    address: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshake<'_, S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| self.unreachable(error))
    }

    async fn read(&mut self) -> Result<(), Error> {
        match self.stream.read(self.buffer.space()).await {
            Ok(0) => {
                Err(self.failed("the peer closed the connection during the handshake", ErrorKind::Transient))
            }
            Ok(count) => {
                self.buffer.filled(count);
                Ok(())
            }
            Err(error) => Err(self.unreachable(error)),
        }
    }

    async fn read_header(&mut self, expected: [u8; 8]) -> Result<(), Error> {
        loop {
            if let Some(header) = self.buffer.bytes().first_chunk::<8>() {
                if *header != expected {
                    // Another protocol on this port; a retry would not help.
                    return Err(self.failed(no_amqp(header), ErrorKind::Fatal));
                }
                self.buffer.consume(8);
                return Ok(());
            }
            self.read().await?;
        }
    }

    /// Waits for the next frame and decodes its body.
    async fn read_frame<T>(
        &mut self,
        layer: Layer,
        decode: impl Fn(&[u8]) -> Result<T, codec::Error>,
    ) -> Result<T, Error> {
        loop {
            let decoded = match FrameRef::first(self.buffer.bytes(), MAX_FRAME_SIZE as usize) {
                Ok(Some(frame)) if frame.layer == layer => {
                    Some((frame.size, decode(frame.body).map_err(|error| error.to_string())))
                }
                Ok(Some(_)) => Some((0, Err("a frame of another layer".to_owned()))),
                Ok(None) => None,
                Err(error) => Some((0, Err(error.to_string()))),
            };
            let Some((size, decoded)) = decoded else {
                self.read().await?;
                continue;
            };
            self.buffer.consume(size);
            return decoded.map_err(|what| self.failed(&what, ErrorKind::Transient));
        }
    }

    async fn read_open(&mut self) -> Result<RemoteOpen, Error> {
        let address = self.address.clone();
        let opened = self.read_frame(Layer::Amqp, |body| {
            Ok(match Performative::decode(body)?.0 {
                Performative::Open(open) => Ok(RemoteOpen {
                    channel_max: open.channel_max.unwrap_or(u16::MAX).min(CHANNEL_MAX),
                    idle_timeout: open
                        .idle_time_out
                        .filter(|ms| *ms > 0)
                        .map(|ms| Duration::from_millis(ms.into())),
                }),
                Performative::Close(error) => {
                    Err(CloseReason::new(error, "the hub closed the connection").error(&address))
                }
                _ => Err(Error::lost(&address, "the hub did not answer with an Open")),
            })
        });
        opened.await?
    }

    fn unreachable(&self, source: io::Error) -> Error {
        Error::Unreachable { address: self.address.clone(), source }
    }

    fn failed(&self, what: &str, kind: ErrorKind) -> Error {
        Error::NotOpened { address: self.address.clone(), what: what.to_owned(), kind }
    }
}

/// Highest channel number; the service's own figure. One session per partition, and a hub has at most 1,024.
pub(crate) const CHANNEL_MAX: u16 = 4_999;
