//! Elements of a text, in its order, with their namespaces and texts.
//!
//! Owns: the facts about an element, and counts for the limits on memory. Does not own: reading elements (`reading`),
//! or their meaning (`walk`).

use super::contract;
use super::names::Namespace;
use super::uris::Uris;

/// XML Schema's type of bytes. They become a list of numbers.
const BASE64: &str = "base64Binary";

/// Elements of one text, text after text in the same memory.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub(super) list: Vec<Element>,
    /// Texts that differ from the bytes of the body.
    pub(super) decoded: String,
    /// Indices of the open elements, the root first.
    pub(super) open: Vec<u32>,
    /// URIs of unknown namespaces.
    pub(super) uris: Uris,
    /// Upper bound on the bytes of names that carry their namespace in the tree.
    pub(super) qualified_names: usize,
    /// Bytes of longer texts in Base64.
    pub(super) base64: usize,
    /// Lone surrogates were replaced.
    pub(super) repaired: bool,
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) namespace: Namespace,
    /// Its name without a prefix.
    pub(super) name: Place,
    /// Number of its URI, for an unknown namespace.
    pub(super) uri: u16,
    /// The type that it states.
    pub(super) stated: Option<(Namespace, Place)>,
    /// `nil` is true.
    pub(super) nil: bool,
    /// Its text, if it is a leaf.
    pub(super) text: Place,
    /// Index after its last descendant.
    pub(super) end: u32,
}

/// Range of a text, in the body or in `decoded`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) decoded: bool,
}

impl Elements {
    /// Begins the next text; keeps the buffers.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.decoded.clear();
        self.open.clear();
        self.uris.clear();
        self.qualified_names = 0;
        self.base64 = 0;
        self.repaired = false;
    }

    /// The element of an index. The root is the first.
    pub(super) fn at(&self, element: usize) -> &Element {
        &self.list[element]
    }

    /// Indices of the children of an element.
    pub(super) fn children(&self, element: usize) -> impl Iterator<Item = usize> + use<'_> {
        let end = self.list[element].end as usize;
        let mut next = element + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let child = next;
                next = self.list[child].end as usize;
                child
            })
        })
    }

    /// True for an element without children.
    pub(super) fn is_leaf(&self, element: usize) -> bool {
        self.list[element].end as usize == element + 1
    }

    /// The URI of an element's namespace; empty for the SDK's.
    pub(super) fn uri(&self, element: &Element) -> &str {
        match element.namespace.uri() {
            Some(uri) => uri,
            None if element.namespace == Namespace::Sdk => "",
            None => self.uris.get(element.uri),
        }
    }

    /// Approximate number of nodes: a name and a value for each element, and a number for each byte of Base64.
    pub(super) fn nodes(&self) -> usize {
        2 * self.list.len() + self.base64 / 4 * 3
    }

    /// True if an element may be an object of a class. Its members outside the SDK's namespaces then have a qualified
    /// name.
    pub(super) fn may_be_class(&self, element: usize, text: &str) -> bool {
        let Element { namespace, name, stated, .. } = self.list[element];
        match stated {
            // A root outside the SDK's namespaces is not an event.
            _ if element == 0 => namespace == Namespace::Sdk,
            Some((namespace, _)) => namespace == Namespace::Sdk,
            None => {
                matches!(namespace, Namespace::Sdk | Namespace::Generic | Namespace::Arrays)
                    && contract::types_of_pair(self.text(name, text)).is_none()
            }
        }
    }

    /// True if the innermost open element holds Base64, by its type or name, or by those of the pair around it.
    pub(super) fn is_base64(&self, text: &str) -> bool {
        let names_base64 = |at: &u32| {
            let Element { name, stated, .. } = self.list[*at as usize];
            let is = |place: Place| self.text(place, text).ends_with(BASE64);
            is(name) || stated.is_some_and(|(_, stated)| is(stated))
        };
        self.open.iter().rev().take(2).any(names_base64)
    }

    /// The text of a range.
    pub(super) fn text<'t>(&'t self, place: Place, text: &'t str) -> &'t str {
        let source = if place.decoded { &self.decoded } else { text };
        &source[place.start as usize..(place.start + place.len) as usize]
    }
}
