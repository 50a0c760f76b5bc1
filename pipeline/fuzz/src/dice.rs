//! Choices drawn from the fuzzer's bytes. After the last byte every choice is 0, so that drawing ends.

/// Source of choices: the remaining bytes.
#[derive(Debug)]
pub struct Dice<'a>(pub &'a [u8]);

impl Dice<'_> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Draws a number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub fn long(&mut self) -> i64 {
        (0..8).fold(0, |bits, _| bits << 8 | i64::from(self.byte()))
    }

    /// Draws text of up to `max` characters: mostly plain, some that a format has to escape or may reject.
    pub fn text(&mut self, max: usize) -> String {
        (0..self.below(max + 1)).map(|_| self.letter()).collect()
    }

    fn letter(&mut self) -> char {
        match self.byte() {
            byte @ 0..0x80 => char::from(byte),
            byte @ 0x80..0xE0 => char::from(b'a' + byte % 26),
            byte => SPECIAL[usize::from(byte) % SPECIAL.len()],
        }
    }
}

const SPECIAL: &[char] = &[
    '&',
    '<',
    '>',
    '"',
    '\'',
    '\\',
    '/',
    '\r',
    '\n',
    '\t',
    '\u{0}',
    '\u{b}',
    '\u{1f}',
    '\u{7f}',
    '\u{85}',
    '\u{a0}',
    'é',
    '\u{2028}',
    '\u{fffd}',
    '\u{fffe}',
    '\u{ffff}',
    '東',
    '\u{1f600}',
    '\u{10ffff}',
    ']',
    ';',
    '{',
    '-',
];
