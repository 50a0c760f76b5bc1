//! Byte range of a slice within the slice it was cut from.
//!
//! Owns: the arithmetic on addresses. A part of another slice has no range: a mistake is `None`, not a wrong offset.

use std::ops::Range;

/// Byte range of `part` in `whole`; `None` if `part` was not cut from `whole`.
pub(crate) fn range(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    AddressRange::of(whole).range_of(part)
}

/// Addresses of a slice, for use while the slice itself is mutably borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressRange {
    start: usize,
    len: usize,
}

impl AddressRange {
    /// Addresses of `whole`.
    pub(crate) fn of(whole: &[u8]) -> Self {
        Self { start: whole.as_ptr().addr(), len: whole.len() }
    }

    /// Byte range of `part` within these addresses; `None` if it lies elsewhere.
    pub(crate) fn range_of(self, part: &[u8]) -> Option<Range<usize>> {
        let start = part.as_ptr().addr().checked_sub(self.start)?;
        let end = start.checked_add(part.len())?;
        (end <= self.len).then_some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_has_its_range_and_foreign_slice_has_none() {
        let buffer = *b"0123456789";
        let whole = &buffer[2..8];
        for (part, expected) in [
            (&buffer[2..8], Some(0..6)),
            (&buffer[2..2], Some(0..0)),
            (&buffer[4..6], Some(2..4)),
            (&buffer[8..8], Some(6..6)),
            (&buffer[1..3], None),
            (&buffer[7..9], None),
            (&buffer[9..], None),
            (b"", None),
        ] {
            assert_eq!(range(whole, part), expected, "{part:?}");
        }
    }
}
