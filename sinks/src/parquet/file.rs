//! Row groups become a file, over the union of their columns.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{FieldRef, Schema};
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::row_group::{Chunk, Column, encode_row_group, schema_of};
use super::{Error, FooterFacts, RowGroup, facts, properties};

/// Puts row groups together as a file, over the union of their columns.
///
/// A column that a row group lacks is null throughout it. A column that is new in a later row group stands
/// right behind the one before it there. Equal row groups and facts give equal bytes.
///
/// # Errors
/// Row groups that share a column of different types are refused: see [`RowGroup::joins`].
pub fn assemble(groups: Vec<RowGroup>, facts: &FooterFacts) -> Result<Bytes, Error> {
    let fields = union(&groups)?;
    let schema = Schema::new(fields.clone());
    let root = schema_of(&schema).map_err(failed)?;
    let properties = Arc::new(properties::of_file(facts::entry_of(facts)));
    let out = Vec::with_capacity(size(&groups));
    let mut file = SerializedFileWriter::new(out, root, properties).map_err(failed)?;
    for group in groups {
        append(&mut file, &fields, group)?;
    }
    let mut out = file.into_inner().map_err(failed)?;
    out.shrink_to_fit();
    Ok(out.into())
}

/// The columns of all row groups, in the order of the first and with the others' own in between.
fn union(groups: &[RowGroup]) -> Result<Vec<FieldRef>, Error> {
    let mut columns: Vec<&Column> = Vec::new();
    let mut known: HashSet<&str> = HashSet::new();
    for group in groups {
        let mut behind = 0;
        for column in group.columns() {
            let name = column.field.name();
            if known.insert(name) {
                columns.insert(behind, column);
                behind += 1;
                continue;
            }
            let Some(at) = columns.iter().position(|other| other.field.name() == name) else { continue };
            if !columns[at].has_type_of(column) {
                return Err(Error::Types { column: name.clone() });
            }
            behind = at + 1;
        }
    }
    Ok(columns.into_iter().map(|column| Arc::clone(&column.field)).collect())
}

fn append(
    file: &mut SerializedFileWriter<Vec<u8>>,
    fields: &[FieldRef],
    group: RowGroup,
) -> Result<(), Error> {
    let rows = group.rows();
    let mut columns = group.into_columns();
    let mut writer = file.next_row_group().map_err(failed)?;
    for field in fields {
        let own = columns.iter_mut().find(|column| column.field.name() == field.name());
        let chunks = match own {
            Some(column) => std::mem::take(&mut column.chunks),
            None => nulls(field, rows)?,
        };
        for chunk in chunks {
            chunk.append(&mut writer).map_err(failed)?;
        }
    }
    writer.close().map_err(failed)?;
    Ok(())
}

/// A column that a row group does not have.
fn nulls(field: &FieldRef, rows: usize) -> Result<Vec<Chunk>, Error> {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let array = new_null_array(field.data_type(), rows);
    let batch = RecordBatch::try_new(schema, vec![array]).map_err(|source| failed(source.into()))?;
    Ok(encode_row_group(&batch)?.into_columns().into_iter().flat_map(|column| column.chunks).collect())
}

/// A little more than the file will need, so that it is written without being moved.
fn size(groups: &[RowGroup]) -> usize {
    groups.iter().map(RowGroup::bytes).sum::<usize>() + 4096
}

fn failed(source: ParquetError) -> Error {
    Error::Assemble { source }
}
