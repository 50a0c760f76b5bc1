//! XML bodies become the tree that the same event has as JSON.
//!
//! Owns: what `DataContractSerializer` writes, resolved by namespace. Does not own: the members of the outermost
//! object (`context`).

mod classes;
mod contract;
mod elements;
mod enums;
mod fault;
mod form;
mod names;
mod reading;
mod references;
mod uris;
mod values;
mod walk;

use self::contract::CONTEXT;
use self::elements::Elements;
use self::names::Namespace;
use self::walk::{Scratch, Walk};
use super::root_object::Disposition;
use super::sink::Sink;
use crate::event::{Reason, Reject};

/// Reads one text after the other in the same memory.
#[derive(Debug, Default)]
pub(super) struct Xml {
    elements: Elements,
    scratch: Scratch,
}

impl Xml {
    /// Writes the tree of a text and notes its known members; whether it had to be repaired.
    ///
    /// # Errors
    /// Places are places in the text.
    pub(super) fn write(&mut self, text: &str, sink: &mut Sink<'_>) -> Result<bool, Reject> {
        let Sink { tree, keys, root_object } = sink;
        reading::read(text, &mut self.elements)?;
        let Self { elements, scratch } = self;
        let root = elements.at(0);
        if root.namespace != Namespace::Sdk || elements.text(root.name, text) != CONTEXT.name {
            return Err(Reject::new(Reason::OtherElement));
        }
        let repaired = elements.repaired;
        tree.reserve(elements.nodes());
        let mut walk = Walk { elements, text, tree, keys, scratch, repaired };
        let object = walk.open_root();
        let mut expected = 0;
        for member in elements.children(0) {
            let known = root_object.member(walk.name_in_root(member));
            if let Disposition::Write(known) = root_object.begin(known, || walk.is_null(member)) {
                let value = walk.member(member, Some(&CONTEXT), &mut expected);
                root_object.note(known, value);
            }
        }
        let repaired = walk.repaired;
        walk.tree.close(object);
        Ok(repaired)
    }
}
