//! Errors of a hub, with the hub's own descriptions.
//!
//! Owns: one error for both AMQP stacks. Does not own: the classification of a condition (`condition`).

use std::io;
use std::sync::Arc;

use fe2o3_amqp::connection::{ConnectionStopReason, OpenError};
use fe2o3_amqp::link::{
    DetachError, LinkStateError, ReceiverAttachError, RecvError, SendError, SenderAttachError,
    SessionStopReason,
};
use fe2o3_amqp_types::definitions::{self, ErrorCondition};
use fe2o3_amqp_types::primitives::Symbol;

use super::address::Address;
use super::condition::{ErrorKind, Recovery, condition_of, row_of};
use super::credential::CredentialError;
use super::names::{SERVER_BUSY, STATUS_CODE};
use super::transport::TransportError;
use crate::amqp::TLS_HEADER;
use crate::position::PartitionId;

/// An error of a hub, its connections or its links.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No event hub is named.
    #[error("no event hub is named: the connection string has no EntityPath, and no other name was given")]
    NoEventHub,
    /// The way to the hub is not open.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The credential gives no token.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The address can't be reached.
    #[error("could not reach {address}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The peer does not complete the handshake of AMQP.
    #[error("{address} does not open an AMQP connection: {what}")]
    NotOpened {
        /// Host and port.
        address: String,
        /// The step that failed.
        what: String,
        /// Its classification.
        kind: ErrorKind,
    },
    /// The hub reported an error.
    #[error("{subject}: {text} ({condition}){}", .kind.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default())]
    Refused {
        /// The partition, node or hub it concerns.
        subject: String,
        /// The AMQP error condition.
        condition: String,
        /// The hub's description, with the tracking id that its support asks for.
        text: String,
        /// Its classification.
        kind: ErrorKind,
        /// The next step of a reader.
        recovery: Recovery,
    },
    /// The connection that several callers wait for could not be opened.
    #[error(transparent)]
    NoConnection(Arc<Error>),
    /// The link, its session or the connection ended without a reason from the hub.
    #[error("{subject}: {what}")]
    Lost {
        /// The link it concerns.
        subject: String,
        /// The way it ended.
        what: String,
    },
    /// The hub's response lacks a required value.
    #[error("{subject}: the response of the hub has no usable {what}")]
    Response {
        /// The subject of the request.
        subject: String,
        /// The missing value.
        what: &'static str,
    },
    /// Deliveries break the rules of their link. The contents of a message never do.
    #[error("partition {partition}: {what}")]
    Event {
        /// Its partition.
        partition: PartitionId,
        /// The violation.
        what: String,
    },
    /// The hub's sequence numbers are not above the requested position.
    #[error(
        "partition {partition}: event {arrived} arrived where only events after {position} were requested"
    )]
    WentBack {
        /// Its partition.
        partition: PartitionId,
        /// The event that arrived.
        arrived: i64,
        /// The requested position.
        position: i64,
    },
    /// An event is larger than the hub allows.
    #[error("an event of {bytes} bytes is too large: the hub accepts at most {limit}")]
    TooLarge {
        /// The event as it would be sent.
        bytes: usize,
        /// The link's limit.
        limit: usize,
    },
}

impl Error {
    /// Its classification, for the caller's next step.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { kind, .. } | Self::NotOpened { kind, .. } => *kind,
            Self::Transport(error) => error.kind(),
            Self::Unreachable { .. } | Self::Lost { .. } => ErrorKind::Transient,
            Self::NoConnection(error) => error.kind(),
            Self::Credential(error) if error.is_transient() => ErrorKind::Transient,
            Self::Credential(_) => ErrorKind::Unauthorized,
            Self::WentBack { .. } => ErrorKind::PositionLost,
            Self::NoEventHub | Self::Response { .. } | Self::Event { .. } | Self::TooLarge { .. } => {
                ErrorKind::Fatal
            }
        }
    }

    /// The next step of a reader.
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Refused { recovery, .. } => *recovery,
            // The attempt has tried a second token already.
            Self::NoConnection(error) => match error.recovery() {
                Recovery::RenewToken => Recovery::End,
                other => other,
            },
            Self::WentBack { .. } => Recovery::FindPosition,
            Self::Transport(error) if error.is_configuration() => Recovery::End,
            Self::Credential(error) if !error.is_transient() => Recovery::End,
            // Also if the peer breaks the rules of the protocol: it may be a gateway or a node that is shutting down.
            Self::Event { .. }
            | Self::Response { .. }
            | Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::NotOpened { .. }
            | Self::Credential(_)
            | Self::Transport(_) => Recovery::Reconnect,
            Self::NoEventHub | Self::TooLarge { .. } => Recovery::End,
        }
    }

    /// The next step on the first connection: an address or a certificate that was never right is a mistake, which is
    /// reported at once.
    pub fn recovery_at_start(&self) -> Recovery {
        let is_mistake = |error: &Self| {
            matches!(error, Self::NotOpened { .. } | Self::Transport(_))
                && error.kind() != ErrorKind::Transient
        };
        match self {
            Self::NoConnection(error) if is_mistake(error) => Recovery::End,
            error if is_mistake(error) => Recovery::End,
            error => error.recovery(),
        }
    }

    /// Returns whether the hub is too busy and the request may be retried later.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { condition, .. } if condition == SERVER_BUSY)
    }

    pub(super) fn refused(subject: &str, condition: &str, text: &str) -> Self {
        let row = row_of(condition, text);
        Self::Refused {
            subject: subject.to_owned(),
            condition: condition.to_owned(),
            text: text.to_owned(),
            kind: row.kind,
            recovery: row.recovery,
        }
    }

    /// The connection was not opened within its limit.
    pub(super) fn opening_timed_out(to: &Address) -> Self {
        Self::lost(&to.to_string(), "the connection was not opened in time")
    }

    pub(super) fn lost(subject: &str, what: impl Into<String>) -> Self {
        Self::Lost { subject: subject.to_owned(), what: what.into() }
    }

    /// Checks the status of a response. Both 200 and 202 are success: the service sends 202 where emulators send 200.
    pub(super) fn check_status(
        subject: &str,
        status: Option<i64>,
        condition: Option<&str>,
        text: Option<&str>,
    ) -> Result<(), Self> {
        let no_status = || Self::Response { subject: subject.to_owned(), what: STATUS_CODE };
        let status = status.ok_or_else(no_status)?;
        if matches!(status, 200 | 202) {
            return Ok(());
        }
        let condition = condition.unwrap_or_else(|| condition_of(status));
        let fallback = || format!("status {status}");
        Err(Self::refused(subject, condition, &text.map_or_else(fallback, str::to_owned)))
    }

    /// The hub ended a link, session or connection with an error.
    pub(super) fn remote(subject: &str, error: &definitions::Error) -> Self {
        Self::refused(subject, &name_of(&error.condition), error.description.as_deref().unwrap_or_default())
    }

    pub(super) fn open(to: &Address, error: OpenError) -> Self {
        let address = format!("{}:{}", to.host(), to.port());
        match error {
            // The stream was connected before, so the address is reachable.
            OpenError::Io(error) => {
                Self::NotOpened { address, what: broken_handshake(&error), kind: ErrorKind::Transient }
            }
            OpenError::RemoteClosedWithError(error) => Self::remote(&address, &error),
            OpenError::SaslError { .. } => {
                Self::NotOpened { address, what: error.to_string(), kind: ErrorKind::Unauthorized }
            }
            // Another protocol on this port; a retry would not help.
            OpenError::ProtocolHeaderMismatch(header) => {
                Self::NotOpened { address, what: no_amqp(&header).to_owned(), kind: ErrorKind::Fatal }
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
                Self::lost(subject, "the hub ended the session")
            }
        }
    }

    fn connection_stopped(subject: &str, reason: &ConnectionStopReason) -> Self {
        match reason {
            ConnectionStopReason::ClosedWithError(error)
            | ConnectionStopReason::RemoteClosedWithError(error) => Self::remote(subject, error),
            ConnectionStopReason::Closed | ConnectionStopReason::RemoteClosed => {
                Self::lost(subject, "the connection was closed")
            }
        }
    }
}

/// The fault of a peer that answers with another protocol header.
pub(super) fn no_amqp(header: &[u8]) -> &'static str {
    if header == TLS_HEADER {
        "the peer requires TLS; leave UseDevelopmentEmulator out of the connection string"
    } else {
        "the peer does not speak AMQP 1.0"
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
