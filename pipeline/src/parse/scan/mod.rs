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
use super::limits::FAST_PATH_MAX_DEPTH;
use crate::event::Member;
use crate::event::tree::{Kind, TreeBuilder};

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
        let bytes = text.as_bytes();
        self.places.find(bytes);
        let mut scan = Scan { text, bytes, places: &self.places, tree, keys, depth: 0 };
        let begin = scan.solid(0);
        let end = scan.outermost(begin, outermost)?;
        if scan.solid(end) == bytes.len() { Ok(()) } else { Err(Odd) }
    }
}

/// A text, and the tree that is written from it. Where the scan stands goes from call to call as `at`, and comes back
/// as the place behind what was read.
struct Scan<'s> {
    text: &'s str,
    bytes: &'s [u8],
    places: &'s Places,
    tree: &'s mut TreeBuilder,
    keys: &'s mut Keys,
    depth: usize,
}

/// What stands behind the last byte: no text of JSON has it.
const END: u8 = 0;

/// The member by which an object states its type.
const TYPE: &[u8; 6] = b"__type";

impl Scan<'_> {
    fn outermost(&mut self, at: usize, outermost: &mut Outermost<'_>) -> Result<usize, Odd> {
        let object = self.tree.open(Kind::Object, "");
        let mut typed = false;
        let mut place = self.enter(at, b'{', b'}')?;
        while let Place::More(at) = place {
            let (mut name, mut value) = self.name(at)?;
            if !typed && self.is_type(name, value) {
                typed = true;
                let end = self.state_type(value, object)?;
                place = self.follows(end, b'}')?;
                continue;
            }
            let mut member = outermost.member(&self.text[name.0..name.1]);
            // Behind the first nearly all follow in the serializer's order, without white space.
            let end = loop {
                let end = match outermost.begin(member, || self.byte(value) == b'n') {
                    Fate::Dropped => self.skip_parent(value, name.0 - 1)?,
                    Fate::Written(known) => {
                        self.tree.in_body(Kind::Name, name.0, name.1 - name.0);
                        outermost.note(known, self.tree.next_id());
                        self.value(value)?
                    }
                };
                let Some(next) = self.expected(end, outermost) else { break end };
                member = Some(next);
                let behind = end + next.in_json().len();
                (name, value) = ((end + 2, behind - 2), self.solid(behind));
            };
            place = self.follows(end, b'}')?;
        }
        self.tree.close(object);
        Ok(place.at())
    }

    /// The member that should come next, if it stands here as the serializer writes it.
    #[inline]
    fn expected(&self, at: usize, outermost: &Outermost<'_>) -> Option<Member> {
        let member = outermost.expected()?;
        member.in_json().begins(self.bytes.get(at..)?).then_some(member)
    }

    /// Writes the value that stands at a place. Most are strings, which need no call.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call takes as long as a short string; measured")]
    fn value(&mut self, at: usize) -> Result<usize, Odd> {
        if self.byte(at) == b'"' { self.write_string(Kind::Text, at) } else { self.other_value(at) }
    }

    #[inline(never)]
    fn other_value(&mut self, at: usize) -> Result<usize, Odd> {
        match self.byte(at) {
            b'{' => self.object(at),
            // A third of what is no string.
            b'[' if self.byte(at + 1) == b']' => {
                self.tree.literal(Kind::List);
                Ok(at + 2)
            }
            b'[' => self.list(at),
            b'n' => self.literal(at, b"null", Kind::Null),
            b'f' => self.literal(at, b"false", Kind::False),
            b't' => self.literal(at, b"true", Kind::True),
            _ => {
                let end = self.number(at)?;
                self.tree.in_body(Kind::Number, at, end - at);
                Ok(end)
            }
        }
    }

    fn object(&mut self, at: usize) -> Result<usize, Odd> {
        self.deeper()?;
        let object = self.tree.open(Kind::Object, "");
        let mut typed = false;
        let mut place = self.enter(at, b'{', b'}')?;
        while let Place::More(at) = place {
            let (name, value) = self.name(at)?;
            let end = if !typed && self.is_type(name, value) {
                typed = true;
                self.state_type(value, object)?
            } else {
                self.tree.in_body(Kind::Name, name.0, name.1 - name.0);
                self.value(value)?
            };
            place = self.follows(end, b'}')?;
        }
        self.tree.close(object);
        self.depth -= 1;
        Ok(place.at())
    }

    fn list(&mut self, at: usize) -> Result<usize, Odd> {
        self.deeper()?;
        let list = self.tree.open(Kind::List, "");
        let mut place = self.enter(at, b'[', b']')?;
        if let Place::More(at) = place
            && self.byte(at) == b'{'
        {
            place = Place::End(self.list_of_objects(at, list)?);
        }
        while let Place::More(at) = place {
            let end = self.value(at)?;
            place = self.follows(end, b']')?;
        }
        self.tree.close(list);
        self.depth -= 1;
        Ok(place.at())
    }

    fn deeper(&mut self) -> Result<(), Odd> {
        self.depth += 1;
        if self.depth < FAST_PATH_MAX_DEPTH { Ok(()) } else { Err(Odd) }
    }

    /// Whether a member states a type.
    #[inline]
    fn is_type(&self, (start, end): (usize, usize), value: usize) -> bool {
        self.bytes[start..end] == *TYPE && self.byte(value) == b'"'
    }

    #[inline]
    fn literal<const N: usize>(&mut self, at: usize, word: &[u8; N], kind: Kind) -> Result<usize, Odd> {
        self.tree.literal(kind);
        self.word(at, word)
    }

    /// Passes a word.
    #[inline]
    fn word<const N: usize>(&self, at: usize, word: &[u8; N]) -> Result<usize, Odd> {
        if self.begins_with(at, word) { Ok(at + N) } else { Err(Odd) }
    }

    #[inline]
    fn begins_with<const N: usize>(&self, at: usize, word: &[u8; N]) -> bool {
        self.bytes.get(at..).and_then(|bytes| bytes.first_chunk::<N>()) == Some(word)
    }

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(END)
    }

    /// The first place from here on that is no white space.
    #[inline]
    fn solid(&self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { self.behind_space(at) }
    }

    #[cold]
    fn behind_space(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\t' | b'\n' | b'\r') {
            at += 1;
        }
        at
    }

    /// Passes the beginning of an object or a list, and its end if there is nothing in it.
    #[inline]
    fn enter(&self, at: usize, open: u8, close: u8) -> Result<Place, Odd> {
        if self.byte(at) != open {
            return Err(Odd);
        }
        let at = self.solid(at + 1);
        Ok(if self.byte(at) == close { Place::End(at + 1) } else { Place::More(at) })
    }

    /// Passes the comma or the end behind a member or an item.
    #[inline]
    fn follows(&self, at: usize, close: u8) -> Result<Place, Odd> {
        let at = self.solid(at);
        match self.byte(at) {
            b',' => Ok(Place::More(self.solid(at + 1))),
            byte if byte == close => Ok(Place::End(at + 1)),
            _ => Err(Odd),
        }
    }

    /// Passes one byte and white space around it.
    #[inline]
    fn mark(&self, at: usize, wanted: u8) -> Result<usize, Odd> {
        let at = if self.byte(at) == wanted { at } else { self.solid(at) };
        if self.byte(at) == wanted { Ok(self.solid(at + 1)) } else { Err(Odd) }
    }

    /// Passes a number of any length: what JSON allows, and nothing else.
    fn number(&self, at: usize) -> Result<usize, Odd> {
        let start = at + usize::from(self.byte(at) == b'-');
        let mut end = self.digits(start)?;
        if self.byte(start) == b'0' && end - start > 1 {
            return Err(Odd);
        }
        if self.byte(end) == b'.' {
            end = self.digits(end + 1)?;
        }
        if matches!(self.byte(end), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
            end = self.digits(end + 1 + sign)?;
        }
        Ok(end)
    }

    #[inline]
    fn digits(&self, at: usize) -> Result<usize, Odd> {
        let mut end = at;
        while self.byte(end).is_ascii_digit() {
            end += 1;
        }
        if end > at { Ok(end) } else { Err(Odd) }
    }
}

/// Where the scan stands in a list or an object.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At the next item or member.
    More(usize),
    /// Behind its end.
    End(usize),
}

impl Place {
    fn at(self) -> usize {
        match self {
            Self::More(at) | Self::End(at) => at,
        }
    }
}
