//! Change events become columns of a table.
//!
//! Owns: which member, parameter, attribute or label ends in which column, the columns' names and types
//! (`docs/TABLES.md` is the contract), the types that table metadata states, and the plain buffers all are collected
//! in. Does not own: which table
//! an event belongs to (`parse`), when a buffer is closed (`run`), how a type becomes the lake's for ever
//! (`catchwater_sinks::lake`).

mod schema;
mod fixed;
mod names;
mod catalog;
mod metadata;
mod evidence;
mod survey;
mod members;
mod context;
mod table;
// One event into its rows.
mod targets;
mod row;
mod write;
mod envelope;
mod attributes;
mod parties;
mod images;
mod formatted_values;
mod quarantine;
mod quarantined; // and back
// What rows are written with.
mod directory;
mod column;
mod cells;
mod encoded_rows;
mod fit;
mod values;
mod marks;
mod normal_form;

pub use catalog::Catalog;
pub use context::Context;
pub use evidence::Doubt;
pub use fixed::fixed_columns;
pub use metadata::{Error as MetadataError, Metadata};
pub use names::attribute_name;
pub use quarantined::{QUARANTINED_COLUMNS, QuarantinedEvent, QuarantinedRows};
pub use schema::{ColumnType, ColumnTypes, column_may_be};
pub use survey::{Inferred, Survey, Unknown};
pub use table::{Full, Rows, TableBuffer};

/// The column that says where in its partition a row's event stood, in every table.
pub const SEQUENCE_NUMBER: &str = "_sequence_number";

/// The column that numbers the rows of one event from 0, in every table.
pub const ROW_INDEX: &str = "_row_index";

#[cfg(test)]
mod tests;
