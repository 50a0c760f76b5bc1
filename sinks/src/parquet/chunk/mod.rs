//! One column of a row group becomes a column chunk: the pages that the library would write, in half of its time.
//!
//! ```text
//! array ──► leaf: values and nulls ──► dictionary? ──► for each page: levels, values, zstd ──► EncodedChunk
//! ```
//!
//! The library makes a counted reference of every id, asks a table with keys of any kind for every text, keeps a number
//! for every level, and sets up a schema, a file and two compressors for every column: 50 µs, and files of few rows are common.
//! Owns: the types that rows are made of. Does not own: whether a dictionary, a filter, statistics, compression pay
//! (`properties`), and what is rare: floating point, binary, lists of structs (the library writes these).
//!
//! # Source
//! The Parquet format, "Data Pages" and "Encodings": pages of version 1, `PLAIN`, `RLE_DICTIONARY`, `RLE` for levels.

mod dictionary; // the distinct values of a column
mod leaf; // the values of a column, or of its lists, and which are null
mod rle; // runs and bit-packed groups of small numbers
mod pages; // pages, put one behind the other
mod values; // how values of each type are written

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
use self::pages::{Pages, Tools};
use self::values::{Flags, Ids, Keyed, Number, Numbers, Texts, Values};
use super::encodings::{Encodings, FILTER_FALSE_POSITIVES};

/// Writes the chunks of a row group, one after the other.
pub(super) struct ChunkWriter {
    tools: Tools,
}

impl ChunkWriter {
    /// # Errors
    /// There is no memory for a compressor.
    pub(super) fn new() -> ParquetResult<Self> {
        Ok(Self { tools: Tools::new()? })
    }

    /// Encodes a column that may be null; `None` if it is the library's.
    pub(super) fn write(
        &mut self,
        column: &ColumnDescPtr,
        array: &ArrayRef,
        encodings: &Encodings,
    ) -> ParquetResult<Option<EncodedChunk>> {
        let Some(leaf) = Leaf::of(array, column) else { return Ok(None) };
        let pages = Pages::new(&mut self.tools, encodings.compression);
        let chunk = Chunk { column, leaf: &leaf, encodings, pages };
        let values = leaf.values;
        match values.data_type() {
            DataType::FixedSizeBinary(16) if column.physical_type() == Type::BYTE_ARRAY => {
                chunk.keyed(&Ids::new(values.as_fixed_size_binary()))
            }
            DataType::Utf8 => chunk.keyed(&Texts(values.as_string())),
            DataType::Int32 => chunk.numbers::<Int32Type>(),
            DataType::Date32 => chunk.numbers::<Date32Type>(),
            DataType::Int64 => chunk.numbers::<Int64Type>(),
            DataType::Timestamp(TimeUnit::Microsecond, _) => chunk.numbers::<TimestampMicrosecondType>(),
            DataType::Decimal128(38, _) => chunk.numbers::<Decimal128Type>(),
            DataType::Boolean => chunk.plain(&Flags(values.as_boolean().values()), None),
            _ => return Ok(None),
        }
        .map(Some)
    }
}

/// A chunk that is being written.
struct Chunk<'a> {
    column: &'a ColumnDescPtr,
    leaf: &'a Leaf<'a>,
    encodings: &'a Encodings,
    pages: Pages<'a>,
}

impl Chunk<'_> {
    fn numbers<T: ArrowPrimitiveType<Native: Number>>(self) -> ParquetResult<EncodedChunk> {
        let values = self.leaf.values.as_primitive::<T>().values();
        self.plain(&Numbers(values), None)
    }

    fn plain(self, values: &impl Values, filter: Option<Sbbf>) -> ParquetResult<EncodedChunk> {
        let statistics = self.encodings.statistics.then(|| values.statistics(self.leaf)).flatten();
        self.write(values, None, statistics, filter)
    }

    fn keyed(mut self, values: &impl Keyed) -> ParquetResult<EncodedChunk> {
        let dictionary = if self.encodings.dictionary { Dictionary::of(values, self.leaf) } else { None };
        let filter = self.filter(values, dictionary.as_ref())?;
        let Some(dictionary) = dictionary else { return self.plain(values, filter) };
        for item in &dictionary.items {
            values.put_one(*item, self.pages.page());
        }
        self.pages.put_dictionary(dictionary.items.len())?;
        let nulls = self.leaf.nulls();
        let bounds = || values.bounds(dictionary.items.iter().copied(), nulls);
        let statistics = self.encodings.statistics.then(bounds).flatten();
        self.write(values, Some(&dictionary), statistics, filter)
    }

    /// Which values the column has not.
    fn filter(&self, values: &impl Keyed, dictionary: Option<&Dictionary>) -> ParquetResult<Option<Sbbf>> {
        let most = self.leaf.count(self.leaf.all());
        if !self.encodings.filter || most == 0 {
            return Ok(None);
        }
        let mut filter = Sbbf::new_with_ndv_fpp(most as u64, FILTER_FALSE_POSITIVES)?;
        let note = |item| values.note(item, &mut filter);
        match dictionary {
            Some(dictionary) => dictionary.items.iter().copied().for_each(note),
            None => self.leaf.for_each(self.leaf.all(), note),
        }
        // Made for as many as there are values, it is folded to those that are distinct.
        filter.fold_to_target_fpp(FILTER_FALSE_POSITIVES);
        Ok(Some(filter))
    }

    fn write(
        mut self,
        values: &impl Values,
        dictionary: Option<&Dictionary>,
        statistics: Option<Statistics>,
        filter: Option<Sbbf>,
    ) -> ParquetResult<EncodedChunk> {
        let leaf = self.leaf;
        let (mut from, mut known) = (0, 0);
        while from < leaf.rows {
            let to = leaf.page_end(from, |items| if dictionary.is_none() { values.size(items) } else { 0 });
            let items = leaf.items(from..to);
            let page = self.pages.page();
            leaf.put_levels(from..to, page);
            let encoding = if let Some(dictionary) = dictionary {
                let count = leaf.count(items);
                dictionary.put(known..known + count, page);
                known += count;
                Encoding::RLE_DICTIONARY
            } else {
                values.put(leaf, items, page);
                Encoding::PLAIN
            };
            self.pages.put_data(leaf.slots(from..to), encoding)?;
            from = to;
        }
        self.pages.finish(Arc::clone(self.column), leaf.rows, statistics, filter)
    }
}
