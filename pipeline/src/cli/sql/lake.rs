//! Facts of a lake that its views depend on.

use catchwater_sinks::lake::schema::TableSchema;
use catchwater_sinks::paths::GapCause;

/// A lake at the moment its views are printed: DuckDB refuses a pattern that matches no file.
#[derive(Debug)]
pub(super) struct Lake<'a> {
    /// The address under which DuckDB finds it.
    pub(super) address: &'a str,
    /// The statements that connect DuckDB to it; empty for a folder.
    pub(super) connection: &'a str,
    /// The tables that have files.
    pub(super) tables: &'a [&'a TableSchema],
    /// True if a redrive has written files.
    pub(super) has_redriven: bool,
    /// True if there are records of where sources begin.
    pub(super) has_origins: bool,
    /// True if there are records of lost events that were accepted (`--accept-loss`).
    pub(super) has_lost: bool,
    /// The causes of accepted gaps that there are records of.
    pub(super) accepted: &'a [GapCause],
}
