//! Error conditions that a fault may state, with the service's texts.
//!
//! # Source
//! Protocol reference 6.1.

use super::effect::Reason;
use crate::amqp::condition::{
    ARGUMENT_ERROR, ARGUMENT_OUT_OF_RANGE, CONNECTION_FORCED, DECODE_ERROR, DETACH_FORCED, FRAMING_ERROR,
    ILLEGAL_STATE, INTERNAL_ERROR, INVALID_FIELD, INVALID_GEO_OFFSET, MESSAGE_SIZE, NOT_ALLOWED, NOT_FOUND,
    NOT_IMPLEMENTED, RESOURCE_LIMIT, SERVER_BUSY, STOLEN, TRANSFER_LIMIT, UNAUTHORIZED,
};

/// Returns the reason for a condition, with the service's text; `None` for a condition that the service does not use.
pub(super) fn reason(condition: &str) -> Option<Reason> {
    let (condition, text) = CONDITIONS.iter().find(|(known, _)| *known == condition)?;
    Some(Reason::new(condition, text))
}

/// Conditions of the service, each with its text.
pub(super) const CONDITIONS: &[(&str, &str)] = &[
    (DETACH_FORCED, "The link is force detached because the partition moves."),
    (CONNECTION_FORCED, "The connection was closed by the service because it restarts."),
    (FRAMING_ERROR, "The stream can't be read."),
    (INTERNAL_ERROR, "The service was unable to process the request."),
    (ILLEGAL_STATE, "The link is not in a state for this operation."),
    (TRANSFER_LIMIT, "The quota of the link is exceeded."),
    (STOLEN, "Another receiver has taken the partition."),
    (RESOURCE_LIMIT, "A quota of the namespace is exceeded."),
    (UNAUTHORIZED, "ExpiredToken: The token is expired."),
    (NOT_FOUND, "The messaging entity could not be found."),
    (NOT_ALLOWED, "The operation is not allowed here."),
    (NOT_IMPLEMENTED, "The operation is unknown."),
    (DECODE_ERROR, "A frame can't be read."),
    (INVALID_FIELD, "The value of a field is not allowed."),
    (MESSAGE_SIZE, "The received message exceeds the limit currently allowed on the link."),
    (SERVER_BUSY, BUSY_TEXT),
    ("com.microsoft:timeout", "The operation did not complete within the allocated time."),
    ("com.microsoft:operation-cancelled", "The operation was cancelled by the service."),
    ("com.microsoft:container-close", "The container that serves the entity closes."),
    ("com.microsoft:entity-updated", "The messaging entity was updated."),
    ("com.microsoft:entity-disabled", "The messaging entity is disabled."),
    ("com.microsoft:auth-failed", "The authorization failed."),
    ("com.microsoft:partition-not-owned", "The partition is not owned by this node."),
    ("com.microsoft:store-lock-lost", "The lock of the store was lost."),
    (ARGUMENT_ERROR, "The supplied offset '9' is invalid. The last offset in the system is '7'."),
    (ARGUMENT_OUT_OF_RANGE, "The specified partition is out of range."),
    (INVALID_GEO_OFFSET, "The supplied offset is not one of this hub's replication state."),
];

/// Text of a throttled request.
const BUSY_TEXT: &str = "The request was terminated because the entity is being throttled. Error code : 50002. Please \
                         wait 4 seconds and try again.";
