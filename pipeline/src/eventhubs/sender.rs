//! Events into the hub, one or many at a time.
//!
//! Owns: a link and its session, batches filled up to the link's limit, how many are under way.

use std::collections::VecDeque;
use std::time::Duration;

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::SendError;
use fe2o3_amqp::link::delivery::DeliveryFut;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Sendable, Session};
use fe2o3_amqp_types::messaging::{Batch, Data, Message, Outcome, Properties};
use fe2o3_amqp_types::primitives::{Binary, Symbol};
use uuid::Uuid;

use super::Error;
use super::names::BATCH_FORMAT;
use crate::position::PartitionId;

/// A link that sends events.
#[derive(Debug)]
pub struct Sender {
    subject: String,
    pub(super) link: fe2o3_amqp::Sender,
    /// Bytes a delivery may have.
    limit: usize,
    /// Ends when it is dropped, and the link with it.
    _session: SessionHandle<()>,
}

/// What one call sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Events the hub has accepted.
    pub events: u64,
    /// The bytes of their bodies.
    pub bytes: u64,
}

impl Sender {
    pub(super) async fn attach(
        connection: &mut ConnectionHandle<()>,
        hub: &str,
        partition: Option<PartitionId>,
    ) -> Result<Self, Error> {
        let address = match partition {
            Some(partition) => format!("{hub}/Partitions/{partition}"),
            None => hub.to_owned(),
        };
        let subject = format!("sending to {address}");
        let mut session = Session::begin(connection).await.map_err(|error| Error::begin(&subject, error))?;
        let link = fe2o3_amqp::Sender::builder()
            .name(format!("send-{}", Uuid::new_v4().simple()))
            .target(address)
            .verify_incoming_target(false)
            .verify_incoming_source(false)
            .attach(&mut session)
            .await
            .map_err(|error| Error::attach_sender(&subject, error))?;
        let limit = link.max_message_size().map_or(DEFAULT_LIMIT, |limit| limit as usize);
        Ok(Self { subject, link, limit, _session: session })
    }

    /// Sends one event and waits until the hub has it.
    pub async fn send(&mut self, body: &[u8], content_type: &str) -> Result<Sent, Error> {
        let mut properties = Properties::new();
        properties.content_type = Some(content_type).filter(|text| !text.is_empty()).map(Symbol::from);
        let sending = self.link.send(message(Some(properties), Data(Binary::from(body))));
        let outcome = patiently(&self.subject, sending).await?;
        self.check(outcome)?;
        Ok(Sent { events: 1, bytes: body.len() as u64 })
    }

    /// Sends events (body, content type) in batches filled up to the link's limit, and waits until the hub has all.
    ///
    /// All events of one batch go to one partition. After an error some of the events may have been taken.
    pub async fn send_batch<'b>(
        &mut self,
        events: impl IntoIterator<Item = (&'b [u8], &'b str)>,
    ) -> Result<Sent, Error> {
        let mut sent = Sent::default();
        let mut under_way = VecDeque::new();
        let mut batch = Filling::default();
        for (body, content_type) in events {
            let section = encode(body, content_type);
            let needed = ENVELOPE + section.len() + SECTION;
            if needed > self.limit {
                return Err(Error::TooLarge { bytes: needed, limit: self.limit });
            }
            if batch.bytes + needed > self.limit && batch.sent.events > 0 {
                self.dispatch(std::mem::take(&mut batch), &mut under_way, &mut sent).await?;
            }
            batch.push(section, body.len());
        }
        if batch.sent.events > 0 {
            self.dispatch(batch, &mut under_way, &mut sent).await?;
        }
        for (answer, part) in under_way {
            self.check(patiently(&self.subject, answer).await?)?;
            sent.add(part);
        }
        Ok(sent)
    }

    /// Detaches.
    pub async fn close(self) -> Result<(), Error> {
        let Self { subject, link, .. } = self;
        patiently(&subject, link.close()).await?.map_err(|error| Error::detach(&subject, error))
    }

    /// Sends a batch; when enough are under way, waits for the oldest first.
    async fn dispatch(
        &mut self,
        batch: Filling,
        under_way: &mut VecDeque<(Answer, Sent)>,
        sent: &mut Sent,
    ) -> Result<(), Error> {
        if under_way.len() >= UNDER_WAY
            && let Some((answer, part)) = under_way.pop_front()
        {
            self.check(patiently(&self.subject, answer).await?)?;
            sent.add(part);
        }
        let message = message(None, Batch::from(batch.sections));
        let sendable = Sendable::builder().message(message).message_format(BATCH_FORMAT).build();
        let answer = patiently(&self.subject, self.link.send_batchable(sendable)).await?;
        under_way.push_back((answer.map_err(|error| Error::send(&self.subject, error))?, batch.sent));
        Ok(())
    }

    fn check(&self, outcome: Result<Outcome, SendError>) -> Result<(), Error> {
        match outcome.map_err(|error| Error::send(&self.subject, error))? {
            Outcome::Accepted(_) => Ok(()),
            Outcome::Rejected(rejected) => Err(match rejected.error {
                Some(error) => Error::remote(&self.subject, &error),
                None => Error::lost(&self.subject, "rejected without a reason"),
            }),
            other => Err(Error::lost(&self.subject, format!("not taken: {other:?}"))),
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

type Answer = DeliveryFut<Result<Outcome, SendError>>;

/// A batch that is being filled.
#[derive(Default)]
struct Filling {
    sections: Vec<Data>,
    /// Encoded, envelope aside.
    bytes: usize,
    sent: Sent,
}

impl Filling {
    fn push(&mut self, section: Vec<u8>, body: usize) {
        self.bytes += section.len() + SECTION;
        self.sections.push(Data(Binary::from(section)));
        self.sent.add(Sent { events: 1, bytes: body as u64 });
    }
}

/// One whole AMQP message: its content type and its body as a data section.
///
/// # Source
/// AMQP 1.0, 3.2.4 and 3.2.6. Written by hand, so that sending an event is a copy.
fn encode(body: &[u8], content_type: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(body.len() + content_type.len() + 32);
    if let Ok(length @ 1..=200) = u8::try_from(content_type.len()) {
        // A list of seven fields, of which the last is the content type and the others null.
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

/// What a link takes that states no limit.
const DEFAULT_LIMIT: usize = 1024 * 1024;
/// Room for what stands before the sections of a batch.
const ENVELOPE: usize = 512;
/// What a data section needs beside its bytes.
const SECTION: usize = 8;
/// Batches under way: one is being written while the hub takes in another.
const UNDER_WAY: usize = 4;

/// For the hub's answer to a batch. The library does not always notice that a hub is gone.
const PATIENCE: Duration = Duration::from_secs(30);

async fn patiently<T>(subject: &str, answer: impl Future<Output = T>) -> Result<T, Error> {
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    answer.map_err(|_| Error::lost(subject, "the hub does not answer"))
}
