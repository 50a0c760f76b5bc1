//! GUIDs as the text that files hold.

/// Bytes of a GUID's text.
pub(super) const GUID_TEXT_BYTES: usize = 36;

/// The text of a GUID, in lower case: `00000064-0000-4000-8000-000000000064`.
pub(super) fn guid_text(guid: &[u8; 16]) -> [u8; GUID_TEXT_BYTES] {
    let mut text = [b'-'; GUID_TEXT_BYTES];
    for (byte, at) in guid.iter().zip(PLACES) {
        let [high, low] = HEX[usize::from(*byte)];
        text[at] = high;
        text[at + 1] = low;
    }
    text
}

/// The place of each byte's two digits.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The digits of each byte.
const HEX: [[u8; 2]; 256] = {
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
    fn bytes_become_digits_in_their_order() {
        let guid = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10";
        assert_eq!(&guid_text(&guid), b"01234567-89ab-cdef-fedc-ba9876543210");
    }
}
