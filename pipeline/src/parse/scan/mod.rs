//! JSON becomes the tree at once, without tokens in between: the main path of a body.
//!
//! Owns: reading JSON in the shapes that Dataverse and those who write its events again use, white space anywhere.
//! Does not own: what is odd. Whatever this reader does not follow with certainty (lists that begin like pairs and
//! are none, names with escapes, half surrogates, everything that is no JSON) it leaves to the general path
//! (`json`, `walk`), which reads the body from its beginning and alone refuses bodies. So each text that is read here gives
//! the tree that the general path makes of it; the tests and the fuzzer compare the two.

mod blocks;
mod pairs;
mod places;
mod skip;
mod strings;
#[cfg(test)]
mod tests;

use self::places::Places;
use super::context::{Fate, Outermost};
use super::keys::Keys;
use crate::event::tree::{Kind, NodeId, TreeBuilder};

/// Reads one text after the other in the same memory.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    places: Places,
}

/// The text is not for this reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd;

impl Scanner {
    /// Writes the tree of a text.
    ///
    /// # Errors
    /// [`Odd`]: what was written is of no use then.
    pub(super) fn write(
        &mut self,
        text: &str,
        tree: &mut TreeBuilder,
        keys: &mut Keys,
        outermost: &mut Outermost<'_>,
    ) -> Result<(), Odd> {
        self.places.find(text.as_bytes());
        let bytes = text.as_bytes();
        let mut scan = Scan { text, bytes, places: self.places.all(), tree, keys, at: 0, place: 0, depth: 0 };
        scan.outermost(outermost)?;
        if scan.solid() == END && scan.at == bytes.len() { Ok(()) } else { Err(Odd) }
    }
}

/// A place in a text, and the tree that is written from it.
struct Scan<'s> {
    text: &'s str,
    bytes: &'s [u8],
    places: &'s [u32],
    tree: &'s mut TreeBuilder,
    keys: &'s mut Keys,
    /// The next byte.
    at: usize,
    /// One of `places`, none behind the next quote of a string: white space may stand before it.
    place: usize,
    depth: usize,
}

/// What stands behind the last byte: no text of JSON has it.
const END: u8 = 0;

/// Deeper than any event; a list of pairs counts once where the general path counts its items too. That goes on, up to
/// a bound of its own.
const MAX_DEPTH: usize = 60;

/// The member by which an object states its type.
const TYPE: &[u8] = b"__type";

impl Scan<'_> {
    fn outermost(&mut self, outermost: &mut Outermost<'_>) -> Result<(), Odd> {
        let object = self.tree.open(Kind::Object, "");
        let mut typed = false;
        let mut more = self.enter(b'{', b'}')?;
        while more {
            let (start, end) = self.name()?;
            if !typed && self.is_type(start, end) {
                typed = true;
                self.state_type(object)?;
            } else {
                let is_null = self.solid() == b'n';
                match outermost.begin(&self.text[start..end], || is_null) {
                    Fate::Dropped => self.skip()?,
                    Fate::Written(known) => {
                        self.tree.in_body(Kind::Text, start, end - start);
                        let value = self.value()?;
                        outermost.note(known, value);
                    }
                }
            }
            more = self.follows(b'}')?;
        }
        self.tree.close(object);
        Ok(())
    }

    fn value(&mut self) -> Result<NodeId, Odd> {
        match self.solid() {
            b'"' => self.text(),
            b'{' => self.object(),
            b'[' => self.list(),
            b'n' => self.literal(b"null", Kind::Null),
            b'f' => self.literal(b"false", Kind::False),
            b't' => self.literal(b"true", Kind::True),
            _ => {
                let start = self.at;
                self.pass_number()?;
                Ok(self.tree.in_body(Kind::Number, start, self.at - start))
            }
        }
    }

    fn object(&mut self) -> Result<NodeId, Odd> {
        self.deeper()?;
        let object = self.tree.open(Kind::Object, "");
        let mut typed = false;
        let mut more = self.enter(b'{', b'}')?;
        while more {
            let (start, end) = self.name()?;
            if !typed && self.is_type(start, end) {
                typed = true;
                self.state_type(object)?;
            } else {
                self.tree.in_body(Kind::Text, start, end - start);
                self.value()?;
            }
            more = self.follows(b'}')?;
        }
        self.tree.close(object);
        self.depth -= 1;
        Ok(object)
    }

    fn list(&mut self) -> Result<NodeId, Odd> {
        self.deeper()?;
        let list = self.tree.open(Kind::List, "");
        let mut more = self.enter(b'[', b']')?;
        if more && self.solid() == b'{' {
            self.list_of_objects(list)?;
        } else {
            while more {
                self.value()?;
                more = self.follows(b']')?;
            }
        }
        self.tree.close(list);
        self.depth -= 1;
        Ok(list)
    }

    fn deeper(&mut self) -> Result<(), Odd> {
        self.depth += 1;
        if self.depth < MAX_DEPTH { Ok(()) } else { Err(Odd) }
    }

    /// Whether a name of a member states a type, as far as its value is a string.
    fn is_type(&mut self, start: usize, end: usize) -> bool {
        self.bytes[start..end] == *TYPE && self.solid() == b'"'
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<NodeId, Odd> {
        self.pass(word)?;
        Ok(self.tree.literal(kind))
    }

    /// The next byte that is no white space, at which the scan stands then.
    #[inline]
    fn solid(&mut self) -> u8 {
        let byte = self.byte();
        if byte > b' ' { byte } else { self.solid_behind_space() }
    }

    #[cold]
    fn solid_behind_space(&mut self) -> u8 {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.byte()
    }

    #[inline]
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(END)
    }

    /// Passes the beginning of an object or a list; whether there is something in it.
    fn enter(&mut self, open: u8, close: u8) -> Result<bool, Odd> {
        self.pass_solid(open)?;
        let empty = self.solid() == close;
        self.at += usize::from(empty);
        Ok(!empty)
    }

    /// Passes the comma or the end behind a member or an item; whether another follows.
    #[inline]
    fn follows(&mut self, close: u8) -> Result<bool, Odd> {
        let byte = self.solid();
        if byte != b',' && byte != close {
            return Err(Odd);
        }
        self.at += 1;
        Ok(byte == b',')
    }

    #[inline]
    fn pass_solid(&mut self, wanted: u8) -> Result<(), Odd> {
        if self.solid() != wanted {
            return Err(Odd);
        }
        self.at += 1;
        Ok(())
    }

    fn pass(&mut self, word: &[u8]) -> Result<(), Odd> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(Odd);
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes a number of any length: what JSON allows, and nothing else.
    fn pass_number(&mut self) -> Result<(), Odd> {
        self.at += usize::from(self.byte() == b'-');
        let start = self.at;
        let digits = self.pass_digits()?;
        if digits > 1 && self.bytes[start] == b'0' {
            return Err(Odd);
        }
        if self.byte() == b'.' {
            self.at += 1;
            self.pass_digits()?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), b'+' | b'-'));
            self.pass_digits()?;
        }
        Ok(())
    }

    fn pass_digits(&mut self) -> Result<usize, Odd> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at > start { Ok(self.at - start) } else { Err(Odd) }
    }
}
