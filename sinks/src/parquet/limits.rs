//! Limits of pages and dictionaries that the choice of encodings and the writing of chunks share.

/// Rows after which a page is closed.
///
/// # Units
/// Rows. The library's own default.
pub(super) const PAGE_ROWS: usize = 20_000;

/// The longest dictionary: the library's own limit, behind which it writes plain values.
pub(super) const DICTIONARY_BYTES: usize = 1 << 20;
