//! Values that are checked and not written.
//!
//! `ParentContext` is a third of a body. Matching only its brackets and quotes would accept bodies that are not JSON
//! there, and an event's table would depend on whether `ParentContext` is kept. So it is read as strictly as the rest.

use super::text::{Fallback, Next, Scan};
use crate::event::tree::NodeId;

impl Scan<'_> {
    /// Skips the value of `ParentContext` at `at`; its member begins at `member_start`. The value repeats most of the
    /// members before it byte for byte, and those need no second check.
    #[inline(never)]
    pub(super) fn skip_parent(&mut self, at: usize, member_start: usize) -> Result<usize, Fallback> {
        if self.byte(at) != b'{' {
            return self.skip(at);
        }
        self.enter_level()?;
        // The name of the earlier member that may be repeated next: the first after the root.
        let mut name = NodeId::new(1);
        let mut next = self.enter(at, b'{', b'}')?;
        while let Next::Item(at) = next {
            let earlier = self.earlier_member(&mut name, member_start);
            let end = at + earlier.len();
            let is_repeated = !earlier.is_empty()
                && self.bytes.get(at..end) == Some(earlier)
                && matches!(self.byte(end), b',' | b'}');
            let end = if is_repeated {
                end
            } else {
                let (_, value) = self.name(at)?;
                self.skip(value)?
            };
            next = self.after_item(end, b'}')?;
        }
        self.depth -= 1;
        Ok(next.at())
    }

    /// The bytes of the root object's member `name`, from the quote of its name to the comma after its value. The last
    /// member ends before `members_end`. Advances `name` to the next member. Empty after the last member, and where
    /// white space follows the comma.
    fn earlier_member(&self, name: &mut NodeId, members_end: usize) -> &[u8] {
        let tree = self.tree.tree(self.text);
        let begin = |name: NodeId| {
            (name.index() < tree.len() as u32).then(|| tree.offset_in_body(name).map(|start| start - 1))
        };
        let Some(Some(start)) = begin(*name) else { return &[] };
        *name = tree.end(name.next());
        let comma = begin(*name).flatten().unwrap_or(members_end) - 1;
        // With white space after the comma, the slice would include the comma.
        if self.byte(comma) == b',' { &self.bytes[start..comma] } else { &[] }
    }

    /// Skips the value at `at`.
    #[inline]
    fn skip(&mut self, at: usize) -> Result<usize, Fallback> {
        if self.byte(at) == b'"' { self.skip_string(at) } else { self.skip_other(at) }
    }

    #[inline(never)]
    fn skip_other(&mut self, at: usize) -> Result<usize, Fallback> {
        match self.byte(at) {
            b'{' => self.skip_object(at),
            b'[' => self.skip_list(at),
            b'n' => self.word(at, b"null"),
            b'f' => self.word(at, b"false"),
            b't' => self.word(at, b"true"),
            _ => self.number(at),
        }
    }

    fn skip_object(&mut self, at: usize) -> Result<usize, Fallback> {
        self.enter_level()?;
        let mut next = self.enter(at, b'{', b'}')?;
        while let Next::Item(at) = next {
            let (_, value) = self.name(at)?;
            let end = self.skip(value)?;
            next = self.after_item(end, b'}')?;
        }
        self.depth -= 1;
        Ok(next.at())
    }

    fn skip_list(&mut self, at: usize) -> Result<usize, Fallback> {
        self.enter_level()?;
        let mut next = self.enter(at, b'[', b']')?;
        while let Next::Item(at) = next {
            let end = self.skip(at)?;
            next = self.after_item(end, b']')?;
        }
        self.depth -= 1;
        Ok(next.at())
    }
}
