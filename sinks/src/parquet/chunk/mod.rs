//! The column chunk of one column of a row group: the pages that the library would write, in half of its time.
//!
//! ```text
//! array ──► leaf: values and nulls ──► dictionary? ──► for each page: levels, values, zstd ──► EncodedChunk
//! ```
//!
//! Owns: the types that rows are made of. Does not own: the choice of dictionary, bloom filter, statistics and
//! compression (`encodings`), and rare types (`library`): floating point, binary, lists of structs.
//!
//! The library makes a counted reference of every GUID, looks up every string in a hash table with keys of any type,
//! keeps a number for every level, and sets up a schema, a file and two compressors for every column, which takes 50
//! µs; files of few rows are common. `docs/decisions/0015-chunks-of-our-own.md` has the figures, and the criterion by
//! which this folder is removed.
//!
//! # Source
//! The Parquet format, "Data Pages" and "Encodings": pages of version 1, `PLAIN`, `RLE_DICTIONARY`, `RLE` for levels.

mod dictionary; // distinct values, and the index of each value
mod leaf; // values, nulls and levels of a column or of its lists
mod pages; // pages, one after the other, and the chunk's metadata
mod rle; // run-length encoding and bit packing
mod values; // plain encoding and statistics of each type

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use parquet::basic::{Encoding, Type};
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result as ParquetResult;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use self::dictionary::Dictionary;
use self::leaf::Leaf;
pub(super) use self::pages::EncodedChunk;
use self::pages::{PagesBuilder, Scratch};
use self::values::{Booleans, Guids, KeyedValues, Number, Numbers, OrderedValues, Strings, Values};
use super::encodings::{BLOOM_FILTER_FPP, Encodings};

/// Encodes the chunks of a row group, one after the other.
pub(super) struct ChunkEncoder {
    scratch: Scratch,
}

impl ChunkEncoder {
    /// # Errors
    /// The compressor has no memory.
    pub(super) fn new() -> ParquetResult<Self> {
        Ok(Self { scratch: Scratch::new()? })
    }

    /// Encodes a nullable column; `None` if the library has to write its type.
    pub(super) fn encode(
        &mut self,
        column: &ColumnDescPtr,
        array: &ArrayRef,
        encodings: &Encodings,
    ) -> ParquetResult<Option<EncodedChunk>> {
        let Some(leaf) = Leaf::of(array, column) else { return Ok(None) };
        let pages = PagesBuilder::new(&mut self.scratch, encodings.compression);
        let chunk = Chunk { column, leaf: &leaf, encodings, pages };
        let values = leaf.values;
        match values.data_type() {
            DataType::FixedSizeBinary(16) if column.physical_type() == Type::BYTE_ARRAY => {
                chunk.encode_keyed(&Guids::new(values.as_fixed_size_binary()))
            }
            DataType::Utf8 => chunk.encode_keyed(&Strings(values.as_string())),
            DataType::Int32 => chunk.encode_numbers::<Int32Type>(),
            DataType::Date32 => chunk.encode_numbers::<Date32Type>(),
            DataType::Int64 => chunk.encode_numbers::<Int64Type>(),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                chunk.encode_numbers::<TimestampMicrosecondType>()
            }
            DataType::Decimal128(38, _) => chunk.encode_numbers::<Decimal128Type>(),
            DataType::Boolean => chunk.encode_ordered(&Booleans(values.as_boolean().values())),
            _ => return Ok(None),
        }
        .map(Some)
    }
}

/// A chunk while it is encoded.
struct Chunk<'a> {
    column: &'a ColumnDescPtr,
    leaf: &'a Leaf<'a>,
    encodings: &'a Encodings,
    pages: PagesBuilder<'a>,
}

impl Chunk<'_> {
    fn encode_numbers<T: ArrowPrimitiveType<Native: Number>>(self) -> ParquetResult<EncodedChunk> {
        let values = self.leaf.values.as_primitive::<T>().values();
        self.encode_ordered(&Numbers(values))
    }

    fn encode_ordered(self, values: &impl OrderedValues) -> ParquetResult<EncodedChunk> {
        let statistics = self.encodings.statistics.then(|| values.statistics(self.leaf));
        self.finish(values, None, statistics, None)
    }

    fn encode_keyed(mut self, values: &impl KeyedValues) -> ParquetResult<EncodedChunk> {
        let dictionary = if self.encodings.dictionary { Dictionary::build(values, self.leaf) } else { None };
        let bloom_filter = self.bloom_filter(values, dictionary.as_ref())?;
        let statistics = self.keyed_statistics(values, dictionary.as_ref());
        if let Some(dictionary) = &dictionary {
            for item in &dictionary.items {
                values.encode_one(*item, self.pages.page());
            }
            self.pages.finish_dictionary(dictionary.items.len())?;
        }
        self.finish(values, dictionary.as_ref(), statistics, bloom_filter)
    }

    fn keyed_statistics(
        &self,
        values: &impl KeyedValues,
        dictionary: Option<&Dictionary>,
    ) -> Option<Statistics> {
        if !self.encodings.statistics {
            return None;
        }
        let nulls = self.leaf.null_count();
        if let Some(dictionary) = dictionary {
            return values.statistics(&dictionary.items, nulls);
        }
        let mut items = Vec::with_capacity(self.leaf.value_count(self.leaf.all()));
        self.leaf.for_each(self.leaf.all(), |item| items.push(item));
        values.statistics(&items, nulls)
    }

    /// The bloom filter of the column's values; `None` if none was chosen or the column has no values.
    fn bloom_filter(
        &self,
        values: &impl KeyedValues,
        dictionary: Option<&Dictionary>,
    ) -> ParquetResult<Option<Sbbf>> {
        let count = self.leaf.value_count(self.leaf.all());
        if !self.encodings.bloom_filter || count == 0 {
            return Ok(None);
        }
        let mut bloom_filter = Sbbf::new_with_ndv_fpp(count as u64, BLOOM_FILTER_FPP)?;
        let insert = |item| values.insert_into(item, &mut bloom_filter);
        match dictionary {
            Some(dictionary) => dictionary.items.iter().copied().for_each(insert),
            None => self.leaf.for_each(self.leaf.all(), insert),
        }
        // Its size is that for all values; folding fits it to the distinct ones.
        bloom_filter.fold_to_target_fpp(BLOOM_FILTER_FPP);
        Ok(Some(bloom_filter))
    }

    /// Encodes the data pages and finishes the chunk.
    fn finish(
        mut self,
        values: &impl Values,
        dictionary: Option<&Dictionary>,
        statistics: Option<Statistics>,
        bloom_filter: Option<Sbbf>,
    ) -> ParquetResult<EncodedChunk> {
        let leaf = self.leaf;
        let (mut from, mut encoded) = (0, 0);
        while from < leaf.rows {
            let bytes = |items| if dictionary.is_none() { values.encoded_bytes(items) } else { 0 };
            let to = leaf.page_end(from, bytes);
            let items = leaf.items(from..to);
            let page = self.pages.page();
            leaf.encode_levels(from..to, page);
            let encoding = if let Some(dictionary) = dictionary {
                let count = leaf.value_count(items);
                dictionary.encode_indexes(encoded..encoded + count, page);
                encoded += count;
                Encoding::RLE_DICTIONARY
            } else {
                values.encode(leaf, items, page);
                Encoding::PLAIN
            };
            self.pages.finish_data(leaf.level_count(from..to), encoding)?;
            from = to;
        }
        self.pages.finish(Arc::clone(self.column), leaf.rows, statistics, bloom_filter)
    }
}
