//! The one form of JSON in the lake.
//!
//! Owns: how a part of a body is written into a JSON column: keys sorted bytewise, no white space, null and
//! empty members of objects left out (those of key/value lists say something and stay), a number that f64 does
//! not give back as a string of its digits. Does not own: which part.

use std::fmt::Write;

use super::marks::Marks;
use crate::event::scalars::survives_f64;
use crate::event::tree::{Kind, NodeId, Tree};

/// Writes parts of bodies, one after the other, into the same scratch.
#[derive(Debug, Default)]
pub(super) struct NormalForm {
    out: String,
    /// The members of the objects that are open, as (name, value): a stack.
    members: Vec<(NodeId, NodeId)>,
}

impl NormalForm {
    /// A node without what has a place; `None` if nothing is left.
    pub(super) fn left(&mut self, tree: Tree<'_>, node: NodeId, marks: &Marks) -> Option<&str> {
        self.out.clear();
        self.value(tree, node, marks);
        (!says_nothing(&self.out)).then_some(self.out.as_str())
    }

    /// The same, as the only item of the list that a path of names leads to.
    pub(super) fn left_in_list(
        &mut self,
        tree: Tree<'_>,
        path: &[&str],
        item: NodeId,
        marks: &Marks,
    ) -> Option<&str> {
        if !marks.left(tree, item) {
            return None;
        }
        self.out.clear();
        for name in path {
            self.out.push('{');
            self.string(name);
            self.out.push(':');
        }
        self.out.push('[');
        self.value(tree, item, marks);
        self.out.push(']');
        self.out.extend(path.iter().map(|_| '}'));
        Some(&self.out)
    }

    /// An object of these members, each without what has a place; `None` if there are none.
    pub(super) fn object(
        &mut self,
        tree: Tree<'_>,
        members: impl IntoIterator<Item = (NodeId, NodeId)>,
        marks: &Marks,
    ) -> Option<&str> {
        self.out.clear();
        let start = self.members.len();
        self.members.extend(members);
        self.sorted_members(tree, start, false, marks);
        (!says_nothing(&self.out)).then_some(self.out.as_str())
    }

    fn value(&mut self, tree: Tree<'_>, node: NodeId, marks: &Marks) {
        match tree.kind(node) {
            Kind::Null => self.out.push_str("null"),
            Kind::False => self.out.push_str("false"),
            Kind::True => self.out.push_str("true"),
            Kind::Number => self.number(tree.text(node)),
            Kind::Text | Kind::Name | Kind::IsoDate => self.string(tree.text(node)),
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
        self.out.push('[');
        let begin = self.out.len();
        for item in tree.items(node).filter(|item| keeps(tree, *item, true, marks)) {
            if self.out.len() > begin {
                self.out.push(',');
            }
            self.value(tree, item, marks);
        }
        self.out.push(']');
    }

    /// Writes the members from `start` on as an object and takes them off the stack.
    fn sorted_members(&mut self, tree: Tree<'_>, start: usize, pairs: bool, marks: &Marks) {
        // Unstable sorting needs no memory; the node's place keeps members of one name in the body's order.
        let order = |(name, _): &(NodeId, NodeId)| (tree.text(*name), name.0);
        if !self.members[start..].is_sorted_by_key(order) {
            self.members[start..].sort_unstable_by_key(order);
        }
        self.out.push('{');
        let begin = self.out.len();
        for at in start..self.members.len() {
            let (name, value) = self.members[at];
            let before = self.out.len();
            if before > begin {
                self.out.push(',');
            }
            self.string(tree.text(name));
            self.out.push(':');
            let written = self.out.len();
            self.value(tree, value, marks);
            if !pairs && says_nothing(&self.out[written..]) {
                self.out.truncate(before);
            }
        }
        self.out.push('}');
        self.members.truncate(start);
    }

    fn number(&mut self, text: &str) {
        if survives_f64(text) {
            self.out.push_str(text);
        } else {
            self.string(text);
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut plain_from = 0;
        for (at, byte) in text.bytes().enumerate().skip(plain_len(text)) {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.out.push_str(&text[plain_from..at]);
            plain_from = at + 1;
            match byte {
                b'"' => self.out.push_str("\\\""),
                b'\\' => self.out.push_str("\\\\"),
                b'\n' => self.out.push_str("\\n"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                // Writing to a string cannot fail.
                control => write!(self.out, "\\u{control:04x}").unwrap_or_default(),
            }
        }
        self.out.push_str(&text[plain_from..]);
        self.out.push('"');
    }
}

/// How many bytes need no escape for sure, eight at a time: all but a few of most texts.
fn plain_len(text: &str) -> usize {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    const TOP: u64 = 0x80 * EACH;
    // The lowest byte of which this is said is below `least`; nothing is said of a word without one.
    let below = |word: u64, least: u8| word.wrapping_sub(u64::from(least) * EACH) & !word & TOP;
    let is = |word: u64, byte: u8| below(word ^ (u64::from(byte) * EACH), 1);
    let plain = |bytes: &[u8; 8]| {
        let word = u64::from_le_bytes(*bytes);
        below(word, b' ') | is(word, b'"') | is(word, b'\\') == 0
    };
    let (eights, rest) = text.as_bytes().as_chunks::<8>();
    let len = eights.iter().take_while(|bytes| plain(bytes)).count() * 8;
    // The last eight may overlap those before.
    let all = len + rest.len() == text.len() && text.as_bytes().last_chunk().is_some_and(plain);
    if all { text.len() } else { len }
}

/// Whether a member or item is written: it has something without a place, or it is there to say that it is null
/// or empty.
fn keeps(tree: Tree<'_>, node: NodeId, silent_too: bool, marks: &Marks) -> bool {
    marks.left(tree, node) || silent_too && !marks.covers(node) && !tree.has_leaf(node)
}

fn says_nothing(json: &str) -> bool {
    matches!(json, "null" | "{}" | "[]")
}

#[cfg(test)]
mod tests {
    use super::plain_len;

    #[test]
    fn what_needs_an_escape_ends_the_plain_part_wherever_it_stands() {
        for (len, at) in (0..=24).flat_map(|len| (0..len).map(move |at| (len, at))) {
            for byte in 0..0x80 {
                let mut text = vec![b'a'; len];
                text[at] = byte;
                let bends = byte < b' ' || byte == b'"' || byte == b'\\';
                // Less than eight are not looked at.
                let expected = if bends { at / 8 * 8 } else { len * usize::from(len >= 8) };
                assert_eq!(
                    plain_len(std::str::from_utf8(&text).unwrap()),
                    expected,
                    "{byte} at {at} of {len}"
                );
            }
        }
        assert_eq!(plain_len("éééé\u{1f600}ab..."), 17, "eight, four and five bytes");
    }
}
