//! The elements of a text, in its order, with their namespaces and texts.
//!
//! Owns: what is known of an element, and what its name or text may grow into. Does not own: how elements are read
//! (`reading`), what they mean (`walk`).

use super::contract;
use super::names::Namespace;
use super::uris::Uris;

/// The type of bytes, which become a list of numbers.
const BASE64: &str = "base64Binary";

/// The elements of one text, and of one after the other in the same memory.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub(super) list: Vec<Element>,
    /// Texts that do not stand in the body as they are.
    pub(super) decoded: String,
    /// The elements that are open.
    pub(super) open: Vec<u32>,
    /// The namespaces of elements that have another one.
    pub(super) uris: Uris,
    /// Bytes of the names that carry their namespace in the tree, an upper bound.
    pub(super) qualified_names: usize,
    /// Bytes of the longer texts that are Base64.
    pub(super) base64: usize,
    /// Halves of surrogate pairs were replaced.
    pub(super) repaired: bool,
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) namespace: Namespace,
    /// Its name without a prefix.
    pub(super) name: Place,
    /// The number of another namespace's URI.
    pub(super) uri: u16,
    /// The type it states.
    pub(super) stated: Option<(Namespace, Place)>,
    /// It states that it is null.
    pub(super) nil: bool,
    /// Its text, if it holds no elements.
    pub(super) text: Place,
    /// The first element that does not stand in it.
    pub(super) end: u32,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) decoded: bool,
}

impl Elements {
    /// Forgets the text before; keeps the buffers.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.decoded.clear();
        self.open.clear();
        self.uris.clear();
        self.qualified_names = 0;
        self.base64 = 0;
        self.repaired = false;
    }

    /// One element. The outermost is the first.
    pub(super) fn at(&self, element: usize) -> &Element {
        &self.list[element]
    }

    /// The elements that stand directly in one.
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

    /// Whether no elements stand in one.
    pub(super) fn is_leaf(&self, element: usize) -> bool {
        self.list[element].end as usize == element + 1
    }

    /// The URI of an element's namespace, unless that is the SDK's.
    pub(super) fn uri(&self, element: &Element) -> &str {
        match element.namespace.uri() {
            Some(uri) => uri,
            None if element.namespace == Namespace::Sdk => "",
            None => self.uris.get(element.uri),
        }
    }

    /// About how many nodes they become: a name and a value each, and a number for each byte of Base64.
    pub(super) fn nodes(&self) -> usize {
        2 * self.list.len() + self.base64 / 4 * 3
    }

    /// Whether the members of an element may be those of a class, where a member of another namespace carries its own.
    pub(super) fn may_be_class(&self, element: usize, text: &str) -> bool {
        let Element { namespace, name, stated, .. } = self.list[element];
        match stated {
            // The outermost of another namespace is no event.
            _ if element == 0 => namespace == Namespace::Sdk,
            Some((namespace, _)) => namespace == Namespace::Sdk,
            None => {
                matches!(namespace, Namespace::Sdk | Namespace::Generic | Namespace::Arrays)
                    && contract::types_of_pair(self.text(name, text)).is_none()
            }
        }
    }

    /// Whether the element that is open holds Base64, by its type, its name, or that of the pair it stands in.
    pub(super) fn is_base64(&self, text: &str) -> bool {
        let said = |at: &u32| {
            let Element { name, stated, .. } = self.list[*at as usize];
            let is = |place: Place| self.text(place, text).ends_with(BASE64);
            is(name) || stated.is_some_and(|(_, stated)| is(stated))
        };
        self.open.iter().rev().take(2).any(said)
    }

    /// The text at a place.
    pub(super) fn text<'t>(&'t self, place: Place, text: &'t str) -> &'t str {
        let source = if place.decoded { &self.decoded } else { text };
        &source[place.start as usize..(place.start + place.len) as usize]
    }
}
