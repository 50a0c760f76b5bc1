//! The root object of a body while it is written: its known members, and the treatment of `ParentContext`.
//!
//! Owns: which members are known, which are dropped. Does not own: how values become nodes (`scan`, `walk`, `xml`), or
//! what the members decide (`routing`).

use crate::event::tree::NodeId;
use crate::event::{Member, Members};

/// Treatment of `ParentContext`, the copy of what the caller sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentContext {
    /// It is not written to the tree.
    Drop,
    /// It is a member like the others.
    Keep,
}

/// State of the root object between two of its members.
pub(super) struct RootObject<'m> {
    known: &'m mut Members,
    order: Order,
    parent_context: ParentContext,
    parent_context_seen: bool,
    parent_context_dropped: bool,
}

/// Decision about one member of the root object.
pub(super) enum Disposition {
    /// The member is not written.
    Drop,
    /// The member is written, and noted if it is a known one.
    Write(Option<Member>),
}

impl<'m> RootObject<'m> {
    /// A root object without members yet. Clears `known`.
    pub(super) fn new(known: &'m mut Members, parent_context: ParentContext) -> Self {
        known.clear();
        Self {
            known,
            order: Order::default(),
            parent_context,
            parent_context_seen: false,
            parent_context_dropped: false,
        }
    }

    /// The member that comes next in the serializer's order.
    pub(super) fn expected(&self) -> Option<Member> {
        self.order.expected()
    }

    /// The known member of a name.
    pub(super) fn member(&self, name: &str) -> Option<Member> {
        self.expected().filter(|member| member.name() == name).or_else(|| Member::from_name(name))
    }

    /// Begins the next member, `None` if it is unknown.
    pub(super) fn begin(&mut self, member: Option<Member>, is_null: impl FnOnce() -> bool) -> Disposition {
        self.order.pass(member);
        let is_first_parent = member == Some(Member::ParentContext) && !self.parent_context_seen;
        self.parent_context_seen |= is_first_parent;
        if is_first_parent && self.parent_context == ParentContext::Drop {
            self.parent_context_dropped = !is_null();
            return Disposition::Drop;
        }
        Disposition::Write(member)
    }

    /// Notes the node of a member's value.
    pub(super) fn note(&mut self, member: Option<Member>, value: NodeId) {
        if let Some(member) = member {
            self.known.note(member, value);
        }
    }

    /// True if the body had a `ParentContext` other than null that was not written.
    pub(super) fn parent_context_dropped(&self) -> bool {
        self.parent_context_dropped
    }
}

/// Position in the serializer's order of members. Nearly all members are the expected one and need no search.
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
