//! The checksum of a footer.
//!
//! Owns its place and its width. Does not own the facts it stands behind (`facts`), nor the checksums of pages (`page_header`).
//!
//! # Shape
//! The facts end with `"checksum":"8c736521"}`: the CRC-32 of the footer, taken while eight zeros stand in its place.

/// Writes the checksum of a file's footer.
pub(super) fn write(file: &mut [u8]) {
    let Some(at) = place_of(file, CHECKSUM, CHECKSUM_WIDTH) else { return };
    file[at..at + CHECKSUM_WIDTH].fill(b'0');
    let checksum = footer_start(file).map_or(0, |from| crc32fast::hash(&file[from..]));
    file[at..at + CHECKSUM_WIDTH].copy_from_slice(format!("{checksum:08x}").as_bytes());
}

/// True if the footer at the end of these bytes is as it was written; `None` if it is not there as a whole, or has no
/// checksum.
pub(super) fn is_intact(end_of_file: &[u8]) -> Option<bool> {
    place_of(end_of_file, CHECKSUM, CHECKSUM_WIDTH)?;
    let written = &end_of_file[footer_start(end_of_file)?..];
    let mut sealed = written.to_vec();
    write(&mut sealed);
    Some(sealed == written)
}

/// Adds room for the checksum to the facts, a JSON object.
pub(super) fn with_placeholder(facts: &str) -> String {
    format!("{},\"checksum\":\"00000000\"}}", facts.strip_suffix('}').unwrap_or(facts))
}

const CHECKSUM: &[u8] = b"\"checksum\":\"";

/// 32 bits in hexadecimal.
const CHECKSUM_WIDTH: usize = 8;

/// Where a value of the facts stands. Behind the facts a footer has no text of anybody else's, and inside them a quote is
/// escaped: the last place that looks like it is it.
fn place_of(file: &[u8], name: &[u8], width: usize) -> Option<usize> {
    let footer = footer_start(file)?;
    let within = file[footer..].windows(name.len()).rposition(|bytes| bytes == name)?;
    let at = footer + within + name.len();
    (at + width <= file.len()).then_some(at)
}

/// Where the footer of a file begins, if these bytes have it as a whole.
pub(super) fn footer_start(file: &[u8]) -> Option<usize> {
    let (body, tail) = file.split_last_chunk::<8>()?;
    let [a, b, c, d, ..] = *tail;
    body.len().checked_sub(u32::from_le_bytes([a, b, c, d]) as usize)
}
