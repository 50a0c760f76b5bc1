//! The error table: the meaning of each error condition of the hub, and what a reader does about it. Pure.
//!
//! Does not own: the waits between attempts (`run::reader`).
//!
//! # Source
//! Protocol reference 6.1: the tables of the official Go, JavaScript, Python and .NET SDKs, merged.

use std::time::Duration;

use super::names::{SERVER_BUSY, STOLEN};

/// The meaning of an error to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Temporary: a retry may succeed.
    Transient,
    /// Another reader has taken the partition.
    OwnershipLost,
    /// The hub no longer has the position; continuing without it is an explicit choice.
    PositionLost,
    /// The credentials do not open this hub.
    Unauthorized,
    /// The hub, consumer group or partition does not exist.
    NotFound,
    /// A retry will not help.
    Fatal,
}

impl ErrorKind {
    /// The next step of an operator, where the hub's description leaves it open.
    pub(super) fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Unauthorized => Some(
                "check that the key, signature or identity belongs to this event hub or its namespace, is valid, and has \
                 the right Listen to read or Send to send",
            ),
            Self::NotFound => Some(
                "check the name of the event hub (EntityPath or --event-hub) and of the consumer group \
                 (--consumer-group); catchwater creates neither",
            ),
            Self::Transient | Self::OwnershipLost | Self::PositionLost | Self::Fatal => None,
        }
    }
}

/// A reader's next step after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recovery {
    /// Attach again on the same connection.
    Reattach,
    /// Attach again on a new connection.
    Reconnect,
    /// Attach again on the same connection, after this time at the earliest.
    Wait(Duration),
    /// An operator has to act on the hub. A service tries again after this time; a bounded run ends.
    AwaitOperator(Duration),
    /// Put a new token and attach again. The second time in a row is an end.
    RenewToken,
    /// Another reader has the partition: leave it.
    HandBack,
    /// The position is refused: find it again from lake and hub.
    FindPosition,
    /// End with the error.
    End,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The AMQP error condition.
    pub condition: &'static str,
    /// Parts of the hub's description, one of which it must contain; none for any description.
    pub texts: &'static [&'static str],
    /// The meaning.
    pub kind: ErrorKind,
    /// The next step.
    pub recovery: Recovery,
}

/// The row of a condition: the first that fits. `text` is the hub's description, because some conditions have several
/// meanings.
pub(super) fn row_of(condition: &str, text: &str) -> &'static Row {
    let fits = |row: &&Row| {
        row.condition == condition
            && (row.texts.is_empty() || row.texts.iter().any(|part| text.contains(part)))
    };
    TABLE.iter().find(fits).unwrap_or(&UNKNOWN)
}

/// The condition for a status code of `$cbs` or `$management`.
pub(super) fn condition_of(status: i64) -> &'static str {
    match status {
        400 => "com.microsoft:argument-error",
        401 => "amqp:unauthorized-access",
        403 => "amqp:resource-limit-exceeded",
        404 => "amqp:not-found",
        408 => "com.microsoft:timeout",
        410 => STOLEN,
        501 => "amqp:not-implemented",
        503 => SERVER_BUSY,
        _ => "amqp:internal-error",
    }
}

const fn row(condition: &'static str, kind: ErrorKind, recovery: Recovery) -> Row {
    Row { condition, texts: &[], kind, recovery }
}

/// The service asks for it: "Please wait 4 seconds and try again."
const BUSY_DELAY: Duration = Duration::from_secs(4);
/// Delay of the Python SDK after a time-out of the service.
const TIMEOUT_DELAY: Duration = Duration::from_secs(2);
/// Delay of the Python SDK while a node of the service restarts.
const RESTART_DELAY: Duration = Duration::from_secs(4);
/// Delay before another attempt that depends on a person: a request a minute costs nothing and is soon enough.
const OPERATOR_DELAY: Duration = Duration::from_mins(1);

/// A condition that is not in the table, as in the Go SDK.
const UNKNOWN: Row = row("", ErrorKind::Transient, Recovery::Reconnect);

/// All conditions with a meaning of their own. Rows with texts come before the one without.
pub const TABLE: &[Row] = {
    use ErrorKind::{Fatal, NotFound, OwnershipLost, PositionLost, Transient, Unauthorized};
    use Recovery::{AwaitOperator, End, FindPosition, HandBack, Reattach, Reconnect, RenewToken, Wait};
    &[
        // The service moves, restarts or is idle: normal life.
        row("amqp:link:detach-forced", Transient, Reattach),
        row("amqp:connection:forced", Transient, Reconnect),
        row("amqp:connection:framing-error", Transient, Reconnect),
        row("amqp:internal-error", Transient, Reconnect),
        row("amqp:illegal-state", Transient, Reattach),
        row("amqp:link:transfer-limit-exceeded", Transient, Reattach),
        row("com.microsoft:operation-cancelled", Transient, Reattach),
        row("com.microsoft:container-close", Transient, Wait(RESTART_DELAY)),
        row("com.microsoft:entity-updated", Transient, Wait(RESTART_DELAY)),
        row("com.microsoft:timeout", Transient, Wait(TIMEOUT_DELAY)),
        row(SERVER_BUSY, Transient, Wait(BUSY_DELAY)),
        row("com.microsoft:partition-not-owned", Transient, Reattach),
        row("com.microsoft:store-lock-lost", Transient, Reattach),
        row("com.microsoft:address-already-in-use", Transient, Reattach),
        row("com.microsoft:message-wait-timeout", Transient, Reattach),
        // Another reader.
        row(STOLEN, OwnershipLost, HandBack),
        // The credential.
        row("amqp:unauthorized-access", Unauthorized, RenewToken),
        row("com.microsoft:auth-failed", Unauthorized, End),
        // The position. "The supplied offset '…' is invalid. …", "The supplied sequence number '…' is invalid. …"
        Row {
            texts: &["supplied offset", "supplied sequence number"],
            ..row("com.microsoft:argument-error", PositionLost, FindPosition)
        },
        row("com.microsoft:georeplication:invalid-offset", PositionLost, FindPosition),
        // A quota, the limit of five readers of a group, a disabled hub: they pass when somebody acts.
        row("amqp:resource-limit-exceeded", Fatal, AwaitOperator(OPERATOR_DELAY)),
        row("com.microsoft:entity-disabled", Fatal, AwaitOperator(OPERATOR_DELAY)),
        // Configuration, or misuse of the protocol.
        row("amqp:not-found", NotFound, End),
        row("com.microsoft:argument-error", Fatal, End),
        row("com.microsoft:argument-out-of-range", Fatal, End),
        row("amqp:not-allowed", Fatal, End),
        row("amqp:not-implemented", Fatal, End),
        row("amqp:decode-error", Fatal, End),
        row("amqp:precondition-failed", Fatal, End),
        row("amqp:invalid-field", Fatal, End),
        row("amqp:link:redirect", Fatal, End),
        row("amqp:link:message-size-exceeded", Fatal, End),
        row("com.microsoft:producer-epoch-stolen", Fatal, End),
        row("com.microsoft:out-of-order-sequence", Fatal, End),
        row("com.microsoft:publisher-revoked", Fatal, End),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_decides_where_a_condition_has_several_meanings() {
        let offset = "The supplied offset '9' is invalid. The last offset in the system is '4' TrackingId:a";
        let number = "The supplied sequence number '71181' is invalid. The last sequence number in the system is '1048'";
        let filter = "The filter 'x' is not a valid amqp filter for EventHub entities";
        for (text, kind, recovery) in [
            (offset, ErrorKind::PositionLost, Recovery::FindPosition),
            (number, ErrorKind::PositionLost, Recovery::FindPosition),
            (filter, ErrorKind::Fatal, Recovery::End),
        ] {
            let row = row_of("com.microsoft:argument-error", text);
            assert_eq!((row.kind, row.recovery), (kind, recovery), "{text}");
        }
    }

    #[test]
    fn unknown_condition_is_retried_on_a_new_connection() {
        let row = row_of("com.microsoft:of-tomorrow", "");
        assert_eq!((row.kind, row.recovery), (ErrorKind::Transient, Recovery::Reconnect));
    }

    #[test]
    fn every_row_can_be_reached() {
        for row in TABLE {
            let text = row.texts.first().copied().unwrap_or_default();
            let found = row_of(row.condition, text);
            assert_eq!((found.kind, found.recovery), (row.kind, row.recovery), "{}", row.condition);
        }
    }

    #[test]
    fn each_status_has_a_condition_of_the_table() {
        for status in [400, 401, 403, 404, 408, 410, 500, 501, 503] {
            let condition = condition_of(status);
            assert!(TABLE.iter().any(|row| row.condition == condition), "{status}: {condition}");
        }
    }
}
