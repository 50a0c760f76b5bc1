//! The encoding of each column, and why. Figures in comments were measured over 47 columns as a lake has them
//! (12 GUIDs, 6 decimals, 8 choices, 10 strings, 2 JSON, times and booleans).

use arrow::array::Array;
use arrow::datatypes::{DataType, Field};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

use super::limits::PAGE_ROWS;
use super::sample::Sample;
use super::schema::{JSON, is_guid};

/// The encoding of one column.
///
/// No delta encodings: on ordinals and times they save one percent of a file, and some readers lack them.
#[derive(Debug)]
pub(super) struct Encodings {
    /// Distinct values are written once, in a dictionary.
    pub(super) dictionary: bool,
    /// Compression of its pages.
    pub(super) compression: Compression,
    /// It has a bloom filter, by which a reader finds the few files with a GUID: with it DuckDB reads 86 KB of a file
    /// of 3.5 MB to see that a GUID is not in it, without it 2.8 MB. All twelve make a file three percent larger.
    pub(super) bloom_filter: bool,
    /// It has min/max statistics.
    pub(super) statistics: bool,
}

impl Encodings {
    /// Chooses by the values of a column.
    pub(super) fn choose(field: &Field, array: &dyn Array) -> Self {
        let sample = Sample::of(array);
        Self {
            dictionary: sample.as_ref().is_some_and(Sample::favors_dictionary),
            compression: compression(array),
            bloom_filter: is_guid(field),
            statistics: has_statistics(field, sample.as_ref()),
        }
    }

    /// The same choice for the library's writer of this column.
    pub(super) fn properties(&self, array: &dyn Array) -> WriterProperties {
        // Not for each page, which would take fifty bytes a column: a row group has two or three pages.
        let statistics = if self.statistics { EnabledStatistics::Chunk } else { EnabledStatistics::None };
        let properties = shared_properties()
            .set_compression(self.compression)
            .set_dictionary_enabled(self.dictionary)
            .set_statistics_enabled(statistics);
        let values = array.len() - array.null_count();
        if !self.bloom_filter || values == 0 {
            return properties.build();
        }
        properties
            .set_bloom_filter_enabled(true)
            .set_bloom_filter_fpp(BLOOM_FILTER_FPP)
            .set_bloom_filter_max_ndv(values as u64)
            .build()
    }
}

/// The properties of the file that the chunks are appended to.
pub(super) fn file_properties() -> WriterProperties {
    let version = concat!(" version ", env!("CARGO_PKG_VERSION"));
    shared_properties().set_created_by(format!("{CREATED_BY}{version}")).build()
}

/// Name of this program in a footer, before its version. An audit recognizes files of other programs by it.
pub(super) const CREATED_BY: &str = "catchwater";

/// Properties of a file and of its columns.
fn shared_properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_data_page_row_count_limit(PAGE_ROWS)
        // The offset of each page would be a tenth of a small file. DuckDB does not use it to skip pages.
        .set_offset_index_disabled(true)
}

/// Compression of a column. zstd at level 1 makes 165 bytes of a row's 428; level 3 takes half as long again for three
/// percent more.
fn compression(array: &dyn Array) -> Compression {
    // An unknown size counts as large.
    let bytes = array.to_data().get_slice_memory_size().unwrap_or(usize::MAX);
    if bytes < COMPRESSED_BYTES_MIN {
        Compression::UNCOMPRESSED
    } else {
        Compression::ZSTD(ZstdLevel::default())
    }
}

/// Bytes of values from which on a column is compressed. Below, compression saves a few dozen bytes and takes as long
/// as everything else about a column.
const COMPRESSED_BYTES_MIN: usize = 256;

/// False positive probability of a bloom filter, an upper bound, as its size is a power of two. At half of this, the
/// library's default, bloom filters were 6 % of a file of 20,000 accounts; now they are 3 %.
pub(super) const BLOOM_FILTER_FPP: f64 = 0.1;

/// True if a reader can skip row groups by a column's min and max.
///
/// * GUIDs are random: the range of one row group overlaps all others.
/// * Strings are much the same, and each is compared twice for the statistics; those of one value have them.
/// * JSON is not filtered by range.
/// * Doubles would need the care for zeros, and the order, that older readers lack.
fn has_statistics(field: &Field, sample: Option<&Sample>) -> bool {
    !(is_guid(field)
        || *field.data_type() == DataType::Float64
        || field.extension_type_name() == Some(JSON)
        || sample.is_some_and(|sample| sample.distinct > 1))
}
