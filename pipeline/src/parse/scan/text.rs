//! State of one scan, and tokens that are not strings: white space, punctuation, literals, numbers.
//!
//! A function that reads at `at` returns the position after what it read.

use super::structural_index::StructuralIndex;
use crate::event::tree::TreeBuilder;
use crate::parse::keys::Keys;
use crate::parse::limits::FAST_PATH_MAX_DEPTH;

/// The text is outside the fast path; the caller falls back to the slow path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::parse) struct Fallback;

/// A text, and the tree that is written from it.
pub(super) struct Scan<'s> {
    pub(super) text: &'s str,
    pub(super) bytes: &'s [u8],
    pub(super) index: &'s StructuralIndex,
    pub(super) tree: &'s mut TreeBuilder,
    pub(super) keys: &'s mut Keys,
    /// Objects and lists that are open.
    pub(super) depth: usize,
}

/// Position in a list or an object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// Start of the next item or member.
    Item(usize),
    /// After the closing bracket.
    End(usize),
}

impl Next {
    pub(super) fn at(self) -> usize {
        match self {
            Self::Item(at) | Self::End(at) => at,
        }
    }
}

/// The byte after the last one. JSON never contains it.
const END: u8 = 0;

impl Scan<'_> {
    /// Counts one more open object or list.
    #[inline]
    pub(super) fn enter_level(&mut self) -> Result<(), Fallback> {
        self.depth += 1;
        if self.depth < FAST_PATH_MAX_DEPTH { Ok(()) } else { Err(Fallback) }
    }

    /// Reads a literal.
    #[inline]
    pub(super) fn word<const N: usize>(&self, at: usize, word: &[u8; N]) -> Result<usize, Fallback> {
        if self.begins_with(at, word) { Ok(at + N) } else { Err(Fallback) }
    }

    #[inline]
    pub(super) fn begins_with<const N: usize>(&self, at: usize, word: &[u8; N]) -> bool {
        self.bytes.get(at..).and_then(|bytes| bytes.first_chunk::<N>()) == Some(word)
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(END)
    }

    /// The first position from `at` on that is not white space.
    #[inline]
    pub(super) fn skip_space(&self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { self.after_space(at) }
    }

    #[cold]
    fn after_space(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\t' | b'\n' | b'\r') {
            at += 1;
        }
        at
    }

    /// Reads the opening bracket of an object or a list, and the closing one if it is empty.
    #[inline]
    pub(super) fn enter(&self, at: usize, open: u8, close: u8) -> Result<Next, Fallback> {
        if self.byte(at) != open {
            return Err(Fallback);
        }
        let at = self.skip_space(at + 1);
        Ok(if self.byte(at) == close { Next::End(at + 1) } else { Next::Item(at) })
    }

    /// Reads the comma or the closing bracket after a member or an item.
    #[inline]
    pub(super) fn after_item(&self, at: usize, close: u8) -> Result<Next, Fallback> {
        let at = self.skip_space(at);
        match self.byte(at) {
            b',' => Ok(Next::Item(self.skip_space(at + 1))),
            byte if byte == close => Ok(Next::End(at + 1)),
            _ => Err(Fallback),
        }
    }

    /// Reads one punctuation character and the white space around it.
    #[inline]
    pub(super) fn punctuation(&self, at: usize, wanted: u8) -> Result<usize, Fallback> {
        let at = if self.byte(at) == wanted { at } else { self.skip_space(at) };
        if self.byte(at) == wanted { Ok(self.skip_space(at + 1)) } else { Err(Fallback) }
    }

    /// Reads a number of any length, strictly as JSON defines it.
    pub(super) fn number(&self, at: usize) -> Result<usize, Fallback> {
        let start = at + usize::from(self.byte(at) == b'-');
        let mut end = self.digits(start)?;
        if self.byte(start) == b'0' && end - start > 1 {
            return Err(Fallback);
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
    fn digits(&self, at: usize) -> Result<usize, Fallback> {
        let mut end = at;
        while self.byte(end).is_ascii_digit() {
            end += 1;
        }
        if end > at { Ok(end) } else { Err(Fallback) }
    }
}
