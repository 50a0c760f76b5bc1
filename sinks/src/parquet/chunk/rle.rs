//! Small numbers in few bits: the hybrid of runs and packed groups of eight that the format calls `RLE`.

use arrow::buffer::BooleanBuffer;

/// Puts numbers of so many bits: as runs of the same if that is shorter, else packed.
pub(super) fn put_numbers(numbers: &[u32], width: u32, out: &mut Vec<u8>) {
    let changes = numbers.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if are_shorter(changes + 1, numbers.len(), width) {
        for run in numbers.chunk_by(|one, next| one == next) {
            put_run(run[0], run.len(), width, out);
        }
        return;
    }
    let groups = numbers.len().div_ceil(8);
    put_varint(groups << 1 | 1, out);
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
    // What is left of the word, and zeros up to a whole group.
    out.extend_from_slice(&word.to_le_bytes());
    out.resize(end, 0);
}

/// Puts bits as numbers of one bit each.
pub(super) fn put_bits(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    if are_shorter(2 * bits.set_slices().count() + 1, bits.len(), 1) {
        let mut at = 0;
        for (from, to) in bits.set_slices() {
            put_run(0, from - at, 1, out);
            put_run(1, to - from, 1, out);
            at = to;
        }
        return put_run(0, bits.len() - at, 1, out);
    }
    let bytes = bits.len().div_ceil(8);
    put_varint(bytes << 1 | 1, out);
    out.extend_from_slice(&bits.sliced()[..bytes]);
    // Behind the last bit there may be others, and equal columns are to give equal bytes.
    if let (Some(last), used @ 1..) = (out.last_mut(), bits.len() % 8) {
        *last &= (1 << used) - 1;
    }
}

/// Puts a number of so many bits so many times.
pub(super) fn put_run(number: u32, times: usize, width: u32, out: &mut Vec<u8>) {
    if times > 0 {
        put_varint(times << 1, out);
        out.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
    }
}

/// Whether so many runs take less than all numbers packed.
fn are_shorter(runs: usize, numbers: usize, width: u32) -> bool {
    // The length of a run is a byte or two.
    runs * (2 + width.div_ceil(8) as usize) <= numbers * width as usize / 8 || runs == 1
}

/// Puts a number in groups of seven bits, lowest first.
fn put_varint(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
