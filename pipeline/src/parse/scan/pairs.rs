//! Lists of objects: key/value pairs mostly.
//!
//! Owns: telling them from other lists before their end is seen. A list that turns out to be no list of pairs after it
//! began like one, or one after it did not, is odd.

use super::{Odd, Place, Scan};
use crate::event::tree::{Kind, NodeId};

/// How nearly every pair begins, up to its key's opening quote.
const KEY: &[u8; 8] = br#"{"key":""#;

/// The same behind the value of the pair before.
const NEXT_KEY: &[u8; 10] = br#"},{"key":""#;

/// And what stands behind the key's closing quote.
const VALUE: &[u8; 9] = br#","value":"#;

impl Scan<'_> {
    /// Writes the items of a list that was begun, whose first is an object at this place; the place behind the list.
    pub(super) fn list_of_objects(&mut self, at: usize, list: NodeId) -> Result<usize, Odd> {
        if self.begins_pair(at)? {
            self.tree.set_kind(list, Kind::Pairs);
            return self.pairs(at, list);
        }
        let first = self.tree.next_id();
        let mut end = self.object(at)?;
        if self.could_be_pair(first) {
            return Err(Odd);
        }
        loop {
            match self.follows(end, b']')? {
                Place::More(at) => end = self.value(at)?,
                Place::End(at) => return Ok(at),
            }
        }
    }

    fn pairs(&mut self, at: usize, list: NodeId) -> Result<usize, Odd> {
        let mut key = self.key(at)?;
        let end = loop {
            let end = self.pair(key)?;
            if self.begins_with(end, NEXT_KEY) {
                key = end + NEXT_KEY.len() - 1;
                continue;
            }
            let end = self.mark(end, b'}')?;
            match self.follows(end, b']')? {
                Place::More(at) => key = self.key(at)?,
                Place::End(at) => break at,
            }
        };
        self.tree.close(list);
        let tree = self.tree.tree(self.text);
        self.keys.clear();
        for (name, _) in tree.members(list) {
            self.keys.push(name.0 as usize);
        }
        let distinct = self.keys.are_distinct(|name| tree.bytes(NodeId(name as u32)));
        if distinct { Ok(end) } else { Err(Odd) }
    }

    /// Where the key's quote stands in the pair that begins here.
    fn key(&mut self, at: usize) -> Result<usize, Odd> {
        let key = if self.begins_with(at, KEY) { at + KEY.len() - 1 } else { self.unusual_key(at)? };
        if self.byte(key) == b'"' { Ok(key) } else { Err(Odd) }
    }

    /// Writes the pair whose key stands here; the place behind its value.
    #[inline]
    fn pair(&mut self, key: usize) -> Result<usize, Odd> {
        let end = self.write_string(Kind::Name, key)?;
        let value = if self.begins_with(end, VALUE) { end + VALUE.len() } else { self.unusual_value(end)? };
        self.value(self.solid(value))
    }

    /// Where the key of the pair stands that begins here.
    fn unusual_key(&mut self, at: usize) -> Result<usize, Odd> {
        let at = self.mark(at, b'{')?;
        let at = self.behind_type(at)?;
        let ((start, end), key) = self.name(at)?;
        if is_either(&self.bytes[start..end], b"key", b"Key") { Ok(key) } else { Err(Odd) }
    }

    /// Where the value of the pair stands whose key ends here.
    fn unusual_value(&mut self, at: usize) -> Result<usize, Odd> {
        let at = self.mark(at, b',')?;
        let ((start, end), value) = self.name(at)?;
        if is_either(&self.bytes[start..end], b"value", b"Value") { Ok(value) } else { Err(Odd) }
    }

    /// Whether the object that stands here begins as pairs do: its type or not, then a key that is a string.
    fn begins_pair(&mut self, at: usize) -> Result<bool, Odd> {
        if self.begins_with(at, KEY) {
            return Ok(true);
        }
        let at = self.solid(at + 1);
        let Ok(at) = self.behind_type(at) else { return Ok(false) };
        if self.byte(at) != b'"' {
            return Ok(false);
        }
        let ((start, end), value) = self.name(at)?;
        Ok(is_either(&self.bytes[start..end], b"key", b"Key") && self.byte(value) == b'"')
    }

    /// Whether an object that was written is a pair in an unusual order.
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

    /// Behind a type and the comma that follows it, or at the same place if none stands here.
    fn behind_type(&mut self, at: usize) -> Result<usize, Odd> {
        let (name, value) = self.name(at)?;
        if !self.is_type(name, value) {
            return Ok(at);
        }
        let end = self.text(value)?;
        self.mark(end, b',')
    }
}

fn is_either(name: &[u8], lower: &[u8], upper: &[u8]) -> bool {
    name == lower || name == upper
}
