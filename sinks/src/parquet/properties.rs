//! How each column is encoded, and why. Figures in comments were measured over 47 columns as a lake has them
//! (12 ids, 6 decimals, 8 choices, 10 texts, 2 JSON, times and flags).

use std::collections::HashSet;

use ahash::RandomState;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

/// The properties of one column's writer.
///
/// No delta encodings: on ordinals and times they save one percent of a file and cost some readers.
pub(super) fn of_column(field: &Field, array: &dyn Array) -> WriterProperties {
    let sample = Sample::of(array);
    let properties = common()
        .set_compression(compression(array))
        .set_dictionary_enabled(sample.as_ref().is_some_and(Sample::repeats))
        .set_statistics_enabled(statistics(field, array, sample.as_ref()));
    if is_id(field) { with_bloom_filter(properties, array).build() } else { properties.build() }
}

/// The properties of the file that the columns are put into.
pub(super) fn of_file(facts: KeyValue) -> WriterProperties {
    common().set_key_value_metadata(Some(vec![facts])).build()
}

/// What a file and its columns agree on.
fn common() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_data_page_row_count_limit(PAGE_ROWS)
        // Where each page begins is of use to a reader that skips some; DuckDB does not, and it is a tenth
        // of a small file.
        .set_offset_index_disabled(true)
}

/// Rows after which a page is closed.
///
/// # Units
/// Rows. The library's own default.
const PAGE_ROWS: usize = 20_000;

/// zstd at level 1 makes 165 bytes of a row's 428; level 3 takes half as long again for three percent more.
fn compression(array: &dyn Array) -> Compression {
    /// Below this a compressor takes longer to set up (20 µs) than its bytes are worth.
    ///
    /// # Units
    /// Bytes of values.
    const WORTH_COMPRESSING: usize = 256;
    // A size that can't be told is that of something large.
    let size = array.to_data().get_slice_memory_size().unwrap_or(usize::MAX);
    if size < WORTH_COMPRESSING { Compression::UNCOMPRESSED } else { Compression::ZSTD(ZstdLevel::default()) }
}

/// Some values of a column of texts or ids, for what they say of all.
///
/// Only texts and ids are tried: zstd does the same for repeated numbers, and a dictionary of every column
/// takes half as long again and makes the file a tenth larger.
struct Sample {
    /// How many values there are, about.
    of: usize,
    taken: usize,
    distinct: usize,
    bytes: usize,
}

impl Sample {
    /// Takes values from all over the column; those of lists are the column's.
    fn of(array: &dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => {
                let texts = array.as_string::<i32>();
                Some(Self::among(array, |row| texts.value(row).as_bytes()))
            }
            DataType::FixedSizeBinary(_) => {
                let ids = array.as_fixed_size_binary();
                Some(Self::among(array, |row| ids.value(row)))
            }
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                let (from, to) = (lists.value_offsets().first()?, lists.value_offsets().last()?);
                Self::of(&lists.values().slice(*from as usize, (to - from) as usize))
            }
            _ => None,
        }
    }

    fn among<'a>(array: &dyn Array, value: impl Fn(usize) -> &'a [u8]) -> Self {
        const MOST: usize = 1024;
        let step = array.len().div_ceil(MOST).max(1);
        // Not just every so manieth: values may repeat in that rhythm.
        let rows = (0..array.len() / step).map(|at| at * step + at * 7919 % step);
        let mut seen = HashSet::with_hasher(RandomState::with_seeds(1, 2, 3, 4));
        let mut sample = Self { of: array.len() - array.null_count(), taken: 0, distinct: 0, bytes: 0 };
        let mut before = None;
        for value in rows.filter(|row| array.is_valid(*row)).map(value) {
            sample.taken += 1;
            sample.bytes += value.len();
            // A column that says one thing throughout needs no look.
            if before != Some(value) {
                seen.insert(value);
                before = Some(value);
            }
        }
        sample.distinct = seen.len();
        sample
    }

    /// Whether a dictionary pays.
    fn repeats(&self) -> bool {
        /// A dictionary is a page of its own with a header of forty bytes.
        const FEWEST: usize = 32;
        if self.taken < FEWEST {
            return false;
        }
        let longest_dictionary = DICTIONARY_BYTES * self.taken / self.bytes.max(1);
        let most = longest_dictionary.min(self.of / 3) as f64;
        // Of so many distinct values a sample of this size has so many.
        let most_in_sample = most * (1.0 - (-(self.taken as f64) / most).exp());
        self.distinct as f64 <= most_in_sample
    }
}

/// The longest dictionary: the library's own limit, behind which it writes plain values.
const DICTIONARY_BYTES: usize = 1 << 20;

/// Least and greatest value, where a reader can skip something by them.
fn statistics(field: &Field, array: &dyn Array, sample: Option<&Sample>) -> EnabledStatistics {
    // Ids are random: every range of them holds every other. So it is with texts, of which each is compared twice
    // for this, unless a file says one thing throughout. Of JSON nobody asks for the least.
    let pointless = is_id(field)
        || field.extension_type_name() == Some(JSON)
        || sample.is_some_and(|sample| sample.distinct > 1);
    match pointless {
        true => EnabledStatistics::None,
        false if array.len() > PAGE_ROWS => EnabledStatistics::Page,
        // Of one page they would say what the column's say, in fifty bytes a column.
        false => EnabledStatistics::Chunk,
    }
}

/// A bloom filter finds the few files that have an id: with it DuckDB reads 86 KB of a file of 3.5 MB to see
/// that an id is not there, without it 2.8 MB. All twelve make a file five percent larger.
fn with_bloom_filter(properties: WriterPropertiesBuilder, array: &dyn Array) -> WriterPropertiesBuilder {
    let values = (array.len() - array.null_count()) as u64;
    // What is set is only the most it may need: the filter is folded to the distinct values it holds.
    if values == 0 { properties } else { properties.set_bloom_filter_max_ndv(values) }
}

fn is_id(field: &Field) -> bool {
    field.extension_type_name() == Some(UUID)
}

/// The extension type that Parquet knows as UUID.
const UUID: &str = "arrow.uuid";

/// The extension type that Parquet knows as JSON.
const JSON: &str = "arrow.json";
