//! Row groups become a file, over the union of their columns.
//!
//! In two steps: [`assemble`] lays out the pages, and [`Body::complete`] adds the footer just before the file is put. The
//! field ids of its columns and the durable position are known only then.

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
use super::row_group::{Column, RowGroup, encode_row_group};
use super::schema::schema_of;
use super::{encodings, facts, field_ids, footer_checksum};

/// The pages of a file that has no footer yet.
pub struct Body {
    pages: Vec<u8>,
    schema: TypePtr,
    row_groups: Vec<RowGroupMetaData>,
}

/// Puts row groups together as the body of a file, over the union of their columns.
///
/// A column that a row group lacks is null throughout it. A column that is new in a later row group stands
/// right behind the one before it there. Equal row groups give equal bytes.
///
/// # Errors
/// Row groups that share a column of different types are refused: see [`RowGroup::joins`].
pub fn assemble(groups: Vec<RowGroup>) -> Result<Body, Error> {
    let fields = union(&groups)?;
    let schema = schema_of(&Schema::new(fields.clone())).map_err(failed)?;
    let out = Vec::with_capacity(size(&groups));
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
    /// Memory that it occupies until its file is put.
    ///
    /// # Units
    /// Bytes, most of them pages.
    pub fn byte_size(&self) -> usize {
        self.pages.capacity()
            + self.row_groups.iter().map(|group| group.num_columns() * CHUNK_BYTES).sum::<usize>()
    }

    /// How many field ids each column needs, by name.
    pub fn field_id_counts(&self) -> BTreeMap<String, usize> {
        let columns = self.schema.get_fields().iter();
        columns.map(|column| (column.name().to_owned(), field_ids::count(column))).collect()
    }

    /// Writes the footer. `ids` gives a column's field ids: its own first, then those of its list element and its struct
    /// members, depth first.
    ///
    /// # Errors
    /// A column without as many ids as [`Body::field_id_counts`] asks for.
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
            Some(vec![facts::entry_of(facts)]),
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

/// Replaces the column order of doubles by `TYPE_DEFINED_ORDER`. The library always writes IEEE 754's total order, and older
/// readers refuse the whole file (polars before 1.43, `DataFusion` before 51). Doubles have no min/max in our files, so both
/// orders are correct.
///
/// # Source
/// The Parquet format, `FileMetaData`: the orders are its last member, a union of empty structs, three bytes a column; the
/// struct and the file's length and magic follow.
fn use_type_defined_order(file: &mut [u8], columns: usize) {
    const TYPE_ORDER: [u8; 3] = [0x1c, 0, 0];
    const TOTAL_ORDER: [u8; 3] = [0x2c, 0, 0];
    let Some(end) = file.len().checked_sub(4 + 4 + 1) else { return };
    let (_, unions) = file[..end].as_rchunks_mut::<3>();
    for order in unions.iter_mut().rev().take(columns).filter(|order| **order == TOTAL_ORDER) {
        *order = TYPE_ORDER;
    }
}

/// Memory that the description of a column chunk occupies.
///
/// # Units
/// Bytes: the struct, and its statistics and encodings on the heap, which take about 200.
const CHUNK_BYTES: usize = size_of::<ColumnChunkMetaData>() + 200;

/// The columns of all row groups, in the order of the first and with the others' own in between.
fn union(groups: &[RowGroup]) -> Result<Vec<FieldRef>, Error> {
    // A linked list: inserting into an array moves everything behind. Place 0 is before the first column, and behind the last.
    let mut next = vec![0];
    let mut columns: Vec<&Column> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for group in groups {
        let mut before = 0;
        for column in group.columns() {
            let name = column.field.name();
            before = match places.get(name.as_str()) {
                Some(&place) if columns[place - 1].has_type_of(column) => place,
                Some(_) => return Err(Error::Types { column: name.clone() }),
                None => {
                    columns.push(column);
                    next.push(next[before]);
                    next[before] = columns.len();
                    places.insert(name, columns.len());
                    columns.len()
                }
            };
        }
    }
    let follows = |place: usize| Some(next[place]).filter(|place| *place > 0);
    let ordered = std::iter::successors(follows(0), |place| follows(*place));
    Ok(ordered.map(|place| Arc::clone(&columns[place - 1].field)).collect())
}

fn append(
    file: &mut SerializedFileWriter<Vec<u8>>,
    fields: &[FieldRef],
    group: RowGroup,
) -> Result<(), Error> {
    let rows = group.rows();
    let mut columns = group.into_columns();
    let own: Vec<FieldRef> = columns.iter().map(|column| Arc::clone(&column.field)).collect();
    let places: HashMap<&str, usize> =
        own.iter().zip(0..).map(|(field, at)| (field.name().as_str(), at)).collect();
    let place = |field: &FieldRef| places.get(field.name().as_str()).copied();
    let mut missing = nulls(fields.iter().filter(|field| place(field).is_none()), rows)?.into_iter();
    let mut writer = file.next_row_group().map_err(failed)?;
    for field in fields {
        let chunks = match place(field) {
            Some(at) => std::mem::take(&mut columns[at].chunks),
            None => missing.next().map(|column| column.chunks).unwrap_or_default(),
        };
        for chunk in chunks {
            chunk.append(&mut writer).map_err(failed)?;
        }
    }
    writer.close().map_err(failed)?;
    Ok(())
}

/// The columns that a row group does not have, encoded together: a writer is a compressor and its buffers.
fn nulls<'f>(fields: impl Iterator<Item = &'f FieldRef>, rows: usize) -> Result<Vec<Column>, Error> {
    let fields: Vec<FieldRef> = fields.map(Arc::clone).collect();
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    // One for each type: thousands of columns may be missing in thousands of rows.
    let mut of_type: HashMap<&DataType, ArrayRef> = HashMap::new();
    let mut null =
        |data_type| Arc::clone(of_type.entry(data_type).or_insert_with(|| new_null_array(data_type, rows)));
    let arrays = fields.iter().map(|field| null(field.data_type())).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), arrays);
    Ok(encode_row_group(&batch.map_err(|source| failed(source.into()))?)?.into_columns())
}

/// A little more than the file will need, so that it is written without being moved.
fn size(groups: &[RowGroup]) -> usize {
    groups.iter().map(RowGroup::byte_size).sum::<usize>() + 4096
}

fn failed(source: ParquetError) -> Error {
    Error::Assemble { source }
}
