//! The schema that files have for the columns of a batch.
//!
//! Owns: names, types and nullability of columns in files. Does not own: field ids (`field_ids`), encodings
//! (`encodings`).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::TypePtr;

/// The Parquet schema of some columns.
pub(super) fn schema_of(schema: &Schema) -> ParquetResult<TypePtr> {
    // Coercion names the item of a list `element`, as the format does, and not `item`, as Arrow does.
    let converter = ArrowSchemaConverter::new().with_coerce_types(true);
    let fields: Vec<Field> = schema.fields().iter().map(|field| in_file(field)).collect();
    Ok(converter.convert(&Schema::new(fields))?.root_schema_ptr())
}

/// A column as files have it. GUIDs are strings, and JSON is a string without annotation: Spark refuses the annotation
/// for UUIDs, polars shows both as bytes, and `ClickHouse` allows no null in JSON.
fn in_file(field: &Field) -> Field {
    let data_type = if is_guid(field) { DataType::Utf8 } else { field.data_type().clone() };
    Field::new(field.name(), data_type, field.is_nullable())
}

/// The same field, nullable. A column may be null in some row group of its file, and Parquet takes a nullable column
/// and one that is not for different types.
pub(super) fn nullable(field: &FieldRef) -> FieldRef {
    if field.is_nullable() {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_nullable(true))
}

/// True for a column of GUIDs: sixteen bytes each in memory, strings in files.
pub(super) fn is_guid(field: &Field) -> bool {
    field.extension_type_name() == Some(UUID)
}

/// The extension type of JSON in a batch.
pub(super) const JSON: &str = "arrow.json";

/// The extension type of GUIDs in a batch.
const UUID: &str = "arrow.uuid";
