//! One event before it is written: its message, its plan and the ids of its envelope.

use super::catalogue::Table;
use super::plan::{Plan, Size};
use super::record::Message;
use super::rng::Rng;

/// One event without its record.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) table: &'a Table,
    pub(super) message: Message,
    pub(super) plan: Plan,
    pub(super) times: Times,
    pub(super) correlation: u128,
    pub(super) operation: u128,
    pub(super) request: u128,
    pub(super) step: u128,
    pub(super) user: u128,
    /// The user's object id in Azure Active Directory.
    pub(super) user_aad: u128,
    /// The user agent of the caller.
    pub(super) agent: &'static str,
}

/// Times that a body depends on, in unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Time of the event.
    pub(super) now_ms: i64,
    /// Start of the stream. Dates in columns are drawn around it.
    pub(super) base_ms: i64,
}

impl<'a> Event<'a> {
    pub(super) fn draw(table: &'a Table, message: Message, size: Size, times: Times, rng: &mut Rng) -> Self {
        let plan = Plan::draw(size, rng);
        // Seeded by table and message, and by user number: steps and users keep their ids between events.
        let mut step = Rng::named(table.name, message as u64);
        let mut user = Rng::new(rng.below(USERS) as u64);
        Self {
            table,
            message,
            plan,
            times,
            correlation: rng.guid(),
            operation: rng.guid(),
            request: rng.guid(),
            step: step.guid(),
            user: user.guid(),
            user_aad: user.guid(),
            agent: rng.pick(AGENTS),
        }
    }
}

/// Number of users that cause events.
const USERS: usize = 8;
/// User agents in their wire form. Three of four callers send an empty one.
const AGENTS: &[&str] = &["", "", "", r"PowerApps-Web\/3.24"];
