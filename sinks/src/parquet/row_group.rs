//! A record batch becomes encoded column chunks, one column after the other.
//!
//! A column writer is a compressor, hash tables and page buffers: the one that runs is the only one there is.

use std::io::Sink;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, PageKey, PageStore, PageStoreArgs,
    PageStoreFactory, compute_leaves,
};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::FixedLenByteArray;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor, TypePtr};

use super::Error;
use super::chunk::{ChunkWriter, EncodedChunk};
use super::properties::Encodings;

/// One encoded row group: bytes and what a footer says about them.
#[derive(Debug)]
pub struct RowGroup {
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

/// One column of a row group; a list or a struct has several chunks.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) field: FieldRef,
    pub(super) chunks: Vec<Chunk>,
}

/// Encoded pages of one leaf.
#[derive(Debug)]
pub(super) enum Chunk {
    /// Written by us.
    Own(EncodedChunk),
    /// Written by the library.
    Library(ArrowColumnChunk),
}

impl Chunk {
    /// What a footer says about it.
    fn close(&self) -> &ColumnCloseResult {
        match self {
            Self::Own(chunk) => chunk.close(),
            Self::Library(chunk) => chunk.close(),
        }
    }

    /// Puts it into a file.
    pub(super) fn append(self, to: &mut SerializedRowGroupWriter<'_, Vec<u8>>) -> ParquetResult<()> {
        match self {
            Self::Own(chunk) => chunk.append(to),
            Self::Library(chunk) => chunk.append_to_row_group(to),
        }
    }
}

/// Encodes a record batch as one row group.
///
/// A column that is null throughout costs its place in the footer: leave it out of the batch.
pub fn encode_row_group(batch: &RecordBatch) -> Result<RowGroup, Error> {
    let fields: Vec<FieldRef> = batch.schema_ref().fields().iter().map(nullable).collect();
    let root = schema_of(&Schema::new(fields.clone())).map_err(|source| Error::Assemble { source })?;
    let described = SchemaDescriptor::new(root);
    let mut writer = ChunkWriter::new().map_err(|source| Error::Assemble { source })?;
    let mut columns = Vec::with_capacity(fields.len());
    let mut first = 0;
    for (root, (field, array)) in fields.into_iter().zip(batch.columns()).enumerate() {
        let is_own = |leaf: &usize| described.get_column_root_idx(*leaf) == root;
        let own = (first..described.num_columns()).take_while(is_own).count();
        let leaves = &described.columns()[first..first + own];
        first += own;
        let chunks = encode_column(&mut writer, leaves, &field, array)
            .map_err(|source| Error::Column { column: field.name().clone(), source })?;
        columns.push(Column { field, chunks });
    }
    let bytes = columns.iter().map(Column::bytes).sum();
    Ok(RowGroup { columns, rows: batch.num_rows(), bytes })
}

impl RowGroup {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What it occupies in memory until the file is assembled.
    ///
    /// # Units
    /// Bytes of encoded pages and, estimated, of what the footer will say about them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it can stand in one file with `earlier`: what columns they share have the same type.
    pub fn joins(&self, earlier: &[RowGroup]) -> bool {
        let shared = |column: &Column, group: &RowGroup| {
            let same_name = |other: &&Column| other.field.name() == column.field.name();
            group.columns.iter().find(same_name).is_none_or(|other| other.has_type_of(column))
        };
        self.columns.iter().all(|column| earlier.iter().all(|group| shared(column, group)))
    }

    /// The columns in their order.
    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Gives the columns away.
    pub(super) fn into_columns(self) -> Vec<Column> {
        self.columns
    }
}

impl Column {
    /// Whether both are the same column to Parquet, which splices chunks only into their like.
    pub(super) fn has_type_of(&self, other: &Column) -> bool {
        let described = |column: &Chunk| column.close().metadata.column_descr_ptr();
        self.chunks.len() == other.chunks.len()
            && self.chunks.iter().zip(&other.chunks).all(|(one, two)| described(one) == described(two))
    }

    fn bytes(&self) -> usize {
        /// Of a chunk's metadata, its column's description, its pages' handles.
        ///
        /// # Units
        /// Bytes; 1,330 to 1,390 were measured with a counting allocator.
        const CHUNK_OVERHEAD: usize = 1400;
        /// Of a bloom filter, in bytes: eight words of 32 bits.
        const FILTER_BLOCK: usize = 32;
        let size = |chunk: &Chunk| {
            let close = chunk.close();
            let filter = close.bloom_filter.as_ref().map_or(0, Sbbf::num_blocks) * FILTER_BLOCK;
            close.metadata.compressed_size() as usize + filter + CHUNK_OVERHEAD
        };
        self.chunks.iter().map(size).sum()
    }
}

fn encode_column(
    writer: &mut ChunkWriter,
    leaves: &[ColumnDescPtr],
    field: &FieldRef,
    array: &ArrayRef,
) -> ParquetResult<Vec<Chunk>> {
    let encodings = Encodings::of(field, array);
    if let [leaf] = leaves
        && let Some(chunk) = writer.write(leaf, array, &encodings)?
    {
        return Ok(vec![Chunk::Own(chunk)]);
    }
    let writers = column_writers(field, encodings.properties())?;
    let leaves = compute_leaves(field, array)?;
    let mut chunks = Vec::with_capacity(writers.len());
    for (mut writer, leaf) in writers.into_iter().zip(&leaves) {
        writer.write(leaf)?;
        chunks.push(Chunk::Library(detached(writer.close()?)?));
    }
    Ok(chunks)
}

/// Every column may be null in some row group of its file, so that each says so in all of them: Parquet
/// would take "never null" for another type.
fn nullable(field: &FieldRef) -> FieldRef {
    if field.is_nullable() {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_nullable(true))
}

/// Copies a chunk's least and greatest value out of the buffer of all its values, which they keep alive.
fn detached(mut chunk: ArrowColumnChunk) -> ParquetResult<ArrowColumnChunk> {
    let Some(Statistics::FixedLenByteArray(shared)) = chunk.close().metadata.statistics().cloned() else {
        return Ok(chunk);
    };
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
    let close = chunk.close_mut();
    close.metadata = close.metadata.clone().into_builder().set_statistics(own.into()).build()?;
    Ok(chunk)
}

/// What Parquet calls the columns and their types.
pub(super) fn schema_of(schema: &Schema) -> ParquetResult<TypePtr> {
    // The item of a list is `element`, as the format has it, and not `item`, as Arrow does.
    let converter = ArrowSchemaConverter::new().with_coerce_types(true);
    Ok(converter.convert(schema)?.root_schema_ptr())
}

/// Makes the writers of one column as if it were the only one of a file.
fn column_writers(field: &FieldRef, properties: WriterProperties) -> ParquetResult<Vec<ArrowColumnWriter>> {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let root = schema_of(&schema)?;
    let file: SerializedFileWriter<Sink> =
        SerializedFileWriter::new(std::io::sink(), root, Arc::new(properties))?;
    ArrowRowGroupWriterFactory::new(&file, schema)
        .with_page_store_factory(Arc::new(ExactPagesFactory))
        .create_column_writers(0)
}

/// Keeps pages in as much memory as they need: the library's own store keeps them in the buffers they were
/// written to, which is four times as much with dictionaries, and a kilobyte for each header of forty bytes.
#[derive(Debug, Default)]
struct ExactPages {
    pages: Vec<Bytes>,
}

impl PageStore for ExactPages {
    fn put(&mut self, page: Bytes) -> ParquetResult<PageKey> {
        let key = PageKey::new(self.pages.len() as u64);
        self.pages.push(Bytes::copy_from_slice(&page));
        Ok(key)
    }

    fn take(&mut self, key: PageKey) -> ParquetResult<Bytes> {
        let page = self.pages.get_mut(key.get() as usize);
        page.map(std::mem::take).ok_or_else(|| ParquetError::General("no such page".to_owned()))
    }

    fn memory_size(&self) -> usize {
        self.pages.iter().map(Bytes::len).sum()
    }
}

#[derive(Debug)]
struct ExactPagesFactory;

impl PageStoreFactory for ExactPagesFactory {
    fn create(&self, _column: &PageStoreArgs<'_>) -> ParquetResult<Box<dyn PageStore>> {
        Ok(Box::new(ExactPages::default()))
    }
}
