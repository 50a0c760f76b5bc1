//! The parties of an activity: from, to, cc, attendees.
//!
//! Owns: the members of a party, and its `rest`, which keeps the other parts out of the row's `_rest`.

use super::context::Scratch;
use super::directory::SlotId;
use super::row::Row;
use super::values::{Parties, PartyString};
use crate::event::tree::{Kind, NodeId, Tree};
use crate::event::value::{PARTY, Value, is_empty, parties};

/// Writes a party list into its column. The collection's own members go into the first party's `rest`, under the
/// attribute's name.
pub(super) fn write_party_list(row: &mut Row<'_, '_>, slot: SlotId, attribute: NodeId, node: NodeId) -> bool {
    let tree = row.tree;
    let Some(list) = parties(tree, node) else { return false };
    let scratch = &mut *row.scratch;
    let put = row.cells.put_parties(slot, |columns| {
        scratch.marks.cover(list);
        cover_text(scratch, tree, node, "EntityName");
        for (at, party) in tree.items(list).enumerate() {
            let collection = (at == 0 && node != list).then_some((attribute, node));
            write_parts(columns, scratch, tree, party);
            write_rest(columns, scratch, tree, party, collection);
            columns.end_party();
        }
    });
    if put {
        row.cover(node);
    }
    put
}

/// Writes the parts of a party that are members of its own.
fn write_parts(columns: &mut Parties, scratch: &mut Scratch, tree: Tree<'_>, party: NodeId) {
    cover_text(scratch, tree, party, "LogicalName");
    let Some(attributes) = tree.member(party, "Attributes") else { return };
    for (name, node) in tree.members(attributes) {
        match (tree.text(name), Value::read(tree, node)) {
            ("partyid", Some(Value::Reference(reference))) => {
                if let Some((node, id)) = reference.id {
                    cover_if(scratch, columns.set_id(id), node);
                }
                if let Some(node) = reference.logical_name {
                    set_string(columns, scratch, PartyString::EntityType, tree, node);
                }
                write_name(columns, scratch, tree, party, reference.name);
            }
            ("participationtypemask", Some(Value::Choice(mask))) => {
                cover_if(scratch, columns.set_mask(mask), tree.member(node, "Value").unwrap_or(node));
            }
            ("addressused", Some(Value::Text(_))) => {
                set_string(columns, scratch, PartyString::Address, tree, node);
            }
            ("partyid" | "participationtypemask" | "addressused", _) if is_empty(tree, node) => {
                scratch.marks.cover(node);
            }
            _ => {}
        }
    }
}

/// Writes a party's name: its formatted value, else the name in the lookup. Covers both if they agree.
fn write_name(
    columns: &mut Parties,
    scratch: &mut Scratch,
    tree: Tree<'_>,
    party: NodeId,
    own: Option<NodeId>,
) {
    let formatted = tree.member(party, "FormattedValues").and_then(|values| tree.member(values, "partyid"));
    let formatted = formatted.filter(|formatted| tree.kind(*formatted) == Kind::Text);
    let Some(shown) = formatted.or(own) else { return };
    if !columns.set_string(PartyString::Name, tree.bytes(shown)) {
        return;
    }
    for name in [formatted, own].into_iter().flatten().filter(|name| tree.bytes(*name) == tree.bytes(shown)) {
        scratch.marks.cover(name);
    }
}

/// Writes everything else of a party, and of the collection if it is the first.
fn write_rest(
    columns: &mut Parties,
    scratch: &mut Scratch,
    tree: Tree<'_>,
    party: NodeId,
    collection: Option<(NodeId, NodeId)>,
) {
    let Scratch { marks, normal, .. } = scratch;
    let members = tree.members(party).chain(collection);
    if let Some(json) =
        normal.object(tree, members.filter(|(_, value)| marks.has_unplaced(tree, *value)), marks)
    {
        columns.set_string(PartyString::Rest, json);
    }
}

fn set_string(columns: &mut Parties, scratch: &mut Scratch, part: PartyString, tree: Tree<'_>, node: NodeId) {
    cover_if(scratch, columns.set_string(part, tree.bytes(node)), node);
}

fn cover_if(scratch: &mut Scratch, is_placed: bool, node: NodeId) {
    if is_placed {
        scratch.marks.cover(node);
    }
}

/// Covers the name of the parties' table, which the column implies.
fn cover_text(scratch: &mut Scratch, tree: Tree<'_>, object: NodeId, member: &str) {
    let stated = tree.member(object, member).filter(|node| tree.kind(*node) == Kind::Text);
    if let Some(node) = stated.filter(|node| tree.text(*node) == PARTY) {
        scratch.marks.cover(node);
    }
}
