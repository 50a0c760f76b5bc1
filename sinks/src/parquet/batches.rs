//! Some columns of a file, read back a few rows at a time.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
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

/// Reads a file's facts and some of its plain columns, and gives the rows to `each`, at most so many at once.
///
/// A column that the file does not have is in no batch: it is null throughout. Fetches the end of the file
/// and, where the file is larger, the pages of these columns; `None` if there is no such file.
pub async fn read_batches<E: From<Error>>(
    store: &Store,
    path: &Path,
    columns: &[&str],
    rows: usize,
    mut each: impl FnMut(&RecordBatch) -> Result<(), E>,
) -> Result<Option<FooterFacts>, E> {
    let Some(footer) = read_footer(store, path).await? else {
        return Ok(None);
    };
    let facts = facts_of(&footer.metadata, path)?;
    let decoder = decoder_of(&footer, path, columns)?.with_batch_size(rows);
    let mut decoder = decoder.build().map_err(unreadable(path))?;
    loop {
        match decoder.try_decode().map_err(unreadable(path))? {
            DecodeResult::Data(batch) => each(&batch)?,
            DecodeResult::NeedsData(ranges) => {
                let bytes = fetch(store, path, &footer, &ranges).await?;
                decoder.push_ranges(ranges, bytes).map_err(unreadable(path))?;
            }
            DecodeResult::Finished => return Ok(Some(facts)),
        }
    }
}

/// Makes a decoder of those of the columns that a file has.
fn decoder_of(footer: &Footer, path: &Path, columns: &[&str]) -> Result<ParquetPushDecoderBuilder, Error> {
    let schema = footer.metadata.file_metadata().schema_descr();
    let is_asked_for = |parts: &[String]| matches!(parts, [name] if columns.contains(&name.as_str()));
    let leaves = schema.columns().iter().enumerate().filter(|(_, leaf)| is_asked_for(leaf.path().parts()));
    let mask = ProjectionMask::leaves(schema, leaves.map(|(at, _)| at));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(&footer.metadata), ArrowReaderOptions::new())
        .map_err(unreadable(path))?;
    Ok(ParquetPushDecoderBuilder::new_with_metadata(metadata).with_projection(mask))
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

pub(super) fn foreign(path: &Path, reason: String) -> Error {
    Error::Foreign { path: path.to_string(), reason }
}
