//! Events: bodies as they arrived, and change events between parsers and columns.
//!
//! Owns: the shape of an event in memory. Does not own: parsing (`parse`), or columns (`columns`).

pub mod messages; // effect of each message on its record
pub(crate) mod names; // comparing and hashing names
mod raw; // batches of events as they arrived
mod reject; // reasons for quarantine
pub mod tree; // a body as a flat tree
pub mod scalars; // texts of dates, numbers and GUIDs
pub mod value; // values of attributes, by their form

pub use raw::{BufferPool, EventHead, RawBatch, RawBatchBuilder, RawEvent, Undecodable};
pub use reject::{Reason, Reject};

use names::JsonName;
use tree::{NodeId, Tree};

/// A parsed body: a `RemoteExecutionContext` as a tree, with its known members found.
///
/// # Shape
/// `tree` has the whole body in normal form; the other fields refer to it. No value is converted: a member may be any
/// kind of node.
#[derive(Clone, Copy, Debug)]
pub struct ChangeEvent<'a> {
    /// The whole body, without `ParentContext` when that is dropped.
    pub tree: Tree<'a>,
    /// Nodes of the known members.
    pub members: &'a Members,
    /// The table of the event.
    pub table: Table<'a>,
    /// `MessageName`: `Create`, `Update`, …
    pub message: &'a str,
    /// The value of the input parameter `Target`.
    pub target: Option<NodeId>,
    /// The body had a `ParentContext` that is not in the tree.
    pub parent_context_dropped: bool,
    /// The body is JSON that took the slow path of the parser.
    pub slow_path: bool,
    /// Lone surrogates were replaced by U+FFFD.
    pub repaired: bool,
}

impl ChangeEvent<'_> {
    /// The value of a known member; `None` if the body lacks it.
    pub fn member(&self, member: Member) -> Option<NodeId> {
        self.members.get(member)
    }
}

/// Table of an event: a pure function of its body and the routing version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table<'a> {
    /// A Dataverse table, by its logical name.
    Entity(&'a str),
    /// `_messages`: the event has no primary table.
    Messages,
}

/// Name of the table of events without a primary table.
pub const MESSAGES: &str = "_messages";
/// Name of the table of rejected bodies.
pub const QUARANTINE: &str = "_quarantine";

impl<'a> Table<'a> {
    /// The table's name, unescaped.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Entity(name) => name,
            Self::Messages => MESSAGES,
        }
    }
}

macro_rules! members {
    ($($name:ident),* $(,)?) => {
        /// Known members of a `RemoteExecutionContext`.
        ///
        /// # Source
        /// Schema reference, section 1, in the serializer's order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "named as the body names them; only public with the feature `internals`")]
        pub enum Member { $($name),* }

        impl Member {
            /// All known members, in the serializer's order.
            pub const ALL: &'static [Member] = &[$(Member::$name),*];

            /// The member of a name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The name in a body.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The name in JSON after another member: from the comma up to the value.
            pub(crate) fn json_name(self) -> &'static JsonName {
                const ALL: &[JsonName] = &[$(JsonName::new(concat!(",\"", stringify!($name), "\":"))),*];
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

/// Nodes of the known members of one body. Of several members with one name the first counts; the others are unknown
/// members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members([Option<NodeId>; Member::ALL.len()]);

impl Members {
    /// The value of a member.
    pub fn get(&self, member: Member) -> Option<NodeId> {
        self.0[member as usize]
    }

    /// Notes a member's value. Returns false if one of that name was noted before.
    pub fn note(&mut self, member: Member, value: NodeId) -> bool {
        let slot = &mut self.0[member as usize];
        let first = slot.is_none();
        if first {
            *slot = Some(value);
        }
        first
    }

    /// Begins the next body.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
