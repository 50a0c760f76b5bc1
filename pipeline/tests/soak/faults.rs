//! Random faults of our hub, one at a time: each kind once before any comes again.

use std::collections::BTreeMap;
use std::time::Duration;

use catchwater::internals::emulator::{Emulator, FaultSpec};
use catchwater::internals::position::PartitionId;

use super::plan::PARTITIONS;

/// Chooses faults, and counts them by kind.
#[derive(Debug)]
pub(crate) struct Faults {
    random: fastrand::Rng,
    /// Kinds that come before any comes again.
    left: Vec<Kind>,
    pub(crate) struck: BTreeMap<&'static str, u64>,
}

/// A kind of faults, as `catchwater hub --fault` takes it.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// It strikes one reader, after a random number of events.
    Strikes(&'static str),
    /// It lasts until the next fault.
    Lasts(&'static str),
    /// All readers of a partition are detached.
    Moves,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), left: Vec::new(), struck: BTreeMap::new() }
    }

    /// Injects one fault; the next one comes after `time`.
    pub(crate) fn strike(&mut self, hub: &Emulator, time: Duration) {
        if self.left.is_empty() {
            self.left = KINDS.to_vec();
        }
        let kind = self.left.swap_remove(self.random.usize(..self.left.len()));
        let name = match kind {
            Kind::Strikes(text) => inject(hub, text, &format!("after={}", self.random.u64(1..=50))),
            Kind::Lasts(text) => inject(hub, text, &format!("for={}ms", time.as_millis())),
            Kind::Moves => {
                hub.detach_readers(PartitionId::new(self.random.u32(..PARTITIONS)));
                "moved partition"
            }
        };
        *self.struck.entry(name).or_default() += 1;
    }
}

fn inject(hub: &Emulator, text: &'static str, condition: &str) -> &'static str {
    let spec: FaultSpec = format!("{text},{condition}").parse().unwrap();
    hub.inject(&spec).unwrap();
    text
}

/// Faults after which a run reads on, or ends because another reader has its partitions. Those that end a sender are
/// left out (`token-life`, `busy=sends`): the order of its events would be open.
const KINDS: &[Kind] = &[
    Kind::Strikes("drop"),
    Kind::Strikes("reset"),
    Kind::Strikes("detach"),
    Kind::Strikes("end"),
    Kind::Strikes("close"),
    Kind::Strikes("close=com.microsoft:server-busy"),
    Kind::Strikes("steal"),
    Kind::Lasts("busy=links"),
    Kind::Lasts("slow=50"),
    Kind::Lasts("stall"),
    Kind::Lasts("unsettled"),
    Kind::Lasts("amqp-value=binary"),
    Kind::Lasts("amqp-value=string"),
    Kind::Lasts("data-sections"),
    Kind::Lasts("annotations"),
    Kind::Moves,
];
