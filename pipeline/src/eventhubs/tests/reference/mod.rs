//! The reference implementation: a receiver on fe2o3-amqp, formerly the product's.
//!
//! It shares no code with ours from frames to sections, and is ten times slower. Attaching is in `link`, the contents
//! of messages in `body`.

mod body; // contents of a received message
mod link; // attaching

use std::sync::Arc;
use std::time::Duration;

use fe2o3_amqp::link::RecvError;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Delivery, Receiver};
use fe2o3_amqp_types::messaging::Body;
use fe2o3_amqp_types::primitives::LazyValue;
use futures::FutureExt as _;

use self::link::attach_link;
use crate::budget::{Budget, Permit};
use crate::event::{RawBatch, RawBatchBuilder};
use crate::eventhubs::receive::Credit;
use crate::eventhubs::sending::SendingConnection;
use crate::eventhubs::{Error, ReceiveOptions};
use crate::position::PartitionId;

pub(super) use self::body::{Place, last_enqueued, push};

/// A link that reads one partition.
#[derive(Debug)]
pub(super) struct ReferenceReceiver {
    partition: PartitionId,
    subject: String,
    receiver: Receiver,
    budget: Arc<Budget>,
    credit: Credit,
    /// Pays for outstanding credit.
    permit: Permit,
    /// Events received so far; a cancelled call loses none.
    batch: RawBatchBuilder,
    /// The batch before a gap in the numbers: the event after the gap is the first of its batch.
    full: Option<RawBatch>,
    /// The error that follows the events of `batch`.
    failed: Option<Error>,
    /// `next_batch` has returned the error.
    has_ended: bool,
    /// The number of the last event; only later ones may come.
    position: i64,
    /// Ends when it is dropped, and the link with it.
    _session: SessionHandle<()>,
    _connection: SendingConnection,
}

impl ReferenceReceiver {
    pub(super) async fn attach(
        mut connection: SendingConnection,
        hub: &str,
        partition: PartitionId,
        options: &ReceiveOptions,
        budget: Arc<Budget>,
        credit_bytes: usize,
    ) -> Result<Self, Error> {
        let subject = format!("partition {partition} of {hub}");
        let attaching = attach_link(&mut connection.handle, hub, partition, options, &subject);
        let (receiver, session) = tokio::time::timeout(ATTACH_TIMEOUT, attaching)
            .await
            .unwrap_or_else(|_| Err(Error::lost(&subject, "the hub does not answer")))?;
        Ok(Self {
            partition,
            subject,
            receiver,
            credit: Credit::new(credit_bytes),
            permit: budget.charge(0),
            batch: RawBatchBuilder::new(partition, budget.charge(0)),
            budget,
            full: None,
            failed: None,
            has_ended: false,
            position: options.start.position(),
            _session: session,
            _connection: connection,
        })
    }

    /// Waits for an event, then returns all that have arrived, up to 256 events or 1 MiB. Cancel-safe.
    ///
    /// # Errors
    /// The error that ended the link, once.
    pub(super) async fn next_batch(&mut self) -> Result<RawBatch, Error> {
        while self.batch.is_empty() {
            if let Some(error) = self.failed.take() {
                self.has_ended = true;
                return Err(error);
            }
            self.top_up().await;
            self.wait().await;
        }
        while self.failed.is_none() && !self.is_full() {
            // Unconstrained: the scheduler's budget would end every batch at 128 events.
            let next = tokio::task::unconstrained(self.receiver.recv()).now_or_never();
            let Some(next) = next else { break };
            self.take(next).await;
            if self.batch.len().is_multiple_of(YIELD_EVENTS) {
                self.permit.resize(self.credit.bytes());
                tokio::task::yield_now().await;
            }
        }
        self.top_up().await;
        Ok(self.full.take().unwrap_or_else(|| self.batch.take_batch(self.budget.charge(0))))
    }

    /// Detaches.
    ///
    /// # Errors
    /// The error that ended the link before or instead, unless `next_batch` has returned it.
    pub(super) async fn close(mut self) -> Result<(), Error> {
        if self.has_ended {
            return Ok(());
        }
        // Events that arrived before the error are received first.
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
        match tokio::time::timeout(DETACH_TIMEOUT, self.receiver.close()).await {
            Ok(answer) => answer.map_err(|error| Error::detach(&self.subject, error)),
            Err(_) => Err(Error::lost(&self.subject, "the hub does not answer the detach")),
        }
    }

    fn is_full(&self) -> bool {
        self.full.is_some()
            || self.batch.len() >= MAX_BATCH_EVENTS
            || self.batch.body_bytes() >= MAX_BATCH_BYTES
    }

    /// Grants credit if some is due and the budget is not exhausted. It is charged at once.
    async fn top_up(&mut self) {
        self.permit.resize(self.credit.bytes());
        if self.failed.is_some() || !self.credit.is_due() || self.budget.available() <= 0 {
            return;
        }
        let stated = self.credit.top_up();
        self.permit.resize(self.credit.bytes());
        if let Err(error) = self.receiver.set_credit(stated).await {
            self.failed = Some(Error::flow(&self.subject, error));
        }
    }

    /// Waits for an event, for the end of the link, or for the budget when it is what is missing.
    async fn wait(&mut self) {
        let next = tokio::select! {
            biased;
            next = self.receiver.recv() => next,
            () = self.budget.wait_available(), if self.credit.is_due() => return,
        };
        self.take(next).await;
    }

    /// Handles a delivery or an error of the link.
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
            Ok(place) if place.sequence_number.get() <= self.position => {
                self.failed = Some(Error::WentBack {
                    partition: self.partition,
                    arrived: place.sequence_number.get(),
                    position: self.position,
                });
            }
            Ok(place) => {
                let jumps = place.sequence_number.get() != self.position + 1 && !self.batch.is_empty();
                self.position = place.sequence_number.get();
                if jumps {
                    self.full = Some(self.batch.take_batch(self.budget.charge(0)));
                }
                let length = push(&mut self.batch, &place, &message);
                self.credit.arrive(length);
                self.credit.take(1);
            }
        }
        // A failure is returned by the next `recv`.
        let _ = self.receiver.accept(info).await;
    }

    /// The error for an event that can't be decoded names the event before it.
    fn received_error(&self, error: RecvError) -> Error {
        match error {
            RecvError::MessageDecode(error) => Error::Event {
                partition: self.partition,
                what: format!("the event after {} is not an AMQP message: {}", self.position, error.source),
            },
            other => Error::receive(&self.subject, other),
        }
    }
}

type Arrived = Delivery<Body<LazyValue>>;

/// Upper bound on events in a batch.
const MAX_BATCH_EVENTS: usize = 256;
/// Soft limit on a batch's body bytes.
const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// Events after which other tasks on the runtime get a turn: about a millisecond, at 10 to 20 µs an event.
const YIELD_EVENTS: usize = 64;
/// Limit on waiting for the hub's answer to an Attach.
const ATTACH_TIMEOUT: Duration = Duration::from_mins(1);
/// Limit on waiting for the hub's answer to a Detach.
const DETACH_TIMEOUT: Duration = Duration::from_secs(5);
