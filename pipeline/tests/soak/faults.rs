//! Random faults of our hub, one at a time.

use std::collections::BTreeMap;

use catchwater::internals::amqp::condition;
use catchwater::internals::emulator::{Emulator, Fault, Reason};
use catchwater::internals::position::PartitionId;

use super::plan::PARTITIONS;

/// Chooses faults, and counts them by kind.
#[derive(Debug)]
pub(crate) struct Faults {
    random: fastrand::Rng,
    pub(crate) struck: BTreeMap<&'static str, u64>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), struck: BTreeMap::new() }
    }

    /// Injects one fault.
    pub(crate) fn strike(&mut self, hub: &Emulator) {
        let reason = Reason::new(self.choose(CONDITIONS), "A fault of the soak.");
        let kind = self.choose(KINDS);
        let fault = match kind {
            "drop" => Some(Fault::Drop),
            "drop in a frame" => Some(Fault::DropInFrame),
            "detach" => Some(Fault::Detach(reason)),
            "session end" => Some(Fault::EndSession(reason)),
            "close" => Some(Fault::Close(reason)),
            "busy" => {
                hub.faults().refuse_links(2, &Reason::new("com.microsoft:server-busy", "Busy."));
                None
            }
            "stall" => {
                hub.faults().stall_readers();
                None
            }
            _ => {
                hub.detach_readers(PartitionId::new(self.random.u32(..PARTITIONS)));
                None
            }
        };
        if let Some(fault) = fault {
            hub.faults().inject_after(self.random.u64(1..=50), fault);
        }
        *self.struck.entry(kind).or_default() += 1;
    }

    fn choose(&mut self, of: &[&'static str]) -> &'static str {
        of[self.random.usize(..of.len())]
    }
}

const KINDS: &[&str] =
    &["drop", "drop in a frame", "detach", "session end", "close", "busy", "stall", "moved partition"];

/// Conditions after which a reader attaches again.
const CONDITIONS: &[&str] = &[
    condition::DETACH_FORCED,
    condition::CONNECTION_FORCED,
    condition::INTERNAL_ERROR,
    "com.microsoft:timeout",
    "com.microsoft:container-close",
];
