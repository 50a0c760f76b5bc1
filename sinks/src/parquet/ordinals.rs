//! Two columns of a file, read back: the place of each row, and which row of its place it is.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type};
use bytes::Bytes;
use object_store::path::Path;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::push_decoder::ParquetPushDecoderBuilder;
use parquet::errors::ParquetError;

use super::Error;
use super::facts::{Footer, FooterFacts, facts_of, read_footer};
use crate::store::Store;

/// The columns that say which row of which place a row is.
#[derive(Clone, Copy, Debug)]
pub struct RowColumns {
    /// The place: 64-bit integers, in every file.
    pub ordinal: &'static str,
    /// Which of its place's rows it is: 32-bit integers. In a file without it every row is its place's first.
    pub row_index: &'static str,
}

/// Reads a file's facts and the columns that number its rows, and gives places and indexes to `each` in the
/// order of the rows.
///
/// Fetches the end of the file and, where the file is larger, the pages of these columns; `None` if there is
/// no such file.
///
/// # Errors
/// Also for a file without a column of places, or with a null in either.
pub async fn read_ordinals(
    store: &Store,
    path: &Path,
    columns: RowColumns,
    mut each: impl FnMut(&[i64], Option<&[i32]>),
) -> Result<Option<FooterFacts>, Error> {
    let Some(footer) = read_footer(store, path).await? else {
        return Ok(None);
    };
    let facts = facts_of(&footer.metadata, path)?;
    let mut decoder = decoder_of(&footer, path, columns)?.build().map_err(unreadable(path))?;
    loop {
        match decoder.try_decode().map_err(unreadable(path))? {
            DecodeResult::Data(batch) => {
                let places = values_of::<Int64Type>(&batch, path, columns.ordinal)?;
                let places = places.ok_or_else(|| lacks(path, columns.ordinal))?;
                each(places, values_of::<Int32Type>(&batch, path, columns.row_index)?);
            }
            DecodeResult::NeedsData(ranges) => {
                let bytes = fetch(store, path, &footer, &ranges).await?;
                decoder.push_ranges(ranges, bytes).map_err(unreadable(path))?;
            }
            DecodeResult::Finished => return Ok(Some(facts)),
        }
    }
}

/// Makes a decoder of the columns of a file that number its rows.
fn decoder_of(footer: &Footer, path: &Path, columns: RowColumns) -> Result<ParquetPushDecoderBuilder, Error> {
    /// Rows decoded at once: 96 KiB of values.
    const BATCH_ROWS: usize = 8 * 1024;
    let schema = footer.metadata.file_metadata().schema_descr();
    let leaf = |column: &str| schema.columns().iter().position(|leaf| leaf.path().parts() == [column]);
    let ordinal = leaf(columns.ordinal).ok_or_else(|| lacks(path, columns.ordinal))?;
    let mask = ProjectionMask::leaves(schema, [Some(ordinal), leaf(columns.row_index)].into_iter().flatten());
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(&footer.metadata), ArrowReaderOptions::new())
        .map_err(unreadable(path))?;
    let decoder = ParquetPushDecoderBuilder::new_with_metadata(metadata);
    Ok(decoder.with_projection(mask).with_batch_size(BATCH_ROWS))
}

/// The values of a column; `None` if there is no such column.
fn values_of<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    path: &Path,
    column: &str,
) -> Result<Option<&'a [T::Native]>, Error> {
    let Some(array) = batch.column_by_name(column) else { return Ok(None) };
    match array.as_primitive_opt::<T>().filter(|array| array.null_count() == 0) {
        Some(array) => Ok(Some(array.values())),
        None => Err(foreign(path, format!("its column {column:?} holds something else than integers"))),
    }
}

fn lacks(path: &Path, column: &str) -> Error {
    foreign(path, format!("it has no column {column:?}"))
}

/// Takes what is needed from the end that is there already, and fetches the rest.
async fn fetch(
    store: &Store,
    path: &Path,
    footer: &Footer,
    ranges: &[Range<u64>],
) -> Result<Vec<Bytes>, Error> {
    if ranges.iter().any(|range| range.start < footer.tail_start) {
        return Ok(store.get_ranges(path, ranges).await?);
    }
    let in_tail = |at: u64| (at - footer.tail_start) as usize;
    let has = |range: &&Range<u64>| range.start <= range.end && in_tail(range.end) <= footer.tail.len();
    let bytes: Vec<Bytes> = ranges
        .iter()
        .take_while(has)
        .map(|range| footer.tail.slice(in_tail(range.start)..in_tail(range.end)))
        .collect();
    if bytes.len() == ranges.len() {
        return Ok(bytes);
    }
    Err(foreign(path, "its footer names pages beyond its end".to_owned()))
}

fn unreadable(path: &Path) -> impl Fn(ParquetError) -> Error + use<> {
    let path = path.to_string();
    move |source| Error::Unreadable { path: path.clone(), source }
}

fn foreign(path: &Path, reason: String) -> Error {
    Error::Foreign { path: path.to_string(), reason }
}
