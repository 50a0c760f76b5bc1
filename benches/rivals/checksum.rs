//! Checksum of what a reader read: ours and each rival's must be equal before they are timed.
//!
//! For bodies it is the sum over all leaves of FNV-1a of name, zero byte, kind and value. The leaves are the facts of
//! the event and the attributes of its target, or all. A leaf within an attribute has the name of the attribute, at any
//! depth. Numbers are hashed as f64, since some rivals read them so. For received events it is the sum of FNV-1a of
//! sequence number, offset, enqueued time and body.

use catchwater::internals::event::tree::{Kind, NodeId, Tree};
use catchwater::internals::event::{ChangeEvent, Member, RawBatch};

/// Members of an event that every rival reads, sorted by name.
pub(super) const FACTS: [Member; 23] = [
    Member::BusinessUnitId,
    Member::CorrelationId,
    Member::Depth,
    Member::InitiatingUserAgent,
    Member::InitiatingUserAzureActiveDirectoryObjectId,
    Member::InitiatingUserId,
    Member::IsExecutingOffline,
    Member::IsInTransaction,
    Member::IsOfflinePlayback,
    Member::IsolationMode,
    Member::MessageName,
    Member::Mode,
    Member::OperationCreatedOn,
    Member::OperationId,
    Member::OrganizationId,
    Member::OrganizationName,
    Member::PrimaryEntityId,
    Member::PrimaryEntityName,
    Member::RequestId,
    Member::SecondaryEntityName,
    Member::Stage,
    Member::UserAzureActiveDirectoryObjectId,
    Member::UserId,
];

/// Sum of hashes, modulo 2⁶⁴.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum(pub(super) u64);

impl Checksum {
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.add(name, b's', text.as_bytes());
    }

    pub(super) fn number(&mut self, name: &str, number: f64) {
        self.add(name, b'n', &number.to_le_bytes());
    }

    pub(super) fn flag(&mut self, name: &str, flag: bool) {
        self.add(name, if flag { b't' } else { b'f' }, &[]);
    }

    fn add(&mut self, name: &str, kind: u8, value: &[u8]) {
        self.hash(name.as_bytes().iter().chain(&[0, kind]).chain(value));
    }

    /// Adds another sum.
    pub(super) fn join(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    fn hash<'a>(&mut self, bytes: impl Iterator<Item = &'a u8>) {
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.join(Self(hash));
    }

    /// Adds the events of our receiver.
    pub(super) fn batch(&mut self, batch: &RawBatch) {
        for event in batch.iter() {
            let [number, time] =
                [event.sequence_number.get(), event.enqueued_time.get()].map(i64::to_le_bytes);
            self.hash(number.iter().chain(event.offset.as_bytes()).chain(&time).chain(event.body));
        }
    }

    /// Adds all leaves that our parser read. A leaf has the name of the innermost member that contains it; the type of
    /// an object is a leaf too.
    pub(super) fn everything(&mut self, event: &ChangeEvent<'_>) {
        self.all(event.tree, "", event.tree.root());
    }

    fn all(&mut self, tree: Tree<'_>, name: &str, node: NodeId) {
        match tree.kind(node) {
            Kind::List => tree.items(node).for_each(|item| self.all(tree, name, item)),
            Kind::Object => {
                if !tree.text(node).is_empty() {
                    self.text("__type", tree.text(node));
                }
                tree.members(node).for_each(|(name, value)| self.all(tree, tree.text(name), value));
            }
            Kind::Pairs => tree.members(node).for_each(|(key, value)| {
                self.text("key", tree.text(key));
                self.all(tree, "value", value);
            }),
            _ => self.node(tree, name, node),
        }
    }

    /// Adds the facts and the target's attributes that our parser read.
    pub(super) fn event(&mut self, event: &ChangeEvent<'_>) {
        for fact in FACTS {
            if let Some(node) = event.member(fact) {
                self.node(event.tree, fact.name(), node);
            }
        }
        let attributes = event.target.and_then(|target| event.tree.member(target, "Attributes"));
        for (name, value) in attributes.into_iter().flat_map(|pairs| event.tree.members(pairs)) {
            self.node(event.tree, event.tree.text(name), value);
        }
    }

    fn node(&mut self, tree: Tree<'_>, name: &str, node: NodeId) {
        match tree.kind(node) {
            Kind::Null => {}
            Kind::False => self.flag(name, false),
            Kind::True => self.flag(name, true),
            Kind::Number => self.number(name, tree.text(node).parse().unwrap_or(f64::NAN)),
            Kind::Text | Kind::Name | Kind::IsoDate => self.text(name, tree.text(node)),
            Kind::List => tree.items(node).for_each(|item| self.node(tree, name, item)),
            Kind::Object => tree.members(node).for_each(|(_, value)| self.node(tree, name, value)),
            // Rivals read a list of pairs as a list of objects, so a key is a string like others.
            Kind::Pairs => tree.members(node).for_each(|(key, value)| {
                self.text(name, tree.text(key));
                self.node(tree, name, value);
            }),
        }
    }
}
