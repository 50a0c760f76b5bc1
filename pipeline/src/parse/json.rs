//! Slow path of JSON, first half: simd-json and its buffers.
//!
//! Owns: the scratch copy that is parsed in place, the memory of the tape, the second attempt after a repair, and the
//! limit on tokens. Does not own: the meaning of the tokens (`walk`).

use std::mem;

use simd_json::{Buffers, ErrorType, INPUT_PADDING, Node, Tape, fill_tape_padded};

use super::fault;
use super::limits::{self, MAX_DEPTH};
use crate::event::{Reason, Reject};
use crate::subslice::AddressRange;

/// Parses texts, one after the other, in the same memory.
pub(super) struct Json {
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

/// The tokens of a JSON text.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'t> {
    /// Names and values in the order of the text. Strings are unescaped in the scratch copy and begin there at the same
    /// offset as in the text. The value of a number is not used: its digits are.
    pub(super) nodes: &'t [Node<'t>],
    /// Offset in the text of each token: names, values and punctuation. A string begins at its quote.
    pub(super) starts: &'t [u32],
    /// Addresses of the scratch copy, which the nodes borrow.
    pub(super) scratch: AddressRange,
    /// Lone surrogates were replaced.
    pub(super) repaired: bool,
}

impl Json {
    /// A parser whose buffers grow with its first texts.
    pub(super) fn new() -> Self {
        Self { scratch: Vec::new(), buffers: Buffers::with_max_depth(0, MAX_DEPTH), tape: Tape(Vec::new()) }
    }

    /// Parses a text and passes its tokens to `read`, once.
    ///
    /// # Errors
    /// `NotJson`, `NotFinite` or `TooDeep`, with the offset in the text.
    pub(super) fn parse<R>(
        &mut self,
        text: &str,
        mut read: impl FnMut(Tokens<'_>) -> R,
    ) -> Result<R, Reject> {
        self.load(text);
        let first = match self.attempt(text.len(), false, &mut read) {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        if *first.error() == ErrorType::DepthLimitExceeded {
            return Err(Reject::at(Reason::TooDeep, first.index()));
        }
        self.load(text);
        let copy = &mut self.scratch[..text.len()];
        let repaired = fault::replace_lone_surrogates(copy);
        if !fault::blank_long_numbers(copy) && !repaired {
            return Err(fault::describe(&first, text.as_bytes()));
        }
        self.attempt(text.len(), repaired, &mut read)
            .map_err(|error| fault::describe(&error, text.as_bytes()))
    }

    fn load(&mut self, text: &str) {
        self.scratch.clear();
        self.scratch.reserve(text.len() + INPUT_PADDING);
        self.scratch.extend_from_slice(text.as_bytes());
        self.scratch.extend_from_slice(&[b' '; INPUT_PADDING]);
    }

    fn attempt<R>(
        &mut self,
        len: usize,
        repaired: bool,
        read: &mut impl FnMut(Tokens<'_>) -> R,
    ) -> simd_json::Result<R> {
        let scratch = AddressRange::of(&self.scratch);
        let mut tape = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled = fill_tape_padded(&mut self.scratch, len, &mut self.buffers, &mut tape);
        let result = filled.map(|()| {
            read(Tokens { nodes: &tape.0, starts: self.buffers.structural_indexes(), scratch, repaired })
        });
        self.tape = tape.reset();
        result
    }
}

/// Checks the number of tokens against the limit for the length of the text, before either path reads it.
///
/// # Errors
/// `TooLarge`.
pub(super) fn check_tokens(text: &str) -> Result<(), Reject> {
    let max = limits::tokens_max(text.len());
    // A token has at least one byte, so only outsized texts are counted.
    if text.len() <= max || count_tokens(text.as_bytes()) <= max {
        return Ok(());
    }
    Err(limits::too_large("JSON tokens", max))
}

/// Number of names, values and punctuation characters, in any text. A backslash hides the byte after it everywhere.
fn count_tokens(text: &[u8]) -> usize {
    let (mut tokens, mut in_string, mut in_word, mut at) = (0, false, false, 0);
    while let Some(byte) = text.get(at) {
        if *byte == b'"' {
            in_string = !in_string;
            in_word = false;
            tokens += usize::from(in_string);
        } else if !in_string {
            let is_punctuation = matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':');
            let is_other = !is_punctuation && !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            tokens += usize::from(is_punctuation || is_other && !in_word);
            in_word = is_other;
        }
        at += if *byte == b'\\' { 2 } else { 1 };
    }
    tokens
}
