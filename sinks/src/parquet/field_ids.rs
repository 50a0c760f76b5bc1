//! Field ids: the numbers by which readers identify a column, its list element and its struct members.
//!
//! Owns: their order in a file's schema. Does not own: their assignment (`lake::schema`).
//!
//! # Source
//! The Parquet format, `SchemaElement.field_id`; Iceberg's specification, "Parquet": the group of a list has the id of
//! the list, its `element` that of the element, and the repeated group between them does not have one.

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType};
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::{BasicTypeInfo, Type, TypePtr};

use super::error::Error;

/// Number of field ids that a column needs: one for itself and one for each list element and struct member below.
pub(super) fn count(column: &Type) -> usize {
    let below: usize = numbered_below(column).map(|field| count(field)).sum();
    1 + below
}

/// Field ids of a column in their order; `None` if one is missing.
pub(super) fn read(column: &Type) -> Option<Vec<i32>> {
    let info = column.get_basic_info();
    let mut ids = vec![info.has_id().then(|| info.id())?];
    for field in numbered_below(column) {
        ids.extend(read(field)?);
    }
    Some(ids)
}

/// The same schema with the ids of its columns.
pub(super) fn number<'i>(schema: &Type, ids: impl Fn(&str) -> Option<&'i [i32]>) -> Result<TypePtr, Error> {
    let mut columns = Vec::with_capacity(schema.get_fields().len());
    for column in schema.get_fields() {
        let name = column.name();
        let ids = ids(name).filter(|ids| ids.len() == count(column));
        let ids = ids.ok_or_else(|| Error::Ids { column: name.to_owned() })?;
        let numbered = with_ids(column, &mut ids.iter().copied(), true);
        columns.push(numbered.map_err(|source| Error::Column { column: name.to_owned(), source })?);
    }
    let root = Type::group_type_builder(schema.name()).with_fields(columns).build();
    Ok(Arc::new(root.map_err(|source| Error::Assemble { source })?))
}

/// The fields below a column that have an id of their own.
fn numbered_below(field: &Type) -> impl Iterator<Item = &TypePtr> {
    let fields = if field.is_group() { field.get_fields() } else { &[] };
    let is_list = is_list(field.get_basic_info());
    // A list is a group of one repeated group, whose fields are numbered.
    fields
        .iter()
        .flat_map(move |field| if is_list { field.get_fields() } else { std::slice::from_ref(field) })
}

fn is_list(info: &BasicTypeInfo) -> bool {
    matches!(info.logical_type_ref(), Some(LogicalType::List)) || info.converted_type() == ConvertedType::LIST
}

/// The same field with the next id, if it `has_id` of its own, and the fields below with the following ones.
fn with_ids(field: &Type, ids: &mut impl Iterator<Item = i32>, has_id: bool) -> ParquetResult<TypePtr> {
    let info = field.get_basic_info();
    let id = if has_id { ids.next() } else { None };
    let built = match field {
        Type::PrimitiveType { physical_type, type_length, scale, precision, .. } => {
            Type::primitive_type_builder(info.name(), *physical_type)
                .with_repetition(info.repetition())
                .with_converted_type(info.converted_type())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_length(*type_length)
                .with_precision(*precision)
                .with_scale(*scale)
                .with_id(id)
                .build()?
        }
        Type::GroupType { fields, .. } => {
            let is_list = is_list(info);
            let fields =
                fields.iter().map(|field| with_ids(field, ids, !is_list)).collect::<ParquetResult<_>>()?;
            Type::group_type_builder(info.name())
                .with_repetition(info.repetition())
                .with_converted_type(info.converted_type())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_fields(fields)
                .with_id(id)
                .build()?
        }
    };
    Ok(Arc::new(built))
}
