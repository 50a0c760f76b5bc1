//! A sample of a column's strings or GUIDs, from which its encoding follows.
//!
//! Other types have no dictionary: zstd does the same for repeated numbers, and a dictionary for every column takes
//! half as long again and makes the file a tenth larger.

use ahash::RandomState;
use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::guid::GUID_TEXT_BYTES;
use super::limits::DICTIONARY_BYTES;

/// Counts over a sample of up to [`SAMPLE_MAX`] rows.
pub(super) struct Sample {
    /// Distinct values in the sample.
    pub(super) distinct: usize,
    /// Values in the sample.
    values: usize,
    /// Bytes of the values in the sample.
    bytes: usize,
    /// Values of the column.
    column_values: usize,
}

impl Sample {
    /// Samples a column, or the items of its lists; `None` for types that have no dictionary.
    pub(super) fn of(array: &dyn Array) -> Option<Self> {
        // Constant keys, so that equal columns are encoded alike.
        let hash = RandomState::with_seeds(1, 2, 3, 4);
        match array.data_type() {
            DataType::Utf8 => {
                let strings = array.as_string::<i32>();
                Some(Self::over(array, |row| {
                    let string = strings.value(row).as_bytes();
                    (hash.hash_one(string), string.len())
                }))
            }
            DataType::FixedSizeBinary(_) => {
                let guids = array.as_fixed_size_binary();
                Some(Self::over(array, |row| (hash.hash_one(guids.value(row)), GUID_TEXT_BYTES)))
            }
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                let (from, to) = (lists.value_offsets().first()?, lists.value_offsets().last()?);
                Self::of(&lists.values().slice(*from as usize, (to - from) as usize))
            }
            _ => None,
        }
    }

    /// Samples rows; `value` returns a row's hash and length in bytes.
    fn over(array: &dyn Array, value: impl Fn(usize) -> (u64, usize)) -> Self {
        let (rows, nulls) = (array.len(), array.nulls());
        let stride = rows.div_ceil(SAMPLE_MAX).max(1);
        let column_values = rows - array.null_count();
        let mut sample = Self { distinct: 0, values: 0, bytes: 0, column_values };
        let mut seen: HashTable<u64> = HashTable::with_capacity(rows.min(SAMPLE_MAX));
        let mut previous = 0;
        for index in 0..rows / stride {
            // Not at a fixed stride: values may repeat with that period.
            let row = index * stride + index * 7919 % stride;
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let (hash, length) = value(row);
            sample.values += 1;
            sample.bytes += length;
            // Saves the lookup in columns with runs of one value.
            if hash != previous {
                if let Entry::Vacant(entry) = seen.entry(hash, |other| *other == hash, |other| *other) {
                    entry.insert(hash);
                    sample.distinct += 1;
                }
                previous = hash;
            }
        }
        sample
    }

    /// True if a dictionary pays, or may pay and is worth a try.
    pub(super) fn favors_dictionary(&self) -> bool {
        if self.values < DICTIONARY_SAMPLE_MIN {
            return false;
        }
        let fits = self.column_values * self.bytes / self.values <= 2 * DICTIONARY_BYTES;
        if self.bytes > LONG_STRING_BYTES * self.values && fits {
            return true;
        }
        let dictionary_values_max = DICTIONARY_BYTES * self.values / self.bytes.max(1);
        let distinct_max = dictionary_values_max.min(self.column_values / 3) as f64;
        // Expected number of distinct values in the sample if the column has `distinct_max`.
        let sample_distinct_max = distinct_max * (1.0 - (-(self.values as f64) / distinct_max).exp());
        self.distinct as f64 <= sample_distinct_max
    }
}

/// Upper bound on the rows of a sample.
const SAMPLE_MAX: usize = 1024;

/// Values below which a dictionary does not pay for its page with a header of forty bytes.
const DICTIONARY_SAMPLE_MIN: usize = 32;

/// Mean bytes of strings above which a dictionary is tried: a few that repeat pay for it, and a sample shows too few.
const LONG_STRING_BYTES: usize = 64;
