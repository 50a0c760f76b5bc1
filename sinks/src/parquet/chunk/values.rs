//! How values of each type are written, and which is the least and the greatest.
//!
//! # Source
//! The Parquet format, "Plain encoding": numbers from their lowest byte on, decimals from their highest, texts and ids behind
//! their length, flags as bits.

use std::hash::Hash;
use std::ops::Range;

use arrow::array::{FixedSizeBinaryArray, StringArray};
use arrow::buffer::BooleanBuffer;
use parquet::bloom_filter::Sbbf;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::leaf::Leaf;
use crate::parquet::guid::{GUID_TEXT_BYTES, guid_text};

/// The items of a column; what stands at one that is null is nobody's business.
pub(super) trait Values {
    /// Appends those of some items that are values.
    fn put(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>);

    /// What so many items take, at the most.
    fn size(&self, items: Range<usize>) -> usize;

    /// The least and the greatest value.
    fn statistics(&self, leaf: &Leaf<'_>) -> Option<Statistics>;
}

/// Values that a dictionary or a filter may hold.
pub(super) trait Keyed: Values {
    /// What tells values apart.
    type Key: Hash + Eq + Copy;

    fn key(&self, item: usize) -> Self::Key;

    /// Notes the value, without its length, in a filter.
    fn note(&self, item: usize, filter: &mut Sbbf);

    /// Appends one value.
    fn put_one(&self, item: usize, out: &mut Vec<u8>);

    /// The least and the greatest of some values; none if they are longer than statistics may be.
    fn bounds(&self, items: impl Iterator<Item = usize> + Clone, nulls: usize) -> Option<Statistics>;
}

/// Numbers of a fixed size.
pub(super) struct Numbers<'a, T>(pub(super) &'a [T]);

/// A number as the format has it.
pub(super) trait Number: Copy + Ord {
    const LEAST: Self;
    const GREATEST: Self;

    fn put(self, place: &mut [u8]);

    fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics;
}

impl<T: Number> Values for Numbers<'_, T> {
    fn put(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>) {
        leaf.for_each_run(items, |run| {
            let at = out.len();
            out.resize(at + self.size(run.clone()), 0);
            for (place, number) in out[at..].chunks_exact_mut(size_of::<T>()).zip(&self.0[run]) {
                number.put(place);
            }
        });
    }

    fn size(&self, items: Range<usize>) -> usize {
        items.len() * size_of::<T>()
    }

    fn statistics(&self, leaf: &Leaf<'_>) -> Option<Statistics> {
        let (mut least, mut greatest) = (T::GREATEST, T::LEAST);
        leaf.for_each_run(leaf.all(), |run| {
            for number in &self.0[run] {
                least = least.min(*number);
                greatest = greatest.max(*number);
            }
        });
        let bounds = (least <= greatest).then_some((least, greatest));
        Some(T::statistics(bounds, leaf.nulls() as u64))
    }
}

macro_rules! little_endian {
    ($number:ty) => {
        impl Number for $number {
            const LEAST: Self = Self::MIN;
            const GREATEST: Self = Self::MAX;

            fn put(self, place: &mut [u8]) {
                place.copy_from_slice(&self.to_le_bytes());
            }

            fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics {
                signed(bounds, nulls)
            }
        }
    };
}

little_endian!(i32);
little_endian!(i64);

/// Decimals.
impl Number for i128 {
    const LEAST: Self = Self::MIN;
    const GREATEST: Self = Self::MAX;

    fn put(self, place: &mut [u8]) {
        place.copy_from_slice(&self.to_be_bytes());
    }

    fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics {
        let bytes = |number: Self| FixedLenByteArray::from(number.to_be_bytes().to_vec());
        signed(bounds.map(|(least, greatest)| (bytes(least), bytes(greatest))), nulls)
    }
}

/// Flags.
pub(super) struct Flags<'a>(pub(super) &'a BooleanBuffer);

impl Values for Flags<'_> {
    fn put(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>) {
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

    fn size(&self, items: Range<usize>) -> usize {
        items.len().div_ceil(8)
    }

    fn statistics(&self, leaf: &Leaf<'_>) -> Option<Statistics> {
        let mut seen = [false; 2];
        leaf.for_each(leaf.all(), |item| seen[usize::from(self.0.value(item))] = true);
        let bounds = (seen != [false; 2]).then_some((!seen[0], seen[1]));
        Some(unsigned(bounds, leaf.nulls() as u64))
    }
}

/// Ids of sixteen bytes, written as their text: every reader knows texts. Nobody asks for the least.
pub(super) struct Ids<'a>(&'a [[u8; 16]]);

impl<'a> Ids<'a> {
    pub(super) fn new(array: &'a FixedSizeBinaryArray) -> Self {
        Self(array.value_data().as_chunks().0)
    }
}

impl Values for Ids<'_> {
    fn put(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>) {
        leaf.for_each_run(items, |run| {
            let at = out.len();
            out.resize(at + self.size(run.clone()), 0);
            let (places, _) = out[at..].as_chunks_mut::<ID_BYTES>();
            for (place, id) in places.iter_mut().zip(&self.0[run]) {
                *place = sized_text(id);
            }
        });
    }

    fn size(&self, items: Range<usize>) -> usize {
        items.len() * ID_BYTES
    }

    fn statistics(&self, _: &Leaf<'_>) -> Option<Statistics> {
        None
    }
}

impl Keyed for Ids<'_> {
    type Key = u128;

    fn key(&self, item: usize) -> u128 {
        u128::from_ne_bytes(self.0[item])
    }

    fn note(&self, item: usize, filter: &mut Sbbf) {
        filter.insert(&guid_text(&self.0[item])[..]);
    }

    fn put_one(&self, item: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&sized_text(&self.0[item]));
    }

    fn bounds(&self, _: impl Iterator<Item = usize> + Clone, _: usize) -> Option<Statistics> {
        None
    }
}

/// The text of an id behind its length.
fn sized_text(id: &[u8; 16]) -> [u8; ID_BYTES] {
    let mut out = [0; ID_BYTES];
    out[0] = GUID_TEXT_BYTES as u8;
    out[ID_BYTES - GUID_TEXT_BYTES..].copy_from_slice(&guid_text(id));
    out
}

const ID_BYTES: usize = size_of::<u32>() + GUID_TEXT_BYTES;

/// Texts, JSON among them.
pub(super) struct Texts<'a>(pub(super) &'a StringArray);

impl Values for Texts<'_> {
    fn put(&self, leaf: &Leaf<'_>, items: Range<usize>, out: &mut Vec<u8>) {
        leaf.for_each(items, |item| self.put_one(item, out));
    }

    fn size(&self, items: Range<usize>) -> usize {
        let offsets = self.0.value_offsets();
        (offsets[items.end] - offsets[items.start]) as usize + items.len() * size_of::<u32>()
    }

    fn statistics(&self, leaf: &Leaf<'_>) -> Option<Statistics> {
        let mut items = Vec::with_capacity(leaf.count(leaf.all()));
        leaf.for_each(leaf.all(), |item| items.push(item));
        self.bounds(items.iter().copied(), leaf.nulls())
    }
}

impl<'a> Keyed for Texts<'a> {
    type Key = &'a [u8];

    fn key(&self, item: usize) -> &'a [u8] {
        self.0.value(item).as_bytes()
    }

    fn note(&self, item: usize, filter: &mut Sbbf) {
        filter.insert(self.key(item));
    }

    fn put_one(&self, item: usize, out: &mut Vec<u8>) {
        let text = self.key(item);
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
        out.extend_from_slice(text);
    }

    fn bounds(&self, items: impl Iterator<Item = usize> + Clone, nulls: usize) -> Option<Statistics> {
        let texts = items.map(|item| self.key(item));
        let bounds = texts.clone().min().zip(texts.max());
        let is_long = |text: &[u8]| text.len() > STATISTICS_BYTES;
        if bounds.is_some_and(|(least, greatest)| is_long(least) || is_long(greatest)) {
            return None;
        }
        let copy = |text: &[u8]| ByteArray::from(text.to_vec());
        Some(unsigned(bounds.map(|(least, greatest)| (copy(least), copy(greatest))), nulls as u64))
    }
}

/// Longer texts are no statistics: the library would cut them.
const STATISTICS_BYTES: usize = 64;

fn signed<T>(bounds: Option<(T, T)>, nulls: u64) -> Statistics
where
    ValueStatistics<T>: Into<Statistics>,
    T: parquet::data_type::AsBytes,
{
    let (least, greatest) = bounds.unzip();
    ValueStatistics::new(least, greatest, None, Some(nulls), false)
        .with_backwards_compatible_min_max(true)
        .into()
}

fn unsigned<T>(bounds: Option<(T, T)>, nulls: u64) -> Statistics
where
    ValueStatistics<T>: Into<Statistics>,
{
    let (least, greatest) = bounds.unzip();
    ValueStatistics::new(least, greatest, None, Some(nulls), false).into()
}
