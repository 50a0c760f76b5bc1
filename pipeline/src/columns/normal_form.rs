//! The one form of JSON in the lake.
//!
//! Owns: the JSON of a part of a body: keys sorted bytewise; no white space; null and empty members of objects left
//! out, except in key/value lists, where they have a meaning; numbers that an f64 does not represent as strings of
//! their digits. Does not own: the column of a part.

use std::io::Write;

use super::marks::Marks;
use crate::event::scalars::survives_f64;
use crate::event::tree::{Kind, NodeId, Tree};

/// Writer of JSON, which reuses its memory.
#[derive(Debug, Default)]
pub(super) struct NormalForm {
    /// UTF-8.
    out: Vec<u8>,
    /// Stack of the members of open objects, as (name, value).
    members: Vec<(NodeId, NodeId)>,
}

impl NormalForm {
    /// Bytes of its memory.
    pub(super) fn capacity(&self) -> usize {
        self.out.capacity() + size_of::<(NodeId, NodeId)>() * self.members.capacity()
    }

    /// The JSON of a node without the placed parts; `None` if nothing is left.
    pub(super) fn unplaced(&mut self, tree: Tree<'_>, node: NodeId, marks: &Marks) -> Option<&[u8]> {
        self.out.clear();
        self.value(tree, node, marks);
        (!is_empty_json(&self.out)).then_some(self.out.as_slice())
    }

    /// The JSON of an item without the placed parts, as the only item of the list at a path of names.
    pub(super) fn unplaced_in_list(
        &mut self,
        tree: Tree<'_>,
        path: &[&str],
        item: NodeId,
        marks: &Marks,
    ) -> Option<&[u8]> {
        if !marks.has_unplaced(tree, item) {
            return None;
        }
        self.out.clear();
        for name in path {
            self.out.push(b'{');
            self.string(name.as_bytes());
            self.out.push(b':');
        }
        self.out.push(b'[');
        self.value(tree, item, marks);
        self.out.push(b']');
        self.out.extend(path.iter().map(|_| b'}'));
        Some(&self.out)
    }

    /// The JSON of an object of these members without the placed parts; `None` if nothing is left.
    pub(super) fn object(
        &mut self,
        tree: Tree<'_>,
        members: impl IntoIterator<Item = (NodeId, NodeId)>,
        marks: &Marks,
    ) -> Option<&[u8]> {
        self.out.clear();
        let start = self.members.len();
        self.members.extend(members);
        self.sorted_members(tree, start, false, marks);
        (!is_empty_json(&self.out)).then_some(self.out.as_slice())
    }

    fn value(&mut self, tree: Tree<'_>, node: NodeId, marks: &Marks) {
        match tree.kind(node) {
            Kind::Null => self.out.extend_from_slice(b"null"),
            Kind::False => self.out.extend_from_slice(b"false"),
            Kind::True => self.out.extend_from_slice(b"true"),
            Kind::Number => self.number(tree.bytes(node)),
            Kind::Text | Kind::Name | Kind::IsoDate => self.string(tree.bytes(node)),
            Kind::List => self.list(tree, node, marks),
            kind @ (Kind::Object | Kind::Pairs) => {
                let pairs = kind == Kind::Pairs;
                let start = self.members.len();
                for (name, value) in tree.members(node) {
                    if keeps(tree, value, pairs, marks) {
                        self.members.push((name, value));
                    }
                }
                self.sorted_members(tree, start, pairs, marks);
            }
        }
    }

    fn list(&mut self, tree: Tree<'_>, node: NodeId, marks: &Marks) {
        self.out.push(b'[');
        let begin = self.out.len();
        for item in tree.items(node).filter(|item| keeps(tree, *item, true, marks)) {
            if self.out.len() > begin {
                self.out.push(b',');
            }
            self.value(tree, item, marks);
        }
        self.out.push(b']');
    }

    /// Writes the members from `start` on as an object and takes them off the stack.
    fn sorted_members(&mut self, tree: Tree<'_>, start: usize, pairs: bool, marks: &Marks) {
        // Unstable sorting needs no memory; the node's index keeps members of one name in the body's order.
        let order = |(name, _): &(NodeId, NodeId)| (tree.bytes(*name), name.index());
        if !self.members[start..].is_sorted_by_key(order) {
            self.members[start..].sort_unstable_by_key(order);
        }
        self.out.push(b'{');
        let begin = self.out.len();
        for at in start..self.members.len() {
            let (name, value) = self.members[at];
            let before = self.out.len();
            if before > begin {
                self.out.push(b',');
            }
            self.string(tree.bytes(name));
            self.out.push(b':');
            let written = self.out.len();
            self.value(tree, value, marks);
            if !pairs && is_empty_json(&self.out[written..]) {
                self.out.truncate(before);
            }
        }
        self.out.push(b'}');
        self.members.truncate(start);
    }

    fn number(&mut self, text: &[u8]) {
        if survives_f64(text) {
            self.out.extend_from_slice(text);
        } else {
            self.string(text);
        }
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        if is_plain(text) {
            self.out.extend_from_slice(text);
        } else {
            self.escaped(text);
        }
        self.out.push(b'"');
    }

    #[inline(never)]
    fn escaped(&mut self, text: &[u8]) {
        for byte in text {
            match byte {
                b'"' => self.out.extend_from_slice(br#"\""#),
                b'\\' => self.out.extend_from_slice(br"\\"),
                b'\n' => self.out.extend_from_slice(br"\n"),
                b'\r' => self.out.extend_from_slice(br"\r"),
                b'\t' => self.out.extend_from_slice(br"\t"),
                // Writing to memory cannot fail.
                0..b' ' => write!(self.out, "\\u{byte:04x}").unwrap_or_default(),
                _ => self.out.push(*byte),
            }
        }
    }
}

/// True if no byte needs an escape; compares eight at a time.
fn is_plain(text: &[u8]) -> bool {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    const TOP: u64 = 0x80 * EACH;
    // Not zero exactly if a byte is below `min`; only the lowest of the marked bytes is certain to be one.
    let below = |word: u64, min: u8| word.wrapping_sub(u64::from(min) * EACH) & !word & TOP;
    let is = |word: u64, byte: u8| below(word ^ (u64::from(byte) * EACH), 1);
    let plain = |bytes: &[u8; 8]| {
        let word = u64::from_le_bytes(*bytes);
        below(word, b' ') | is(word, b'"') | is(word, b'\\') == 0
    };
    match text.last_chunk() {
        // The last eight may overlap those before.
        Some(last) => plain(last) && text.as_chunks().0.iter().all(plain),
        None => text.iter().all(|byte| *byte >= b' ' && !matches!(byte, b'"' | b'\\')),
    }
}

/// True if a member or item is written: a leaf of it is not placed, or it is null or empty where that has a meaning.
fn keeps(tree: Tree<'_>, node: NodeId, empty_too: bool, marks: &Marks) -> bool {
    marks.has_unplaced(tree, node) || empty_too && !marks.covers(node) && !tree.has_leaf(node)
}

fn is_empty_json(json: &[u8]) -> bool {
    matches!(json, b"null" | b"{}" | b"[]")
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn string_is_plain_unless_a_byte_at_any_index_needs_an_escape() {
        for (len, at) in (0..=24).flat_map(|len| (0..len).map(move |at| (len, at))) {
            for byte in 0..=u8::MAX {
                let mut text = vec![b'a'; len];
                text[at] = byte;
                let needs_escape = byte < b' ' || byte == b'"' || byte == b'\\';
                assert_eq!(is_plain(&text), !needs_escape, "{byte} at {at} of {len}");
            }
        }
        assert!(is_plain(b""));
    }
}
