//! `account`: every event of a table. Also the expressions that read the files of a table.
//!
//! Does not own: the selection of rows that count (`events`).

use std::fmt::Write;

use catchwater_sinks::lake::schema::TableSchema;
use catchwater_sinks::paths::{self, DATE_COLUMN};

use super::columns::{Columns, typed_null};
use super::text::{escape_glob, identifier, literal, one_line, statement};
use crate::columns::fixed_columns;
use crate::event::{MESSAGES, QUARANTINE};

/// The view of all rows of a table.
pub(super) fn write_history(
    out: &mut String,
    lake: &str,
    view: &str,
    schema: &TableSchema,
    columns: &Columns<'_>,
) {
    let what = match schema.table.as_str() {
        MESSAGES => "every event that has no primary table, one row each".to_owned(),
        QUARANTINE => {
            "every body that could not be understood, one row each, with its bytes and the reason".to_owned()
        }
        table => format!("every event of the table {}, one row each", one_line(table)),
    };
    statement(out, view, &what);
    write_typed_nulls(out, columns.all());
    let _ = write!(out, "\nUNION ALL BY NAME\nSELECT * FROM {};\n", source(lake, &schema.table));
}

/// The view of a built-in table that has no files.
pub(super) fn write_empty(out: &mut String, view: &str, table: &str) {
    let what = if table == QUARANTINE {
        "bodies that could not be understood"
    } else {
        "events that have no primary table"
    };
    statement(out, view, &format!("{what}; the lake has none"));
    write_typed_nulls(out, fixed_columns(table).into_iter().flatten());
    out.push_str(";\n");
}

/// Writes a relation with these columns and no rows.
///
/// A column that is null in all rows is in no file; this relation before the files gives it its type and place.
pub(super) fn write_typed_nulls<'a>(out: &mut String, columns: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push_str("SELECT\n");
    for (name, lake_type) in columns {
        let _ = writeln!(out, "  {} AS {},", typed_null(lake_type), identifier(name));
    }
    let _ = write!(out, "  NULL::DATE AS \"{DATE_COLUMN}\"\nWHERE false");
}

/// The operand of FROM that reads the rows of a table.
pub(super) fn source(lake: &str, table: &str) -> String {
    rows(lake, table, "", "")
}

/// The same with a `condition` (`WHERE …`), which may use the column `file`: the path of the row's file.
pub(super) fn source_where(lake: &str, table: &str, file: &str, condition: &str) -> String {
    let rows = rows(lake, table, &format!(", filename = {}", literal(file)), condition);
    format!("(\n  SELECT * EXCLUDE ({}) FROM {rows})", identifier(file))
}

fn rows(lake: &str, table: &str, more: &str, condition: &str) -> String {
    let glob = files_of(lake, table);
    if has_foreign_columns(lake) {
        return format!(
            "(\n  SELECT *, DATE '1970-01-01' + CAST(floor(epoch(\"_enqueued_time\") / 86400) AS INTEGER) AS \"{DATE_COLUMN}\"\n  \
             FROM read_parquet({glob}, union_by_name = true, hive_partitioning = false{more}){condition}\n)"
        );
    }
    format!(
        "read_parquet(\n  {glob},\n  union_by_name = true, hive_partitioning = true, hive_types = {{'{DATE_COLUMN}': DATE}}{more}\n){condition}"
    )
}

/// A pattern of all files of a table, for `read_parquet`.
pub(in crate::cli) fn files_of(lake: &str, table: &str) -> String {
    let folder = paths::folder_name(table);
    literal(&format!("{}/{}/{}", lake_folder(lake), escape_glob(&folder), paths::DATA_GLOB))
}

/// The folder of the lake as the beginning of a pattern.
pub(super) fn lake_folder(lake: &str) -> String {
    escape_glob(lake.trim_end_matches('/'))
}

/// True if a folder above the lake is named `x=y`: DuckDB would take it for a column and overwrite the one of that
/// name.
fn has_foreign_columns(lake: &str) -> bool {
    lake.split('/').any(|part| part.contains('='))
}
