//! Names that Event Hubs defines on top of AMQP, each spelled once.
//!
//! # Source
//! The official SDKs; names are verbatim because they are the protocol.

// Nodes.
/// Accepts tokens.
pub(crate) const CBS: &str = "$cbs";
/// Returns the properties of a hub and of its partitions.
pub(crate) const MANAGEMENT: &str = "$management";

// Requests and responses (application properties).
pub(crate) const OPERATION: &str = "operation";
pub(crate) const PUT_TOKEN: &str = "put-token";
pub(crate) const READ: &str = "READ";
pub(crate) const TYPE: &str = "type";
pub(crate) const NAME: &str = "name";
pub(crate) const PARTITION: &str = "partition";
pub(crate) const EXPIRATION: &str = "expiration";
pub(crate) const SECURITY_TOKEN: &str = "security_token";
pub(crate) const SAS_TOKEN: &str = "servicebus.windows.net:sastoken";
pub(crate) const JWT: &str = "jwt";
pub(crate) const EVENT_HUB: &str = "com.microsoft:eventhub";
pub(crate) const EVENT_HUB_PARTITION: &str = "com.microsoft:partition";
pub(crate) const STATUS_CODE: &str = "status-code";
pub(crate) const STATUS_DESCRIPTION: &str = "status-description";
pub(crate) const ERROR_CONDITION: &str = "error-condition";

// Properties of a hub and of a partition (keys of the response's map).
pub(crate) const CREATED_AT: &str = "created_at";
pub(crate) const PARTITION_IDS: &str = "partition_ids";
pub(crate) const BEGIN_SEQUENCE_NUMBER: &str = "begin_sequence_number";
pub(crate) const LAST_SEQUENCE_NUMBER: &str = "last_enqueued_sequence_number";
pub(crate) const LAST_OFFSET: &str = "last_enqueued_offset";
pub(crate) const LAST_TIME: &str = "last_enqueued_time_utc";
pub(crate) const IS_EMPTY: &str = "is_partition_empty";

// Receiver links.
/// Key of the filter in a source's filter set.
pub(crate) const SELECTOR: &str = "apache.org:selector-filter:string";
/// Descriptor of the filter's value.
pub(crate) const SELECTOR_CODE: u64 = 0x0000_468C_0000_0004;
/// Link property: the owner level.
pub(crate) const EPOCH: &str = "com.microsoft:epoch";
/// Link property: the name that other readers see in their errors.
pub(crate) const RECEIVER_NAME: &str = "com.microsoft:receiver-name";
/// Capability: each event carries properties of the partition's last event.
pub(crate) const RUNTIME_METRIC: &str = "com.microsoft:enable-receiver-runtime-metric";
/// Capability: offsets may be any text.
pub(crate) const GEO_REPLICATION: &str = "com.microsoft:georeplication";

/// Error condition: another reader has the partition.
pub(crate) const STOLEN: &str = "amqp:link:stolen";

/// Error condition: the hub is too busy; a retry may succeed.
pub(crate) const SERVER_BUSY: &str = "com.microsoft:server-busy";

// Annotations of an event.
pub(crate) const SEQUENCE_NUMBER: &str = "x-opt-sequence-number";
pub(crate) const OFFSET: &str = "x-opt-offset";
pub(crate) const ENQUEUED_TIME: &str = "x-opt-enqueued-time";
/// Application property: parts of the body were left out to stay below the size limit. Matched by "contains".
pub(crate) const SIZE_EXCEEDED: &str = "MessageMaxSizeExceeded";

/// Message format of a transfer whose data sections are whole events.
pub(crate) const BATCH_FORMAT: u32 = 0x8001_3700;
