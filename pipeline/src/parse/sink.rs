//! The output of the readers: a tree, and the state that writing it needs.

use super::keys::Keys;
use super::root_object::{ParentContext, RootObject};
use crate::event::Members;
use crate::event::tree::TreeBuilder;

/// Output of reading one body, in JSON or XML.
pub(super) struct Sink<'s> {
    pub(super) tree: &'s mut TreeBuilder,
    pub(super) keys: &'s mut Keys,
    pub(super) root_object: RootObject<'s>,
}

impl<'s> Sink<'s> {
    /// An empty tree without members. Clears what an earlier body, or an abandoned attempt, left in the buffers.
    pub(super) fn new(
        tree: &'s mut TreeBuilder,
        keys: &'s mut Keys,
        members: &'s mut Members,
        parent_context: ParentContext,
    ) -> Self {
        tree.clear();
        Self { tree, keys, root_object: RootObject::new(members, parent_context) }
    }
}
