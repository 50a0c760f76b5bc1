//! Some values of a column of texts or ids, for what they say of all.
//!
//! Only texts and ids are tried: zstd does the same for repeated numbers, and a dictionary of every column
//! takes half as long again and makes the file a tenth larger.

use ahash::RandomState;
use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;

use super::guid::GUID_TEXT_BYTES;
use super::limits::DICTIONARY_BYTES;

/// What a sample has shown.
pub(super) struct Sample {
    /// How many different values were among those taken.
    pub(super) distinct: usize,
    /// How many values the column has.
    of: usize,
    taken: usize,
    bytes: usize,
}

impl Sample {
    /// Takes values from all over the column; those of lists are the column's.
    pub(super) fn of(array: &dyn Array) -> Option<Self> {
        // The same keys always, so that equal columns are encoded alike.
        let hash = RandomState::with_seeds(1, 2, 3, 4);
        match array.data_type() {
            DataType::Utf8 => {
                let texts = array.as_string::<i32>();
                Some(Self::among(array, |row| {
                    let text = texts.value(row).as_bytes();
                    (hash.hash_one(text), text.len())
                }))
            }
            DataType::FixedSizeBinary(_) => {
                let ids = array.as_fixed_size_binary();
                Some(Self::among(array, |row| (hash.hash_one(ids.value(row)), GUID_TEXT_BYTES)))
            }
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                let (from, to) = (lists.value_offsets().first()?, lists.value_offsets().last()?);
                Self::of(&lists.values().slice(*from as usize, (to - from) as usize))
            }
            _ => None,
        }
    }

    /// `value` gives a value's hash and its length.
    fn among(array: &dyn Array, value: impl Fn(usize) -> (u64, usize)) -> Self {
        let (rows, nulls) = (array.len(), array.nulls());
        let step = rows.div_ceil(MOST).max(1);
        let mut sample = Self { of: rows - array.null_count(), taken: 0, distinct: 0, bytes: 0 };
        let mut seen = Seen([0; 2 * MOST]);
        let mut before = 0;
        for at in 0..rows / step {
            // Not just every so manieth: values may repeat in that rhythm.
            let row = at * step + at * 7919 % step;
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let (hash, length) = value(row);
            sample.taken += 1;
            sample.bytes += length;
            // A column that says one thing throughout needs no look.
            if hash != before {
                sample.distinct += usize::from(seen.is_new(hash));
                before = hash;
            }
        }
        sample
    }

    /// Whether a dictionary pays, or may.
    pub(super) fn repeats(&self) -> bool {
        /// A dictionary is a page of its own with a header of forty bytes.
        const FEWEST: usize = 32;
        /// A few of such texts that repeat pay for a dictionary, and how many do shows when it is made.
        ///
        /// # Units
        /// Bytes of a text.
        const LONG: usize = 64;
        if self.taken < FEWEST {
            return false;
        }
        let is_short_enough = self.of * self.bytes / self.taken <= 2 * DICTIONARY_BYTES;
        if self.bytes > LONG * self.taken && is_short_enough {
            return true;
        }
        let longest_dictionary = DICTIONARY_BYTES * self.taken / self.bytes.max(1);
        let most = longest_dictionary.min(self.of / 3) as f64;
        // Of so many distinct values a sample of this size has so many.
        let most_in_sample = most * (1.0 - (-(self.taken as f64) / most).exp());
        self.distinct as f64 <= most_in_sample
    }
}

/// So many values are taken at the most.
const MOST: usize = 1024;

/// The hashes of values that were taken: each at its place, or behind it. Zero is none.
struct Seen([u64; 2 * MOST]);

impl Seen {
    fn is_new(&mut self, hash: u64) -> bool {
        let hash = hash | 1;
        let mut place = (hash >> 32) as usize % self.0.len();
        while self.0[place] != 0 {
            if self.0[place] == hash {
                return false;
            }
            place = (place + 1) % self.0.len();
        }
        self.0[place] = hash;
        true
    }
}
