//! Names, texts and types.
//!
//! Owns: where a string ends, and what its escapes mean. Most strings have none: they end at the second of two places.

use super::{Odd, Scan};
use crate::event::tree::{Kind, NodeId, TreeBuilder};

/// What stands behind the name in nearly every type that an event states.
const NAMESPACE: &[u8] = br#":http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#;

/// Its quote and backslashes.
const PLACES: usize = 6;

/// Where the first of them stands.
const FIRST_PLACE: usize = 6;

impl Scan<'_> {
    /// Passes the name of a member and the colon behind it; where it stands.
    pub(super) fn name(&mut self) -> Result<(usize, usize), Odd> {
        let start = self.open()?;
        let end = self.place(self.place + 1);
        if self.byte_at(end) != b'"' {
            // A name with escapes may be one that means something.
            return Err(Odd);
        }
        self.pass_string(end);
        self.pass_solid(b':')?;
        Ok((start, end))
    }

    /// Writes the string that stands here.
    pub(super) fn text(&mut self) -> Result<NodeId, Odd> {
        let start = self.open()?;
        let end = self.place(self.place + 1);
        if self.byte_at(end) == b'"' {
            self.pass_string(end);
            return Ok(self.tree.in_body(Kind::Text, start, end - start));
        }
        self.unescaped(start)
    }

    /// Passes the string that stands here.
    pub(super) fn pass_text(&mut self) -> Result<(), Odd> {
        let start = self.open()?;
        let end = self.place(self.place + 1);
        if self.byte_at(end) == b'"' {
            self.pass_string(end);
            return Ok(());
        }
        self.unescape(start, |_, _| ())
    }

    /// Takes the string that stands here for an object's type, up to its first colon.
    pub(super) fn state_type(&mut self, object: NodeId) -> Result<(), Odd> {
        let start = self.open()?;
        let ends = |byte: &u8| matches!(byte, b':' | b'"' | b'\\');
        let end = start + self.bytes[start..].iter().position(ends).ok_or(Odd)?;
        if self.bytes[end] == b'\\' {
            return Err(Odd);
        }
        self.tree.type_in_body(object, start, end - start);
        // That the next place is one of its own says that the name has none.
        if self.bytes[end..].starts_with(NAMESPACE) && self.place(self.place + 1) == end + FIRST_PLACE {
            self.at = end + NAMESPACE.len();
            self.place += 1 + PLACES;
            return Ok(());
        }
        self.pass_text()
    }

    /// Stands at the opening quote; where the string begins.
    fn open(&mut self) -> Result<usize, Odd> {
        if self.solid() != b'"' {
            return Err(Odd);
        }
        // White space was passed without looking at places.
        while self.place(self.place) < self.at {
            self.place += 1;
        }
        Ok(self.at + 1)
    }

    fn pass_string(&mut self, end: usize) {
        self.at = end + 1;
        self.place += 2;
    }

    /// Behind the last place there is none that is in the text.
    #[inline]
    fn place(&self, number: usize) -> usize {
        self.places.get(number).map_or(usize::MAX, |place| *place as usize)
    }

    #[inline]
    fn byte_at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(super::END)
    }

    /// Writes a string that has escapes.
    fn unescaped(&mut self, start: usize) -> Result<NodeId, Odd> {
        let node = self.tree.begin_copy(Kind::Text);
        self.unescape(start, TreeBuilder::copy)?;
        self.tree.end_copy(node);
        Ok(node)
    }

    /// Passes a string, and tells what it says part by part.
    fn unescape(&mut self, start: usize, mut tell: impl FnMut(&mut TreeBuilder, &str)) -> Result<(), Odd> {
        let (mut from, mut number) = (start, self.place + 1);
        loop {
            let at = self.place(number);
            tell(self.tree, self.text.get(from..at).ok_or(Odd)?);
            match self.bytes[at] {
                b'"' => {
                    self.at = at + 1;
                    self.place = number + 1;
                    return Ok(());
                }
                b'\\' => {
                    let (letter, len) = self.escape(at)?;
                    tell(self.tree, letter.encode_utf8(&mut [0; 4]));
                    from = at + len;
                }
                _ => return Err(Odd),
            }
            // What an escape holds, a quote or a backslash, is spent.
            while self.place(number) < from {
                number += 1;
            }
        }
    }

    /// What the escape at a place means, and how long it is. Half a surrogate pair means nothing.
    fn escape(&self, at: usize) -> Result<(char, usize), Odd> {
        let letter = match self.byte_at(at + 1) {
            letter @ (b'"' | b'\\' | b'/') => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(at),
            _ => return Err(Odd),
        };
        Ok((letter, 2))
    }

    fn unicode(&self, at: usize) -> Result<(char, usize), Odd> {
        let unit = |at: usize| {
            let digits =
                self.bytes.get(at..at + 6).and_then(|escape| escape.strip_prefix(br"\u")).ok_or(Odd)?;
            digits
                .iter()
                .try_fold(0, |unit, digit| Ok(unit << 4 | char::from(*digit).to_digit(16).ok_or(Odd)?))
        };
        let first = unit(at)?;
        if let Some(letter) = char::from_u32(first) {
            return Ok((letter, 6));
        }
        let second = unit(at + 6)?;
        if first > 0xdbff || !(0xdc00..=0xdfff).contains(&second) {
            return Err(Odd);
        }
        let pair = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        Ok((char::from_u32(pair).ok_or(Odd)?, 12))
    }
}
