//! GUIDs in their text form.
//!
//! Owns: reading sixteen digits at a time on x86-64, eight on other processors.

/// The bytes of a GUID, in the order its text shows them.
pub type Guid = [u8; 16];

/// The GUID that the serializer writes for "no id".
pub const ZERO_GUID: Guid = [0; 16];

/// A GUID with dashes, in hexadecimal digits of any case.
#[inline]
pub fn guid(text: impl AsRef<[u8]>) -> Option<Guid> {
    let text: &[u8; 36] = text.as_ref().try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != [b'-'; 4] {
        return None;
    }
    read(digits_of(text))
}

/// The digits without the dashes, eight in each word, the first in the lowest byte.
#[inline]
fn digits_of(text: &[u8; 36]) -> [u64; 4] {
    let half = |at: usize| u32::from_le_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]]);
    let word = |one: usize, two: usize| u64::from(half(one)) | u64::from(half(two)) << 32;
    [word(0, 4), word(9, 14), word(19, 24), word(28, 32)]
}

/// Reads sixteen digits in a register. Every x86-64 processor has SSE2.
#[cfg(target_arch = "x86_64")]
#[inline]
fn read(text: [u64; 4]) -> Option<Guid> {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi8, _mm_and_si128, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_packus_epi16, _mm_set_epi64x, _mm_set1_epi8, _mm_set1_epi16, _mm_slli_epi16, _mm_srli_epi16,
        _mm_storeu_si128, _mm_sub_epi8,
    };
    #[expect(unsafe_code, reason = "SSE2 instructions, and a store that takes a pointer")]
    // SAFETY: every x86-64 processor has SSE2; the pointer is to 16 bytes, and the store needs no alignment.
    unsafe {
        let at_most = |bytes, most| _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(most)), bytes);
        // The first digit of a byte is its higher half.
        let both = |digits: __m128i| {
            let joined = _mm_or_si128(_mm_slli_epi16(digits, 4), _mm_srli_epi16(digits, 8));
            _mm_and_si128(joined, _mm_set1_epi16(0xff))
        };
        let read = |one: u64, two: u64| {
            let text = _mm_set_epi64x(two as i64, one as i64);
            let digit = _mm_sub_epi8(text, _mm_set1_epi8(b'0' as i8));
            let letter = _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8(b'a' as i8));
            let (is_digit, is_letter) = (at_most(digit, 9), at_most(letter, 5));
            let of_letter = _mm_and_si128(is_letter, _mm_add_epi8(letter, _mm_set1_epi8(10)));
            let value = _mm_or_si128(_mm_and_si128(is_digit, digit), of_letter);
            (both(value), _mm_or_si128(is_digit, is_letter))
        };
        let ((front, front_is), (back, back_is)) = (read(text[0], text[1]), read(text[2], text[3]));
        let all = _mm_movemask_epi8(_mm_and_si128(front_is, back_is)) == 0xffff;
        let mut bytes = ZERO_GUID;
        _mm_storeu_si128(bytes.as_mut_ptr().cast(), _mm_packus_epi16(front, back));
        all.then_some(bytes)
    }
}

/// Eight digits at a time.
#[cfg(not(target_arch = "x86_64"))]
use self::portable as read;

/// Eight digits at a time, on any processor.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable(text: [u64; 4]) -> Option<Guid> {
    let [one, two, three, four] = text.map(hex_digits);
    let mut bytes = ZERO_GUID;
    for (four_bytes, value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip([one?, two?, three?, four?]) {
        *four_bytes = value.to_le_bytes();
    }
    Some(bytes)
}

/// The four bytes that eight hexadecimal digits state, the first digits in the lowest byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn hex_digits(text: u64) -> Option<u32> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    // Sets the top bit of each byte that is at least `min`. Nothing carries from one byte into the next.
    let at_least = |bytes: u64, min: u64| (((bytes & !TOP) + (0x80 - min) * EACH) | bytes) & TOP;
    let all = |byte: u64| byte * EACH;
    let (digit, letter) = (text ^ all(0x30), (text | all(0x20)) ^ all(0x60));
    let is_letter = at_least(letter, 1) & !at_least(letter, 7);
    if is_letter | !at_least(digit, 10) & TOP != TOP {
        return None;
    }
    let nibbles = (text & all(0x0f)) + 9 * (is_letter >> 7);
    let pairs = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((fours | fours >> 16) as u32)
}

#[cfg(test)]
mod tests {
    use super::{ZERO_GUID, digits_of, guid, portable};

    /// Compares both implementations with `u128`, for each byte at each index.
    #[test]
    fn each_byte_at_each_index_is_read_as_u128_reads_it() {
        let text = *b"01234567-89aB-cDeF-9876-543210fedcba";
        for at in 0..text.len() {
            for byte in 0..=127 {
                let mut text = text;
                text[at] = byte;
                let shown = std::str::from_utf8(&text).unwrap();
                let dashes = [8, 13, 18, 23].iter().all(|dash| text[*dash] == b'-');
                let digits = shown.replace('-', "");
                let is_hex = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let stated = u128::from_str_radix(&digits, 16).ok().filter(|_| dashes && is_hex);
                assert_eq!(guid(shown), stated.map(u128::to_be_bytes), "{shown}");
                if dashes {
                    assert_eq!(portable(digits_of(&text)), stated.map(u128::to_be_bytes), "{shown}");
                }
            }
        }
        assert_eq!(guid("00000000-0000-0000-0000-000000000000"), Some(ZERO_GUID));
        for text in ["", "0", "01234567-89ab-cdef-9876-543210fedcb", "01234567-89ab-cdef-9876-543210fedcba0"]
        {
            assert_eq!(guid(text), None);
        }
        assert_eq!(guid("0123456\u{e9}-89ab-cdef-9876-543210fedcb"), None, "bytes beyond ASCII");
    }
}
