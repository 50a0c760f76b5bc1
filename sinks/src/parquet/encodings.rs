//! How each column is encoded, and why. Figures in comments were measured over 47 columns as a lake has them
//! (12 ids, 6 decimals, 8 choices, 10 texts, 2 JSON, times and flags).

use arrow::array::Array;
use arrow::datatypes::{DataType, Field};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

use super::limits::PAGE_ROWS;
use super::sample::Sample;
use super::schema::{JSON, is_id};

/// How one column is encoded.
///
/// No delta encodings: on ordinals and times they save one percent of a file and cost some readers.
#[derive(Debug)]
pub(super) struct Encodings {
    /// Its distinct values stand once.
    pub(super) dictionary: bool,
    /// How its pages are compressed.
    pub(super) compression: Compression,
    /// It has a bloom filter, which finds the few files that have an id: with it DuckDB reads 86 KB of a file of 3.5 MB to
    /// see that an id is not there, without it 2.8 MB. All twelve make a file three percent larger.
    pub(super) filter: bool,
    /// It has its least and greatest value.
    pub(super) statistics: bool,
}

impl Encodings {
    /// Chooses by what a column holds.
    pub(super) fn of(field: &Field, array: &dyn Array) -> Self {
        let sample = Sample::of(array);
        Self {
            dictionary: sample.as_ref().is_some_and(Sample::repeats),
            compression: compression(array),
            filter: is_id(field),
            statistics: has_statistics(field, sample.as_ref()),
        }
    }

    /// The same for the library, which writes no column that has a filter.
    pub(super) fn properties(&self) -> WriterProperties {
        // A row group is two or three pages: what each of them holds is not worth fifty bytes a column.
        let statistics = if self.statistics { EnabledStatistics::Chunk } else { EnabledStatistics::None };
        common()
            .set_compression(self.compression)
            .set_dictionary_enabled(self.dictionary)
            .set_statistics_enabled(statistics)
            .build()
    }
}

/// The properties of the file that the columns are put into.
pub(super) fn file_properties() -> WriterProperties {
    let version = concat!(" version ", env!("CARGO_PKG_VERSION"));
    common().set_created_by(format!("{CREATED_BY}{version}")).build()
}

/// The program in a file's footer, before its version. An audit tells by it that another one has written the file.
pub(super) const CREATED_BY: &str = "catchwater";

/// What a file and its columns agree on.
fn common() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_data_page_row_count_limit(PAGE_ROWS)
        // Where each page begins is of use to a reader that skips some; DuckDB does not, and it is a tenth
        // of a small file.
        .set_offset_index_disabled(true)
}

/// zstd at level 1 makes 165 bytes of a row's 428; level 3 takes half as long again for three percent more.
fn compression(array: &dyn Array) -> Compression {
    /// Below this compression saves a few dozen bytes, and takes as long as all else of a column.
    ///
    /// # Units
    /// Bytes of values.
    const WORTH_COMPRESSING: usize = 256;
    // A size that can't be told is that of something large.
    let size = array.to_data().get_slice_memory_size().unwrap_or(usize::MAX);
    if size < WORTH_COMPRESSING { Compression::UNCOMPRESSED } else { Compression::ZSTD(ZstdLevel::default()) }
}

/// How often a filter may say yes to a value that is not there; less where its size, a power of two, holds more values.
/// At half of this, as in the library, filters were 6 % of a file of 20,000 accounts, and are 3.
pub(super) const FILTER_FALSE_POSITIVES: f64 = 0.1;

/// Whether a reader can skip something by a column's least and greatest value.
fn has_statistics(field: &Field, sample: Option<&Sample>) -> bool {
    // Ids are random: every range of them holds every other. So it is with texts, of which each is compared twice
    // for this, unless a file says one thing throughout. Of JSON nobody asks for the least. Minima of doubles would need the
    // care for zeros and the order that older readers don't know.
    let is_pointless = is_id(field)
        || *field.data_type() == DataType::Float64
        || field.extension_type_name() == Some(JSON)
        || sample.is_some_and(|sample| sample.distinct > 1);
    !is_pointless
}
