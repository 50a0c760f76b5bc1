//! Limits of pages and dictionaries that several modules need: the library's defaults.

/// Upper bound on the rows of a page.
pub(super) const PAGE_ROWS: usize = 20_000;

/// Upper bound on the plain values of a dictionary, in bytes. The library writes plain pages behind it.
pub(super) const DICTIONARY_BYTES: usize = 1 << 20;
