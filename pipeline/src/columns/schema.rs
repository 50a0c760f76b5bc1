//! Columns as Arrow fields.

use std::collections::BTreeMap;

use arrow::datatypes::Schema;

/// The metadata key under which a field carries its column's lake type.
pub const TYPE_KEY: &str = "catchwater:type";

/// The lake type of each column of a schema, by column name.
pub fn type_names(schema: &Schema) -> BTreeMap<String, String> {
    let typed = |field: &arrow::datatypes::FieldRef| {
        field.metadata().get(TYPE_KEY).map(|name| (field.name().clone(), name.clone()))
    };
    schema.fields().iter().filter_map(typed).collect()
}
