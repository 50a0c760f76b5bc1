//! What a row does not use is read as strictly as all else, and written nowhere.
//!
//! `ParentContext` is a third of a body. A quicker look at brackets and quotes alone would let bodies pass that are no
//! JSON there, and an event's table would depend on whether `ParentContext` is kept.

use super::{Odd, Place, Scan};

impl Scan<'_> {
    /// Passes the value that stands at a place.
    pub(super) fn skip(&mut self, at: usize) -> Result<usize, Odd> {
        match self.byte(at) {
            b'"' => self.text(at),
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
