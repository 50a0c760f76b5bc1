//! One column of a file, read back: the place of each row.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
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

/// Reads a file's facts and one column of integers, and gives the values to `each` in the order of the rows.
///
/// Fetches the end of the file and, where the file is larger, the pages of that column; `None` if there is
/// no such file.
///
/// # Errors
/// Also for a file without that column, or with a null in it.
pub async fn read_ordinals(
    store: &Store,
    path: &Path,
    column: &str,
    mut each: impl FnMut(&[i64]),
) -> Result<Option<FooterFacts>, Error> {
    let Some(footer) = read_footer(store, path).await? else {
        return Ok(None);
    };
    let facts = facts_of(&footer.metadata, path)?;
    let mut decoder = decoder_of(&footer, path, column)?.build().map_err(unreadable(path))?;
    loop {
        match decoder.try_decode().map_err(unreadable(path))? {
            DecodeResult::Data(batch) => each(values_of(&batch, path, column)?),
            DecodeResult::NeedsData(ranges) => {
                let bytes = fetch(store, path, &footer, &ranges).await?;
                decoder.push_ranges(ranges, bytes).map_err(unreadable(path))?;
            }
            DecodeResult::Finished => return Ok(Some(facts)),
        }
    }
}

/// Makes a decoder of one column of a file.
fn decoder_of(footer: &Footer, path: &Path, column: &str) -> Result<ParquetPushDecoderBuilder, Error> {
    /// Rows decoded at once: 64 KiB of values.
    const BATCH_ROWS: usize = 8 * 1024;
    let columns = footer.metadata.file_metadata().schema_descr();
    let Some(leaf) = columns.columns().iter().position(|leaf| leaf.path().parts() == [column]) else {
        return Err(foreign(path, format!("it has no column {column:?}")));
    };
    let mask = ProjectionMask::leaves(columns, [leaf]);
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(&footer.metadata), ArrowReaderOptions::new())
        .map_err(unreadable(path))?;
    let decoder = ParquetPushDecoderBuilder::new_with_metadata(metadata);
    Ok(decoder.with_projection(mask).with_batch_size(BATCH_ROWS))
}

fn values_of<'a>(batch: &'a RecordBatch, path: &Path, column: &str) -> Result<&'a [i64], Error> {
    let array = batch.column(0);
    if *array.data_type() != DataType::Int64 || array.null_count() > 0 {
        return Err(foreign(path, format!("its column {column:?} holds something else than integers")));
    }
    Ok(array.as_primitive::<Int64Type>().values())
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
