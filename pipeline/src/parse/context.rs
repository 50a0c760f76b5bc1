//! The outermost object of an event: known members, table, message, target.
//!
//! Owns: routing, the fate of `ParentContext`. Does not own: how values become a tree (`walk`, `xml`).

use super::ParentContext;
use super::json::{self, Json};
use super::keys::Keys;
use super::limits::OUTSIZED_BODY;
use super::scan::Scanner;
use super::sniff::Format;
use super::walk::Walk;
use super::xml::Xml;
use crate::event::tree::{Kind, NodeId, Tree, TreeBuilder};
use crate::event::{self, ChangeEvent, Member, Members, Reason, Reject, Table};

/// What Dataverse writes for the primary table of an event that has none.
const NO_TABLE: &str = "none";

/// Reads texts, one after the other, into the same buffers.
pub(super) struct Reader {
    parent_context: ParentContext,
    /// Without it every JSON text takes the general path.
    scanner: Option<Scanner>,
    json: Json,
    xml: Xml,
    keys: Keys,
    tree: TreeBuilder,
    members: Members,
}

impl Reader {
    /// Buffers that grow with the first texts.
    pub(super) fn new(parent_context: ParentContext, scanner: Option<Scanner>) -> Self {
        Self {
            parent_context,
            scanner,
            json: Json::new(),
            xml: Xml::default(),
            keys: Keys::new(),
            tree: TreeBuilder::default(),
            members: Members::default(),
        }
    }

    /// A reader that does the same, without this one's memory.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.parent_context, self.scanner.is_some().then(Scanner::default))
    }

    /// Reads a text as an event.
    ///
    /// # Errors
    /// Places are places in the text.
    pub(super) fn read<'a>(&'a mut self, text: &'a str, format: Format) -> Result<ChangeEvent<'a>, Reject> {
        let Self { parent_context, scanner, json, xml, keys, tree, members } = self;
        if format == Format::Json {
            json::check_tokens(text)?;
        }
        let scanned = scanner.as_mut().filter(|_| format == Format::Json).and_then(|scanner| {
            let mut outermost = Outermost::begin_event(members, tree, *parent_context);
            scanner.write(text, tree, keys, &mut outermost).ok().map(|()| outermost.dropped)
        });
        let (parent_context_dropped, repaired) = if let Some(dropped) = scanned {
            (dropped, false)
        } else {
            if format == Format::Json && text.len() > OUTSIZED_BODY {
                // What the scanner made of it before it gave up.
                *tree = TreeBuilder::default();
            }
            let mut outermost = Outermost::begin_event(members, tree, *parent_context);
            let repaired = match format {
                Format::Json => json.parse(text, |tokens| {
                    let mut walk = Walk::new(tokens, text, tree, keys);
                    write_outermost(&mut walk, &mut outermost).map(|()| tokens.repaired)
                })??,
                Format::Xml => xml.write(text, tree, keys, &mut outermost)?,
            };
            (outermost.dropped, repaired)
        };
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
            odd: format == Format::Json && scanned.is_none(),
            repaired,
        })
    }

    /// Takes the text out of a text that is a JSON string; whether it had to be repaired.
    ///
    /// # Errors
    /// Places are places in the text.
    pub(super) fn unquote(&mut self, text: &str, into: &mut String) -> Result<bool, Reject> {
        into.clear();
        json::check_tokens(text)?;
        self.json.parse(text, |tokens| {
            if let [simd_json::Node::String(unquoted)] = tokens.nodes {
                into.push_str(unquoted);
            }
            tokens.repaired
        })
    }
}

/// Writes the outermost object of a JSON text.
fn write_outermost(walk: &mut Walk<'_>, outermost: &mut Outermost<'_>) -> Result<(), Reject> {
    let (object, members) = walk.open_object().ok_or_else(|| Reject::new(Reason::NotAnObject))?;
    let mut typed = false;
    for number in 1..=members {
        if !typed && walk.state_type(object) {
            typed = true;
            continue;
        }
        let member = outermost.member(walk.name());
        match outermost.begin(member, || walk.is_null()) {
            Fate::Dropped => walk.skip_member(number == members),
            Fate::Written(known) => outermost.note(known, walk.member()),
        }
    }
    walk.close_object(object, members);
    Ok(())
}

/// The outermost object while it is written: which of its members are known, and what becomes of
/// `ParentContext`.
pub(super) struct Outermost<'m> {
    known: &'m mut Members,
    order: Order,
    parents: ParentContext,
    parent_seen: bool,
    dropped: bool,
}

/// What becomes of a member.
pub(super) enum Fate {
    /// It is not written.
    Dropped,
    /// It is, and it may be known.
    Written(Option<Member>),
}

impl<'m> Outermost<'m> {
    /// Begins a tree, and the members that are found in it.
    fn begin_event(known: &'m mut Members, tree: &mut TreeBuilder, parents: ParentContext) -> Self {
        known.clear();
        tree.clear();
        Self { known, order: Order::default(), parents, parent_seen: false, dropped: false }
    }

    /// The member that should come next.
    pub(super) fn expected(&self) -> Option<Member> {
        self.order.expected()
    }

    /// The member of a name.
    pub(super) fn member(&self, name: &str) -> Option<Member> {
        self.expected().filter(|member| member.name() == name).or_else(|| Member::of(name))
    }

    /// Begins the next member, known or not.
    pub(super) fn begin(&mut self, member: Option<Member>, is_null: impl FnOnce() -> bool) -> Fate {
        self.order.pass(member);
        let parent = member == Some(Member::ParentContext) && !self.parent_seen;
        self.parent_seen |= parent;
        if parent && self.parents == ParentContext::Drop {
            self.dropped = !is_null();
            return Fate::Dropped;
        }
        Fate::Written(member)
    }

    /// Notes where a member's value was written.
    pub(super) fn note(&mut self, member: Option<Member>, value: NodeId) {
        if let Some(member) = member {
            self.known.note(member, value);
        }
    }
}

/// Expects the members in the serializer's order, which saves the search for nearly all.
#[derive(Debug, Default)]
struct Order(usize);

impl Order {
    fn expected(&self) -> Option<Member> {
        Member::ALL.get(self.0).copied()
    }

    fn pass(&mut self, member: Option<Member>) {
        self.0 = member.map_or(self.0, |member| member as usize + 1);
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
