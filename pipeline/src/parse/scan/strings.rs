//! Names, texts and types.
//!
//! Owns: where a string ends, and what its escapes mean. Most strings have none: the next place is their end.

use super::{Odd, Scan};
use crate::event::tree::{Kind, NodeId, TreeBuilder};

/// What stands behind the name in nearly every type that an event states.
const NAMESPACE: &[u8; 54] = br#":http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#;

/// Where its first backslash stands.
const FIRST_PLACE: usize = 6;

/// How the serializer's date begins, and how it ends. It is what most strings with escapes are.
const DATE: &[u8; 7] = br"\/Date(";
const DATE_END: &[u8; 3] = br#"\/""#;

impl Scan<'_> {
    /// Passes the name of a member and the colon behind it: where the name begins and ends, and where its value is.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call takes as long as a short string; measured")]
    pub(super) fn name(&self, at: usize) -> Result<((usize, usize), usize), Odd> {
        if self.byte(at) != b'"' {
            return Err(Odd);
        }
        let (start, end) = (at + 1, self.places.next(at + 1));
        // A name with escapes may be one that means something.
        if self.byte(end) != b'"' {
            return Err(Odd);
        }
        Ok(((start, end), self.mark(end + 1, b':')?))
    }

    /// Writes the string that stands at a place, a text or a name.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call takes as long as a short string; measured")]
    pub(super) fn write_string(&mut self, kind: Kind, at: usize) -> Result<usize, Odd> {
        let (start, end) = (at + 1, self.places.next(at + 1));
        if self.byte(end) == b'"' {
            self.tree.in_body(kind, start, end - start);
            return Ok(end + 1);
        }
        self.write_unescaped(kind, start)
    }

    #[inline(never)]
    fn write_unescaped(&mut self, kind: Kind, start: usize) -> Result<usize, Odd> {
        if let Some(close) = self.date_closes(start) {
            let node = self.tree.copied(kind, &self.text[start + 1..close]);
            self.tree.copy("/");
            self.tree.end_copy(node);
            return Ok(close + DATE_END.len());
        }
        let node = self.tree.begin_copy(kind);
        let end = self.unescape(start, TreeBuilder::copy)?;
        self.tree.end_copy(node);
        Ok(end)
    }

    /// Where the last slash of the serializer's date is escaped, if the string from here on is one. Nothing else in it bends.
    fn date_closes(&self, start: usize) -> Option<usize> {
        let close = self.begins_with(start, DATE).then(|| self.places.next(start + DATE.len()))?;
        self.begins_with(close, DATE_END).then_some(close)
    }

    /// Passes the string that stands at a place.
    #[inline]
    pub(super) fn text(&mut self, at: usize) -> Result<usize, Odd> {
        let end = self.places.next(at + 1);
        if self.byte(end) == b'"' { Ok(end + 1) } else { self.escaped_text(at + 1) }
    }

    #[inline(never)]
    fn escaped_text(&mut self, start: usize) -> Result<usize, Odd> {
        match self.date_closes(start) {
            Some(close) => Ok(close + DATE_END.len()),
            None => self.unescape(start, |_, _| ()),
        }
    }

    /// Takes the string that stands at a place for an object's type, up to its first colon.
    pub(super) fn state_type(&mut self, at: usize, object: NodeId) -> Result<usize, Odd> {
        let start = at + 1;
        let bend = self.places.next(start);
        // The first place is nearly always the namespace's own, and then the name has none.
        if let Some(end) = bend.checked_sub(FIRST_PLACE).filter(|end| *end >= start)
            && self.begins_with(end, NAMESPACE)
            && !self.bytes[start..end].contains(&b':')
        {
            self.tree.type_in_body(object, start, end - start);
            return Ok(end + NAMESPACE.len());
        }
        let name = self.bytes.get(start..bend).ok_or(Odd)?;
        let colon = name.iter().position(|byte| *byte == b':');
        if colon.is_none() && self.byte(bend) != b'"' {
            return Err(Odd);
        }
        self.tree.type_in_body(object, start, colon.unwrap_or(name.len()));
        self.text(at)
    }

    /// Passes a string, and tells what it says part by part.
    fn unescape(&mut self, start: usize, mut tell: impl FnMut(&mut TreeBuilder, &str)) -> Result<usize, Odd> {
        // A part begins with the letter itself where the backslash only says that it is one.
        let (mut part_from, mut from) = (start, start);
        loop {
            let at = self.places.next(from);
            let part = self.text.get(part_from..at).ok_or(Odd)?;
            if !part.is_empty() {
                tell(self.tree, part);
            }
            match (self.bytes[at], self.byte(at + 1)) {
                (b'"', _) => return Ok(at + 1),
                (b'\\', b'"' | b'\\' | b'/') => (part_from, from) = (at + 1, at + 2),
                (b'\\', _) => {
                    let (letter, len) = self.escape(at)?;
                    tell(self.tree, letter.encode_utf8(&mut [0; 4]));
                    (part_from, from) = (at + len, at + len);
                }
                _ => return Err(Odd),
            }
        }
    }

    /// What an escape means that is no letter by itself, and how long it is. Half a surrogate pair means nothing.
    fn escape(&self, at: usize) -> Result<(char, usize), Odd> {
        let letter = match self.byte(at + 1) {
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
