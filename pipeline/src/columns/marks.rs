//! Marks on the nodes of a body that are placed in the row.
//!
//! Owns: the proof that nothing is dropped, since all leaves without a mark go into `_rest`. Does not own: the place of
//! a value.

use crate::event::tree::{NodeId, Tree};

/// One flag per node, set once the node and all below it are placed.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<bool>);

impl Marks {
    /// Clears the marks, for another body.
    pub(super) fn begin(&mut self, tree: Tree<'_>) {
        self.0.clear();
        self.0.resize(tree.len(), false);
    }

    /// Number of nodes that its memory holds.
    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Marks a node and all below it as placed.
    pub(super) fn cover(&mut self, node: NodeId) {
        self.set(node, true);
    }

    /// Sets or clears one flag.
    pub(super) fn set(&mut self, node: NodeId, covered: bool) {
        if let Some(flag) = self.0.get_mut(node.index() as usize) {
            *flag = covered;
        }
    }

    /// Covers a node below another one and everything beside the path to it.
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

    /// True if a node itself is marked; a mark on a node above it is not seen.
    pub(super) fn covers(&self, node: NodeId) -> bool {
        self.0.get(node.index() as usize).copied().unwrap_or(false)
    }

    /// True if a string, number or boolean at or below this node is not placed.
    pub(super) fn has_unplaced(&self, tree: Tree<'_>, node: NodeId) -> bool {
        tree.has_leaf_besides(node, &self.0)
    }
}
