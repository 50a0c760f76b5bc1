//! A recorded link, replayed from memory through the same frames, deliveries and batches, without a socket.
//!
//! For tests that compare two receivers on one recording, and for the bench that times this stage alone.

use std::sync::Arc;

use super::connection::{Incoming, SessionTable, SharedSession};
use super::error::Error;
use super::link::ReceiverLink;
use super::receive::BatchAssembler;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{Attach, Begin, Source};
use crate::budget::Budget;
use crate::event::RawBatch;
use crate::position::PartitionId;

/// One attached link that the caller feeds with bytes.
#[derive(Debug)]
pub struct Replay {
    table: Arc<SessionTable>,
    incoming: Incoming,
    link: Arc<SharedSession<ReceiverLink>>,
}

impl Replay {
    /// A link on the hub's channel `channel` for events after `position`, with credit for `credit_bytes` bytes.
    ///
    /// # Errors
    /// None that depend on the arguments.
    pub fn new(
        partition: PartitionId,
        channel: u16,
        position: i64,
        credit_bytes: usize,
    ) -> Result<Self, Error> {
        let subject = format!("partition {partition} of a recording");
        let budget = Budget::new(u64::MAX);
        let table = SessionTable::new(0);
        let events = BatchAssembler::new(partition, position, budget, credit_bytes, Arc::clone(&table.pool));
        let link = SharedSession::new(ReceiverLink::new(subject.clone(), partition, events));
        let local_channel = table
            .insert(Arc::<SharedSession<ReceiverLink>>::clone(&link))
            .map_err(|reason| reason.error(&subject))?;
        let mut incoming = Incoming::new(Arc::clone(&table));
        let mut opening = Vec::new();
        let begin = Begin { remote_channel: Some(local_channel), ..Begin::default() };
        put_frame(&mut opening, channel, |out| begin.encode(out));
        let attach = Attach { name: "recording", source: Some(Source::default()), ..Attach::default() };
        put_frame(&mut opening, channel, |out| attach.encode(out));
        incoming.dispatch(&opening).map_err(|reason| reason.error(&subject))?;
        link.lock().open_window();
        let mut replay = Self { table, incoming, link };
        replay.take();
        Ok(replay)
    }

    /// Handles the whole frames that `bytes` begins with; returns their length.
    ///
    /// # Errors
    /// The error that would end the connection.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.incoming.dispatch(bytes).map_err(|reason| reason.error("the recording"))
    }

    /// Takes the oldest batch, and grants the sender credit for more.
    pub fn take(&mut self) -> Option<RawBatch> {
        let mut link = self.link.lock();
        // Frames for the hub are discarded.
        self.table.outgoing.write(|out| {
            let batch = link.take_batch(out);
            out.clear();
            batch
        })
    }

    /// Deliveries without a usable sequence number since the last event.
    pub fn unreadable(&self) -> u32 {
        self.link.lock().unreadable()
    }

    /// Takes the error that ended the link.
    pub fn failure(&mut self) -> Option<Error> {
        self.link.lock().take_error()
    }
}
