//! The records that an event is about: one for most, several for `CreateMultiple` and its like.
//!
//! Owns: finding the targets of an event, and the relation of each to the event's table. Does not own: the columns of a
//! target's parts (`write`).

use super::marks::Marks;
use super::members::STRINGS;
use crate::event::messages::{self, RecordIn};
use crate::event::names::is_same;
use crate::event::scalars::{Guid, ZERO_GUID, guid};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::{Parts, is_record, is_reference};
use crate::event::{ChangeEvent, Member, Table};

/// The subject of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// No target, or null.
    None,
    /// A record, whose attributes are the row's.
    Record(NodeId),
    /// A reference to a record.
    Reference(NodeId),
    /// Anything else, as a record of another table or a parameter of a custom API.
    Other(NodeId),
}

impl Target {
    /// The input parameter `Target`, and its parts.
    pub(super) fn of(event: &ChangeEvent<'_>) -> (Self, Parts) {
        let given = event.target.filter(|node| event.tree.kind(*node) != Kind::Null);
        given.map_or_else(|| (Self::None, Parts::default()), |node| Self::read(event, node))
    }

    fn read(event: &ChangeEvent<'_>, node: NodeId) -> (Self, Parts) {
        let tree = event.tree;
        let parts = Parts::of(tree, node);
        let target = match event.table {
            Table::Entity(table) if is_record(tree, node) && is_of(tree, parts, table) => Self::Record(node),
            _ if is_reference(tree, node) => Self::Reference(node),
            _ => Self::Other(node),
        };
        (target, parts)
    }
}

/// The targets of an event that has a row for each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Targets {
    list: NodeId,
    /// The path of names to the list.
    pub(super) path: &'static [&'static str],
    /// The ids that `CreateMultiple` returned.
    ids: Option<NodeId>,
    /// Number of rows.
    pub(super) count: usize,
    /// The event's strings are repeated in every row, not only in the first one.
    pub(super) repeats_strings: bool,
}

/// One of several targets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Its node.
    pub(super) node: NodeId,
    /// Its index among the targets.
    pub(super) index: u32,
    /// Its record's id; `None` for one of another table.
    pub(super) id: Option<Guid>,
}

impl Targets {
    /// The targets of an event of a table; `None` without a target.
    pub(super) fn of(event: &ChangeEvent<'_>) -> Option<Self> {
        let tree = event.tree;
        let Table::Entity(_) = event.table else { return None };
        let given = given_targets(event)?;
        let (list, path): (_, &[_]) = match tree.kind(given) {
            Kind::Object => (tree.member(given, "Entities")?, &["InputParameters", "Targets", "Entities"]),
            _ => (given, &["InputParameters", "Targets"]),
        };
        let count = tree.items(list).count();
        if count == 0 {
            return None;
        }
        let strings = STRINGS.iter().filter_map(|(member, _)| event.member(*member));
        let string_bytes: usize =
            strings.filter(|node| tree.kind(*node) == Kind::Text).map(|node| tree.bytes(node).len()).sum();
        let repeats_strings = string_bytes.saturating_mul(count) <= MAX_REPEATED_STRING_BYTES;
        let outputs = event.member(Member::OutputParameters).filter(|_| event.message == "CreateMultiple");
        let ids = outputs.and_then(|outputs| tree.member(outputs, "Ids"));
        Some(Self { list, path, ids, count, repeats_strings })
    }

    /// Each of them, with its record's id.
    pub(super) fn items<'a>(self, event: &ChangeEvent<'a>) -> impl Iterator<Item = Item> + use<'a> {
        let event = *event;
        let ids = self.ids.into_iter().flat_map(move |ids| event.tree.items(ids));
        let ids = ids.map(Some).chain(std::iter::repeat(None));
        event.tree.items(self.list).zip(ids).zip(0..).map(move |((node, given), index)| {
            let id = match Self::target(&event, node) {
                (Target::Record(node) | Target::Reference(node), parts) => id_of(event.tree, parts, given)
                    .or_else(|| key_of(&event, node))
                    .or_else(|| zero_of(event.tree, parts)),
                (Target::None | Target::Other(_), _) => None,
            };
            Item { node, index, id }
        })
    }

    /// One of several targets, and its parts. A reference is one only if it points into the event's table.
    pub(super) fn target(event: &ChangeEvent<'_>, node: NodeId) -> (Target, Parts) {
        match Target::read(event, node) {
            (Target::Reference(node), parts) if !is_of(event.tree, parts, event.table.name()) => {
                (Target::Other(node), parts)
            }
            target => target,
        }
    }

    /// Covers all targets and the name of the event's table beside them. Each row uncovers its own target.
    pub(super) fn hide(self, event: &ChangeEvent<'_>, marks: &mut Marks) {
        let tree = event.tree;
        for item in tree.items(self.list) {
            marks.cover(item);
        }
        let name = given_targets(event).and_then(|given| tree.member(given, "EntityName"));
        if let Some(name) = name.filter(|name| tree.kind(*name) == Kind::Text)
            && event.table == Table::Entity(tree.text(name))
        {
            marks.cover(name);
        }
    }

    /// The ids that the event returned, if they are exactly those of its rows, in order.
    pub(super) fn returned_ids(self, event: &ChangeEvent<'_>) -> Option<NodeId> {
        let ids = self.ids?;
        let returned = event.tree.items(ids).map(|id| guid_at(event.tree, id));
        // An item without an id may be beside something that is not an id, which no row has.
        let same = returned.eq(self.items(event).map(|item| item.id))
            && event.tree.items(ids).all(|id| guid_at(event.tree, id).is_some());
        same.then_some(ids)
    }
}

/// Upper bound on the bytes that an event's strings take in all of its rows: enough for thousands of rows with a user
/// agent of usual length. `docs/TABLES.md` states it.
const MAX_REPEATED_STRING_BYTES: usize = 1 << 20;

/// True if an event lacks its several targets, which Dataverse leaves out of large events.
pub(super) fn lacks_targets(event: &ChangeEvent<'_>) -> bool {
    has_targets(event.message) && given_targets(event).is_none()
}

/// True if events of this message are about several records.
fn has_targets(message: &str) -> bool {
    messages::message(message).is_some_and(|message| message.record == RecordIn::Targets)
}

/// The input parameter `Targets` of a message that has it.
fn given_targets(event: &ChangeEvent<'_>) -> Option<NodeId> {
    if has_targets(event.message) { parameter(event, "Targets") } else { None }
}

/// True if a record or reference is of a table, or names none.
fn is_of(tree: Tree<'_>, Parts { logical_name, .. }: Parts, table: &str) -> bool {
    let stated = logical_name.filter(|name| tree.kind(*name) == Kind::Text);
    stated.is_none_or(|name| is_same(tree.bytes(name), table.as_bytes()))
}

/// The id of a target; if that is absent or zero, the id that the event returned for it.
fn id_of(tree: Tree<'_>, Parts { id, .. }: Parts, given: Option<NodeId>) -> Option<Guid> {
    let stated = id.and_then(|node| guid_at(tree, node)).filter(|id| *id != ZERO_GUID);
    stated.or_else(|| given.and_then(|node| guid_at(tree, node)))
}

/// Zero, if a target states it as its id.
fn zero_of(tree: Tree<'_>, Parts { id, .. }: Parts) -> Option<Guid> {
    id.and_then(|node| guid_at(tree, node))
}

/// The id of a record or reference whose `Id` is absent or zero: its key attribute. Deletions in elastic tables and of
/// virtual rows may have it there only.
pub(super) fn key_of(event: &ChangeEvent<'_>, target: NodeId) -> Option<Guid> {
    let tree = event.tree;
    let parts = ["KeyAttributes", "Attributes"].into_iter().filter_map(|part| tree.member(target, part));
    let members = parts
        .filter(|part| matches!(tree.kind(*part), Kind::Pairs | Kind::Object))
        .flat_map(|part| tree.members(part));
    let keys = members.filter(|(name, _)| is_key(event.table, tree.bytes(*name)));
    keys.filter_map(|(_, value)| guid_at(tree, value)).find(|key| *key != ZERO_GUID)
}

/// True if an attribute is the key of a table.
pub(super) fn is_key(table: Table<'_>, attribute: &[u8]) -> bool {
    attribute == b"activityid" || attribute.strip_suffix(b"id") == Some(table.name().as_bytes())
}

/// The id in another parameter than `Target`, for a message that has its record there.
pub(super) fn parameter_id(event: &ChangeEvent<'_>) -> Option<Guid> {
    let RecordIn::Parameter(name) = messages::message(event.message)?.record else { return None };
    let node = parameter(event, name)?;
    guid_at(event.tree, node)
        .or_else(|| Parts::of(event.tree, node).id.and_then(|id| guid_at(event.tree, id)))
}

/// An input parameter that is not null.
pub(super) fn parameter(event: &ChangeEvent<'_>, name: &str) -> Option<NodeId> {
    let tree = event.tree;
    let inputs = event.member(Member::InputParameters).filter(|node| tree.kind(*node) == Kind::Pairs)?;
    tree.member(inputs, name).filter(|value| tree.kind(*value) != Kind::Null)
}

/// The GUID in a string node.
pub(super) fn guid_at(tree: Tree<'_>, node: NodeId) -> Option<Guid> {
    (tree.kind(node) == Kind::Text).then(|| guid(tree.bytes(node))).flatten()
}
