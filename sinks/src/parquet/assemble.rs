//! Row groups become a file, over the union of their columns.
//!
//! In two steps, because the field ids of its columns and the durable position are known only just before it is
//! committed: [`assemble`] concatenates the pages, and [`Body::complete`] adds the footer.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, FieldRef, Schema};
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescriptor, TypePtr};

use super::error::Error;
use super::facts::FooterFacts;
use super::row_group::{ChunkWriter, Column, RowGroup, encode_row_group};
use super::schema::schema_of;
use super::{encodings, facts, field_ids, footer_checksum};

/// The pages of a file without its footer.
pub struct Body {
    pages: Vec<u8>,
    schema: TypePtr,
    row_groups: Vec<RowGroupMetaData>,
}

/// Assembles row groups into the body of a file, over the union of their columns.
///
/// A column that a row group lacks is null in all its rows. A column that is new in a later row group follows the
/// column that precedes it there. Equal row groups give equal bytes.
///
/// # Errors
/// Row groups that share a column of different types: see [`RowGroup::joins`].
pub fn assemble(groups: Vec<RowGroup>) -> Result<Body, Error> {
    let fields = union(&groups)?;
    let schema = schema_of(&Schema::new(fields.clone())).map_err(failed)?;
    let out = Vec::with_capacity(file_bytes(&groups));
    let properties = Arc::new(encodings::file_properties());
    let mut file = SerializedFileWriter::new(out, Arc::clone(&schema), properties).map_err(failed)?;
    for group in groups {
        append(&mut file, &fields, group)?;
    }
    let row_groups = file.finish().map_err(failed)?.into_builder().take_row_groups();
    let mut pages = std::mem::take(file.inner_mut());
    pages.truncate(footer_checksum::footer_start(&pages).unwrap_or(pages.len()));
    Ok(Body { pages, schema, row_groups })
}

impl Body {
    /// Memory that it occupies until its file is committed.
    ///
    /// # Units
    /// Bytes, most of them pages.
    pub fn byte_size(&self) -> usize {
        self.pages.capacity()
            + self.row_groups.iter().map(|group| group.num_columns() * CHUNK_METADATA_BYTES).sum::<usize>()
    }

    /// Number of field ids that each column needs, by name.
    pub fn field_id_counts(&self) -> BTreeMap<String, usize> {
        let columns = self.schema.get_fields().iter();
        columns.map(|column| (column.name().to_owned(), field_ids::count(column))).collect()
    }

    /// Writes the footer. `ids` returns a column's field ids: its own first, then those of its list element and its
    /// struct members, depth first.
    ///
    /// # Errors
    /// A column without the number of ids in [`Body::field_id_counts`].
    pub fn complete<'i>(
        self,
        facts: &FooterFacts,
        ids: impl Fn(&str) -> Option<&'i [i32]>,
    ) -> Result<Bytes, Error> {
        let Self { mut pages, schema, row_groups } = self;
        let numbered = Arc::new(SchemaDescriptor::new(field_ids::number(&schema, ids)?));
        let rows = row_groups.iter().map(RowGroupMetaData::num_rows).sum();
        let writer = encodings::file_properties();
        let file_metadata = FileMetaData::new(
            writer.writer_version().as_num(),
            rows,
            Some(writer.created_by().to_owned()),
            Some(vec![facts::to_entry(facts)]),
            numbered,
            None,
        );
        let metadata = ParquetMetaData::new(file_metadata, row_groups);
        ParquetMetaDataWriter::new(&mut pages, &metadata).finish().map_err(failed)?;
        use_type_defined_order(&mut pages, metadata.file_metadata().schema_descr().num_columns());
        footer_checksum::write(&mut pages);
        pages.shrink_to_fit();
        Ok(pages.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Body").field("bytes", &self.byte_size()).finish_non_exhaustive()
    }
}

/// Replaces the column order of doubles by `TYPE_DEFINED_ORDER`. The library always writes IEEE 754's total order, and
/// older readers refuse the whole file (polars before 1.43, `DataFusion` before 51). Doubles have no min/max in our
/// files, so both orders are correct.
///
/// # Source
/// The Parquet format, `FileMetaData`: the orders are its last member, a union of empty structs, three bytes a column;
/// the struct and the file's length and magic follow.
fn use_type_defined_order(file: &mut [u8], columns: usize) {
    let Some(end) = file.len().checked_sub(4 + 4 + 1) else { return };
    let (_, unions) = file[..end].as_rchunks_mut::<3>();
    for order in unions.iter_mut().rev().take(columns).filter(|order| **order == TOTAL_ORDER) {
        *order = TYPE_ORDER;
    }
}

/// `ColumnOrder`, a union whose field 1 or 2 is an empty struct, in Thrift's compact protocol.
const TYPE_ORDER: [u8; 3] = [0x1c, 0, 0];
const TOTAL_ORDER: [u8; 3] = [0x2c, 0, 0];

/// Memory of a column chunk's metadata, in bytes: the struct, and about 200 on the heap for statistics and encodings.
const CHUNK_METADATA_BYTES: usize = size_of::<ColumnChunkMetaData>() + 200;

/// The columns of all row groups: those of the first in their order, with the others' in between.
fn union(groups: &[RowGroup]) -> Result<Vec<FieldRef>, Error> {
    // A circular linked list, since inserting into a vector moves all columns behind. Node 0 is its head, node n column
    // n - 1.
    let mut next = vec![0];
    let mut columns: Vec<&Column> = Vec::new();
    let mut nodes: HashMap<&str, usize> = HashMap::new();
    for group in groups {
        let mut before = 0;
        for column in group.columns() {
            let name = column.field.name();
            before = match nodes.get(name.as_str()) {
                Some(&node) if columns[node - 1].has_type_of(column) => node,
                Some(_) => return Err(Error::Types { column: name.clone() }),
                None => {
                    columns.push(column);
                    next.push(next[before]);
                    next[before] = columns.len();
                    nodes.insert(name, columns.len());
                    columns.len()
                }
            };
        }
    }
    let follows = |node: usize| Some(next[node]).filter(|node| *node > 0);
    let ordered = std::iter::successors(follows(0), |node| follows(*node));
    Ok(ordered.map(|node| Arc::clone(&columns[node - 1].field)).collect())
}

/// Appends a row group to a file of these columns.
fn append(
    file: &mut SerializedFileWriter<Vec<u8>>,
    fields: &[FieldRef],
    group: RowGroup,
) -> Result<(), Error> {
    let (rows, group_writer) = (group.rows(), group.writer());
    let mut columns = group.into_columns();
    let own: Vec<FieldRef> = columns.iter().map(|column| Arc::clone(&column.field)).collect();
    let indexes: HashMap<&str, usize> =
        own.iter().zip(0..).map(|(field, index)| (field.name().as_str(), index)).collect();
    let index = |field: &FieldRef| indexes.get(field.name().as_str()).copied();
    let missing = fields.iter().filter(|field| index(field).is_none());
    let mut missing = nulls(missing, rows, group_writer)?.into_iter();
    let mut writer = file.next_row_group().map_err(failed)?;
    for field in fields {
        let chunks = match index(field) {
            Some(index) => std::mem::take(&mut columns[index].chunks),
            None => missing.next().map(|column| column.chunks).unwrap_or_default(),
        };
        for chunk in chunks {
            chunk.append(&mut writer).map_err(failed)?;
        }
    }
    writer.close().map_err(failed)?;
    Ok(())
}

/// Columns of nulls, encoded as one row group so that they share its compressor.
fn nulls<'f>(
    fields: impl Iterator<Item = &'f FieldRef>,
    rows: usize,
    writer: ChunkWriter,
) -> Result<Vec<Column>, Error> {
    let fields: Vec<FieldRef> = fields.map(Arc::clone).collect();
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    // One array for each type: thousands of columns may be missing in thousands of rows.
    let mut of_type: HashMap<&DataType, ArrayRef> = HashMap::new();
    let mut null =
        |data_type| Arc::clone(of_type.entry(data_type).or_insert_with(|| new_null_array(data_type, rows)));
    let arrays = fields.iter().map(|field| null(field.data_type())).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), arrays);
    Ok(encode_row_group(&batch.map_err(|source| failed(source.into()))?, writer)?.into_columns())
}

/// Upper bound on the size of the file in nearly all cases, so that its buffer does not grow.
fn file_bytes(groups: &[RowGroup]) -> usize {
    groups.iter().map(RowGroup::byte_size).sum::<usize>() + FOOTER_BYTES
}

/// Room for the parts of a footer that row groups do not account for: the schema of few columns and our facts.
const FOOTER_BYTES: usize = 4096;

fn failed(source: ParquetError) -> Error {
    Error::Assemble { source }
}
