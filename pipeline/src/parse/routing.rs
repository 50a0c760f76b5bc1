//! The table, message and target of an event.
//!
//! Owns: the pure function of a body that decides its table, and the version of that function. Does not own: reading
//! the body.

use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::{MESSAGES, Member, Members, QUARANTINE, Reason, Reject, Table};

/// The version of what decides a body's table.
///
/// A lake records it, and a writer of another version does not write there. It is changed by hand, together with any
/// change to the table of any body; `tests/data/routing_v3.tsv` pins it.
///
/// Version 3 sends bodies that would take too much memory, and messages that can't be decoded, to `_quarantine`.
/// Before, such a message ended the run.
pub const ROUTING_VERSION: u32 = 3;

/// `PrimaryEntityName` of an event without a primary table, as Dataverse writes it.
const NO_TABLE: &str = "none";

/// The table and the message of an event.
///
/// # Errors
/// `NoMessageName` for an object that names neither.
pub(super) fn table_and_message<'t>(
    tree: Tree<'t>,
    members: &Members,
) -> Result<(Table<'t>, &'t str), Reject> {
    let table = table(tree, members);
    match (filled_text(tree, members.get(Member::MessageName)), table) {
        (None, Table::Messages) => Err(Reject::new(Reason::NoMessageName)),
        (message, _) => Ok((table, message.unwrap_or_default())),
    }
}

/// The value of the input parameter `Target`.
pub(super) fn target(tree: Tree<'_>, members: &Members) -> Option<NodeId> {
    let inputs = members.get(Member::InputParameters)?;
    (tree.kind(inputs) == Kind::Pairs).then(|| tree.member(inputs, "Target")).flatten()
}

fn table<'t>(tree: Tree<'t>, members: &Members) -> Table<'t> {
    match filled_text(tree, members.get(Member::PrimaryEntityName)) {
        None | Some(NO_TABLE) => Table::Messages,
        Some(name) if is_reserved(name) => Table::Messages,
        Some(name) => Table::Entity(name),
    }
}

/// True for a name of catchwater's own tables, in any case: some file systems ignore case.
fn is_reserved(name: &str) -> bool {
    [MESSAGES, QUARANTINE].iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// The text of a string that is not empty.
fn filled_text(tree: Tree<'_>, node: Option<NodeId>) -> Option<&str> {
    let node = node.filter(|node| tree.kind(*node) == Kind::Text)?;
    Some(tree.text(node)).filter(|text| !text.is_empty())
}
