//! One partition, read within a budget.
//!
//! Owns: batches, and giving credit. Does not own: attaching (`link`), the arithmetic of credit (`credit`), what a
//! message carries (`body`).

use std::sync::Arc;
use std::time::Duration;

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::RecvError;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Delivery, Receiver};
use fe2o3_amqp_types::messaging::Body;
use fe2o3_amqp_types::primitives::LazyValue;
use futures::FutureExt as _;

use super::body::{Place, last_enqueued, push};
use super::credit::Credit;
use super::link::attach_link;
use super::names::STOLEN;
use super::{Error, ErrorKind};
use crate::budget::{Permit, Share};
use crate::event::RawBatch;
use crate::position::{Offset, PartitionId, SequenceNumber};

/// A link that reads one partition.
#[derive(Debug)]
pub struct PartitionReceiver {
    partition: PartitionId,
    subject: String,
    receiver: Receiver,
    share: Arc<Share>,
    credit: Credit,
    /// Stands for what the hub may have under way to us.
    permit: Permit,
    /// What was taken off the link so far: a call that is dropped half-way loses nothing.
    batch: RawBatch,
    /// The event behind a jump in the numbers: it begins a batch of its own, so that nobody overlooks the jump.
    ahead: Option<RawBatch>,
    /// The error behind the events of `batch`.
    failed: Option<Error>,
    /// What the error meant that the caller was told.
    told: Option<ErrorKind>,
    /// The number of the last event; only later ones may come.
    position: i64,
    last_enqueued: Option<SequenceNumber>,
    /// Ends when it is dropped, and the link with it.
    _session: SessionHandle<()>,
}

/// How a partition is read.
#[derive(Clone, Debug)]
pub struct ReceiveOptions {
    /// The consumer group, `$Default` mostly.
    pub consumer_group: String,
    /// Where to begin.
    pub start: Start,
    /// With an owner level the reader is the only one of its group: it displaces readers of the same or a lower one.
    pub owner_level: Option<i64>,
    /// The name other readers see in their errors.
    pub name: String,
}

/// Where reading begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first event the hub still has.
    Earliest,
    /// Behind the event of this offset; behind that sequence number when the hub refuses the offset.
    After {
        /// The resume token.
        offset: Offset,
        /// The number of the same event.
        sequence_number: SequenceNumber,
    },
    /// Behind the event of this number.
    AfterSequence(SequenceNumber),
}

impl PartitionReceiver {
    pub(super) async fn attach(
        connection: &mut ConnectionHandle<()>,
        hub: &str,
        partition: PartitionId,
        options: &ReceiveOptions,
        share: Arc<Share>,
        partition_share: usize,
    ) -> Result<Self, Error> {
        let subject = format!("partition {partition} of {hub}");
        let attaching = attach_link(connection, hub, partition, options, &subject);
        let (receiver, session) = tokio::time::timeout(PATIENCE, attaching)
            .await
            .unwrap_or_else(|_| Err(Error::lost(&subject, "the hub does not answer")))?;
        Ok(Self {
            partition,
            subject,
            receiver,
            credit: Credit::new(partition_share),
            permit: share.charge(0),
            batch: RawBatch::new(partition, share.charge(0)),
            share,
            ahead: None,
            failed: None,
            told: None,
            position: options.start.position(),
            last_enqueued: None,
            _session: session,
        })
    }

    /// The partition it reads.
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// Waits for an event, then takes what is there, up to 256 events or 1 MiB. Cancel-safe.
    ///
    /// After an error the link is of no more use.
    pub async fn next_batch(&mut self) -> Result<RawBatch, Error> {
        while self.batch.is_empty() {
            if let Some(error) = self.failed.take() {
                self.told = Some(error.kind());
                return Err(error);
            }
            self.top_up().await;
            self.wait().await;
        }
        while self.failed.is_none() && !self.is_full() {
            // Without the scheduler's budget, which would end every batch at 128 events.
            let next = tokio::task::unconstrained(self.receiver.recv()).now_or_never();
            let Some(next) = next else { break };
            self.take(next).await;
            if self.batch.len().is_multiple_of(PIECE) {
                self.permit.resize(self.credit.bytes());
                tokio::task::yield_now().await;
            }
        }
        self.top_up().await;
        let next = self.ahead.take().unwrap_or_else(|| self.batch.next(self.share.charge(0)));
        Ok(std::mem::replace(&mut self.batch, next))
    }

    /// The last sequence number the hub had given when it sent the last event; `None` before the first.
    pub fn last_enqueued(&self) -> Option<SequenceNumber> {
        self.last_enqueued
    }

    /// Detaches.
    ///
    /// # Errors
    /// What ended the link before: `OwnershipLost` when the hub had given the partition to another reader, also if
    /// `next_batch` has said so. Any other error that it has said is not said again.
    pub async fn close(mut self) -> Result<(), Error> {
        match self.told {
            Some(ErrorKind::OwnershipLost) => {
                return Err(Error::refused(&self.subject, STOLEN, "another reader had taken the partition"));
            }
            Some(_) => return Ok(()),
            None => {}
        }
        // The reason stands behind the events that came before it.
        while self.failed.is_none() {
            let next: Option<Result<Arrived, _>> =
                tokio::task::unconstrained(self.receiver.recv()).now_or_never();
            match next {
                Some(Ok(_)) => {}
                Some(Err(error)) => self.failed = Some(Error::receive(&self.subject, error)),
                None => break,
            }
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        match tokio::time::timeout(GOODBYE, self.receiver.close()).await {
            Ok(answer) => answer.map_err(|error| Error::detach(&self.subject, error)),
            Err(_) => Err(Error::lost(&self.subject, "the hub does not answer the detach")),
        }
    }

    fn is_full(&self) -> bool {
        self.ahead.is_some() || self.batch.len() >= MOST_EVENTS || self.batch.body_bytes() >= MOST_BYTES
    }

    /// Gives credit when some is due and the budget has something left; what is given counts as spent.
    async fn top_up(&mut self) {
        self.permit.resize(self.credit.bytes());
        if self.failed.is_some() || !self.credit.is_due() || self.share.free() <= 0 {
            return;
        }
        self.permit.resize(self.credit.bytes_at_most());
        // Counted only once it is stated: a call that is dropped in between states it again.
        match self.receiver.set_credit(self.credit.target()).await {
            Ok(()) => self.credit.top_up(),
            Err(error) => self.failed = Some(Error::flow(&self.subject, error)),
        }
    }

    /// Waits for an event, for the end of the link, or for the budget when it is what is missing.
    async fn wait(&mut self) {
        let next = tokio::select! {
            biased;
            next = self.receiver.recv() => next,
            () = self.share.available(), if self.credit.is_due() => return,
        };
        self.take(next).await;
    }

    /// Takes in what the link gave.
    async fn take(&mut self, next: Result<Arrived, RecvError>) {
        let delivery = match next {
            Ok(delivery) => delivery,
            Err(error) => {
                self.failed = Some(self.received_error(error));
                return;
            }
        };
        let (info, message) = delivery.into_parts();
        match Place::of(message.message_annotations.as_ref()) {
            Err(name) => {
                let what = format!("an event came without a usable {name}");
                self.failed = Some(Error::Event { partition: self.partition, what });
            }
            Ok(place) if place.sequence_number.0 <= self.position => {
                self.failed = Some(Error::WentBack {
                    partition: self.partition,
                    arrived: place.sequence_number.0,
                    position: self.position,
                });
            }
            Ok(place) => {
                let jumps = place.sequence_number.0 != self.position + 1 && !self.batch.is_empty();
                self.position = place.sequence_number.0;
                let length = if jumps {
                    let ahead = self.batch.next(self.share.charge(0));
                    push(self.ahead.insert(ahead), &place, &message)
                } else {
                    push(&mut self.batch, &place, &message)
                };
                self.credit.arrive(length);
                self.last_enqueued =
                    last_enqueued(message.delivery_annotations.as_ref()).or(self.last_enqueued);
            }
        }
        // Nothing is said about settled deliveries. A link that is gone says so at the next `recv`.
        let _ = self.receiver.accept(info).await;
    }

    /// An event that can't be decoded names the one it came after, so that it can be found.
    fn received_error(&self, error: RecvError) -> Error {
        match error {
            RecvError::MessageDecode(error) => Error::Event {
                partition: self.partition,
                what: format!("the event after {} is no AMQP message: {}", self.position, error.source),
            },
            other => Error::receive(&self.subject, other),
        }
    }
}

impl Start {
    /// The number that every event must be above.
    fn position(&self) -> i64 {
        match self {
            Self::Earliest => -1,
            Self::After { sequence_number: number, .. } | Self::AfterSequence(number) => number.0,
        }
    }
}

type Arrived = Delivery<Body<LazyValue>>;

/// A batch holds no more events than this: a few milliseconds of a lane's work.
const MOST_EVENTS: usize = 256;
/// Nor more than an event's length above so many bytes.
const MOST_BYTES: usize = 1024 * 1024;
/// Decoding costs 10 to 20 µs an event; after so many, about a millisecond, others on the runtime have their turn.
const PIECE: usize = 64;
/// For the hub's answer to an attach.
const PATIENCE: Duration = Duration::from_mins(1);
/// For its answer to a detach.
const GOODBYE: Duration = Duration::from_secs(5);
