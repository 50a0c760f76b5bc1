//! Events that a walk may have, drawn from its seed, and counts of those it had.

use crate::dice::Dice;

/// Limits and traits of a walk, drawn once at its beginning.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) events: usize,
    pub(crate) destinations: usize,
    pub(crate) writers: usize,
    pub(crate) late_puts_max: usize,
    pub(crate) crash_permille: usize,
    /// Percentage of steps at which another writer may wake. When it is low the others sleep for long; when it is high
    /// they race.
    pub(crate) wake_percent: usize,
    traits: Vec<Trait>,
}

/// A kind of event that only some walks have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trait {
    /// The first start ever begins at the latest event, not at the oldest.
    BeginsAtLatest,
    /// Writers remember over a restart how far the files reach that they conflicted with.
    RemembersWinners,
    /// Retention removes events, read or not.
    Retention,
    /// The hub is deleted and created again under its name.
    HubCreatedAgain,
    /// An empty lake replaces the lake; the checkpoints stay.
    LakeChanges,
    /// Checkpoints vanish, or an older one comes back.
    CheckpointsGetLost,
    /// New routing rules are rolled out.
    RulesChange,
    /// The lake is a local folder: a visible file need not be synced, and power may fail.
    LocalDisk,
    /// An older copy replaces the lake; the checkpoints stay.
    LakeRestored,
    /// The hub restarts its numbers under the same name and creation time.
    HubRenumbered,
    /// The partition was added to the hub after the lake's first start, and has lost events to retention since.
    PartitionIsNew,
}

/// Percentage of walks that have each.
const TRAITS: [(Trait, usize); 11] = [
    (Trait::BeginsAtLatest, 30),
    (Trait::RemembersWinners, 50),
    (Trait::Retention, 25),
    (Trait::HubCreatedAgain, 20),
    (Trait::LakeChanges, 15),
    (Trait::CheckpointsGetLost, 60),
    (Trait::RulesChange, 35),
    (Trait::LocalDisk, 40),
    (Trait::LakeRestored, 20),
    (Trait::HubRenumbered, 20),
    (Trait::PartitionIsNew, 15),
];

impl Setup {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        Self {
            events: dice.between(8, 23),
            destinations: dice.between(1, 6),
            writers: dice.between(2, 3),
            late_puts_max: dice.between(2, 6),
            crash_permille: dice.between(2, 20),
            wake_percent: dice.between(5, 70),
            traits: TRAITS.iter().filter(|(_, percent)| dice.chance(*percent)).map(|(one, _)| *one).collect(),
        }
    }

    pub(crate) fn has(&self, one: Trait) -> bool {
        self.traits.contains(&one)
    }
}

/// Counts of what happened in a walk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) steps: usize,
    pub(crate) files: usize,
    pub(crate) conflicts: usize,
    pub(crate) runs_ended_by_conflict: usize,
    pub(crate) crashes: usize,
    pub(crate) late_commits: usize,
    pub(crate) late_conflicts: usize,
    pub(crate) skipped: usize,
    pub(crate) stale_lists: usize,
    pub(crate) checkpoints: usize,
    pub(crate) lost_checkpoints: usize,
    pub(crate) lost_ranges: usize,
    pub(crate) new_hubs: usize,
    pub(crate) new_lakes: usize,
    pub(crate) boundaries: usize,
    pub(crate) power_failures: usize,
    pub(crate) files_lost_in_power_failures: usize,
    pub(crate) restored_lakes: usize,
    pub(crate) refused_checkpoints: usize,
    pub(crate) renumbered_hubs: usize,
    pub(crate) rows_asked: usize,
    pub(crate) starts_by_footer: usize,
    pub(crate) gaps: usize,
    pub(crate) boundaries_on_a_busy_hub: usize,
    pub(crate) disconnects: usize,
    pub(crate) received_in_vain: usize,
    pub(crate) reattaches_with_open_rows: usize,
    pub(crate) reattaches_to_new_hubs: usize,
    pub(crate) reattaches_after_new_rules: usize,
    pub(crate) reattaches_to_renumbered_hubs: usize,
}
