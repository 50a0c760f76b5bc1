//! Checks of the event hub: the way to it, the credential, the rights.
//!
//! Owns: which check an error belongs to. One client goes all the way, as that of a run does; the error that stops it
//! shows how far it came. Does not own: the client (`eventhubs`).

use std::sync::Arc;
use std::time::Duration;

use super::line::{Line, Outcome};
use crate::budget::Budget;
use crate::clock::{SystemClock, UnixMillis};
use crate::eventhubs::{
    Client, Distrust, Error, ErrorKind, HubAccess, HubProperties, ReceiveOptions, Start, TransportError,
    TransportKind,
};
use crate::position::PartitionId;

/// The checks of a hub.
#[derive(Debug)]
pub(super) struct HubCheck {
    pub(super) lines: Vec<Line>,
    /// The time of the newest event of a partition, by the hub's clock.
    pub(super) newest_event: Option<UnixMillis>,
}

/// Tries the hub with the credential and the transport of a run.
pub(super) async fn check(access: &HubAccess, consumer_group: &str) -> HubCheck {
    let mut found = Found::default();
    let failure = attempt(access, consumer_group, &mut found).await.err();
    let failed_at = failure.as_ref().map(|(step, _)| *step);
    let mut error = failure.map(|(_, error)| error);
    let mut lines = Vec::new();
    for step in Step::ALL.into_iter().filter(|step| step.applies_to(access)) {
        let outcome = match failed_at {
            Some(failed) if failed < step => Outcome::needs(failed.name()),
            Some(failed) if failed == step => error.take().map_or_else(Outcome::interrupted, Outcome::failed),
            _ => Outcome::Ok(found.detail(step, access, consumer_group)),
        };
        lines.push(Line::new(step.name(), outcome));
    }
    HubCheck { lines, newest_event: found.newest_event }
}

/// The lines of a hub that is not tried.
pub(super) fn not_tried(outcome: impl Fn() -> Outcome) -> HubCheck {
    let steps = Step::ALL.into_iter().filter(|step| *step != Step::WebSocket);
    HubCheck { lines: steps.map(|step| Line::new(step.name(), outcome())).collect(), newest_event: None }
}

/// The checks of a hub in the order in which a client passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Name,
    Port,
    Tls,
    WebSocket,
    Amqp,
    Token,
    Hub,
    Listen,
    ConsumerGroup,
}

impl Step {
    const ALL: [Self; 9] = [
        Self::Name,
        Self::Port,
        Self::Tls,
        Self::WebSocket,
        Self::Amqp,
        Self::Token,
        Self::Hub,
        Self::Listen,
        Self::ConsumerGroup,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name resolution",
            Self::Port => "port",
            Self::Tls => "TLS",
            Self::WebSocket => "WebSocket",
            Self::Amqp => "AMQP",
            Self::Token => "token",
            Self::Hub => "event hub",
            Self::Listen => "right to Listen",
            Self::ConsumerGroup => "consumer group",
        }
    }

    fn applies_to(self, access: &HubAccess) -> bool {
        self != Self::WebSocket || access.transport.kind() == TransportKind::WebSocket
    }

    /// The check that an error belongs to; `current` if it can occur in several.
    fn of(error: &Error, current: Self) -> Self {
        match error {
            Error::NoConnection(error) => Self::of(error, current),
            Error::Transport(error) => Self::of_transport(error),
            Error::Credential(_) => Self::Token,
            Error::NoEventHub => Self::Hub,
            Error::Refused { kind: ErrorKind::NotFound, .. } => current.max(Self::Hub),
            Error::Refused { kind: ErrorKind::Unauthorized, .. } => current.max(Self::Token),
            Error::Refused { .. }
            | Error::Unreachable { .. }
            | Error::NotOpened { .. }
            | Error::Lost { .. }
            | Error::Response { .. }
            | Error::Event { .. }
            | Error::WentBack { .. }
            | Error::TooLarge { .. } => current,
        }
    }

    fn of_transport(error: &TransportError) -> Self {
        match error {
            TransportError::Resolve { .. } | TransportError::InvalidHost { .. } => Self::Name,
            TransportError::Connect { .. }
            | TransportError::ProxyRefused { .. }
            | TransportError::ProxyBroken { .. }
            | TransportError::Options(_) => Self::Port,
            TransportError::Certificate { .. }
            | TransportError::NotTls { .. }
            | TransportError::TlsBroken { .. }
            | TransportError::NoRoots(_) => Self::Tls,
            TransportError::WebSocketRefused { .. } | TransportError::WebSocketBroken { .. } => {
                Self::WebSocket
            }
        }
    }
}

/// Facts for the lines of checks that pass.
#[derive(Debug, Default)]
struct Found {
    hub: Option<HubProperties>,
    /// True if another reader has the partition.
    is_read: bool,
    newest_event: Option<UnixMillis>,
}

impl Found {
    fn detail(&self, step: Step, access: &HubAccess, consumer_group: &str) -> String {
        let address = &access.address;
        match step {
            Step::Name => address.host().to_owned(),
            Step::Port => format!("{}:{}", address.host(), address.port()),
            Step::Tls if address.is_development() => {
                "none, as UseDevelopmentEmulator=true asks for".to_owned()
            }
            Step::Tls => "the certificate is trusted".to_owned(),
            Step::WebSocket | Step::Amqp => "the connection is open".to_owned(),
            Step::Token => "the event hub accepts it".to_owned(),
            Step::Hub => self.hub.as_ref().map_or_else(String::new, |hub| {
                format!("{}, partitions: {}", hub.name, hub.partitions.len())
            }),
            Step::Listen if self.is_read => "another run reads already; it was left alone".to_owned(),
            Step::Listen => "a partition was attached, and no event was read".to_owned(),
            Step::ConsumerGroup => consumer_group.to_owned(),
        }
    }
}

/// Goes all the way to a link that reads a partition.
async fn attempt(access: &HubAccess, consumer_group: &str, found: &mut Found) -> Result<(), (Step, Error)> {
    let client = Client::new(access.clone(), "catchwater-check", Arc::new(SystemClock))
        .map_err(|error| (Step::of(&error, Step::Hub), error))?;
    let result = all_the_way(&client, consumer_group, found).await;
    // The connection is not needed any more, so a hub that does not answer the close changes nothing.
    let _ = tokio::time::timeout(CLOSE_LIMIT, client.close()).await;
    result
}

async fn all_the_way(client: &Client, consumer_group: &str, found: &mut Found) -> Result<(), (Step, Error)> {
    let at = |current: Step| move |error: Error| (Step::of(&error, current), error);
    let (token, opened) = tokio::join!(
        client.within(OPEN_LIMIT, client.obtain_token()),
        client.within(OPEN_LIMIT, client.open())
    );
    let opened = opened.map_err(at(Step::Amqp));
    match (opened, token) {
        // The connection waited for its token in vain.
        (Err((Step::Amqp, Error::Lost { .. })), Err(error)) => return Err((Step::Token, error)),
        (opened, _) => opened?,
    }
    let hub = client.hub_within(ANSWER_LIMIT).await.map_err(at(Step::Hub))?;
    let partition = hub.partitions.first().copied().unwrap_or(PartitionId::new(0));
    found.hub = Some(hub);
    let properties = client.within(ANSWER_LIMIT, client.partition(partition)).await.map_err(at(Step::Hub))?;
    found.newest_event = (!properties.is_empty).then_some(properties.last_enqueued_time);
    match listen(client, consumer_group, partition).await {
        Ok(()) => Ok(()),
        // A reader without an owner level does not displace one that has a level. The hub refuses it with this error,
        // after it has found the consumer group.
        Err(error) if error.kind() == ErrorKind::OwnershipLost => {
            found.is_read = true;
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err((Step::ConsumerGroup, error)),
        Err(error) => Err((Step::of(&error, Step::Listen), error)),
    }
}

/// Attaches to a partition without an owner level and without credit.
async fn listen(client: &Client, consumer_group: &str, partition: PartitionId) -> Result<(), Error> {
    let options = ReceiveOptions {
        consumer_group: consumer_group.to_owned(),
        start: Start::Earliest,
        owner_level: None,
        name: "catchwater-check".to_owned(),
        distrust: Distrust::default(),
    };
    // Without a budget the link never gives credit.
    let receiver = client.receive(partition, options, Budget::new(0), 0);
    client.within(ANSWER_LIMIT, receiver).await.map(drop)
}

/// Limit on opening the connection: longer than TLS and name resolution wait, whose errors say more.
const OPEN_LIMIT: Duration = Duration::from_secs(21);

/// Limit on one answer of the hub. With the other limits: less than 30 s in total.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Limit on closing the connection.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
