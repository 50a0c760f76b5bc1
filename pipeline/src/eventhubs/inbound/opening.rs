//! The opening of a connection: SASL, then AMQP, one step after the other.
//!
//! Owns: what we state in our Open. Does not own: the stream, or its encryption: any stream will do.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::socket::Buffer;
use crate::amqp::encode::Encoder;
use crate::amqp::frames::{FrameRef, Layer, put_frame, put_sasl_frame};
use crate::amqp::performatives::{Open, Performative};
use crate::amqp::{AMQP_HEADER, MAX_FRAME_SIZE, SASL_HEADER, sasl};
use crate::eventhubs::{ConnectionString, Error, ErrorKind};

/// What the hub states in its Open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreed {
    pub(super) channel_max: u16,
    /// The silence after which the hub gives up on us.
    pub(super) hub_patience: Option<Duration>,
}

/// Opens a connection on `stream`. What comes behind the hub's Open stays in `buffer`.
pub(super) async fn open<S>(
    stream: &mut S,
    buffer: &mut Buffer,
    to: &ConnectionString,
    name: &str,
    patience: Duration,
) -> Result<Agreed, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut opening = Opening { stream, buffer, address: format!("{}:{}", to.host(), to.port()) };
    opening.write(&SASL_HEADER).await?;
    opening.header(SASL_HEADER).await?;
    // The mechanisms: a hub lets everybody in, and asks for a token later.
    opening.sasl(|_| Ok(())).await?;
    let init = sasl::Init { mechanism: "ANONYMOUS", initial_response: b"" };
    let mut out = Vec::new();
    put_sasl_frame(&mut out, |out| sasl::encode_init(&init, to.host(), out));
    opening.write(&out).await?;
    if !opening.sasl(sasl::decode_outcome).await? {
        return Err(opening.refused("it lets nobody in without credentials", ErrorKind::Unauthorized));
    }
    let mut out = AMQP_HEADER.to_vec();
    put_open(to.host(), name, patience, &mut out);
    opening.write(&out).await?;
    opening.header(AMQP_HEADER).await?;
    opening.opened().await
}

fn put_open(host: &str, name: &str, patience: Duration, out: &mut Vec<u8>) {
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
        // A hub is told half of it, so that it is heard in time.
        idle_time_out: Some((patience / 2).as_millis() as u32),
        properties: Some(&properties),
        ..Open::default()
    };
    put_frame(out, 0, |out| open.encode(out));
}

struct Opening<'a, S> {
    stream: &'a mut S,
    buffer: &'a mut Buffer,
    address: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Opening<'_, S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(|error| self.unreachable(error))
    }

    async fn read(&mut self) -> Result<(), Error> {
        match self.stream.read(self.buffer.space()).await {
            Ok(0) => Err(self.refused("it hangs up", ErrorKind::Transient)),
            Ok(count) => {
                self.buffer.filled(count);
                Ok(())
            }
            Err(error) => Err(self.unreachable(error)),
        }
    }

    async fn header(&mut self, expected: [u8; 8]) -> Result<(), Error> {
        loop {
            if let Some(header) = self.buffer.bytes().first_chunk::<8>() {
                if *header != expected {
                    // What is not AMQP answers with bytes of its own; that does not pass.
                    return Err(self.refused("it does not speak AMQP 1.0", ErrorKind::Fatal));
                }
                self.buffer.consume(8);
                return Ok(());
            }
            self.read().await?;
        }
    }

    /// Waits for the next frame and gives what `read` makes of its body.
    async fn frame<T>(
        &mut self,
        layer: Layer,
        read: impl Fn(&[u8]) -> Result<T, crate::amqp::codec::Error>,
    ) -> Result<T, Error> {
        loop {
            let read = match FrameRef::first(self.buffer.bytes(), MAX_FRAME_SIZE as usize) {
                Ok(Some(frame)) if frame.layer == layer => {
                    Some((frame.size, read(frame.body).map_err(|error| error.to_string())))
                }
                Ok(Some(_)) => Some((0, Err("a frame of another layer".to_owned()))),
                Ok(None) => None,
                Err(error) => Some((0, Err(error.to_string()))),
            };
            let Some((size, read)) = read else {
                self.read().await?;
                continue;
            };
            self.buffer.consume(size);
            return read.map_err(|what| self.refused(&what, ErrorKind::Transient));
        }
    }

    async fn sasl<T>(
        &mut self,
        read: impl Fn(&[u8]) -> Result<T, crate::amqp::codec::Error>,
    ) -> Result<T, Error> {
        self.frame(Layer::Sasl, read).await
    }

    async fn opened(&mut self) -> Result<Agreed, Error> {
        let address = self.address.clone();
        let opened = self.frame(Layer::Amqp, |body| {
            Ok(match Performative::decode(body)?.0 {
                Performative::Open(open) => Ok(Agreed {
                    channel_max: open.channel_max.unwrap_or(u16::MAX).min(CHANNEL_MAX),
                    hub_patience: open
                        .idle_time_out
                        .filter(|ms| *ms > 0)
                        .map(|ms| Duration::from_millis(ms.into())),
                }),
                Performative::Close(error) => {
                    Err(super::gone::Gone::told(error, "the hub has closed the connection").error(&address))
                }
                _ => Err(Error::lost(&address, "the hub does not open the connection")),
            })
        });
        opened.await?
    }

    fn unreachable(&self, source: io::Error) -> Error {
        Error::Unreachable { address: self.address.clone(), source }
    }

    fn refused(&self, what: &str, kind: ErrorKind) -> Error {
        Error::NotOpened { address: self.address.clone(), what: what.to_owned(), kind }
    }
}

/// The service's own figure: one session per partition, and hubs may have 1,024.
const CHANNEL_MAX: u16 = 4_999;
