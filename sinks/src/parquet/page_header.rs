//! The header before a page, with the page's checksum: written, and read back.
//!
//! Owns the headers that a data file has: dictionaries and data pages of version 1, without statistics. The
//! library writes no checksum, and tells no reader whether a page has one. Does not own what is in a page.
//!
//! # Source
//! The Parquet format, "Data Pages" and `PageHeader` in `parquet.thrift`, in Thrift's compact protocol.

use parquet::basic::{Encoding, PageType};

/// A page, as its header describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) kind: PageKind,
    /// Bytes of the page before compression, without the header.
    pub(super) uncompressed_bytes: i32,
    /// Bytes of the page as stored in the file, without the header.
    pub(super) compressed_bytes: i32,
    /// CRC-32 of the page as stored in the file.
    pub(super) crc: Option<u32>,
    /// Levels of a data page, entries of a dictionary.
    pub(super) values: i32,
    pub(super) encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Data,
    Dictionary,
}

impl PageKind {
    /// The library's name for it.
    pub(super) fn page_type(self) -> PageType {
        match self {
            Self::Data => PageType::DATA_PAGE,
            Self::Dictionary => PageType::DICTIONARY_PAGE,
        }
    }
}

/// The longest header: each of its seven numbers takes up to six bytes.
pub(super) const MAX_HEADER_BYTES: usize = 48;

impl PageHeader {
    /// Appends the header.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let page_type = match self.kind {
            PageKind::Data => DATA_PAGE,
            PageKind::Dictionary => DICTIONARY_PAGE,
        };
        for number in [page_type, self.uncompressed_bytes, self.compressed_bytes] {
            put_number(1, number, out);
        }
        if let Some(crc) = self.crc {
            put_number(1, crc as i32, out);
        }
        let details = details_field(self.kind) - if self.crc.is_some() { CRC_FIELD } else { CRC_FIELD - 1 };
        out.push(details << 4 | STRUCT);
        put_number(1, self.values, out);
        put_number(1, number_of(self.encoding), out);
        match self.kind {
            PageKind::Data => {
                put_number(1, RLE, out);
                put_number(1, RLE, out);
            }
            PageKind::Dictionary => out.push(IS_NOT_SORTED),
        }
        out.extend_from_slice(&[STOP, STOP]);
    }

    /// Reads the header that the bytes begin with, and how long it is; `None` if no data file has such a one.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut fields = Fields(bytes);
        let kind = match fields.number()? {
            DATA_PAGE => PageKind::Data,
            DICTIONARY_PAGE => PageKind::Dictionary,
            _ => return None,
        };
        let (uncompressed_bytes, compressed_bytes) = (fields.number()?, fields.number()?);
        let has_crc = *fields.0.first()? == 1 << 4 | I32;
        let crc = if has_crc { Some(fields.number()? as u32) } else { None };
        let details = details_field(kind) - if has_crc { CRC_FIELD } else { CRC_FIELD - 1 };
        fields.skip(&[details << 4 | STRUCT])?;
        let values = fields.number()?;
        let encoding = encoding_of(fields.number()?)?;
        match kind {
            PageKind::Data => {
                ([fields.number()?, fields.number()?] == [RLE, RLE]).then_some(())?;
            }
            PageKind::Dictionary => fields.skip(&[IS_NOT_SORTED])?,
        }
        fields.skip(&[STOP, STOP])?;
        let header = Self { kind, uncompressed_bytes, compressed_bytes, crc, values, encoding };
        (uncompressed_bytes >= 0 && compressed_bytes >= 0 && values >= 0)
            .then_some((header, bytes.len() - fields.0.len()))
    }
}

/// The fields of a structure, one behind the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// The number in the next field, which follows the one before without a gap.
    fn number(&mut self) -> Option<i32> {
        self.skip(&[1 << 4 | I32])?;
        let mut folded: u32 = 0;
        for shift in (0..35).step_by(7) {
            let byte = *self.0.split_off_first()?;
            // The last of five bytes has the upper four bits of 32.
            if shift == 28 && byte > 0x0f {
                return None;
            }
            folded |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some((folded >> 1) as i32 ^ -((folded & 1) as i32));
            }
        }
        None
    }

    fn skip(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }
}

/// Appends a field: how far its number is from the field before, its type, a variable-length integer.
fn put_number(delta: u8, number: i32, out: &mut Vec<u8>) {
    out.push(delta << 4 | I32);
    let mut folded = (number << 1 ^ number >> 31) as u32;
    while folded >= 0x80 {
        out.push(folded as u8 | 0x80);
        folded >>= 7;
    }
    out.push(folded as u8);
}

/// Types of fields in the compact protocol.
const I32: u8 = 5;
const STRUCT: u8 = 12;
/// A field of a false flag, right behind the field before.
const IS_NOT_SORTED: u8 = 1 << 4 | 2;
/// The end of a structure.
const STOP: u8 = 0;

/// Values of `PageType`.
const DATA_PAGE: i32 = 0;
const DICTIONARY_PAGE: i32 = 2;

/// Fields of `PageHeader`.
const CRC_FIELD: u8 = 4;

/// The field of `PageHeader` with what is told only of pages of a kind.
fn details_field(kind: PageKind) -> u8 {
    match kind {
        PageKind::Data => 5,
        PageKind::Dictionary => 7,
    }
}

/// The encodings that values of ours have, and their numbers in the format.
const ENCODINGS: [(Encoding, i32); 2] = [(Encoding::PLAIN, 0), (Encoding::RLE_DICTIONARY, 8)];

/// The number of the encoding that levels have.
const RLE: i32 = 3;

fn encoding_of(number: i32) -> Option<Encoding> {
    ENCODINGS.iter().find(|(_, of)| *of == number).map(|(encoding, _)| *encoding)
}

fn number_of(encoding: Encoding) -> i32 {
    ENCODINGS.iter().find(|(of, _)| *of == encoding).map_or(-1, |(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> Vec<PageHeader> {
        let mut headers = Vec::new();
        for kind in [PageKind::Data, PageKind::Dictionary] {
            for crc in [None, Some(0), Some(63), Some(0x8000_0000), Some(u32::MAX)] {
                for number in [0, 63, 64, 8191, 8192, i32::MAX] {
                    let (uncompressed_bytes, compressed_bytes) = (number, number / 2);
                    let (values, encoding) = (number / 3, Encoding::PLAIN);
                    headers.push(PageHeader {
                        kind,
                        uncompressed_bytes,
                        compressed_bytes,
                        crc,
                        values,
                        encoding,
                    });
                }
            }
        }
        headers
    }

    #[test]
    fn headers_are_read_back() {
        for header in headers() {
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            assert!(bytes.len() <= MAX_HEADER_BYTES, "{} bytes", bytes.len());
            assert_eq!(PageHeader::read(&bytes), Some((header, bytes.len())));
            for cut in 0..bytes.len() {
                assert_eq!(PageHeader::read(&bytes[..cut]), None, "{header:?} cut at {cut}");
            }
        }
    }

    /// A flipped bit is another header or none: never one that says the same.
    #[test]
    fn flipped_bit_is_another_header() {
        for header in headers() {
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(PageHeader::read(&flipped), Some((header, bytes.len())), "{header:?}, bit {bit}");
            }
        }
    }
}
