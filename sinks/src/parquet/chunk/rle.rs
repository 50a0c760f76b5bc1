//! The hybrid of run-length encoding and bit packing for levels and dictionary indexes.
//!
//! # Source
//! The Parquet format, "Run Length Encoding / Bit-Packing Hybrid" (`RLE`).

use arrow::buffer::BooleanBuffer;

/// Appends numbers of `width` bits: run-length encoded if that is shorter, else bit-packed.
pub(super) fn encode_numbers(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    let changes = numbers.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if runs_are_shorter(changes + 1, numbers.len(), width) {
        for run in numbers.chunk_by(|one, next| one == next) {
            encode_run(run[0], run.len(), width, out);
        }
        return;
    }
    let groups = numbers.len().div_ceil(8);
    encode_varint(groups << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    let (mut word, mut bits) = (0_u64, 0);
    for number in numbers {
        word |= u64::from(*number) << bits;
        bits += width;
        if bits >= 32 {
            out.extend_from_slice(&(word as u32).to_le_bytes());
            word >>= 32;
            bits -= 32;
        }
    }
    // The rest of the word, and zeros up to a whole group.
    out.extend_from_slice(&word.to_le_bytes());
    out.resize(end, 0);
}

/// Appends bits as numbers of one bit.
pub(super) fn encode_bits(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    if runs_are_shorter(2 * bits.set_slices().count() + 1, bits.len(), 1) {
        let mut at = 0;
        for (from, to) in bits.set_slices() {
            encode_run(0, from - at, 1, out);
            encode_run(1, to - from, 1, out);
            at = to;
        }
        return encode_run(0, bits.len() - at, 1, out);
    }
    let bytes = bits.len().div_ceil(8);
    encode_varint(bytes << 1 | 1, out);
    out.extend_from_slice(&bits.sliced()[..bytes]);
    // Clears the bits after the last one, so that equal columns give equal bytes.
    if let (Some(last), used @ 1..) = (out.last_mut(), bits.len() % 8) {
        *last &= (1 << used) - 1;
    }
}

/// Appends an RLE run: `number` in `width` bits, repeated `times` times.
pub(super) fn encode_run(number: u32, times: usize, width: u32, out: &mut Vec<u8>) {
    if times > 0 {
        encode_varint(times << 1, out);
        out.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
    }
}

/// True if `runs` RLE runs are shorter than all numbers bit-packed.
fn runs_are_shorter(runs: usize, numbers: usize, width: u32) -> bool {
    runs * (RUN_LENGTH_BYTES + width.div_ceil(8) as usize) <= numbers * width as usize / 8 || runs == 1
}

/// Bytes of a run's length: mostly one, two for more than 63 repetitions.
const RUN_LENGTH_BYTES: usize = 2;

/// Appends an unsigned LEB128 number.
fn encode_varint(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
