//! Rates and intervals of a soak by its length: a short one has everything that a long one has.

use std::time::Duration;

/// The intervals of one soak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Time in which events are sent.
    pub(crate) length: Duration,
    /// Time between two faults of the hub: 5 s in a soak of a minute or more.
    pub(crate) fault_every: Duration,
    /// Time between two strikes, each of which kills or stops a run: a minute in a soak of three minutes or more.
    pub(crate) strike_every: Duration,
    /// Time for which a run is stopped.
    pub(crate) pause: Duration,
    /// Time after which a run that was displaced or killed is started again, as a supervisor does.
    pub(crate) restart_after: Duration,
}

impl Plan {
    pub(crate) fn of(seconds: u64) -> Self {
        let part = |divisor: u32, least: u64, most: u64| {
            let length = Duration::from_secs(seconds) / divisor;
            length.clamp(Duration::from_millis(least), Duration::from_secs(most))
        };
        Self {
            length: Duration::from_secs(seconds),
            fault_every: part(12, 500, 5),
            strike_every: part(3, 2_000, 60),
            pause: part(12, 1_000, 15),
            restart_after: part(6, 1_000, 15),
        }
    }
}

/// Partitions of the hub.
pub(crate) const PARTITIONS: u32 = 4;

/// Events per second of each partition. Two debug builds on a busy machine keep up with all of them.
pub(crate) const RATE: u64 = 100;

/// Different bodies, sent in turn: event n of a partition has body n modulo this.
pub(crate) const BODIES: usize = 300;
