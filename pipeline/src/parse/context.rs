//! The outermost object of an event: known members, table, message, target.
//!
//! Owns: routing, the fate of `ParentContext`. Does not own: how values become a tree (`walk`).

use super::ParentContext;
use super::json::Json;
use super::keys::Keys;
use super::walk::Walk;
use crate::event::tree::{Kind, NodeId, Tree, TreeBuilder};
use crate::event::{self, ChangeEvent, Member, Members, Reason, Reject, Table};

/// What Dataverse writes for the primary table of an event that has none.
const NO_TABLE: &str = "none";

/// Reads texts, one after the other, into the same buffers.
pub(super) struct Reader {
    parent_context: ParentContext,
    json: Json,
    keys: Keys,
    tree: TreeBuilder,
    members: Members,
}

impl Reader {
    /// Buffers that grow with the first texts.
    pub(super) fn new(parent_context: ParentContext) -> Self {
        Self {
            parent_context,
            json: Json::new(),
            keys: Keys::new(),
            tree: TreeBuilder::default(),
            members: Members::default(),
        }
    }

    /// Reads a text as an event.
    ///
    /// # Errors
    /// Places are places in the text.
    pub(super) fn read<'a>(&'a mut self, text: &'a str) -> Result<ChangeEvent<'a>, Reject> {
        let Self { parent_context, json, keys, tree, members } = self;
        tree.clear();
        members.clear();
        let (outermost, repaired) = json.parse(text, |tokens| {
            let mut walk = Walk::new(tokens, text, tree, keys);
            (write_outermost(&mut walk, members, *parent_context), tokens.repaired)
        })?;
        let parent_context_dropped = outermost.ok_or_else(|| Reject::new(Reason::NotAnObject))?;
        let tree = tree.tree(text);
        let table = table(tree, members);
        let message = match (filled_text(tree, members.get(Member::MessageName)), table) {
            (None, Table::Messages) => return Err(Reject::new(Reason::NoMessageName)),
            (message, _) => message.unwrap_or_default(),
        };
        Ok(ChangeEvent {
            tree,
            members,
            table,
            message,
            target: target(tree, members),
            parent_context_dropped,
            repaired,
        })
    }

    /// Takes the text out of a text that is a JSON string; whether it had to be repaired.
    ///
    /// # Errors
    /// Places are places in the text.
    pub(super) fn unquote(&mut self, text: &str, into: &mut String) -> Result<bool, Reject> {
        into.clear();
        self.json.parse(text, |tokens| {
            if let [simd_json::Node::String(unquoted)] = tokens.nodes {
                into.push_str(unquoted);
            }
            tokens.repaired
        })
    }
}

/// Writes the outermost object and notes its known members; whether a parent context was left out, or `None`
/// if there is no object.
fn write_outermost(walk: &mut Walk<'_>, known: &mut Members, parents: ParentContext) -> Option<bool> {
    let (object, members) = walk.open_object()?;
    let mut order = Order::default();
    let (mut typed, mut parent_seen, mut dropped) = (false, false, false);
    for number in 1..=members {
        if !typed && walk.state_type(object) {
            typed = true;
            continue;
        }
        let member = order.member(walk.name());
        let parent = member == Some(Member::ParentContext) && !parent_seen;
        parent_seen |= parent;
        if parent && parents == ParentContext::Drop {
            dropped = !walk.is_null();
            walk.skip_member(number == members);
            continue;
        }
        let value = walk.member();
        if let Some(member) = member {
            known.note(member, value);
        }
    }
    walk.close_object(object, members);
    Some(dropped)
}

/// Expects the members in the serializer's order, which saves the search for nearly all.
#[derive(Debug, Default)]
struct Order(usize);

impl Order {
    fn member(&mut self, name: &str) -> Option<Member> {
        let expected = Member::ALL.get(self.0).filter(|member| member.name() == name);
        let member = expected.copied().or_else(|| Member::of(name))?;
        self.0 = member as usize + 1;
        Some(member)
    }
}

fn table<'t>(tree: Tree<'t>, members: &Members) -> Table<'t> {
    match filled_text(tree, members.get(Member::PrimaryEntityName)) {
        None | Some(NO_TABLE) => Table::Messages,
        Some(name) if is_ours(name) => Table::Messages,
        Some(name) => Table::Entity(name),
    }
}

/// Whether a table of this name would be one of our own; some file systems ignore case.
fn is_ours(name: &str) -> bool {
    [event::MESSAGES, event::QUARANTINE].iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

fn target(tree: Tree<'_>, members: &Members) -> Option<NodeId> {
    let inputs = members.get(Member::InputParameters)?;
    (tree.kind(inputs) == Kind::Pairs).then(|| tree.member(inputs, "Target")).flatten()
}

/// The text of a string that is not empty.
fn filled_text(tree: Tree<'_>, node: Option<NodeId>) -> Option<&str> {
    let node = node.filter(|node| tree.kind(*node) == Kind::Text)?;
    Some(tree.text(node)).filter(|text| !text.is_empty())
}
