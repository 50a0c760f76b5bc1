//! Requests to a node of the hub (`$cbs`, `$management`) over a pair of links on fe2o3-amqp.
//!
//! Owns: the links, how many requests are in flight, matching responses to requests, and retries while the hub is busy.
//! Does not own: the contents of a request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::RecvError;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::session::SessionHandle;
use fe2o3_amqp::{Receiver, Sender, Session};
use fe2o3_amqp_types::messaging::{
    AmqpValue, ApplicationProperties, Body, Message, MessageId, Outcome, Properties,
};
use fe2o3_amqp_types::primitives::{SimpleValue, Timestamp, Value};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::authorization::PutToken;
use super::credential::Token;
use super::error::Error;
use super::names::{
    ERROR_CONDITION, EXPIRATION, NAME, OPERATION, PUT_TOKEN, STATUS_CODE, STATUS_DESCRIPTION, TYPE,
};
use super::timeouts::Timeouts;

/// A pair of links to a request/response node. Many requests may be in flight.
#[derive(Debug)]
pub(super) struct Requests {
    node: &'static str,
    reply_to: String,
    sender: tokio::sync::Mutex<Sender>,
    /// Limits requests in flight.
    window: Semaphore,
    last_id: AtomicU64,
    pending: Arc<PendingRequests>,
    /// The task that receives responses.
    responses: JoinHandle<()>,
    timeouts: Timeouts,
    /// Ends the links when it is dropped.
    _session: SessionHandle<()>,
}

impl Requests {
    /// Attaches both links on a session of their own.
    #[expect(
        clippy::disallowed_methods,
        reason = "the client owns the task that receives responses and ends it"
    )]
    pub(super) async fn open(
        connection: &mut ConnectionHandle<()>,
        node: &'static str,
        name: &str,
        timeouts: Timeouts,
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
            .credit_mode(CreditMode::Auto(RESPONSE_CREDIT))
            .auto_accept(true)
            // A node may spell its address in another way.
            .verify_incoming_source(false)
            .verify_incoming_target(false)
            .attach(&mut session)
            .await
            .map_err(|error| Error::attach_receiver(node, error))?;
        let pending = Arc::new(PendingRequests::default());
        Ok(Self {
            node,
            reply_to,
            sender: tokio::sync::Mutex::new(sender),
            window: Semaphore::new(MAX_IN_FLIGHT),
            last_id: AtomicU64::new(0),
            responses: tokio::spawn(receive_responses(receiver, node, Arc::clone(&pending))),
            pending,
            timeouts,
            _session: session,
        })
    }

    /// Returns whether requests can still be sent.
    pub(super) fn is_open(&self) -> bool {
        self.pending.lock().ended.is_none()
    }

    /// Sends a request and waits for the body of its response. `subject` is for errors. Cancel-safe.
    pub(super) async fn send_request(
        &self,
        subject: &str,
        properties: &[(&str, SimpleValue)],
        body: Value,
    ) -> Result<Value, Error> {
        // The semaphore is never closed. A request keeps its permit while it waits for a busy hub, which so receives
        // fewer requests at once.
        let _permit = self.window.acquire().await;
        let mut retries_left = MAX_BUSY_RETRIES;
        loop {
            let sending = self.send_once(subject, properties, body.clone());
            let response = timeout(self.timeouts.response, sending)
                .await
                .unwrap_or_else(|_| Err(Error::lost(subject, format!("no response from {}", self.node))));
            match response {
                Err(error) if error.is_busy() && retries_left > 0 => {
                    retries_left -= 1;
                    tracing::debug!(node = self.node, %error, retries_left, "the hub is busy; retrying the request");
                    sleep(self.timeouts.busy_delay).await;
                }
                response => return response,
            }
        }
    }

    async fn send_once(
        &self,
        subject: &str,
        properties: &[(&str, SimpleValue)],
        body: Value,
    ) -> Result<Value, Error> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let pending = self.pending.add(id, subject)?;
        let mut application_properties = ApplicationProperties::default();
        for (name, value) in properties {
            application_properties.insert((*name).to_owned(), value.clone());
        }
        let message = Message::builder()
            .properties(
                Properties::builder()
                    .message_id(MessageId::Ulong(id))
                    .reply_to(self.reply_to.clone())
                    .build(),
            )
            .application_properties(application_properties)
            .body(AmqpValue(body))
            .build();
        // The lock is released before the node settles the request, so that the next one can be sent.
        let sent = self.sender.lock().await.send_batchable(message).await;
        let settled = sent.map_err(|error| Error::send(subject, error))?;
        let responded = pending.response();
        tokio::pin!(responded);
        let response = tokio::select! {
            response = &mut responded => response,
            outcome = settled => match outcome.map_err(|error| Error::send(subject, error))? {
                Outcome::Rejected(rejected) => {
                    let what = "the request was rejected";
                    return Err(rejected.error.map_or_else(
                        || Error::lost(subject, what),
                        |error| Error::remote(subject, &error),
                    ));
                }
                _ => responded.await,
            },
        };
        let response = response.map_err(|error| error.about(subject))?;
        check_status(subject, &response.application_properties.unwrap_or_default())?;
        Ok(response.body.try_into_value().unwrap_or(Value::Null))
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.responses.abort();
    }
}

impl PutToken for Requests {
    async fn put_token(&mut self, audience: &str, token: &Token) -> Result<(), Error> {
        let mut properties = vec![
            (OPERATION, SimpleValue::String(PUT_TOKEN.to_owned())),
            (TYPE, SimpleValue::String(token.kind.name().to_owned())),
            (NAME, SimpleValue::String(audience.to_owned())),
        ];
        if let Some(expiry) = token.expiry {
            let expiry = Timestamp::from_milliseconds(expiry * 1000);
            properties.push((EXPIRATION, SimpleValue::Timestamp(expiry)));
        }
        self.send_request(audience, &properties, Value::String(token.text.clone())).await.map(drop)
    }
}

type Response = Message<Body<Value>>;

/// Requests that wait for their responses.
#[derive(Debug, Default)]
struct PendingRequests(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    by_id: HashMap<u64, oneshot::Sender<Result<Response, Error>>>,
    /// The error that ended the link for responses.
    ended: Option<Error>,
}

impl PendingRequests {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request.
    fn add(&self, id: u64, subject: &str) -> Result<PendingRequest<'_>, Error> {
        let mut pending = self.lock();
        if let Some(error) = &pending.ended {
            return Err(error.about(subject));
        }
        let (sender, response) = oneshot::channel();
        pending.by_id.insert(id, sender);
        Ok(PendingRequest { all: self, id, response })
    }

    /// Hands a response to the caller of its request, which may have given up.
    fn complete(&self, response: Response) {
        let correlation =
            response.properties.as_ref().and_then(|properties| properties.correlation_id.as_ref());
        let mut pending = self.lock();
        let id = match correlation {
            Some(MessageId::Ulong(id)) => Some(*id),
            // Without a correlation id, the response belongs to the only request in flight.
            None if pending.by_id.len() == 1 => pending.by_id.keys().next().copied(),
            Some(_) | None => None,
        };
        if let Some(sender) = id.and_then(|id| pending.by_id.remove(&id)) {
            // The caller may have given up just now.
            let _ = sender.send(Ok(response));
        }
    }

    /// Fails all requests, now and later: the link for responses has ended.
    fn end(&self, error: Error) {
        let mut pending = self.lock();
        for (_, sender) in pending.by_id.drain() {
            let _ = sender.send(Err(error.about("")));
        }
        pending.ended = Some(error);
    }
}

/// The response to one request; dropping it abandons the request.
struct PendingRequest<'a> {
    all: &'a PendingRequests,
    id: u64,
    response: oneshot::Receiver<Result<Response, Error>>,
}

impl PendingRequest<'_> {
    async fn response(mut self) -> Result<Response, Error> {
        let ended = || Error::lost("", "the link for responses has ended");
        (&mut self.response).await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        self.all.lock().by_id.remove(&self.id);
    }
}

/// Receives responses until the link ends.
async fn receive_responses(mut receiver: Receiver, node: &'static str, pending: Arc<PendingRequests>) {
    loop {
        match receiver.recv::<Body<Value>>().await {
            Ok(response) => pending.complete(response.into_message()),
            // The request it belongs to is unknown and runs into its timeout.
            Err(RecvError::MessageDecode(error)) => {
                tracing::warn!(node, %error, "a response can't be decoded");
            }
            Err(error) => return pending.end(Error::receive(node, error)),
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

/// Upper bound on requests in flight: a thousand partitions take a few round trips, and a namespace allows 50 such
/// requests a second.
const MAX_IN_FLIGHT: usize = 64;
/// Credit for responses: more than requests in flight, so that a response never waits for it.
const RESPONSE_CREDIT: u32 = 2 * MAX_IN_FLIGHT as u32;
/// Retries of a request that the hub was too busy for.
const MAX_BUSY_RETRIES: u32 = 10;
