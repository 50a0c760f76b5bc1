//! The answer that every rival has to read from a body: the facts of the event and the attributes of its target, as leaves; or
//! everything.
//!
//! An answer is a number: for each leaf FNV-1a of its name, a zero, its kind and its value, summed up over all
//! bodies. A leaf of an attribute has the attribute's name, at any depth. Numbers are compared as f64,
//! since some rivals read them so. Of received events it is the sum of FNV-1a of number, offset, time and body.

use catchwater::internals::event::tree::{Kind, NodeId, Tree};
use catchwater::internals::event::{ChangeEvent, Member, RawBatch};

/// The facts of an event.
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

/// The sum over all leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer(pub(super) u64);

impl Answer {
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

    /// Adds what another reader read.
    pub(super) fn join(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    fn hash<'a>(&mut self, bytes: impl Iterator<Item = &'a u8>) {
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.join(Self(hash));
    }

    /// Events read by our receiver.
    pub(super) fn batch(&mut self, batch: &RawBatch) {
        for event in batch.iter() {
            let [number, time] =
                [event.sequence_number.get(), event.enqueued_time.get()].map(i64::to_le_bytes);
            self.hash(number.iter().chain(event.offset.as_bytes()).chain(&time).chain(event.body));
        }
    }

    /// Everything that our parser read: a leaf has the name of the innermost member that holds it, an object's type is
    /// one.
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

    /// The facts and the target's attributes among what our parser read.
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
            // To a rival a list of pairs is a list of objects whose keys are texts like others.
            Kind::Pairs => tree.members(node).for_each(|(key, value)| {
                self.text(name, tree.text(key));
                self.node(tree, name, value);
            }),
        }
    }
}
