//! The hub's bytes on a link, recorded by a proxy and replayed from memory.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;

use catchwater::internals::amqp::frames::FrameRef;
use catchwater::internals::amqp::transfer::decode_transfer;
use catchwater::internals::clock::SystemClock;
use catchwater::internals::event::RawBatch;
use catchwater::internals::eventhubs::{Client, ConnectionString, Replay};

use super::{FIRST, Failure, Hub, attach};

/// Transfer frames of one link, in order.
pub(crate) struct Recording {
    channel: u16,
    /// Whole frames, in pieces of the size of one socket read.
    pieces: Vec<Vec<u8>>,
}

impl Recording {
    /// Records a receiver that reads `count` events.
    pub(crate) fn of(hub: &Hub, count: usize) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let text = hub.connection_string();
        let text = text.replace(&hub.address().to_string(), &address.to_string());
        let (kept, recordings) = mpsc::channel();
        let to = hub.address();
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let kept = kept.clone();
                std::thread::spawn(move || {
                    kept.send(pass_on(&client, &TcpStream::connect(to)?)).map_err(other)
                });
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client =
                Client::connect(&ConnectionString::parse(&text)?, "recorder", Arc::new(SystemClock)).await?;
            let mut receiver = attach(&client).await?;
            let mut read = 0;
            while read < count {
                read += receiver.next_batch().await?.len();
            }
            receiver.close().await?;
            client.close().await;
            Ok::<_, Failure>(())
        })?;
        let (channel, pieces) = transfers(&recordings.recv()?);
        Ok(Self { channel, pieces })
    }

    /// Replays the frames; each batch is taken as soon as it is complete.
    pub(crate) fn replay(&self, mut take: impl FnMut(&RawBatch)) -> Result<(), Failure> {
        let mut replay = Replay::new(FIRST, self.channel, -1, 32 << 20)?;
        for piece in &self.pieces {
            replay.feed(piece)?;
            while let Some(batch) = replay.take() {
                take(&batch);
            }
        }
        replay.failure().map_or(Ok(()), |error| Err(error.into()))
    }
}

fn other(_: mpsc::SendError<Vec<u8>>) -> std::io::Error {
    std::io::Error::other("the receiver of the recording has ended")
}

/// Passes bytes on in both directions until the client closes the connection; returns the hub's bytes.
fn pass_on(client: &TcpStream, hub: &TcpStream) -> Vec<u8> {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut from, mut to) = (client, hub);
            let _ = std::io::copy(&mut from, &mut to);
            let _ = hub.shutdown(Shutdown::Write);
        });
        let (mut from, mut to) = (hub, client);
        let (mut received, mut bytes) = (Vec::new(), vec![0; 1 << 18]);
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            received.extend_from_slice(&bytes[..count]);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        received
    })
}

/// Channel and transfer frames of the link that carried events, in pieces of about 200 KiB.
fn transfers(received: &[u8]) -> (u16, Vec<Vec<u8>>) {
    let (mut channel, mut pieces) = (0, vec![Vec::new()]);
    let mut rest = received;
    while !rest.is_empty() {
        if rest.starts_with(b"AMQP") {
            rest = &rest[8..];
            continue;
        }
        let Ok(Some(frame)) = FrameRef::first(rest, 65_536) else { break };
        // The first channel is that of `$cbs`.
        if frame.channel > 0 && matches!(decode_transfer(frame.body), Ok(Some(_))) {
            channel = frame.channel;
            if pieces.last().is_none_or(|piece| piece.len() > 200 << 10) {
                pieces.push(Vec::new());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.extend_from_slice(&rest[..frame.size]);
            }
        }
        rest = &rest[frame.size..];
    }
    (channel, pieces)
}
