//! The URIs of namespaces that mean nothing to us, each distinct one kept once per text.
//!
//! Owns: their text and their numbers. A declaration is inherited by every element in it, so an element refers to its URI.

use ahash::RandomState;

use crate::event::names::hasher;
use crate::parse::limits::URIS_MAX;

/// The URIs of one text, text after text in the same memory.
#[derive(Debug)]
pub(super) struct Uris {
    list: Vec<Uri>,
    texts: String,
    /// The number that was given out last: neighbours mostly share a namespace.
    last: usize,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Uri {
    hash: u64,
    start: usize,
    end: usize,
}

impl Default for Uris {
    fn default() -> Self {
        Self { list: Vec::new(), texts: String::new(), last: 0, hasher: hasher() }
    }
}

impl Uris {
    /// Forgets the text before.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.texts.clear();
    }

    /// The number of a URI; `None` if there are [`URIS_MAX`] others.
    pub(super) fn number(&mut self, uri: &str) -> Option<u16> {
        if self.list.is_empty() || self.get(self.last as u16) != uri {
            let hash = self.hasher.hash_one(uri);
            let is_known = |known: &Uri| known.hash == hash && self.texts[known.start..known.end] == *uri;
            self.last = match self.list.iter().position(is_known) {
                Some(known) => known,
                None => self.add(uri, hash)?,
            };
        }
        Some(self.last as u16)
    }

    /// The URI of a number that was given out for this text.
    pub(super) fn get(&self, number: u16) -> &str {
        let Uri { start, end, .. } = self.list[usize::from(number)];
        &self.texts[start..end]
    }

    fn add(&mut self, uri: &str, hash: u64) -> Option<usize> {
        let start = self.texts.len();
        (self.list.len() < URIS_MAX).then(|| {
            self.texts.push_str(uri);
            self.list.push(Uri { hash, start, end: self.texts.len() });
            self.list.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_each_distinct_uri_once() {
        let mut uris = Uris::default();
        for round in 0..3 {
            for number in 0..URIS_MAX {
                let uri = format!("urn:{number}");
                assert_eq!(uris.number(&uri), Some(number as u16), "{round}");
                assert_eq!(uris.get(number as u16), uri);
            }
        }
        assert_eq!(uris.list.len(), URIS_MAX);
        assert_eq!(uris.number("urn:another"), None);
        uris.clear();
        assert_eq!(uris.number("urn:another"), Some(0));
    }
}
