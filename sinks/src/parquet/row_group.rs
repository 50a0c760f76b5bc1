//! A record batch becomes encoded column chunks, one column after the other.
//!
//! A column writer is a compressor, hash tables and page buffers: the one that runs is the only one there is.
//! Owns which columns the library writes. Does not own what becomes of its pages (`library`).

use std::collections::HashMap;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Schema};
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use super::chunk::{ChunkWriter, EncodedChunk};
use super::encodings::Encodings;
use super::error::Error;
use super::library;
use super::schema::{nullable, schema_of};

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
    pub(super) chunks: Vec<EncodedChunk>,
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
    pub fn byte_size(&self) -> usize {
        self.bytes
    }

    /// Whether it can stand in one file with `earlier`: what columns they share have the same type.
    pub fn joins(&self, earlier: &[RowGroup]) -> bool {
        let own: HashMap<&str, &Column> =
            self.columns.iter().map(|column| (column.field.name().as_str(), column)).collect();
        let fits = |other: &Column| {
            own.get(other.field.name().as_str()).is_none_or(|column| other.has_type_of(column))
        };
        earlier.iter().flat_map(|group| &group.columns).all(fits)
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
        let described = |column: &EncodedChunk| column.close().metadata.column_descr_ptr();
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
        let size = |chunk: &EncodedChunk| {
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
) -> ParquetResult<Vec<EncodedChunk>> {
    let encodings = Encodings::of(field, array);
    if let [leaf] = leaves
        && let Some(chunk) = writer.write(leaf, array, &encodings)?
    {
        return Ok(vec![chunk]);
    }
    library::encode_column(field, array, encodings.properties())
}
