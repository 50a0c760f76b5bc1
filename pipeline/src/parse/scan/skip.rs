//! What a row does not use is read as strictly as all else, and written nowhere.
//!
//! `ParentContext` is a third of a body. A quicker look at brackets and quotes alone would let bodies pass that are no
//! JSON there, and an event's table would depend on whether `ParentContext` is kept.

use super::{Odd, Scan};

impl Scan<'_> {
    /// Passes the value that stands here.
    pub(super) fn skip(&mut self) -> Result<(), Odd> {
        match self.solid() {
            b'"' => self.pass_text(),
            b'{' => self.skip_several(b'{', b'}'),
            b'[' => self.skip_several(b'[', b']'),
            b'n' => self.pass(b"null"),
            b'f' => self.pass(b"false"),
            b't' => self.pass(b"true"),
            _ => self.pass_number(),
        }
    }

    fn skip_several(&mut self, open: u8, close: u8) -> Result<(), Odd> {
        self.deeper()?;
        let mut more = self.enter(open, close)?;
        while more {
            if open == b'{' {
                self.name()?;
            }
            self.skip()?;
            more = self.follows(close)?;
        }
        self.depth -= 1;
        Ok(())
    }
}
