//! GUIDs as strings, which they are in files.

use arrow::array::{Array, FixedSizeBinaryArray, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::error::ArrowError;

/// Length of a GUID's text, in bytes.
pub(super) const GUID_TEXT_BYTES: usize = 36;

/// The text of a GUID, in lower case: `00000064-0000-4000-8000-000000000064`.
pub(super) fn guid_text(guid: &[u8; 16]) -> [u8; GUID_TEXT_BYTES] {
    let mut text = [b'-'; GUID_TEXT_BYTES];
    for (byte, position) in guid.iter().zip(DIGIT_POSITIONS) {
        let [high, low] = HEX_DIGITS[usize::from(*byte)];
        text[position] = high;
        text[position + 1] = low;
    }
    text
}

/// The GUIDs of an array as strings.
pub(super) fn guid_strings(guids: &FixedSizeBinaryArray) -> Result<StringArray, ArrowError> {
    let (bytes, _) = guids.value_data().as_chunks();
    let texts: Vec<u8> = bytes.iter().flat_map(guid_text).collect();
    let lengths = std::iter::repeat_n(GUID_TEXT_BYTES, bytes.len());
    StringArray::try_new(OffsetBuffer::from_lengths(lengths), Buffer::from_vec(texts), guids.nulls().cloned())
}

/// The position of each byte's two digits in the text.
const DIGIT_POSITIONS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The two digits of each byte.
const HEX_DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_in_the_order_of_bytes() {
        let guid = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10";
        assert_eq!(&guid_text(&guid), b"01234567-89ab-cdef-fedc-ba9876543210");
    }
}
