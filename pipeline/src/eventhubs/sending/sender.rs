//! Sending events over fe2o3-amqp, one or many at a time.
//!
//! Owns: a link and its session, batches filled up to the link's limit, and how many are in flight. Does not own:
//! opening the connection (`connection`).

use std::collections::VecDeque;
use std::time::Duration;

use fe2o3_amqp::link::SendError;
use fe2o3_amqp::link::delivery::DeliveryFut;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Sendable, Session};
use fe2o3_amqp_types::messaging::{Batch, Data, Message, Outcome, Properties};
use fe2o3_amqp_types::primitives::{Binary, Symbol};
use uuid::Uuid;

use super::connection::SendingConnection;
use crate::eventhubs::error::Error;
use crate::eventhubs::names::BATCH_FORMAT;
use crate::position::PartitionId;

/// A link that sends events.
#[derive(Debug)]
pub struct Sender {
    subject: String,
    pub(in crate::eventhubs) link: fe2o3_amqp::Sender,
    /// Upper bound on the bytes of a delivery.
    limit: usize,
    /// Ends the link when it is dropped.
    _session: SessionHandle<()>,
    connection: SendingConnection,
}

/// Totals of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Events the hub has accepted.
    pub events: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

impl Sender {
    pub(in crate::eventhubs) async fn attach(
        mut connection: SendingConnection,
        hub: &str,
        partition: Option<PartitionId>,
    ) -> Result<Self, Error> {
        let address = match partition {
            Some(partition) => format!("{hub}/Partitions/{partition}"),
            None => hub.to_owned(),
        };
        let subject = format!("sending to {address}");
        let mut session =
            Session::begin(&mut connection.handle).await.map_err(|error| Error::begin(&subject, error))?;
        let link = fe2o3_amqp::Sender::builder()
            .name(format!("send-{}", Uuid::new_v4().simple()))
            .target(address)
            .verify_incoming_target(false)
            .verify_incoming_source(false)
            .attach(&mut session)
            .await
            .map_err(|error| Error::attach_sender(&subject, error))?;
        let limit = link.max_message_size().map_or(DEFAULT_LIMIT, |limit| limit as usize);
        Ok(Self { subject, link, limit, _session: session, connection })
    }

    /// Sends one event and waits until the hub has accepted it.
    pub async fn send(&mut self, body: &[u8], content_type: &str) -> Result<Sent, Error> {
        let mut properties = Properties::new();
        properties.content_type = Some(content_type).filter(|text| !text.is_empty()).map(Symbol::from);
        let sending = self.link.send(message(Some(properties), Data(Binary::from(body))));
        let outcome = with_timeout(&self.subject, sending).await?;
        self.check(outcome)?;
        Ok(Sent { events: 1, bytes: body.len() as u64 })
    }

    /// Sends events (body, content type) in batches filled up to the link's limit, and waits until the hub has accepted
    /// all.
    ///
    /// All events of one batch go to one partition. After an error, some of the events may have been accepted.
    pub async fn send_batch<'b>(
        &mut self,
        events: impl IntoIterator<Item = (&'b [u8], &'b str)>,
    ) -> Result<Sent, Error> {
        let mut sent = Sent::default();
        let mut in_flight = VecDeque::new();
        let mut batch = PendingBatch::default();
        for (body, content_type) in events {
            let section = encode(body, content_type);
            let needed = ENVELOPE + section.len() + SECTION;
            if needed > self.limit {
                return Err(Error::TooLarge { bytes: needed, limit: self.limit });
            }
            if batch.bytes + needed > self.limit && batch.sent.events > 0 {
                self.dispatch(std::mem::take(&mut batch), &mut in_flight, &mut sent).await?;
            }
            batch.push(section, body.len());
        }
        if batch.sent.events > 0 {
            self.dispatch(batch, &mut in_flight, &mut sent).await?;
        }
        for (outcome, part) in in_flight {
            self.check(with_timeout(&self.subject, outcome).await?)?;
            sent.add(part);
        }
        Ok(sent)
    }

    /// Detaches, and closes the connection.
    pub async fn close(self) -> Result<(), Error> {
        let Self { subject, link, connection, .. } = self;
        let detached = with_timeout(&subject, link.close()).await;
        connection.close().await;
        detached?.map_err(|error| Error::detach(&subject, error))
    }

    /// Sends a batch. With enough in flight, waits for the oldest first.
    async fn dispatch(
        &mut self,
        batch: PendingBatch,
        in_flight: &mut VecDeque<(PendingOutcome, Sent)>,
        sent: &mut Sent,
    ) -> Result<(), Error> {
        if in_flight.len() >= MAX_IN_FLIGHT
            && let Some((outcome, part)) = in_flight.pop_front()
        {
            self.check(with_timeout(&self.subject, outcome).await?)?;
            sent.add(part);
        }
        let message = message(None, Batch::from(batch.sections));
        let sendable = Sendable::builder().message(message).message_format(BATCH_FORMAT).build();
        let outcome = with_timeout(&self.subject, self.link.send_batchable(sendable)).await?;
        in_flight.push_back((outcome.map_err(|error| Error::send(&self.subject, error))?, batch.sent));
        Ok(())
    }

    fn check(&self, outcome: Result<Outcome, SendError>) -> Result<(), Error> {
        match outcome.map_err(|error| Error::send(&self.subject, error))? {
            Outcome::Accepted(_) => Ok(()),
            Outcome::Rejected(rejected) => Err(match rejected.error {
                Some(error) => Error::remote(&self.subject, &error),
                None => Error::lost(&self.subject, "rejected without a reason"),
            }),
            other => Err(Error::lost(&self.subject, format!("not accepted: {other:?}"))),
        }
    }
}

impl Sent {
    fn add(&mut self, more: Self) {
        self.events += more.events;
        self.bytes += more.bytes;
    }
}

fn message<B>(properties: Option<Properties>, body: B) -> Message<B> {
    Message {
        header: None,
        delivery_annotations: None,
        message_annotations: None,
        properties,
        application_properties: None,
        body,
        footer: None,
    }
}

type PendingOutcome = DeliveryFut<Result<Outcome, SendError>>;

/// A batch that is being filled.
#[derive(Default)]
struct PendingBatch {
    sections: Vec<Data>,
    /// Encoded bytes of the sections.
    bytes: usize,
    sent: Sent,
}

impl PendingBatch {
    fn push(&mut self, section: Vec<u8>, body: usize) {
        self.bytes += section.len() + SECTION;
        self.sections.push(Data(Binary::from(section)));
        self.sent.add(Sent { events: 1, bytes: body as u64 });
    }
}

/// Encodes an AMQP message: its content type, and its body as a data section. By hand, so that sending an event is a
/// copy.
///
/// # Source
/// AMQP 1.0, 3.2.4 and 3.2.6.
fn encode(body: &[u8], content_type: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(body.len() + content_type.len() + 32);
    if let Ok(length @ 1..=200) = u8::try_from(content_type.len()) {
        // A list of seven fields: six nulls and the content type.
        message.extend_from_slice(&[0x00, 0x53, 0x73, 0xc0, 1 + 6 + 2 + length, 7]);
        message.extend_from_slice(&[0x40; 6]);
        message.extend_from_slice(&[0xa3, length]);
        message.extend_from_slice(content_type.as_bytes());
    }
    message.extend_from_slice(&[0x00, 0x53, 0x75]);
    if let Ok(length) = u8::try_from(body.len()) {
        message.extend_from_slice(&[0xa0, length]);
    } else {
        message.push(0xb0);
        message.extend_from_slice(&(body.len() as u32).to_be_bytes());
    }
    message.extend_from_slice(body);
    message
}

/// Message limit of a link that states none.
const DEFAULT_LIMIT: usize = 1024 * 1024;
/// Bytes reserved for the sections before those of a batch.
const ENVELOPE: usize = 512;
/// Bytes of a data section's descriptor and length.
const SECTION: usize = 8;
/// Upper bound on batches in flight: one is written while the hub processes another.
const MAX_IN_FLIGHT: usize = 4;

/// Limit on waiting for the outcome of a batch. fe2o3-amqp does not always notice that a hub has gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

async fn with_timeout<T>(subject: &str, outcome: impl Future<Output = T>) -> Result<T, Error> {
    let outcome = tokio::time::timeout(SEND_TIMEOUT, outcome).await;
    outcome.map_err(|_| Error::lost(subject, "the hub did not answer"))
}
