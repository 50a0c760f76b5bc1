//! Facts that all files of a run share, and the columns of a file.
//!
//! Does not own: the rows of a file and their range (`lane::open_file`), the footer's format
//! (`catchwater_sinks::parquet`).

use std::collections::BTreeMap;

use catchwater_sinks::lake::schema::FileColumn;
use catchwater_sinks::parquet::{Body, ChunkWriter};

use crate::columns::{ColumnType, ColumnTypes};

/// Facts that all files of a run share.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// The lake's id.
    pub lake: String,
    /// Identifies this process, for statistics only.
    pub writer: String,
    /// Version of the rules that routed the rows.
    pub routing_version: u32,
    /// Writer of column chunks; in no footer.
    pub chunk_writer: ChunkWriter,
}

/// The columns of a file, with the number of field ids that its pages need.
pub(super) fn file_columns(types: ColumnTypes, body: &Body) -> BTreeMap<String, FileColumn> {
    let counts = body.field_id_counts();
    let column = |(name, column_type): (String, ColumnType)| {
        let ids = counts.get(&name).copied().unwrap_or(1);
        (name, FileColumn { type_name: column_type.name().to_owned(), ids })
    };
    types.into_iter().map(column).collect()
}
