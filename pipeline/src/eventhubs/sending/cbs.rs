//! Tokens put over a pair of links to `$cbs` on fe2o3-amqp.
//!
//! Owns: the links, and matching the response to its request. Does not own: when a token is put (`authorization`).

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Receiver, Sender, Session};
use fe2o3_amqp_types::messaging::{
    AmqpValue, ApplicationProperties, Body, Message, MessageId, Outcome, Properties,
};
use fe2o3_amqp_types::primitives::{SimpleValue, Timestamp, Value};
use tokio::time::timeout;

use crate::eventhubs::authorization::PutToken;
use crate::eventhubs::credential::Token;
use crate::eventhubs::error::Error;
use crate::eventhubs::names::{
    CBS, ERROR_CONDITION, EXPIRATION, NAME, OPERATION, PUT_TOKEN, STATUS_CODE, STATUS_DESCRIPTION, TYPE,
};
use crate::eventhubs::timeouts::Timeouts;

/// A pair of links to `$cbs`. One request is outstanding at a time.
#[derive(Debug)]
pub(super) struct CbsLinks {
    reply_to: String,
    sender: Sender,
    receiver: Receiver,
    last_id: u64,
    /// Ends the links when it is dropped.
    _session: SessionHandle<()>,
}

impl CbsLinks {
    /// Attaches both links on a session of their own.
    pub(super) async fn attach(connection: &mut ConnectionHandle<()>, name: &str) -> Result<Self, Error> {
        let mut session = Session::begin(connection).await.map_err(|error| Error::begin(CBS, error))?;
        let reply_to = format!("{name}-{CBS}");
        let sender = Sender::attach(&mut session, format!("{reply_to}-out"), CBS)
            .await
            .map_err(|error| Error::attach_sender(CBS, error))?;
        let receiver = Receiver::builder()
            .name(format!("{reply_to}-in"))
            .source(CBS)
            .target(reply_to.clone())
            .credit_mode(CreditMode::Auto(RESPONSE_CREDIT))
            .auto_accept(true)
            // A node may spell its address in another way.
            .verify_incoming_source(false)
            .verify_incoming_target(false)
            .attach(&mut session)
            .await
            .map_err(|error| Error::attach_receiver(CBS, error))?;
        Ok(Self { reply_to, sender, receiver, last_id: 0, _session: session })
    }

    async fn request(&mut self, subject: &str, token: &Token) -> Result<(), Error> {
        self.last_id += 1;
        let mut properties = ApplicationProperties::default();
        for (name, value) in [(OPERATION, PUT_TOKEN), (TYPE, token.kind.name()), (NAME, subject)] {
            properties.insert(name.to_owned(), SimpleValue::String(value.to_owned()));
        }
        if let Some(expiry) = token.expiry {
            let expiry = Timestamp::from_milliseconds(expiry * 1000);
            properties.insert(EXPIRATION.to_owned(), SimpleValue::Timestamp(expiry));
        }
        let id = MessageId::Ulong(self.last_id);
        let message = Message::builder()
            .properties(Properties::builder().message_id(id).reply_to(self.reply_to.clone()).build())
            .application_properties(properties)
            .body(AmqpValue(Value::String(token.text.clone())))
            .build();
        let outcome = self.sender.send(message).await.map_err(|error| Error::send(subject, error))?;
        if let Outcome::Rejected(rejected) = outcome {
            let what = "the request was rejected";
            return Err(rejected
                .error
                .map_or_else(|| Error::lost(subject, what), |error| Error::remote(subject, &error)));
        }
        self.response(subject).await
    }

    /// Waits for the response to the last request. Responses to earlier ones, which timed out, are skipped.
    async fn response(&mut self, subject: &str) -> Result<(), Error> {
        loop {
            let delivery = self.receiver.recv::<Body<Value>>().await;
            let response = delivery.map_err(|error| Error::receive(subject, error))?.into_message();
            let correlation =
                response.properties.as_ref().and_then(|properties| properties.correlation_id.as_ref());
            if correlation.is_none_or(|id| *id == MessageId::Ulong(self.last_id)) {
                return check_status(subject, &response.application_properties.unwrap_or_default());
            }
        }
    }
}

impl PutToken for CbsLinks {
    async fn put_token(&mut self, audience: &str, token: &Token) -> Result<(), Error> {
        timeout(Timeouts::DEFAULT.response, self.request(audience, token))
            .await
            .unwrap_or_else(|_| Err(Error::lost(audience, format!("no response from {CBS}"))))
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

/// Credit for responses: one is outstanding, and those to requests that timed out may follow.
const RESPONSE_CREDIT: u32 = 10;
