//! XML: from a text to the tree that the same event has in JSON.
//!
//! Owns: the output of `DataContractSerializer`, resolved by namespace. Does not own: the treatment of the root
//! object's members (`root_object`).

mod classes; // rare classes of the SDK, from classes.txt
mod contract; // forms of members, items, types and pairs
mod elements; // elements of one text
mod enums; // enumerations of the SDK
mod fault; // reasons for texts that are not XML
mod form; // forms of content, classes as lists of members
mod names; // namespaces
mod reading; // from text to elements, with quick-xml
mod references; // character references
mod uris; // URIs of other namespaces
mod values; // dates, characters, digits
mod walk; // from elements to the tree

use self::contract::CONTEXT;
use self::elements::Elements;
use self::names::Namespace;
use self::walk::{Scratch, Walk};
use super::root_object::Disposition;
use super::sink::Sink;
use crate::event::{Reason, Reject};

/// Reads texts, one after the other, in the same memory.
#[derive(Debug, Default)]
pub(super) struct Xml {
    elements: Elements,
    scratch: Scratch,
}

impl Xml {
    /// Writes the tree of a text. Returns true if lone surrogates were replaced.
    ///
    /// # Errors
    /// A [`Reject`] for a text that is not XML, exceeds a limit, or has another root element.
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
