//! What went wrong with the hub, and what a caller can do about it.
//!
//! Owns: one error for everything the AMQP library can say, with the hub's own words kept.
//! Does not own: what a condition means (`retry`).

use std::io;

use fe2o3_amqp::connection::{ConnectionStopReason, OpenError};
use fe2o3_amqp::link::{
    DetachError, LinkStateError, ReceiverAttachError, RecvError, SendError, SenderAttachError,
    SessionStopReason,
};
use fe2o3_amqp_types::definitions::{self, ErrorCondition};
use fe2o3_amqp_types::primitives::Symbol;

use super::ConnectionString;
use super::names::{SERVER_BUSY, STATUS_CODE};
use super::retry::{condition_of, kind_of};
use crate::position::PartitionId;

/// What went wrong with the hub.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No event hub is named.
    #[error("no event hub is named, neither in the connection string (EntityPath) nor beside it")]
    NoEventHub,
    /// The namespace speaks TLS only.
    #[error(
        "{0} needs TLS, which is not built yet: so far only emulators (UseDevelopmentEmulator=true) can be read"
    )]
    NeedsTls(String),
    /// Nobody answers there.
    #[error("could not reach {address}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody answers, but AMQP does not come about.
    #[error("{address} does not open an AMQP connection: {what}")]
    NotOpened {
        /// Host and port.
        address: String,
        /// Why.
        what: String,
        /// What it means.
        kind: ErrorKind,
    },
    /// The hub said no.
    #[error("{subject}: {text} ({condition})")]
    Refused {
        /// What was asked for, or of whom.
        subject: String,
        /// The AMQP error condition.
        condition: String,
        /// The hub's own words, with the tracking id its support asks for.
        text: String,
        /// What it means.
        kind: ErrorKind,
    },
    /// The link, its session or the connection ended without a reason from the hub.
    #[error("{subject}: {what}")]
    Lost {
        /// Which link.
        subject: String,
        /// How it ended.
        what: String,
    },
    /// The hub's answer lacks what it must have.
    #[error("{subject}: the answer of the hub has no usable {what}")]
    Answer {
        /// What was asked for.
        subject: String,
        /// What is missing.
        what: &'static str,
    },
    /// Deliveries break the rules of their link. What a message holds never does.
    #[error("partition {partition}: {what}")]
    Event {
        /// Its partition.
        partition: PartitionId,
        /// The fault in them.
        what: String,
    },
    /// The hub's numbering lies below the position that was asked for.
    #[error(
        "partition {partition}: event {arrived} arrived where only events after {position} were asked for"
    )]
    WentBack {
        /// Its partition.
        partition: PartitionId,
        /// The event that arrived.
        arrived: i64,
        /// The position that was asked for.
        position: i64,
    },
    /// An event is larger than the hub takes.
    #[error("an event of {bytes} bytes is too large: the hub takes {limit}")]
    TooLarge {
        /// The event as sent.
        bytes: usize,
        /// What the link allows.
        limit: usize,
    },
}

/// What an error means to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// It passes: try again, on a new connection.
    Transient,
    /// Another reader has taken the partition.
    OwnershipLost,
    /// The position is gone; going on is an explicit choice.
    PositionLost,
    /// The credentials do not open this hub.
    Unauthorized,
    /// There is no such hub, consumer group or partition.
    NotFound,
    /// Trying again will not help.
    Fatal,
}

impl Error {
    /// What it means to a caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { kind, .. } | Self::NotOpened { kind, .. } => *kind,
            Self::Unreachable { .. } | Self::Lost { .. } => ErrorKind::Transient,
            Self::WentBack { .. } => ErrorKind::PositionLost,
            Self::NoEventHub
            | Self::NeedsTls(_)
            | Self::Answer { .. }
            | Self::Event { .. }
            | Self::TooLarge { .. } => ErrorKind::Fatal,
        }
    }

    /// True if the hub is too busy and the request may be retried later.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { condition, .. } if condition == SERVER_BUSY)
    }

    /// The same error of the same link, told to somebody who waits for something else.
    pub(super) fn about(&self, subject: &str) -> Self {
        match self {
            Self::Refused { condition, text, .. } => Self::refused(subject, condition, text),
            Self::Lost { what, .. } => Self::lost(subject, what.as_str()),
            other => Self::lost(subject, other.to_string()),
        }
    }

    pub(super) fn refused(subject: &str, condition: &str, text: &str) -> Self {
        Self::Refused {
            subject: subject.to_owned(),
            condition: condition.to_owned(),
            text: text.to_owned(),
            kind: kind_of(condition, text),
        }
    }

    pub(super) fn lost(subject: &str, what: impl Into<String>) -> Self {
        Self::Lost { subject: subject.to_owned(), what: what.into() }
    }

    /// What a node's answer says of the question: 200 and 202 are both success, the service answers 202 where others
    /// answer 200.
    pub(super) fn check_status(
        subject: &str,
        status: Option<i64>,
        condition: Option<&str>,
        text: Option<&str>,
    ) -> Result<(), Self> {
        let no_status = || Self::Answer { subject: subject.to_owned(), what: STATUS_CODE };
        let status = status.ok_or_else(no_status)?;
        if matches!(status, 200 | 202) {
            return Ok(());
        }
        let condition = condition.unwrap_or_else(|| condition_of(status));
        let otherwise = || format!("status {status}");
        Err(Self::refused(subject, condition, &text.map_or_else(otherwise, str::to_owned)))
    }

    /// The other side ended something with a reason.
    pub(super) fn remote(subject: &str, error: &definitions::Error) -> Self {
        Self::refused(subject, &name_of(&error.condition), error.description.as_deref().unwrap_or_default())
    }

    pub(super) fn open(to: &ConnectionString, error: OpenError) -> Self {
        let address = format!("{}:{}", to.host(), to.port());
        match error {
            // The stream was connected before: somebody was reached.
            OpenError::Io(error) => {
                Self::NotOpened { address, what: broken_handshake(&error), kind: ErrorKind::Transient }
            }
            OpenError::RemoteClosedWithError(error) => Self::remote(&address, &error),
            OpenError::SaslError { .. } => {
                Self::NotOpened { address, what: error.to_string(), kind: ErrorKind::Unauthorized }
            }
            // What is not AMQP answers with bytes of its own; that does not pass.
            OpenError::ProtocolHeaderMismatch(_) => {
                Self::NotOpened { address, what: error.to_string(), kind: ErrorKind::Fatal }
            }
            other => Self::NotOpened { address, what: other.to_string(), kind: ErrorKind::Transient },
        }
    }

    pub(super) fn begin(subject: &str, error: fe2o3_amqp::session::BeginError) -> Self {
        use fe2o3_amqp::session::BeginError;
        match error {
            BeginError::ConnectionStopped(reason) => Self::connection_stopped(subject, &reason),
            BeginError::RemoteEndedWithError(error) => Self::remote(subject, &error),
            other => Self::lost(subject, other.to_string()),
        }
    }

    pub(super) fn attach_receiver(subject: &str, error: ReceiverAttachError) -> Self {
        match error {
            ReceiverAttachError::RemoteClosedWithError(error) => Self::remote(subject, &error),
            ReceiverAttachError::SessionStopped(reason) => Self::session_stopped(subject, &reason),
            other => Self::lost(subject, other.to_string()),
        }
    }

    pub(super) fn attach_sender(subject: &str, error: SenderAttachError) -> Self {
        match error {
            SenderAttachError::RemoteClosedWithError(error) => Self::remote(subject, &error),
            SenderAttachError::SessionStopped(reason) => Self::session_stopped(subject, &reason),
            other => Self::lost(subject, other.to_string()),
        }
    }

    pub(super) fn receive(subject: &str, error: RecvError) -> Self {
        match error {
            RecvError::LinkStateError(error) => Self::link_state(subject, error),
            other => Self::lost(subject, other.to_string()),
        }
    }

    pub(super) fn send(subject: &str, error: SendError) -> Self {
        match error {
            SendError::LinkStateError(error) => Self::link_state(subject, error),
            SendError::Detached(error) => Self::detach(subject, error),
            SendError::MessageSizeExceeded(error) => {
                Self::TooLarge { bytes: error.size as usize, limit: error.max_size as usize }
            }
            other => Self::lost(subject, other.to_string()),
        }
    }

    #[cfg(test)]
    pub(super) fn flow(subject: &str, error: fe2o3_amqp::link::IllegalLinkStateError) -> Self {
        Self::link_state(subject, error.into())
    }

    pub(super) fn detach(subject: &str, error: DetachError) -> Self {
        Self::link_state(subject, error.into())
    }

    fn link_state(subject: &str, error: LinkStateError) -> Self {
        match error {
            LinkStateError::RemoteClosedWithError(error) | LinkStateError::RemoteDetachedWithError(error) => {
                Self::remote(subject, &error)
            }
            LinkStateError::SessionStopped(reason) => Self::session_stopped(subject, &reason),
            other => Self::lost(subject, other.to_string()),
        }
    }

    fn session_stopped(subject: &str, reason: &SessionStopReason) -> Self {
        match reason {
            SessionStopReason::EndedWithError(error) | SessionStopReason::RemoteEndedWithError(error) => {
                Self::remote(subject, error)
            }
            SessionStopReason::ConnectionStopped(reason) => Self::connection_stopped(subject, reason),
            SessionStopReason::Ended | SessionStopReason::RemoteEnded => {
                Self::lost(subject, "the session has ended")
            }
        }
    }

    fn connection_stopped(subject: &str, reason: &ConnectionStopReason) -> Self {
        match reason {
            ConnectionStopReason::ClosedWithError(error)
            | ConnectionStopReason::RemoteClosedWithError(error) => Self::remote(subject, error),
            ConnectionStopReason::Closed | ConnectionStopReason::RemoteClosed => {
                Self::lost(subject, "the connection is gone")
            }
        }
    }
}

fn broken_handshake(error: &io::Error) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => {
            "the peer closed the connection during the handshake; is this an AMQP port, and one without TLS?"
                .to_owned()
        }
        _ => format!("the handshake failed: {error}"),
    }
}

fn name_of(condition: &ErrorCondition) -> String {
    let Symbol(name) = match condition {
        ErrorCondition::AmqpError(condition) => condition.into(),
        ErrorCondition::ConnectionError(condition) => condition.into(),
        ErrorCondition::SessionError(condition) => condition.into(),
        ErrorCondition::LinkError(condition) => condition.into(),
        ErrorCondition::Custom(name) => name.clone(),
    };
    name
}
