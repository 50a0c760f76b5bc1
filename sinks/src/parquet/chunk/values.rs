//! Plain encoding, dictionary keys and statistics of each type.
//!
//! # Source
//! The Parquet format, "Plain encoding": integers little-endian, decimals big-endian, strings and GUIDs after their
//! length, booleans as bits.

use std::hash::Hash;
use std::ops::Range;

use arrow::array::{FixedSizeBinaryArray, StringArray};
use arrow::buffer::BooleanBuffer;
use parquet::bloom_filter::Sbbf;
use parquet::data_type::{AsBytes, ByteArray, FixedLenByteArray};
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::leaf::Leaf;
use crate::parquet::guid::{GUID_TEXT_BYTES, guid_text};

/// The items of a column. Values in null slots are unspecified.
pub(super) trait Values {
    /// Appends the values among some items.
    fn encode(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>);

    /// Upper bound on the encoded bytes of some items.
    fn encoded_bytes(&self, items: Range<usize>) -> usize;
}

/// Values whose order readers use to skip row groups.
pub(super) trait OrderedValues: Values {
    /// Min, max and number of nulls of the whole column.
    fn statistics(&self, leaf: &Leaf<'_>) -> Statistics;
}

/// Values that may be in a dictionary or a bloom filter.
pub(super) trait KeyedValues: Values {
    /// Identifies a value.
    type Key: Hash + Eq + Copy;

    fn key(&self, item: usize) -> Self::Key;

    /// Adds a value, without its length, to a bloom filter.
    fn insert_into(&self, item: usize, bloom_filter: &mut Sbbf);

    /// Appends one value.
    fn encode_one(&self, item: usize, out: &mut Vec<u8>);

    /// Min and max of some values and the number of nulls of the column; `None` if the type has no statistics or the
    /// values are too long for them.
    fn statistics(&self, _items: &[usize], _nulls: usize) -> Option<Statistics> {
        None
    }
}

/// Numbers of a fixed size.
pub(super) struct Numbers<'a, T>(pub(super) &'a [T]);

/// A number as the format encodes it.
pub(super) trait Number: Copy + Ord {
    const MIN: Self;
    const MAX: Self;

    /// Writes the number into a slot of its size.
    fn encode(self, slot: &mut [u8]);

    fn statistics(min_max: Option<(Self, Self)>, nulls: usize) -> Statistics;
}

impl<T: Number> Values for Numbers<'_, T> {
    fn encode(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>) {
        leaf.for_each_run(items, |run| {
            let start = out.len();
            out.resize(start + self.encoded_bytes(run.clone()), 0);
            for (slot, number) in out[start..].chunks_exact_mut(size_of::<T>()).zip(&self.0[run]) {
                number.encode(slot);
            }
        });
    }

    fn encoded_bytes(&self, items: Range<usize>) -> usize {
        items.len() * size_of::<T>()
    }
}

impl<T: Number> OrderedValues for Numbers<'_, T> {
    fn statistics(&self, leaf: &Leaf<'_>) -> Statistics {
        let (mut min, mut max) = (T::MAX, T::MIN);
        leaf.for_each_run(leaf.all(), |run| {
            for number in &self.0[run] {
                min = min.min(*number);
                max = max.max(*number);
            }
        });
        T::statistics((min <= max).then_some((min, max)), leaf.null_count())
    }
}

macro_rules! little_endian {
    ($number:ty) => {
        impl Number for $number {
            const MIN: Self = Self::MIN;
            const MAX: Self = Self::MAX;

            fn encode(self, slot: &mut [u8]) {
                slot.copy_from_slice(&self.to_le_bytes());
            }

            fn statistics(min_max: Option<(Self, Self)>, nulls: usize) -> Statistics {
                signed(min_max, nulls)
            }
        }
    };
}

little_endian!(i32);
little_endian!(i64);

/// Decimals.
impl Number for i128 {
    const MIN: Self = Self::MIN;
    const MAX: Self = Self::MAX;

    fn encode(self, slot: &mut [u8]) {
        slot.copy_from_slice(&self.to_be_bytes());
    }

    fn statistics(min_max: Option<(Self, Self)>, nulls: usize) -> Statistics {
        let bytes = |number: Self| FixedLenByteArray::from(number.to_be_bytes().to_vec());
        signed(min_max.map(|(min, max)| (bytes(min), bytes(max))), nulls)
    }
}

pub(super) struct Booleans<'a>(pub(super) &'a BooleanBuffer);

impl Values for Booleans<'_> {
    fn encode(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>) {
        let (mut byte, mut bits) = (0, 0);
        leaf.for_each(items, |item| {
            byte |= u8::from(self.0.value(item)) << bits;
            bits += 1;
            if bits == 8 {
                out.push(byte);
                (byte, bits) = (0, 0);
            }
        });
        if bits > 0 {
            out.push(byte);
        }
    }

    fn encoded_bytes(&self, items: Range<usize>) -> usize {
        items.len().div_ceil(8)
    }
}

impl OrderedValues for Booleans<'_> {
    fn statistics(&self, leaf: &Leaf<'_>) -> Statistics {
        let mut found = [false; 2];
        leaf.for_each(leaf.all(), |item| found[usize::from(self.0.value(item))] = true);
        unsigned((found != [false; 2]).then_some((!found[0], found[1])), leaf.null_count())
    }
}

/// GUIDs of sixteen bytes, encoded as strings, which every reader knows. They have no statistics.
pub(super) struct Guids<'a>(&'a [[u8; 16]]);

impl<'a> Guids<'a> {
    pub(super) fn new(array: &'a FixedSizeBinaryArray) -> Self {
        Self(array.value_data().as_chunks().0)
    }
}

impl Values for Guids<'_> {
    fn encode(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>) {
        leaf.for_each_run(items, |run| {
            let start = out.len();
            out.resize(start + self.encoded_bytes(run.clone()), 0);
            let (slots, _) = out[start..].as_chunks_mut::<ENCODED_GUID_BYTES>();
            for (slot, guid) in slots.iter_mut().zip(&self.0[run]) {
                *slot = encoded_guid(guid);
            }
        });
    }

    fn encoded_bytes(&self, items: Range<usize>) -> usize {
        items.len() * ENCODED_GUID_BYTES
    }
}

impl KeyedValues for Guids<'_> {
    type Key = u128;

    fn key(&self, item: usize) -> u128 {
        u128::from_ne_bytes(self.0[item])
    }

    fn insert_into(&self, item: usize, bloom_filter: &mut Sbbf) {
        bloom_filter.insert(&guid_text(&self.0[item])[..]);
    }

    fn encode_one(&self, item: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&encoded_guid(&self.0[item]));
    }
}

/// The text of a GUID after its length.
fn encoded_guid(guid: &[u8; 16]) -> [u8; ENCODED_GUID_BYTES] {
    let mut out = [0; ENCODED_GUID_BYTES];
    out[0] = GUID_TEXT_BYTES as u8;
    out[LENGTH_BYTES..].copy_from_slice(&guid_text(guid));
    out
}

/// Bytes of the length before a string.
const LENGTH_BYTES: usize = size_of::<u32>();

const ENCODED_GUID_BYTES: usize = LENGTH_BYTES + GUID_TEXT_BYTES;

const _: () =
    assert!(GUID_TEXT_BYTES <= u8::MAX as usize, "the length of a GUID's text is written as one byte");

/// Strings, JSON among them.
pub(super) struct Strings<'a>(pub(super) &'a StringArray);

impl Values for Strings<'_> {
    fn encode(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>) {
        leaf.for_each(items, |item| self.encode_one(item, out));
    }

    fn encoded_bytes(&self, items: Range<usize>) -> usize {
        let offsets = self.0.value_offsets();
        (offsets[items.end] - offsets[items.start]) as usize + items.len() * LENGTH_BYTES
    }
}

impl<'a> KeyedValues for Strings<'a> {
    type Key = &'a [u8];

    fn key(&self, item: usize) -> &'a [u8] {
        self.0.value(item).as_bytes()
    }

    fn insert_into(&self, item: usize, bloom_filter: &mut Sbbf) {
        bloom_filter.insert(self.key(item));
    }

    fn encode_one(&self, item: usize, out: &mut Vec<u8>) {
        let string = self.key(item);
        out.extend_from_slice(&(string.len() as u32).to_le_bytes());
        out.extend_from_slice(string);
    }

    /// Only asked for where a sample found one value at most; the column may still have others.
    fn statistics(&self, items: &[usize], nulls: usize) -> Option<Statistics> {
        let strings = items.iter().map(|item| self.key(*item));
        let min_max = strings.clone().min().zip(strings.max());
        if min_max.is_some_and(|(min, max)| min.len().max(max.len()) > STRING_STATISTICS_BYTES_MAX) {
            return None;
        }
        let copy = |string: &[u8]| ByteArray::from(string.to_vec());
        Some(unsigned(min_max.map(|(min, max)| (copy(min), copy(max))), nulls))
    }
}

/// Longest min or max of strings, in bytes: the length at which the library cuts them. A column with a longer one has
/// no statistics.
const STRING_STATISTICS_BYTES_MAX: usize = 64;

/// Statistics of a type whose order is signed. Readers that are older than column orders read them too.
fn signed<T: AsBytes>(min_max: Option<(T, T)>, nulls: usize) -> Statistics
where
    ValueStatistics<T>: Into<Statistics>,
{
    let (min, max) = min_max.unzip();
    ValueStatistics::new(min, max, None, Some(nulls as u64), false)
        .with_backwards_compatible_min_max(true)
        .into()
}

/// Statistics of a type whose order is unsigned.
fn unsigned<T>(min_max: Option<(T, T)>, nulls: usize) -> Statistics
where
    ValueStatistics<T>: Into<Statistics>,
{
    let (min, max) = min_max.unzip();
    ValueStatistics::new(min, max, None, Some(nulls as u64), false).into()
}
