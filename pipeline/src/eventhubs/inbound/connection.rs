//! The connection as its users see it: opened, authorised, and a link for each partition that is asked for.
//!
//! Owns: the task behind it, waiting for answers. Does not own: the protocol (`link`, `node`), retrying (`run`).

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tracing::warn;

use super::arrivals::Arrivals;
use super::attach::{Wanted, filters_of};
use super::channels::{Channels, Shared};
use super::link::{Link, Phase};
use super::node::{Node, Question};
use super::opening::open;
use super::socket::{Buffer, Socket};
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::encode_close;
use crate::budget::Share;
use crate::event::RawBatch;
use crate::eventhubs::cbs::{Authorisation, TokenLife, TokenNode};
use crate::eventhubs::credit::Credit;
use crate::eventhubs::names::CBS;
use crate::eventhubs::{ConnectionString, Error, ErrorKind, ReceiveOptions};
use crate::position::PartitionId;

/// A connection that events come in on. Dropping it ends it, and every link that is still on it.
#[derive(Debug)]
pub(in crate::eventhubs) struct Connection {
    channels: Arc<Channels>,
    socket: tokio::task::JoinHandle<()>,
    _authorisation: Authorisation,
}

/// How long we wait.
#[derive(Clone, Copy, Debug)]
pub(in crate::eventhubs) struct Patience {
    /// A hub that is silent for so long is gone.
    pub(in crate::eventhubs) silence: Duration,
    /// For the answer to a question.
    pub(in crate::eventhubs) answer: Duration,
    /// Delay before a busy hub is asked again.
    pub(in crate::eventhubs) busy: Duration,
}

impl Patience {
    /// The service asks for four seconds when it is busy.
    pub(in crate::eventhubs) const DEFAULT: Self = Self {
        silence: Duration::from_mins(1),
        answer: Duration::from_mins(1),
        busy: Duration::from_secs(4),
    };
}

impl Connection {
    /// Opens a connection on a stream and puts a token for `audience`. `name` is the connection's own.
    pub(in crate::eventhubs) async fn open<S>(
        mut stream: S,
        to: &ConnectionString,
        name: &str,
        audience: String,
        life: TokenLife,
        patience: Patience,
    ) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut buffer = Buffer::new();
        let agreed = open(&mut stream, &mut buffer, to, name, patience.silence).await?;
        let channels = Channels::new(agreed.channel_max);
        let socket =
            Socket::new(stream, buffer, Arc::clone(&channels), patience.silence, agreed.hub_patience);
        let socket = tokio::spawn(socket.run());
        let asking = Asking::begin(Arc::clone(&channels), name)?;
        let authorisation = Authorisation::begin(asking, audience, to.credential().clone(), life).await;
        match authorisation {
            Ok(authorisation) => Ok(Self { channels, socket, _authorisation: authorisation }),
            Err(error) => {
                close(&channels);
                Err(error)
            }
        }
    }

    /// Whether links can still be had.
    pub(in crate::eventhubs) fn is_open(&self) -> bool {
        self.channels.gone().is_none()
    }

    /// Attaches with the first filter that the hub does not refuse.
    pub(in crate::eventhubs) async fn attach(
        &self,
        hub: &str,
        partition: PartitionId,
        options: &ReceiveOptions,
        share: &Arc<Share>,
        partition_share: usize,
    ) -> Result<PartitionLink, Error> {
        let subject = format!("partition {partition} of {hub}");
        let mut refused = None;
        for filter in filters_of(&options.start) {
            let wanted = Wanted { hub, partition, options, filter: &filter };
            let credit = Credit::new(partition_share);
            let (share, pool) = (Arc::clone(share), Arc::clone(&self.channels.pool));
            let events = Arrivals::new(partition, options.start.position(), share, credit, pool)
                .with_distrust(options.distrust.clone());
            let link = self.begin(&wanted, Link::new(subject.clone(), partition, events))?;
            match link.attached(&subject).await {
                Ok(()) => return Ok(link),
                Err(error) if error.kind() == ErrorKind::PositionLost => {
                    warn!(error = &error as &dyn std::error::Error, "the hub refuses the position");
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| Error::lost(&subject, "no position to begin at")))
    }

    fn begin(&self, wanted: &Wanted<'_>, link: Link) -> Result<PartitionLink, Error> {
        let link = Shared::new(link);
        let channel = self
            .channels
            .add(Arc::<Shared<Link>>::clone(&link))
            .map_err(|gone| gone.error(&format!("partition {} of {}", wanted.partition, wanted.hub)))?;
        let link = PartitionLink { link, channels: Arc::clone(&self.channels) };
        link.with(|link, out| link.begin(channel, wanted, out));
        Ok(link)
    }

    /// Closes the connection and waits until it is.
    pub(in crate::eventhubs) async fn close(mut self) {
        close(&self.channels);
        // A hub that does not answer is left without its answer: nothing depends on it.
        let _ = timeout(GOODBYE, &mut self.socket).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        close(&self.channels);
    }
}

fn close(channels: &Channels) {
    channels.outgoing.put_last(|out| put_frame(out, 0, |out| encode_close(None, out)));
}

/// The reader's end of a link. Dropping it ends the link.
#[derive(Debug)]
pub(in crate::eventhubs) struct PartitionLink {
    link: Arc<Shared<Link>>,
    channels: Arc<Channels>,
}

impl PartitionLink {
    /// Takes the oldest batch, and gives the hub credit for more.
    pub(in crate::eventhubs) fn take(&self) -> Option<RawBatch> {
        self.with(Link::take)
    }

    /// What ended the link, said once.
    pub(in crate::eventhubs) fn failure(&self) -> Option<Error> {
        self.link.lock().failure()
    }

    /// Credit outstanding, in events.
    pub(in crate::eventhubs) fn outstanding_credit(&self) -> u32 {
        self.link.lock().outstanding_credit()
    }

    /// Deliveries dropped since the last event.
    pub(in crate::eventhubs) fn unreadable(&self) -> u32 {
        self.link.lock().unreadable()
    }

    /// Whether credit waits for the budget.
    pub(in crate::eventhubs) fn is_due(&self) -> bool {
        self.link.lock().is_due()
    }

    /// Waits until something has come since the last time. Cancel-safe.
    pub(in crate::eventhubs) async fn news(&self) {
        self.link.news.notified().await;
    }

    /// Detaches and waits for the hub's answer, which may be an error.
    pub(in crate::eventhubs) async fn detach(&self, subject: &str) -> Result<(), Error> {
        self.with(Link::detach);
        let over = async {
            while self.link.lock().phase() != Phase::Over {
                self.news().await;
            }
        };
        if timeout(GOODBYE, over).await.is_err() {
            return Err(Error::lost(subject, "the hub does not answer the detach"));
        }
        self.failure().map_or(Ok(()), Err)
    }

    /// Waits for the hub's answer to the attach.
    async fn attached(&self, subject: &str) -> Result<(), Error> {
        let answered = async {
            loop {
                match self.link.lock().phase() {
                    Phase::Attaching | Phase::Refused => {}
                    phase => return phase,
                }
                self.news().await;
            }
        };
        match timeout(PATIENCE, answered).await {
            Ok(Phase::Over) => {
                let unsaid = || Error::lost(subject, "the hub has refused the link");
                Err(self.failure().unwrap_or_else(unsaid))
            }
            Ok(_) => Ok(()),
            Err(_) => Err(Error::lost(subject, "the hub does not answer")),
        }
    }

    /// The link's lock comes first, so that its frames leave in the order they were made.
    fn with<T>(&self, change: impl FnOnce(&mut Link, &mut Vec<u8>) -> T) -> T {
        let mut link = self.link.lock();
        self.channels.outgoing.put(|out| change(&mut link, out))
    }
}

impl Drop for PartitionLink {
    fn drop(&mut self) {
        self.with(Link::leave);
    }
}

/// Asks `$cbs`.
#[derive(Debug)]
struct Asking {
    node: Arc<Shared<Node>>,
    channels: Arc<Channels>,
}

impl Asking {
    fn begin(channels: Arc<Channels>, name: &str) -> Result<Self, Error> {
        let node = Shared::new(Node::new(CBS, name));
        let channel = channels.add(Arc::<Shared<Node>>::clone(&node)).map_err(|gone| gone.error(CBS))?;
        let asking = Self { node, channels };
        asking.with(|node, out| node.begin(channel, out));
        Ok(asking)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Node, &mut Vec<u8>) -> T) -> T {
        let mut node = self.node.lock();
        self.channels.outgoing.put(|out| change(&mut node, out))
    }
}

impl TokenNode for Asking {
    async fn put(&mut self, audience: &str, token: &str, expiry: Option<i64>) -> Result<(), Error> {
        self.with(|node, out| node.ask(&Question { audience, token, expiry }, out));
        let answered = async {
            loop {
                let answer = self.node.lock().answer();
                match answer {
                    Some(answer) => return answer,
                    None => self.node.news.notified().await,
                }
            }
        };
        timeout(PATIENCE, answered)
            .await
            .unwrap_or_else(|_| Err(Error::lost(audience, format!("no answer from {CBS}"))))
    }
}

/// For the hub's answer to an attach, or to a question.
const PATIENCE: Duration = Duration::from_mins(1);
/// For its answer to a detach or a close.
const GOODBYE: Duration = Duration::from_secs(5);
