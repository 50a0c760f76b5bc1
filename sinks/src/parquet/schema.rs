//! The schema that files have for the columns of a batch.
//!
//! Owns: names, types and nullability of columns in files. Does not own: field ids (`field_ids`), encodings (`properties`).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::Result as ParquetResult;
use parquet::schema::types::TypePtr;

/// What Parquet calls the columns and their types.
pub(super) fn schema_of(schema: &Schema) -> ParquetResult<TypePtr> {
    // The item of a list is `element`, as the format has it, and not `item`, as Arrow does.
    let converter = ArrowSchemaConverter::new().with_coerce_types(true);
    let fields: Vec<Field> = schema.fields().iter().map(|field| in_files(field)).collect();
    Ok(converter.convert(&Schema::new(fields))?.root_schema_ptr())
}

/// A column as files have it. Ids are texts, and JSON is a text without annotation: Spark refuses the one for UUIDs, polars
/// shows both as bytes, and `ClickHouse` takes no null in JSON.
fn in_files(field: &Field) -> Field {
    let data_type = if is_id(field) { DataType::Utf8 } else { field.data_type().clone() };
    Field::new(field.name(), data_type, field.is_nullable())
}

/// Every column may be null in some row group of its file, so that each says so in all of them: Parquet
/// would take "never null" for another type.
pub(super) fn nullable(field: &FieldRef) -> FieldRef {
    if field.is_nullable() {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_nullable(true))
}

/// Whether a column is of ids: sixteen bytes each in memory, and texts in files.
pub(super) fn is_id(field: &Field) -> bool {
    field.extension_type_name() == Some(UUID)
}

/// The extension type of JSON in a batch.
pub(super) const JSON: &str = "arrow.json";

/// The extension type of ids in a batch.
const UUID: &str = "arrow.uuid";
