//! Fast path of JSON: from text to tree in one pass, without a tape between them.
//!
//! Owns: JSON in the shapes that Dataverse writes, and tools that write its events again, with white space anywhere.
//! Does not own: everything else, which [`Fallback`] leaves to the slow path (`json`, `walk`): lists that only begin
//! like pairs, names with escapes, lone surrogates, texts that are not JSON. The slow path reads such a body from its
//! start, and only the slow path rejects bodies. So a text that the fast path accepts has the tree that the slow path
//! makes of it; tests and the fuzzer compare the two.

mod blocks; // one bit for each of 64 bytes, by kind of processor
mod skip; // values that are checked and not written
mod strings; // names, strings and types
mod structural_index; // positions of quotes, backslashes and control characters
mod text; // state of one scan; white space, punctuation, literals, numbers
mod values; // values, objects, lists, pairs
#[cfg(test)]
mod tests;

use self::structural_index::StructuralIndex;
use self::text::{Fallback, Next, Scan};
use super::root_object::{Disposition, RootObject};
use super::sink::Sink;
use crate::event::Member;
use crate::event::tree::Kind;

/// Reads texts, one after the other, in the same memory.
#[derive(Debug, Default)]
pub(super) struct FastPath {
    index: StructuralIndex,
}

impl FastPath {
    /// Writes the tree of a text.
    ///
    /// # Errors
    /// [`Fallback`]: the text is outside the fast path. The sink then holds a part of a tree, to be cleared.
    pub(super) fn write(&mut self, text: &str, sink: &mut Sink<'_>) -> Result<(), Fallback> {
        let bytes = text.as_bytes();
        self.index.build(bytes);
        let Sink { tree, keys, root_object } = sink;
        let mut scan = Scan { text, bytes, index: &self.index, tree, keys, depth: 0 };
        let start = scan.skip_space(0);
        let end = scan.root_object(start, root_object)?;
        if scan.skip_space(end) == bytes.len() { Ok(()) } else { Err(Fallback) }
    }
}

impl Scan<'_> {
    fn root_object(&mut self, at: usize, root_object: &mut RootObject<'_>) -> Result<usize, Fallback> {
        let object = self.tree.open(Kind::Object, "");
        let mut typed = false;
        let mut next = self.enter(at, b'{', b'}')?;
        while let Next::Item(at) = next {
            let (mut name, mut value) = self.name(at)?;
            if !typed && self.is_type(name, value) {
                typed = true;
                let end = self.state_type(value, object)?;
                next = self.after_item(end, b'}')?;
                continue;
            }
            let mut member = root_object.member(&self.text[name.0..name.1]);
            // After the first, nearly all members follow in the serializer's order, without white space.
            let end = loop {
                let end = match root_object.begin(member, || self.byte(value) == b'n') {
                    Disposition::Drop => self.skip_parent(value, name.0 - 1)?,
                    Disposition::Write(known) => {
                        self.tree.push_in_body(Kind::Name, name.0, name.1 - name.0);
                        root_object.note(known, self.tree.next_id());
                        self.value(value)?
                    }
                };
                let Some(expected) = self.expected(end, root_object) else { break end };
                member = Some(expected);
                let name_end = end + expected.json_name().len();
                (name, value) = ((end + 2, name_end - 2), self.skip_space(name_end));
            };
            next = self.after_item(end, b'}')?;
        }
        self.tree.close(object);
        Ok(next.at())
    }

    /// The expected member, if its comma and name begin at `at` as the serializer writes them.
    #[inline]
    fn expected(&self, at: usize, root_object: &RootObject<'_>) -> Option<Member> {
        let member = root_object.expected()?;
        member.json_name().is_prefix_of(self.bytes.get(at..)?).then_some(member)
    }
}
