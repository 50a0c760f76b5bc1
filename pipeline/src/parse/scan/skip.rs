//! What a row does not use is read as strictly as all else, and written nowhere.
//!
//! `ParentContext` is a third of a body. A quicker look at brackets and quotes alone would let bodies pass that are no
//! JSON there, and an event's table would depend on whether `ParentContext` is kept.

use super::{Odd, Place, Scan};
use crate::event::tree::NodeId;

impl Scan<'_> {
    /// Passes `ParentContext`, whose member begins at `behind`. It repeats most of what stands before it word for word, and
    /// what was read there needs no second look.
    #[inline(never)]
    pub(super) fn skip_parent(&mut self, at: usize, behind: usize) -> Result<usize, Odd> {
        if self.byte(at) != b'{' {
            return self.skip(at);
        }
        self.deeper()?;
        // The name of the member before that may be repeated.
        let mut name = NodeId(1);
        let mut place = self.enter(at, b'{', b'}')?;
        while let Place::More(at) = place {
            let twin = self.member_written(&mut name, behind);
            let end = at + twin.len();
            let is_twin = !twin.is_empty()
                && self.bytes.get(at..end) == Some(twin)
                && matches!(self.byte(end), b',' | b'}');
            let end = if is_twin {
                end
            } else {
                let (_, value) = self.name(at)?;
                self.skip(value)?
            };
            place = self.follows(end, b'}')?;
        }
        self.depth -= 1;
        Ok(place.at())
    }

    /// A member of the outermost object as it is written, from its name's quote up to the comma behind its value, and goes
    /// on to the next; the last ends before `behind`. Empty behind the last, and where white space follows the comma.
    fn member_written(&self, name: &mut NodeId, behind: usize) -> &[u8] {
        let tree = self.tree.tree(self.text);
        let begin =
            |name: NodeId| (name.0 < tree.len() as u32).then(|| tree.place(name).map(|start| start - 1));
        let Some(Some(start)) = begin(*name) else { return &[] };
        *name = tree.end(NodeId(name.0 + 1));
        let comma = begin(*name).flatten().unwrap_or(behind) - 1;
        // Behind white space this would be the comma too, and a comma more than a member has.
        if self.byte(comma) == b',' { &self.bytes[start..comma] } else { &[] }
    }

    /// Passes the value that stands at a place.
    #[inline]
    fn skip(&mut self, at: usize) -> Result<usize, Odd> {
        if self.byte(at) == b'"' { self.text(at) } else { self.skip_other(at) }
    }

    #[inline(never)]
    fn skip_other(&mut self, at: usize) -> Result<usize, Odd> {
        match self.byte(at) {
            b'{' => self.skip_object(at),
            b'[' => self.skip_list(at),
            b'n' => self.word(at, b"null"),
            b'f' => self.word(at, b"false"),
            b't' => self.word(at, b"true"),
            _ => self.number(at),
        }
    }

    fn skip_object(&mut self, at: usize) -> Result<usize, Odd> {
        self.deeper()?;
        let mut place = self.enter(at, b'{', b'}')?;
        while let Place::More(at) = place {
            let (_, value) = self.name(at)?;
            let end = self.skip(value)?;
            place = self.follows(end, b'}')?;
        }
        self.depth -= 1;
        Ok(place.at())
    }

    fn skip_list(&mut self, at: usize) -> Result<usize, Odd> {
        self.deeper()?;
        let mut place = self.enter(at, b'[', b']')?;
        while let Place::More(at) = place {
            let end = self.skip(at)?;
            place = self.follows(end, b']')?;
        }
        self.depth -= 1;
        Ok(place.at())
    }
}
