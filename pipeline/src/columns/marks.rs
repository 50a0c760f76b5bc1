//! Which nodes of a body have a place in the row.
//!
//! Owns: the account that makes "nothing is dropped" true: what is not marked here when a row ends goes into
//! `_rest`. Does not own: where things go.

use crate::event::tree::{NodeId, Tree};

/// One flag per node: set when the node and all below it have a place.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<bool>);

impl Marks {
    /// Forgets the body before.
    pub(super) fn begin(&mut self, tree: Tree<'_>) {
        self.0.clear();
        self.0.resize(tree.len(), false);
    }

    /// Nodes that fit its memory.
    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Notes that a node and all below it have a place.
    pub(super) fn cover(&mut self, node: NodeId) {
        self.set(node, true);
    }

    /// Sets or clears one flag.
    pub(super) fn set(&mut self, node: NodeId, covered: bool) {
        if let Some(flag) = self.0.get_mut(node.0 as usize) {
            *flag = covered;
        }
    }

    /// Covers everything between a node and one below it, besides the way there; the one below as well.
    pub(super) fn cover_around(&mut self, tree: Tree<'_>, from: NodeId, below: NodeId) {
        let mut at = from;
        while at != below {
            self.set(at, false);
            let mut next = below;
            let members = tree.members(at).map(|(_, value)| value);
            for child in tree.items(at).chain(members) {
                self.cover(child);
                if child <= below && below < tree.end(child) {
                    next = child;
                }
            }
            at = next;
        }
    }

    /// Whether a node has a place, as far as its own flag says.
    pub(super) fn covers(&self, node: NodeId) -> bool {
        self.0.get(node.0 as usize).copied().unwrap_or(false)
    }

    /// Whether a string, number or boolean at or below this node has no place yet.
    pub(super) fn has_unplaced(&self, tree: Tree<'_>, node: NodeId) -> bool {
        tree.has_leaf_besides(node, &self.0)
    }
}
