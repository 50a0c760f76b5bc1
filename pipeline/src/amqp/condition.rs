//! Error conditions, spelled as in the AMQP specification and by Event Hubs.

/// A frame or a performative could not be read.
pub const DECODE_ERROR: &str = "amqp:decode-error";
/// A performative is not allowed at this point.
pub const ILLEGAL_STATE: &str = "amqp:illegal-state";
/// A field's value is not allowed.
pub const INVALID_FIELD: &str = "amqp:invalid-field";
/// No node has the address.
pub const NOT_FOUND: &str = "amqp:not-found";
/// The operation is not allowed here.
pub const NOT_ALLOWED: &str = "amqp:not-allowed";
/// The operation is unknown.
pub const NOT_IMPLEMENTED: &str = "amqp:not-implemented";
/// No valid token covers the address.
pub const UNAUTHORIZED: &str = "amqp:unauthorized-access";
/// A quota is exceeded, for instance by the sixth reader of a partition.
pub const RESOURCE_LIMIT: &str = "amqp:resource-limit-exceeded";
/// The peer failed internally.
pub const INTERNAL_ERROR: &str = "amqp:internal-error";
/// The peer closes the connection for reasons of its own.
pub const CONNECTION_FORCED: &str = "amqp:connection:forced";
/// A frame breaks the framing rules.
pub const FRAMING_ERROR: &str = "amqp:connection:framing-error";
/// The smallest encoding of a performative is larger than the peer's maximum frame size.
pub const FRAME_SIZE_TOO_SMALL: &str = "amqp:frame-size-too-small";
/// A transfer arrived without session window.
pub const WINDOW_VIOLATION: &str = "amqp:session:window-violation";
/// A frame names a handle without a link.
pub const UNATTACHED_HANDLE: &str = "amqp:session:unattached-handle";
/// An attach names a handle in use.
pub const HANDLE_IN_USE: &str = "amqp:session:handle-in-use";
/// The link is closed for reasons of the peer.
pub const DETACH_FORCED: &str = "amqp:link:detach-forced";
/// A transfer arrived without link credit.
pub const TRANSFER_LIMIT: &str = "amqp:link:transfer-limit-exceeded";
/// A delivery is larger than the link allows.
pub const MESSAGE_SIZE: &str = "amqp:link:message-size-exceeded";
/// A reader with an equal or higher owner level has taken the partition.
pub const STOLEN: &str = "amqp:link:stolen";
/// The service rejects an argument, for instance a position past the end.
pub const ARGUMENT_ERROR: &str = "com.microsoft:argument-error";
/// The service rejects a value outside its range.
pub const ARGUMENT_OUT_OF_RANGE: &str = "com.microsoft:argument-out-of-range";
/// An offset of a hub before it was geo-replicated.
pub const INVALID_GEO_OFFSET: &str = "com.microsoft:georeplication:invalid-offset";
/// The service throttles and asks for a pause of four seconds.
pub const SERVER_BUSY: &str = "com.microsoft:server-busy";
