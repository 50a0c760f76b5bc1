//! Change events become columns of a table.
//!
//! Owns: the column of each member, parameter, attribute and formatted value, the columns' names and types
//! (`docs/TABLES.md` is the contract), the types that table metadata states, and the buffers that collect the rows.
//! Does not own: the table of an event (`parse`), when a buffer is taken (`run`), how a type becomes the lake's
//! (`catchwater_sinks::lake`).

mod schema; // types of columns, as Arrow fields
mod fixed; // columns that rows have besides those of attributes
mod names; // from attribute names to column names
mod catalog; // the column types of all tables
mod metadata; // column types by table metadata
mod evidence; // column types by values
mod survey; // table metadata from bodies
mod members; // members that are one column each
mod context; // shared state of a lane's buffers
mod table; // the buffer of one destination
// One event becomes rows.
mod targets; // the records that an event is about
mod row; // working state of one row
mod write; // the order of the parts, and `_rest`
mod envelope; // facts of the event
mod attributes; // attributes of the record
mod parties; // party lists
mod images; // post-images
mod formatted_values; // companion columns, and `_labels`
mod quarantine; // rejected bodies as rows
mod quarantined; // rows as rejected bodies
// The parts of a buffer and of its scratch memory.
mod directory; // slots of a table's attributes
mod column; // one column and its rows
mod cells; // all columns at the current row
mod encoded_rows; // the first rows of a buffer
mod fit; // values that fit a column type
mod values; // buffers of values, one file a layout
mod marks; // placed nodes of a body
mod normal_form; // JSON of the parts that are left

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

/// The column of an event's sequence number, in every table.
pub const SEQUENCE_NUMBER: &str = "_sequence_number";

/// The column that counts the rows of one event from 0, in every table.
pub const ROW_INDEX: &str = "_row_index";

#[cfg(test)]
mod tests;
