//! What every rival has to read from a body: the facts of the event and the attributes of its target, as leaves.
//!
//! An answer is a number: for each leaf FNV-1a of its name, a zero, its kind and its value, summed up over all
//! bodies. A leaf of an attribute has the attribute's name, however deep it stands. Numbers are compared as f64,
//! since some rivals read them so.

use catchwater::event::tree::{Kind, NodeId, Tree};
use catchwater::event::{ChangeEvent, Member};

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
        let between = [0, kind];
        let bytes = name.as_bytes().iter().chain(&between).chain(value);
        let leaf = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.0 = self.0.wrapping_add(leaf);
    }

    /// What our parser read.
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
