//! Values, objects, lists and key/value pairs.
//!
//! Owns: telling lists of pairs from other lists by their first item. A list that stops being pairs after it began like
//! them, or that turns into pairs later, falls back.

use super::text::{Fallback, Next, Scan};
use crate::event::tree::{Kind, NodeId};

/// Start of nearly every pair, up to its key's opening quote.
const KEY: &[u8; 8] = br#"{"key":""#;

/// The same, from the closing brace of the pair before.
const NEXT_KEY: &[u8; 10] = br#"},{"key":""#;

/// Text between the end of the key and the value, from the key's comma on.
const VALUE: &[u8; 9] = br#","value":"#;

impl Scan<'_> {
    /// Writes the value at `at`. Most are strings, which need no call.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call takes as long as a short string; measured")]
    pub(super) fn value(&mut self, at: usize) -> Result<usize, Fallback> {
        if self.byte(at) == b'"' { self.write_string(Kind::Text, at) } else { self.other_value(at) }
    }

    #[inline(never)]
    fn other_value(&mut self, at: usize) -> Result<usize, Fallback> {
        match self.byte(at) {
            b'{' => self.object(at),
            // Empty lists are a third of the values that are not strings.
            b'[' if self.byte(at + 1) == b']' => {
                self.tree.push_literal(Kind::List);
                Ok(at + 2)
            }
            b'[' => self.list(at),
            b'n' => self.literal(at, b"null", Kind::Null),
            b'f' => self.literal(at, b"false", Kind::False),
            b't' => self.literal(at, b"true", Kind::True),
            _ => {
                let end = self.number(at)?;
                self.tree.push_in_body(Kind::Number, at, end - at);
                Ok(end)
            }
        }
    }

    #[inline]
    fn literal<const N: usize>(&mut self, at: usize, word: &[u8; N], kind: Kind) -> Result<usize, Fallback> {
        self.tree.push_literal(kind);
        self.word(at, word)
    }

    fn object(&mut self, at: usize) -> Result<usize, Fallback> {
        self.enter_level()?;
        let object = self.tree.open(Kind::Object, "");
        let mut typed = false;
        let mut next = self.enter(at, b'{', b'}')?;
        while let Next::Item(at) = next {
            let (name, value) = self.name(at)?;
            let end = if !typed && self.is_type(name, value) {
                typed = true;
                self.state_type(value, object)?
            } else {
                self.tree.push_in_body(Kind::Name, name.0, name.1 - name.0);
                self.value(value)?
            };
            next = self.after_item(end, b'}')?;
        }
        self.tree.close(object);
        self.depth -= 1;
        Ok(next.at())
    }

    fn list(&mut self, at: usize) -> Result<usize, Fallback> {
        self.enter_level()?;
        let list = self.tree.open(Kind::List, "");
        let mut next = self.enter(at, b'[', b']')?;
        if let Next::Item(at) = next
            && self.byte(at) == b'{'
        {
            next = Next::End(self.list_of_objects(at, list)?);
        }
        while let Next::Item(at) = next {
            let end = self.value(at)?;
            next = self.after_item(end, b']')?;
        }
        self.tree.close(list);
        self.depth -= 1;
        Ok(next.at())
    }

    /// Writes the items of an open list whose first item, an object, begins at `at`. Returns the position after the
    /// list.
    fn list_of_objects(&mut self, at: usize, list: NodeId) -> Result<usize, Fallback> {
        if self.begins_pair(at)? {
            self.tree.set_kind(list, Kind::Pairs);
            return self.pairs(at, list);
        }
        let first = self.tree.next_id();
        let mut end = self.object(at)?;
        if self.could_be_pair(first) {
            return Err(Fallback);
        }
        loop {
            match self.after_item(end, b']')? {
                Next::Item(at) => end = self.value(at)?,
                Next::End(at) => return Ok(at),
            }
        }
    }

    fn pairs(&mut self, at: usize, list: NodeId) -> Result<usize, Fallback> {
        let mut key = self.key(at)?;
        let end = loop {
            let end = self.pair(key)?;
            if self.begins_with(end, NEXT_KEY) {
                key = end + NEXT_KEY.len() - 1;
                continue;
            }
            let end = self.punctuation(end, b'}')?;
            match self.after_item(end, b']')? {
                Next::Item(at) => key = self.key(at)?,
                Next::End(at) => break at,
            }
        };
        self.tree.close(list);
        let tree = self.tree.tree(self.text);
        self.keys.clear();
        for (name, _) in tree.members(list) {
            self.keys.push(name.index() as usize);
        }
        let distinct = self.keys.are_distinct(|name| tree.bytes(NodeId::new(name as u32)));
        if distinct { Ok(end) } else { Err(Fallback) }
    }

    /// Position of the key's opening quote in the pair that begins at `at`.
    fn key(&mut self, at: usize) -> Result<usize, Fallback> {
        let key = if self.begins_with(at, KEY) { at + KEY.len() - 1 } else { self.unusual_key(at)? };
        if self.byte(key) == b'"' { Ok(key) } else { Err(Fallback) }
    }

    /// Writes the pair whose key begins at `key`. Returns the position after its value.
    #[inline]
    fn pair(&mut self, key: usize) -> Result<usize, Fallback> {
        let end = self.write_string(Kind::Name, key)?;
        let value = if self.begins_with(end, VALUE) { end + VALUE.len() } else { self.unusual_value(end)? };
        self.value(self.skip_space(value))
    }

    /// Position of the key in a pair with a type, white space or capital letters, which begins at `at`.
    fn unusual_key(&mut self, at: usize) -> Result<usize, Fallback> {
        let at = self.punctuation(at, b'{')?;
        let at = self.after_type(at)?;
        let ((start, end), key) = self.name(at)?;
        if is_either(&self.bytes[start..end], b"key", b"Key") { Ok(key) } else { Err(Fallback) }
    }

    /// Position of the value in such a pair, whose key ends at `at`.
    fn unusual_value(&mut self, at: usize) -> Result<usize, Fallback> {
        let at = self.punctuation(at, b',')?;
        let ((start, end), value) = self.name(at)?;
        if is_either(&self.bytes[start..end], b"value", b"Value") { Ok(value) } else { Err(Fallback) }
    }

    /// True if the object at `at` begins like a pair: an optional type, then a key that is a string.
    fn begins_pair(&mut self, at: usize) -> Result<bool, Fallback> {
        if self.begins_with(at, KEY) {
            return Ok(true);
        }
        let at = self.skip_space(at + 1);
        let Ok(at) = self.after_type(at) else { return Ok(false) };
        if self.byte(at) != b'"' {
            return Ok(false);
        }
        let ((start, end), value) = self.name(at)?;
        Ok(is_either(&self.bytes[start..end], b"key", b"Key") && self.byte(value) == b'"')
    }

    /// True if a written object is a pair with its members in an unusual order.
    fn could_be_pair(&self, object: NodeId) -> bool {
        let tree = self.tree.tree(self.text);
        let mut members = tree.members(object);
        let (Some(one), Some(two), None) = (members.next(), members.next(), members.next()) else {
            return false;
        };
        let of = |lower: &str, upper: &str| {
            [one, two].into_iter().find(|(name, _)| [lower, upper].contains(&tree.text(*name)))
        };
        let key = of("key", "Key").is_some_and(|(_, key)| tree.kind(key) == Kind::Text);
        key && of("value", "Value").is_some()
    }

    /// The position after a type and its comma; `at` itself without a type.
    fn after_type(&mut self, at: usize) -> Result<usize, Fallback> {
        let (name, value) = self.name(at)?;
        if !self.is_type(name, value) {
            return Ok(at);
        }
        let end = self.skip_string(value)?;
        self.punctuation(end, b',')
    }
}

fn is_either(name: &[u8], lower: &[u8], upper: &[u8]) -> bool {
    name == lower || name == upper
}
