//! Names, strings and types.
//!
//! Owns: the end of a string, and the meaning of its escapes. Most strings have no escape: the next indexed position is
//! their closing quote.

use super::text::{Fallback, Scan};
use crate::event::tree::{Kind, NodeId, TreeBuilder};

/// The member by which an object states its type.
const TYPE: &[u8; 6] = b"__type";

/// Text after the name in nearly every type that an event states.
const NAMESPACE: &[u8; 54] = br#":http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#;

/// Offset of the first backslash in [`NAMESPACE`].
const NAMESPACE_BACKSLASH: usize = 6;

const _: () = assert!(NAMESPACE[NAMESPACE_BACKSLASH] == b'\\');

/// Start and end of the serializer's date, `\/Date(…)\/`. Most strings with escapes are dates.
const DATE: &[u8; 7] = br"\/Date(";
const DATE_END: &[u8; 3] = br#"\/""#;

impl Scan<'_> {
    /// Reads the name of a member and its colon. Returns the range of the name and the position of the value.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call takes as long as a short string; measured")]
    pub(super) fn name(&self, at: usize) -> Result<((usize, usize), usize), Fallback> {
        if self.byte(at) != b'"' {
            return Err(Fallback);
        }
        let (start, end) = (at + 1, self.index.next(at + 1));
        // A name with escapes may be a known one.
        if self.byte(end) != b'"' {
            return Err(Fallback);
        }
        Ok(((start, end), self.punctuation(end + 1, b':')?))
    }

    /// Writes the string at `at`, as a text or a name.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call takes as long as a short string; measured")]
    pub(super) fn write_string(&mut self, kind: Kind, at: usize) -> Result<usize, Fallback> {
        let (start, end) = (at + 1, self.index.next(at + 1));
        if self.byte(end) == b'"' {
            self.tree.push_in_body(kind, start, end - start);
            return Ok(end + 1);
        }
        self.write_unescaped(kind, start)
    }

    #[inline(never)]
    fn write_unescaped(&mut self, kind: Kind, start: usize) -> Result<usize, Fallback> {
        if let Some(last_slash) = self.end_of_date(start) {
            let node = self.tree.push_copied(kind, &self.text[start + 1..last_slash]);
            self.tree.append_copied("/");
            self.tree.end_copied(node);
            return Ok(last_slash + DATE_END.len());
        }
        let node = self.tree.begin_copied(kind);
        let end = self.unescape(start, TreeBuilder::append_copied)?;
        self.tree.end_copied(node);
        Ok(end)
    }

    /// Position of [`DATE_END`] if the string from `start` is the serializer's date, which has no other escapes.
    fn end_of_date(&self, start: usize) -> Option<usize> {
        let end = self.begins_with(start, DATE).then(|| self.index.next(start + DATE.len()))?;
        self.begins_with(end, DATE_END).then_some(end)
    }

    /// Skips the string at `at`.
    #[inline]
    pub(super) fn skip_string(&mut self, at: usize) -> Result<usize, Fallback> {
        let end = self.index.next(at + 1);
        if self.byte(end) == b'"' { Ok(end + 1) } else { self.skip_escaped(at + 1) }
    }

    #[inline(never)]
    fn skip_escaped(&mut self, start: usize) -> Result<usize, Fallback> {
        match self.end_of_date(start) {
            Some(last_slash) => Ok(last_slash + DATE_END.len()),
            None => self.unescape(start, |_, _| ()),
        }
    }

    /// True for the member that states a type.
    #[inline]
    pub(super) fn is_type(&self, (start, end): (usize, usize), value: usize) -> bool {
        self.bytes[start..end] == *TYPE && self.byte(value) == b'"'
    }

    /// Reads the string at `at` as the type of `object`: the part before its first colon.
    pub(super) fn state_type(&mut self, at: usize, object: NodeId) -> Result<usize, Fallback> {
        let start = at + 1;
        let first = self.index.next(start);
        // The first indexed position is nearly always the namespace's backslash; then the name has no escapes.
        if let Some(end) = first.checked_sub(NAMESPACE_BACKSLASH).filter(|end| *end >= start)
            && self.begins_with(end, NAMESPACE)
            && !self.bytes[start..end].contains(&b':')
        {
            self.tree.set_type_in_body(object, start, end - start);
            return Ok(end + NAMESPACE.len());
        }
        let name = self.bytes.get(start..first).ok_or(Fallback)?;
        let colon = name.iter().position(|byte| *byte == b':');
        if colon.is_none() && self.byte(first) != b'"' {
            return Err(Fallback);
        }
        self.tree.set_type_in_body(object, start, colon.unwrap_or(name.len()));
        self.skip_string(at)
    }

    /// Reads the rest of a string and passes its unescaped text to `emit`, part by part.
    fn unescape(
        &mut self,
        start: usize,
        mut emit: impl FnMut(&mut TreeBuilder, &str),
    ) -> Result<usize, Fallback> {
        // After `\"`, `\\` and `\/` the next part begins with the escaped character itself.
        let (mut part_start, mut from) = (start, start);
        loop {
            let at = self.index.next(from);
            let part = self.text.get(part_start..at).ok_or(Fallback)?;
            if !part.is_empty() {
                emit(self.tree, part);
            }
            match (self.bytes[at], self.byte(at + 1)) {
                (b'"', _) => return Ok(at + 1),
                (b'\\', b'"' | b'\\' | b'/') => (part_start, from) = (at + 1, at + 2),
                (b'\\', _) => {
                    let (character, len) = self.escape(at)?;
                    emit(self.tree, character.encode_utf8(&mut [0; 4]));
                    (part_start, from) = (at + len, at + len);
                }
                _ => return Err(Fallback),
            }
        }
    }

    /// The character of the escape at `at` and the length of the escape. Falls back for a lone surrogate.
    fn escape(&self, at: usize) -> Result<(char, usize), Fallback> {
        let character = match self.byte(at + 1) {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(at),
            _ => return Err(Fallback),
        };
        Ok((character, 2))
    }

    fn unicode_escape(&self, at: usize) -> Result<(char, usize), Fallback> {
        let unit = |at: usize| {
            let escape = self.bytes.get(at..at + 6);
            let digits = escape.and_then(|escape| escape.strip_prefix(br"\u")).ok_or(Fallback)?;
            let value = |digit: u8| char::from(digit).to_digit(16).ok_or(Fallback);
            digits.iter().try_fold(0, |unit, digit| Ok(unit << 4 | value(*digit)?))
        };
        let first = unit(at)?;
        if let Some(character) = char::from_u32(first) {
            return Ok((character, 6));
        }
        let second = unit(at + 6)?;
        if first > 0xdbff || !(0xdc00..=0xdfff).contains(&second) {
            return Err(Fallback);
        }
        let code_point = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        Ok((char::from_u32(code_point).ok_or(Fallback)?, 12))
    }
}
