//! Questions to a node of the hub (`$cbs`, `$management`) and their answers, over a pair of links.
//!
//! Owns: the pair, how many questions are in flight, which answer belongs to which question, and asking again what a busy
//! hub puts off. Does not own: what is asked.

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
use fe2o3_amqp_types::primitives::{SimpleValue, Value};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Error;
use super::inbound::Patience;
use super::names::{ERROR_CONDITION, STATUS_CODE, STATUS_DESCRIPTION};

/// A pair of links to a node that answers. Questions go out together; each waits for its own answer.
#[derive(Debug)]
pub(super) struct Requests {
    node: &'static str,
    reply_to: String,
    sender: tokio::sync::Mutex<Sender>,
    /// Places for questions in flight.
    window: Semaphore,
    asked: AtomicU64,
    waiting: Arc<Waiting>,
    /// Takes the answers in.
    answers: JoinHandle<()>,
    patience: Patience,
    /// Ends when it is dropped, and the links with it.
    _session: SessionHandle<()>,
}

impl Requests {
    /// Opens the pair on a session of its own.
    pub(super) async fn open(
        connection: &mut ConnectionHandle<()>,
        node: &'static str,
        name: &str,
        patience: Patience,
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
        let waiting = Arc::new(Waiting::default());
        Ok(Self {
            node,
            reply_to,
            sender: tokio::sync::Mutex::new(sender),
            window: Semaphore::new(IN_FLIGHT_MAX),
            asked: AtomicU64::new(0),
            answers: tokio::spawn(take_answers(receiver, node, Arc::clone(&waiting))),
            waiting,
            patience,
            _session: session,
        })
    }

    /// True while requests can still be sent.
    pub(super) fn is_open(&self) -> bool {
        self.waiting.lock().ended.is_none()
    }

    /// Asks and waits for the answer's body. `subject` is what the question is about. Cancel-safe.
    pub(super) async fn ask(
        &self,
        subject: &str,
        properties: &[(&str, SimpleValue)],
        body: Value,
    ) -> Result<Value, Error> {
        // It is never closed. A question that the hub puts off keeps its place: a busy hub is asked less at once.
        let _place = self.window.acquire().await;
        let mut busy_left = BUSY_ANSWERS_MAX;
        loop {
            let asking = self.ask_once(subject, properties, body.clone());
            let answer = timeout(self.patience.answer, asking)
                .await
                .unwrap_or_else(|_| Err(Error::lost(subject, format!("no answer from {}", self.node))));
            match answer {
                Err(error) if error.is_busy() && busy_left > 0 => {
                    busy_left -= 1;
                    tracing::debug!(%error, "the hub is busy: asking again");
                    sleep(self.patience.busy).await;
                }
                answer => return answer,
            }
        }
    }

    async fn ask_once(
        &self,
        subject: &str,
        properties: &[(&str, SimpleValue)],
        body: Value,
    ) -> Result<Value, Error> {
        let id = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = self.waiting.expect(id, subject)?;
        let mut asked = ApplicationProperties::default();
        for (name, value) in properties {
            asked.insert((*name).to_owned(), value.clone());
        }
        let message = Message::builder()
            .properties(
                Properties::builder()
                    .message_id(MessageId::Ulong(id))
                    .reply_to(self.reply_to.clone())
                    .build(),
            )
            .application_properties(asked)
            .body(AmqpValue(body))
            .build();
        // The lock is not held until the node has settled the question: the next one goes out meanwhile.
        let sent = self.sender.lock().await.send_batchable(message).await;
        let settled = sent.map_err(|error| Error::send(subject, error))?;
        let answered = answer.received();
        tokio::pin!(answered);
        let answer = tokio::select! {
            answer = &mut answered => answer,
            outcome = settled => match outcome.map_err(|error| Error::send(subject, error))? {
                Outcome::Rejected(rejected) => {
                    let what = "the question was rejected";
                    return Err(rejected.error.map_or_else(
                        || Error::lost(subject, what),
                        |error| Error::remote(subject, &error),
                    ));
                }
                _ => answered.await,
            },
        };
        let answer = answer.map_err(|error| error.about(subject))?;
        check_status(subject, &answer.application_properties.unwrap_or_default())?;
        Ok(answer.body.try_into_value().unwrap_or(Value::Null))
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.answers.abort();
    }
}

type Answer = Message<Body<Value>>;

/// Questions that wait for their answers.
#[derive(Debug, Default)]
struct Waiting(Mutex<Questions>);

#[derive(Debug, Default)]
struct Questions {
    by_id: HashMap<u64, oneshot::Sender<Result<Answer, Error>>>,
    /// Why no more answers come.
    ended: Option<Error>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Questions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for the answer to a question.
    fn expect(&self, id: u64, subject: &str) -> Result<Expected<'_>, Error> {
        let mut questions = self.lock();
        if let Some(error) = &questions.ended {
            return Err(error.about(subject));
        }
        let (told, answer) = oneshot::channel();
        questions.by_id.insert(id, told);
        Ok(Expected { waiting: self, id, answer })
    }

    /// Hands a response to the caller of its request, which may have given up.
    fn take(&self, answer: Answer) {
        let correlation =
            answer.properties.as_ref().and_then(|properties| properties.correlation_id.as_ref());
        let mut questions = self.lock();
        let id = match correlation {
            Some(MessageId::Ulong(id)) => Some(*id),
            // A node that does not say which question it answers can be asked only one at a time.
            None if questions.by_id.len() == 1 => questions.by_id.keys().next().copied(),
            Some(_) | None => None,
        };
        if let Some(told) = id.and_then(|id| questions.by_id.remove(&id)) {
            // Whoever asked may be gone just now.
            let _ = told.send(Ok(answer));
        }
    }

    /// No more answers come.
    fn end(&self, error: Error) {
        let mut questions = self.lock();
        for (_, told) in questions.by_id.drain() {
            let _ = told.send(Err(error.about("")));
        }
        questions.ended = Some(error);
    }
}

/// The response to one request; dropping it abandons the request.
struct Expected<'a> {
    waiting: &'a Waiting,
    id: u64,
    answer: oneshot::Receiver<Result<Answer, Error>>,
}

impl Expected<'_> {
    async fn received(mut self) -> Result<Answer, Error> {
        let gone = || Error::lost("", "the links for answers are gone");
        (&mut self.answer).await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.waiting.lock().by_id.remove(&self.id);
    }
}

/// Takes answers in for as long as the link lives.
async fn take_answers(mut receiver: Receiver, node: &'static str, waiting: Arc<Waiting>) {
    loop {
        match receiver.recv::<Body<Value>>().await {
            Ok(answer) => waiting.take(answer.into_message()),
            // Nothing tells whose answer it is: that question waits until its time is up.
            Err(RecvError::MessageDecode(error)) => {
                tracing::warn!(node, %error, "an answer can't be read");
            }
            Err(error) => return waiting.end(Error::receive(node, error)),
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

/// Questions in flight: a thousand partitions are asked about in a few round trips, and a namespace takes 50 such questions
/// a second.
const IN_FLIGHT_MAX: usize = 64;
/// More than what is in flight, so that no answer waits for credit.
const CREDIT: u32 = 2 * IN_FLIGHT_MAX as u32;
/// Retries of a request that the hub was too busy for.
const BUSY_ANSWERS_MAX: u32 = 10;
