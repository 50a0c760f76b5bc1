//! Classification of the hub's error conditions: one table, as a pure function.
//!
//! # Source
//! The tables of the official Go, JavaScript, Python and .NET SDKs, merged.

use super::names::{SERVER_BUSY, STOLEN};

/// The meaning of an error to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Temporary: a retry on a new connection may succeed.
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

/// Classifies a condition. `text` is the hub's description: some conditions have several meanings.
pub(super) fn kind_of(condition: &str, text: &str) -> ErrorKind {
    match condition {
        STOLEN => ErrorKind::OwnershipLost,
        "amqp:unauthorized-access" | "com.microsoft:auth-failed" => ErrorKind::Unauthorized,
        "amqp:not-found" => ErrorKind::NotFound,
        "com.microsoft:georeplication:invalid-offset" => ErrorKind::PositionLost,
        "com.microsoft:argument-error" if is_about_a_position(text) => ErrorKind::PositionLost,
        "com.microsoft:argument-error"
        | "com.microsoft:argument-out-of-range"
        | "com.microsoft:entity-disabled"
        | "com.microsoft:producer-epoch-stolen"
        | "com.microsoft:out-of-order-sequence"
        | "com.microsoft:publisher-revoked"
        // A quota, or the limit of five readers of a group: neither passes by itself.
        | "amqp:resource-limit-exceeded"
        | "amqp:not-allowed"
        | "amqp:not-implemented"
        | "amqp:decode-error"
        | "amqp:precondition-failed"
        | "amqp:invalid-field"
        | "amqp:link:redirect"
        | "amqp:link:message-size-exceeded" => ErrorKind::Fatal,
        // Restarts, moves, idle links, throttling, broken transports; and unknown conditions.
        _ => ErrorKind::Transient,
    }
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

/// "The supplied offset '…' is invalid. …", "The supplied sequence number '…' is invalid. …".
fn is_about_a_position(text: &str) -> bool {
    text.contains("supplied offset") || text.contains("supplied sequence number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_classified_as_in_the_sdks() {
        use ErrorKind::{Fatal, NotFound, OwnershipLost, PositionLost, Transient, Unauthorized};
        let offset = "The supplied offset '9' is invalid. The last offset in the system is '4' TrackingId:a";
        let number = "The supplied sequence number '71181' is invalid. The last sequence number in the system is '1048'";
        let filter = "The filter 'x' is not a valid amqp filter for EventHub entities";
        let cases = [
            ("amqp:link:detach-forced", "", Transient),
            ("amqp:connection:forced", "", Transient),
            ("amqp:connection:framing-error", "", Transient),
            ("amqp:internal-error", "", Transient),
            ("com.microsoft:server-busy", "", Transient),
            ("com.microsoft:timeout", "", Transient),
            ("com.microsoft:operation-cancelled", "", Transient),
            ("com.microsoft:container-close", "", Transient),
            ("com.microsoft:entity-updated", "", Transient),
            ("amqp:link:transfer-limit-exceeded", "", Transient),
            ("amqp:illegal-state", "", Transient),
            ("com.microsoft:of-tomorrow", "", Transient),
            ("amqp:link:stolen", "", OwnershipLost),
            ("amqp:resource-limit-exceeded", "", Fatal),
            ("amqp:unauthorized-access", "", Unauthorized),
            ("com.microsoft:auth-failed", "", Unauthorized),
            ("amqp:not-found", "", NotFound),
            ("amqp:not-allowed", "", Fatal),
            ("com.microsoft:entity-disabled", "", Fatal),
            ("com.microsoft:argument-error", offset, PositionLost),
            ("com.microsoft:argument-error", number, PositionLost),
            ("com.microsoft:argument-error", filter, Fatal),
            ("com.microsoft:argument-out-of-range", "", Fatal),
            ("com.microsoft:georeplication:invalid-offset", "", PositionLost),
            ("amqp:link:message-size-exceeded", "", Fatal),
        ];
        for (condition, text, expected) in cases {
            assert_eq!(kind_of(condition, text), expected, "{condition}: {text}");
        }
    }
}
