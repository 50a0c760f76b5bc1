//! One event before it is written: its message, its plan, and the ids of its envelope.

use super::catalogue::Table;
use super::plan::{Plan, Size};
use super::record::Message;
use super::rng::Rng;

/// One event, apart from the record that it is about.
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

/// Times that a body depends on, unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// When the event happens.
    pub(super) now_ms: i64,
    /// When the stream begins: the dates in columns are drawn around it.
    pub(super) base_ms: i64,
}

impl<'a> Event<'a> {
    pub(super) fn draw(table: &'a Table, message: Message, size: Size, times: Times, rng: &mut Rng) -> Self {
        let plan = Plan::draw(size, rng);
        // The step depends on table and message alone, the user on its number: both keep their ids.
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
/// User agents in their wire form; three of four callers send none.
const AGENTS: &[&str] = &["", "", "", r"PowerApps-Web\/3.24"];
