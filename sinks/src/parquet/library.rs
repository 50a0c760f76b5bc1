//! Column chunks by the library's writer, like our own: a checksum in each page's header.
//!
//! Owns: page headers with checksums for the library's pages. Does not own: which columns it writes (`row_group`): the
//! rare types (floating point, binary, lists of structs), or all on request.
//!
//! The library writes no checksums, but passes each header and its page to a page store as two blobs, so that the
//! header can be replaced.

use std::io::Sink;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, PageKey, PageStore, PageStoreArgs, PageStoreFactory,
    compute_leaves,
};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::FixedLenByteArray;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::SerializedFileWriter;

use super::chunk::EncodedChunk;
use super::guid::guid_strings;
use super::page_header::{MAX_HEADER_BYTES, PageHeader, PageKind};
use super::schema::{is_guid, schema_of};

/// Encodes a column. A list of structs has several chunks.
pub(super) fn encode_column(
    field: &FieldRef,
    array: &ArrayRef,
    properties: WriterProperties,
) -> ParquetResult<Vec<EncodedChunk>> {
    let (field, array) = &in_file(field, array)?;
    let stores = Arc::new(Stores::default());
    let writers = column_writers(field, properties, &stores)?;
    let leaves = compute_leaves(field, array)?;
    let mut chunks = Vec::with_capacity(writers.len());
    for (index, (mut writer, leaf)) in writers.into_iter().zip(&leaves).enumerate() {
        writer.write(leaf)?;
        let written = writer.close()?;
        let blobs = stores.take_blobs(index)?;
        chunks.push(with_checksums(&blobs, written.close())?);
    }
    Ok(chunks)
}

/// A column as files have it: GUIDs as strings, other types unchanged.
fn in_file(field: &FieldRef, array: &ArrayRef) -> ParquetResult<(FieldRef, ArrayRef)> {
    if !is_guid(field) {
        return Ok((Arc::clone(field), Arc::clone(array)));
    }
    let strings = guid_strings(array.as_fixed_size_binary())?;
    let field = Field::new(field.name(), DataType::Utf8, field.is_nullable());
    Ok((Arc::new(field), Arc::new(strings)))
}

/// Assembles a chunk: the dictionary first, a checksum in each header.
fn with_checksums(blobs: &[Bytes], close: &ColumnCloseResult) -> ParquetResult<EncodedChunk> {
    let size = blobs.iter().map(Bytes::len).sum::<usize>() + blobs.len() / 2 * MAX_HEADER_BYTES;
    let (mut pages, mut data) = (Vec::new(), Vec::with_capacity(size));
    let mut added = 0;
    for blob in blobs.chunks(2) {
        let [old_header, page] = blob else { return Err(unexpected("passed a header without a page")) };
        let read = PageHeader::read(old_header).filter(|(_, length)| *length == old_header.len());
        let Some((header, _)) = read else { return Err(unexpected("made an unknown kind of page")) };
        let out = if header.kind == PageKind::Dictionary { &mut pages } else { &mut data };
        let start = out.len();
        PageHeader { crc: Some(crc32fast::hash(page)), ..header }.write(out);
        added += out.len() - start - old_header.len();
        out.extend_from_slice(page);
    }
    let dictionary_bytes = pages.len();
    // Exactly, since the chunk stays in memory until its file is assembled.
    pages.reserve_exact(data.len());
    pages.append(&mut data);
    let uncompressed = close.metadata.uncompressed_size() + added as i64;
    let mut metadata = close
        .metadata
        .clone()
        .into_builder()
        .set_dictionary_page_offset((dictionary_bytes > 0).then_some(0))
        .set_data_page_offset(dictionary_bytes as i64)
        .set_total_compressed_size(pages.len() as i64)
        .set_total_uncompressed_size(uncompressed);
    if let Some(statistics) = detached(close.metadata.statistics()) {
        metadata = metadata.set_statistics(statistics);
    }
    let close = ColumnCloseResult {
        bytes_written: pages.len() as u64,
        metadata: metadata.build()?,
        // Both hold offsets that are no longer right; our files have neither.
        column_index: None,
        offset_index: None,
        ..close.clone()
    };
    Ok(EncodedChunk::new(pages.into(), close))
}

/// A copy of a chunk's min and max: the library's are slices, which keep the buffer of all values alive.
fn detached(statistics: Option<&Statistics>) -> Option<Statistics> {
    let Some(Statistics::FixedLenByteArray(shared)) = statistics else { return None };
    let copy = |value: &FixedLenByteArray| FixedLenByteArray::from(value.data().to_vec());
    let own = ValueStatistics::new(
        shared.min_opt().map(copy),
        shared.max_opt().map(copy),
        shared.distinct_count(),
        shared.null_count_opt(),
        false,
    )
    .with_min_is_exact(shared.min_is_exact())
    .with_max_is_exact(shared.max_is_exact());
    Some(own.into())
}

/// The library's writers of a column, made as if it were the only one of a file.
fn column_writers(
    field: &FieldRef,
    properties: WriterProperties,
    stores: &Arc<Stores>,
) -> ParquetResult<Vec<ArrowColumnWriter>> {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let root = schema_of(&schema)?;
    let file: SerializedFileWriter<Sink> =
        SerializedFileWriter::new(std::io::sink(), root, Arc::new(properties))?;
    let stores: Arc<dyn PageStoreFactory> = Arc::<Stores>::clone(stores);
    ArrowRowGroupWriterFactory::new(&file, schema).with_page_store_factory(stores).create_column_writers(0)
}

/// Blobs that the library's writers have passed, by leaf: a header, its page, the next header, and so on.
#[derive(Debug, Default)]
struct Stores(Mutex<Vec<Blobs>>);

type Blobs = Arc<Mutex<Vec<Bytes>>>;

impl Stores {
    /// Removes and returns the blobs of a leaf.
    fn take_blobs(&self, leaf: usize) -> ParquetResult<Vec<Bytes>> {
        let stores = locked(&self.0);
        let blobs = stores.get(leaf).ok_or_else(|| unexpected("made no pages"))?;
        Ok(std::mem::take(&mut *locked(blobs)))
    }
}

impl PageStoreFactory for Stores {
    fn create(&self, _leaf: &PageStoreArgs<'_>) -> ParquetResult<Box<dyn PageStore>> {
        let blobs = Blobs::default();
        locked(&self.0).push(Arc::clone(&blobs));
        Ok(Box::new(LeafStore(blobs)))
    }
}

/// The page store of one leaf.
#[derive(Debug)]
struct LeafStore(Blobs);

impl PageStore for LeafStore {
    fn put(&mut self, blob: Bytes) -> ParquetResult<PageKey> {
        let mut blobs = locked(&self.0);
        blobs.push(blob);
        Ok(PageKey::new(blobs.len() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> ParquetResult<Bytes> {
        let mut blobs = locked(&self.0);
        blobs
            .get_mut(key.get() as usize)
            .map(std::mem::take)
            .ok_or_else(|| unexpected("asked for a page that it did not pass"))
    }

    fn memory_size(&self) -> usize {
        locked(&self.0).iter().map(Bytes::len).sum()
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // No panic leaves the vector half changed.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unexpected(fault: &str) -> ParquetError {
    ParquetError::General(format!("the library's column writer {fault}"))
}
