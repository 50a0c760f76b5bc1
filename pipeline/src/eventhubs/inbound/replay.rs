//! The bytes of a link from memory: through the same frames, deliveries and batches, without a socket.
//!
//! For tests that compare what two receivers make of one recording, and for the bench that times this stage alone.

use std::sync::Arc;

use super::arrivals::Arrivals;
use super::channels::{Channels, Shared};
use super::incoming::Incoming;
use super::link::Link;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{Attach, Begin, Source};
use crate::budget::Share;
use crate::event::RawBatch;
use crate::eventhubs::Error;
use crate::eventhubs::credit::Credit;
use crate::position::PartitionId;

/// One attached link that is fed by hand.
#[derive(Debug)]
pub struct Replay {
    channels: Arc<Channels>,
    incoming: Incoming,
    link: Arc<Shared<Link>>,
}

impl Replay {
    /// A link on the hub's channel `channel`, with credit for a share of `partition_share` bytes; events come above
    /// `position`.
    ///
    /// # Errors
    /// None that depend on the arguments.
    pub fn new(
        partition: PartitionId,
        channel: u16,
        position: i64,
        partition_share: usize,
    ) -> Result<Self, Error> {
        let subject = format!("partition {partition} of a recording");
        let share = Share::new(u64::MAX);
        let channels = Channels::new(0);
        let pool = Arc::clone(&channels.pool);
        let events = Arrivals::new(partition, position, share, Credit::new(partition_share), pool);
        let link = Shared::new(Link::new(subject.clone(), partition, events));
        let ours = channels.add(Arc::<Shared<Link>>::clone(&link)).map_err(|gone| gone.error(&subject))?;
        let mut incoming = Incoming::new(Arc::clone(&channels));
        let mut opening = Vec::new();
        let begin = Begin { remote_channel: Some(ours), ..Begin::default() };
        put_frame(&mut opening, channel, |out| begin.encode(out));
        let attach = Attach { name: "recording", source: Some(Source::default()), ..Attach::default() };
        put_frame(&mut opening, channel, |out| attach.encode(out));
        incoming.take(&opening).map_err(|gone| gone.error(&subject))?;
        let mut replay = Self { channels, incoming, link };
        replay.take();
        Ok(replay)
    }

    /// Takes in the whole frames that `bytes` begins with; gives their length.
    ///
    /// # Errors
    /// What would end the connection.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.incoming.take(bytes).map_err(|gone| gone.error("the recording"))
    }

    /// Takes the oldest batch, and gives the sender credit for more.
    pub fn take(&mut self) -> Option<RawBatch> {
        let mut link = self.link.lock();
        // What would be written goes nowhere.
        self.channels.outgoing.put(|out| {
            let batch = link.take(out);
            out.clear();
            batch
        })
    }

    /// Deliveries without a usable sequence number after the last event.
    pub fn unreadable(&self) -> u32 {
        self.link.lock().unreadable()
    }

    /// What ended the link, said once.
    pub fn failure(&mut self) -> Option<Error> {
        self.link.lock().failure()
    }
}
