//! URIs of unknown namespaces, each distinct one once per text.
//!
//! Owns: their texts and numbers. Elements refer to a URI by its number, as every element inherits declarations.

use ahash::RandomState;

use crate::event::names::hasher;
use crate::parse::limits::URIS_MAX;

/// URIs of one text, text after text in the same memory.
#[derive(Debug)]
pub(super) struct Uris {
    list: Vec<Uri>,
    texts: String,
    /// The number returned last: neighbouring elements mostly share a namespace.
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
    /// Begins the next text.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.texts.clear();
    }

    /// The number of a URI; `None` if the text has [`URIS_MAX`] others.
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

    /// The URI of a number from [`number`](Self::number), for the same text.
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
