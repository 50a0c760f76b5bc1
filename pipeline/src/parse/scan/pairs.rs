//! Lists of objects: key/value pairs mostly.
//!
//! Owns: telling them from other lists before their end is seen. A list that turns out to be no list of pairs after it
//! began like one, or one after it did not, is odd.

use super::{Odd, Scan, TYPE};
use crate::event::tree::{Kind, NodeId};

/// How nearly every pair begins, up to its key's opening quote.
const KEY: &[u8; 8] = br#"{"key":""#;

/// And what stands behind the key's closing quote.
const VALUE: &[u8; 9] = br#","value":"#;

impl Scan<'_> {
    /// Writes the items of a list that was begun; the scan stands at the brace of the first.
    pub(super) fn list_of_objects(&mut self, list: NodeId) -> Result<(), Odd> {
        if self.begins_pair()? {
            self.tree.set_kind(list, Kind::Pairs);
            return self.pairs(list);
        }
        let first = self.object()?;
        if self.could_be_pair(first) {
            return Err(Odd);
        }
        while self.follows(b']')? {
            self.value()?;
        }
        Ok(())
    }

    fn pairs(&mut self, list: NodeId) -> Result<(), Odd> {
        loop {
            self.pair()?;
            if !self.follows(b']')? {
                break;
            }
        }
        self.tree.close(list);
        let tree = self.tree.tree(self.text);
        self.keys.clear();
        for (name, _) in tree.members(list) {
            self.keys.push(name.0 as usize);
        }
        let distinct = self.keys.are_distinct(|name| tree.text(NodeId(name as u32)));
        if distinct { Ok(()) } else { Err(Odd) }
    }

    fn pair(&mut self) -> Result<(), Odd> {
        if self.begins_with(KEY) {
            // Up to the key's opening quote; the name's two quotes are passed.
            self.at += KEY.len() - 1;
            self.place += 2;
        } else {
            self.pass_solid(b'{')?;
            self.pass_type()?;
            self.pass_name(b"key", b"Key")?;
        }
        self.text()?;
        if self.begins_with(VALUE) {
            self.at += VALUE.len();
            self.place += 2;
        } else {
            self.pass_solid(b',')?;
            self.pass_name(b"value", b"Value")?;
        }
        self.value()?;
        self.pass_solid(b'}')
    }

    /// Whether the object that stands here begins as pairs do: its type or not, then a key that is a string.
    fn begins_pair(&mut self) -> Result<bool, Odd> {
        if self.begins_with(KEY) {
            return Ok(true);
        }
        let (at, place) = (self.at, self.place);
        self.at += 1;
        let begins = self.solid() == b'"' && self.pass_type().is_ok() && {
            let (start, end) = self.name()?;
            is_either(&self.bytes[start..end], b"key", b"Key") && self.solid() == b'"'
        };
        (self.at, self.place) = (at, place);
        Ok(begins)
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

    /// Passes a type and the comma behind it, if one stands here.
    fn pass_type(&mut self) -> Result<(), Odd> {
        let (at, place) = (self.at, self.place);
        let (start, end) = self.name()?;
        if self.bytes[start..end] == *TYPE && self.solid() == b'"' {
            self.pass_text()?;
            return self.pass_solid(b',');
        }
        (self.at, self.place) = (at, place);
        Ok(())
    }

    fn pass_name(&mut self, lower: &[u8], upper: &[u8]) -> Result<(), Odd> {
        let (start, end) = self.name()?;
        if is_either(&self.bytes[start..end], lower, upper) && (lower != b"key" || self.solid() == b'"') {
            Ok(())
        } else {
            Err(Odd)
        }
    }

    #[inline]
    fn begins_with<const N: usize>(&self, wanted: &[u8; N]) -> bool {
        self.bytes[self.at..].first_chunk::<N>() == Some(wanted)
    }
}

fn is_either(name: &[u8], lower: &[u8], upper: &[u8]) -> bool {
    name == lower || name == upper
}
