//! What travels: bodies as they arrived, and change events as every parser makes and every batcher takes them.
//!
//! Owns: the shape of an event in memory. Does not own: how bytes become one (`parse`), what becomes a
//! column (`columns`).

pub mod messages;
pub(crate) mod names;
mod raw;
mod reject;
pub mod tree;
pub mod scalars;
pub mod value;

pub use raw::{BufferPool, EventHead, RawBatch, RawBatchBuilder, RawEvent, Undecodable};
pub use reject::{Reason, Reject};

use names::JsonName;
use tree::{NodeId, Tree};

/// One understood body: a `RemoteExecutionContext` as a tree, with its known members found.
///
/// # Shape
/// Everything the body said stands in `tree`, in normal form; the other fields point into it. Nothing is
/// converted yet: a member may hold any kind of node.
#[derive(Clone, Copy, Debug)]
pub struct ChangeEvent<'a> {
    /// The whole body, without `ParentContext` when that is dropped.
    pub tree: Tree<'a>,
    /// Where the known members stand.
    pub members: &'a Members,
    /// The table this event belongs to.
    pub table: Table<'a>,
    /// `MessageName`: `Create`, `Update`, …
    pub message: &'a str,
    /// The value of the input parameter `Target`.
    pub target: Option<NodeId>,
    /// The body had a `ParentContext`, and it is not in the tree.
    pub parent_context_dropped: bool,
    /// It is JSON that took the slow path of the parser.
    pub slow_path: bool,
    /// Lone surrogates were replaced by U+FFFD.
    pub repaired: bool,
}

impl ChangeEvent<'_> {
    /// The value of a known member; `None` when the body lacks it.
    pub fn member(&self, member: Member) -> Option<NodeId> {
        self.members.get(member)
    }
}

/// The table an event belongs to: a pure function of its body and the routing version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table<'a> {
    /// A Dataverse table, by logical name.
    Entity(&'a str),
    /// `_messages`: the event has no primary table.
    Messages,
}

/// The name of the table of events without a primary table.
pub const MESSAGES: &str = "_messages";
/// The name of the table of bodies that can't be understood.
pub const QUARANTINE: &str = "_quarantine";

impl<'a> Table<'a> {
    /// The table's true name.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Entity(name) => name,
            Self::Messages => MESSAGES,
        }
    }
}

macro_rules! members {
    ($($name:ident),* $(,)?) => {
        /// The members of a `RemoteExecutionContext` that catchwater knows.
        ///
        /// # Source
        /// Schema reference, section 1; the order is the serializer's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "named as the body names them")]
        pub enum Member { $($name),* }

        impl Member {
            /// All of them, in the body's order.
            pub const ALL: &'static [Member] = &[$(Member::$name),*];

            /// The member of this name.
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The name the body uses.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The name as JSON has it behind another member: from the comma up to the value.
            pub(crate) fn in_json(self) -> &'static JsonName {
                const ALL: &[JsonName] = &[$(JsonName::of(concat!(",\"", stringify!($name), "\":"))),*];
                &ALL[self as usize]
            }
        }
    };
}

members! {
    BusinessUnitId, CorrelationId, Depth, InitiatingUserAgent, InitiatingUserAzureActiveDirectoryObjectId,
    InitiatingUserId, InputParameters, IsExecutingOffline, IsInTransaction, IsOfflinePlayback, IsolationMode,
    MessageName, Mode, OperationCreatedOn, OperationId, OrganizationId, OrganizationName, OutputParameters,
    OwningExtension, ParentContext, PostEntityImages, PreEntityImages, PrimaryEntityId, PrimaryEntityName,
    RequestId, SecondaryEntityName, SharedVariables, Stage, UserAzureActiveDirectoryObjectId, UserId,
}

/// Where the known members of one body stand. The first of a name counts; a second stays an unknown member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members([Option<NodeId>; Member::ALL.len()]);

impl Members {
    /// The value of a member.
    pub fn get(&self, member: Member) -> Option<NodeId> {
        self.0[member as usize]
    }

    /// Notes a member's value; false if one of that name was noted before.
    pub fn note(&mut self, member: Member, value: NodeId) -> bool {
        let slot = &mut self.0[member as usize];
        let first = slot.is_none();
        if first {
            *slot = Some(value);
        }
        first
    }

    /// Forgets all, for the next body.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
