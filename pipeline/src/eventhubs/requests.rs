//! Questions to a node of the hub (`$cbs`, `$management`) and their answers, over a pair of links.
//!
//! Owns: the pair, and which answer belongs to which question. Does not own: what is asked.

use std::time::Duration;

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Receiver, Sender, Session};
use fe2o3_amqp_types::messaging::{AmqpValue, ApplicationProperties, Body, Message, MessageId, Properties};
use fe2o3_amqp_types::primitives::{SimpleValue, Value};

use super::Error;
use super::names::{ERROR_CONDITION, STATUS_CODE, STATUS_DESCRIPTION};

/// A pair of links to a node that answers. One question at a time.
#[derive(Debug)]
pub(super) struct Requests {
    node: &'static str,
    reply_to: String,
    sender: Sender,
    receiver: Receiver,
    asked: u64,
    /// Ends when it is dropped, and the links with it.
    _session: SessionHandle<()>,
}

impl Requests {
    /// Opens the pair on a session of its own.
    pub(super) async fn open(
        connection: &mut ConnectionHandle<()>,
        node: &'static str,
        name: &str,
    ) -> Result<Self, Error> {
        let mut session = Session::begin(connection).await.map_err(|error| Error::begin(node, error))?;
        let reply_to = format!("{name}-{node}");
        let sender = Sender::attach(&mut session, format!("{reply_to}-out"), node)
            .await
            .map_err(|error| Error::attach_sender(node, error))?;
        let receiver = Receiver::builder()
            .name(format!("{reply_to}-in"))
            .source(node)
            .target(reply_to.clone())
            .credit_mode(CreditMode::Auto(CREDIT))
            .auto_accept(true)
            // A node may spell its address in a way of its own.
            .verify_incoming_source(false)
            .verify_incoming_target(false)
            .attach(&mut session)
            .await
            .map_err(|error| Error::attach_receiver(node, error))?;
        Ok(Self { node, reply_to, sender, receiver, asked: 0, _session: session })
    }

    /// Asks and waits for the answer's body. `subject` is what the question is about.
    ///
    /// Dropped half-way it does no harm: an answer that nobody waits for is passed over by the next question.
    pub(super) async fn ask(
        &mut self,
        subject: &str,
        properties: &[(&str, SimpleValue)],
        body: Value,
    ) -> Result<Value, Error> {
        tokio::time::timeout(PATIENCE, self.ask_unhurried(subject, properties, body))
            .await
            .unwrap_or_else(|_| Err(Error::lost(subject, format!("no answer from {}", self.node))))
    }

    async fn ask_unhurried(
        &mut self,
        subject: &str,
        properties: &[(&str, SimpleValue)],
        body: Value,
    ) -> Result<Value, Error> {
        self.asked += 1;
        let id = MessageId::Ulong(self.asked);
        let mut asked = ApplicationProperties::default();
        for (name, value) in properties {
            asked.insert((*name).to_owned(), value.clone());
        }
        let message = Message::builder()
            .properties(Properties::builder().message_id(id.clone()).reply_to(self.reply_to.clone()).build())
            .application_properties(asked)
            .body(AmqpValue(body))
            .build();
        self.sender.send(message).await.map_err(|error| Error::send(subject, error))?;
        loop {
            let answer = self
                .receiver
                .recv::<Body<Value>>()
                .await
                .map_err(|error| Error::receive(subject, error))?
                .into_message();
            let answers = answer.properties.and_then(|properties| properties.correlation_id);
            if answers.as_ref().is_none_or(|answers| *answers == id) {
                check_status(subject, &answer.application_properties.unwrap_or_default())?;
                return Ok(answer.body.try_into_value().unwrap_or(Value::Null));
            }
        }
    }
}

fn check_status(subject: &str, properties: &ApplicationProperties) -> Result<(), Error> {
    let status = match properties.get(STATUS_CODE) {
        Some(SimpleValue::Int(status)) => Some(i64::from(*status)),
        Some(SimpleValue::Uint(status)) => Some(i64::from(*status)),
        Some(SimpleValue::Long(status)) => Some(*status),
        _ => None,
    };
    let condition = match properties.get(ERROR_CONDITION) {
        Some(SimpleValue::Symbol(condition)) => Some(condition.as_str()),
        Some(SimpleValue::String(condition)) => Some(condition.as_str()),
        _ => None,
    };
    let text = match properties.get(STATUS_DESCRIPTION) {
        Some(SimpleValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    Error::check_status(subject, status, condition, text)
}

/// Answers come one at a time; a few more than one are harmless.
const CREDIT: u32 = 10;
/// A hub that takes longer than this to answer is as good as gone.
const PATIENCE: Duration = Duration::from_mins(1);
