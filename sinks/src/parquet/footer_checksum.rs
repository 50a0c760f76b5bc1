//! The checksum of a footer, the last member of its facts.
//!
//! Owns: its position and width. Does not own: the facts before it (`facts`), the checksums of pages (`page_header`).
//!
//! # Shape
//! The facts end with `"checksum":"8c736521"}`: the CRC-32 of the footer with eight zeros in place of the checksum.

/// Replaces the placeholder in a file's footer by the checksum.
pub(super) fn write(file: &mut [u8]) {
    let Some(at) = checksum_position(file) else { return };
    file[at..at + CHECKSUM_WIDTH].fill(b'0');
    let checksum = footer_start(file).map_or(0, |from| crc32fast::hash(&file[from..]));
    file[at..at + CHECKSUM_WIDTH].copy_from_slice(format!("{checksum:08x}").as_bytes());
}

/// True if the footer at the end of these bytes matches its checksum; `None` if they do not hold the whole footer, or
/// it has no checksum.
pub(super) fn is_intact(end_of_file: &[u8]) -> Option<bool> {
    checksum_position(end_of_file)?;
    let footer = &end_of_file[footer_start(end_of_file)?..];
    let mut expected = footer.to_vec();
    write(&mut expected);
    Some(expected == footer)
}

/// Adds a placeholder for the checksum to the facts, a JSON object.
pub(super) fn with_placeholder(facts: &str) -> String {
    format!("{},\"checksum\":\"00000000\"}}", facts.strip_suffix('}').unwrap_or(facts))
}

/// Position of a footer, if these bytes hold all of it.
pub(super) fn footer_start(file: &[u8]) -> Option<usize> {
    let (body, tail) = file.split_last_chunk::<8>()?;
    let [a, b, c, d, ..] = *tail;
    body.len().checked_sub(u32::from_le_bytes([a, b, c, d]) as usize)
}

/// Position of the checksum's digits. A footer has no foreign text after the facts, and quotes inside them are escaped,
/// so the last match is the checksum.
fn checksum_position(file: &[u8]) -> Option<usize> {
    let footer = footer_start(file)?;
    let member = file[footer..].windows(CHECKSUM.len()).rposition(|bytes| bytes == CHECKSUM)?;
    let at = footer + member + CHECKSUM.len();
    (at + CHECKSUM_WIDTH <= file.len()).then_some(at)
}

const CHECKSUM: &[u8] = b"\"checksum\":\"";

/// Digits of 32 bits in hexadecimal.
const CHECKSUM_WIDTH: usize = 8;
