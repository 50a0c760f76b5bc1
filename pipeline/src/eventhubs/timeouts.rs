//! Timeouts of a client.

use std::time::Duration;

/// Timeouts of a client's connections and requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// A connection ends when nothing was received for this time.
    pub(super) idle: Duration,
    /// Limit on waiting for the response to a request.
    pub(super) response: Duration,
    /// Delay before a request is repeated that the hub was too busy for.
    pub(super) busy_delay: Duration,
}

impl Timeouts {
    /// Limit on opening a connection: dialing, the handshakes, and the first token.
    pub(super) const OPEN: Duration = Duration::from_mins(1);

    /// A busy service asks for a delay of four seconds.
    pub(super) const DEFAULT: Self = Self {
        idle: Duration::from_mins(1),
        response: Duration::from_mins(1),
        busy_delay: Duration::from_secs(4),
    };
}
