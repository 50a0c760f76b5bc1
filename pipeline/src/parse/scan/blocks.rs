//! Quotes, backslashes and control characters in 64 bytes, as one bit for each byte.
//!
//! Owns: one implementation for each kind of processor; `structural_index` chooses. `portable` is the reference that
//! the others are tested against.

/// Bytes that are classified together.
pub(super) const BLOCK: usize = u64::BITS as usize;

/// The first byte that is not a control character.
const SPACE: u8 = b' ';

/// Eight bytes at a time in a plain register.
#[cfg_attr(
    all(target_arch = "aarch64", not(test)),
    expect(dead_code, reason = "the reference that NEON is tested against")
)]
pub(super) fn portable(block: &[u8; BLOCK]) -> u64 {
    block
        .as_chunks::<8>()
        .0
        .iter()
        .rev()
        .fold(0, |mask, eight| mask << 8 | eight_bits(u64::from_le_bytes(*eight)))
}

/// The bits of eight bytes, the lowest byte's first.
fn eight_bits(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    // Sets the top bit of each byte that is not zero. No addition carries into the next byte.
    let not_zero = |bytes: u64| (((bytes & !TOP) + !TOP) | bytes) & TOP;
    let eight = |byte: u8| EACH * u64::from(byte);
    let is_none = not_zero(bytes ^ eight(b'"'))
        & not_zero(bytes ^ eight(b'\\'))
        & not_zero(bytes & eight(!(SPACE - 1)));
    // The multiplication moves each top bit to its position in the uppermost byte.
    ((is_none ^ TOP) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// 32 bytes at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn avx2(block: &[u8; BLOCK]) -> u64 {
    use std::arch::x86_64::{
        _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8,
    };
    let (quote, backslash) = (_mm256_set1_epi8(b'"' as i8), _mm256_set1_epi8(b'\\' as i8));
    let control = _mm256_set1_epi8((SPACE - 1) as i8);
    let half = |bytes: &[u8; BLOCK / 2]| {
        #[expect(unsafe_code, reason = "an unaligned load takes a pointer")]
        // SAFETY: the pointer is valid for 32 bytes, and the load needs no alignment.
        let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
        let structural =
            _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, backslash));
        let controls = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, control), control);
        u64::from(_mm256_movemask_epi8(_mm256_or_si256(structural, controls)) as u32)
    };
    let (halves, _) = block.as_chunks::<{ BLOCK / 2 }>();
    half(&halves[0]) | half(&halves[1]) << 32
}

/// 16 bytes at a time. Every AArch64 processor has NEON.
#[cfg(target_arch = "aarch64")]
#[inline]
pub(super) fn neon(block: &[u8; BLOCK]) -> u64 {
    use std::arch::aarch64::{
        uint8x16_t, vandq_u8, vceqq_u8, vcltq_u8, vdupq_n_u8, vgetq_lane_u64, vld1q_u8, vorrq_u8, vpaddq_u8,
        vreinterpretq_u64_u8,
    };
    const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    let (quarters, _) = block.as_chunks::<16>();
    #[expect(unsafe_code, reason = "a load takes a pointer")]
    // SAFETY: each pointer is valid for 16 bytes, and the loads need no alignment.
    let (bits, quarters) = unsafe {
        let load = |quarter: &[u8; 16]| vld1q_u8(quarter.as_ptr());
        (vld1q_u8(BITS.as_ptr()), [0, 1, 2, 3].map(|at: usize| load(&quarters[at])))
    };
    #[expect(unsafe_code, reason = "NEON intrinsics")]
    // SAFETY: every AArch64 processor has NEON.
    unsafe {
        let found = |bytes: uint8x16_t| {
            let structural = vorrq_u8(vceqq_u8(bytes, vdupq_n_u8(b'"')), vceqq_u8(bytes, vdupq_n_u8(b'\\')));
            vandq_u8(vorrq_u8(structural, vcltq_u8(bytes, vdupq_n_u8(SPACE))), bits)
        };
        let [one, two, three, four] = quarters.map(found);
        // Three rounds of pairwise addition leave one byte of eight bits for each eight bytes.
        let sums = vpaddq_u8(vpaddq_u8(one, two), vpaddq_u8(three, four));
        vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0)
    }
}
