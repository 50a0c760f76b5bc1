//! Page headers with checksums, written and read.
//!
//! Owns: the headers of our data files, those of dictionaries and of data pages of version 1 without statistics. Does
//! not own: the pages.
//!
//! The library's writer adds no checksum, and its reader does not reveal whether a page has one.
//!
//! # Source
//! The Parquet format, "Data Pages" and `PageHeader` in `parquet.thrift`, in Thrift's compact protocol.

use parquet::basic::{Encoding, PageType};

/// A page header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) kind: PageKind,
    /// Size of the page before compression, without the header.
    pub(super) uncompressed_bytes: i32,
    /// Size of the page as stored in the file, without the header.
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
    /// The library's enum of the same.
    pub(super) fn page_type(self) -> PageType {
        match self {
            Self::Data => PageType::DATA_PAGE,
            Self::Dictionary => PageType::DICTIONARY_PAGE,
        }
    }
}

/// Upper bound on the size of a header, in bytes: four numbers of up to six bytes, four of two, and three bytes of
/// structure are 35.
pub(super) const MAX_HEADER_BYTES: usize = 48;

impl PageHeader {
    /// Appends the header.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let page_type = match self.kind {
            PageKind::Data => DATA_PAGE,
            PageKind::Dictionary => DICTIONARY_PAGE,
        };
        for number in [page_type, self.uncompressed_bytes, self.compressed_bytes] {
            write_number(1, number, out);
        }
        if let Some(crc) = self.crc {
            write_number(1, crc as i32, out);
        }
        let details = details_field(self.kind) - if self.crc.is_some() { CRC_FIELD } else { CRC_FIELD - 1 };
        out.push(details << 4 | STRUCT);
        write_number(1, self.values, out);
        write_number(1, number_of(self.encoding), out);
        match self.kind {
            PageKind::Data => {
                write_number(1, RLE, out);
                write_number(1, RLE, out);
            }
            PageKind::Dictionary => out.push(IS_NOT_SORTED),
        }
        out.extend_from_slice(&[STOP, STOP]);
    }

    /// Reads the header at the start of the bytes, and its length; `None` if our data files have no such header.
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

/// The remaining fields of a structure.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// The number in the next field, whose id is one higher than that before.
    fn number(&mut self) -> Option<i32> {
        self.skip(&[1 << 4 | I32])?;
        let mut folded: u32 = 0;
        for shift in (0..35).step_by(7) {
            let byte = *self.0.split_off_first()?;
            // The fifth byte holds the upper four of 32 bits.
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

    /// Skips bytes that are the same in every header.
    fn skip(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }
}

/// Appends an integer field: the distance of its id from the field before, its type, its value in zigzag encoding.
fn write_number(delta: u8, number: i32, out: &mut Vec<u8>) {
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
/// `is_sorted: false`, whose id is one higher than that of the field before.
const IS_NOT_SORTED: u8 = 1 << 4 | 2;
/// The end of a structure.
const STOP: u8 = 0;

/// Values of `PageType`.
const DATA_PAGE: i32 = 0;
const DICTIONARY_PAGE: i32 = 2;

/// Field id of the checksum in `PageHeader`.
const CRC_FIELD: u8 = 4;

/// Field id of the structure in `PageHeader` that only pages of this kind have.
fn details_field(kind: PageKind) -> u8 {
    match kind {
        PageKind::Data => 5,
        PageKind::Dictionary => 7,
    }
}

/// Encodings of our values, and their numbers in the format.
const ENCODINGS: [(Encoding, i32); 2] = [(Encoding::PLAIN, 0), (Encoding::RLE_DICTIONARY, 8)];

/// Number of the encoding of levels.
const RLE: i32 = 3;

fn encoding_of(number: i32) -> Option<Encoding> {
    ENCODINGS.iter().find(|(_, code)| *code == number).map(|(encoding, _)| *encoding)
}

fn number_of(encoding: Encoding) -> i32 {
    ENCODINGS.iter().find(|(known, _)| *known == encoding).map_or(-1, |(_, number)| *number)
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

    #[test]
    fn flipped_bit_gives_another_header_or_none() {
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
