//! The views as SQL text.
//!
//! Owns: which columns a view has, the rule of the latest state, quoting. Does not own: which tables there are.

use std::collections::BTreeSet;
use std::fmt::Write;

use catchwater_sinks::lake::paths::{self, DATE_COLUMN};
use catchwater_sinks::lake::schema::TableSchema;

use crate::columns::{attribute_name, fixed_columns};
use crate::event::{MESSAGES, QUARANTINE};

/// The views of tables that have files, and that of the quarantine, as statements to paste.
pub(super) fn script(lake: &str, tables: &[&TableSchema]) -> String {
    let mut out = format!(
        "-- DuckDB views over the lake {}, printed by `catchwater sql`.\n\
         -- Each query reads the files anew. Print the views again when tables or columns have been added.\n{LATEST_METHOD}",
        lake.replace(['\n', '\r'], " ")
    );
    let mut names = Names::default();
    let histories: Vec<String> = tables.iter().map(|schema| names.take(&schema.table)).collect();
    for (schema, history) in tables.iter().zip(&histories) {
        let columns = Columns::of(schema);
        write_history(&mut out, history, schema, &columns, &source(lake, &schema.table));
        if ![MESSAGES, QUARANTINE].contains(&schema.table.as_str()) {
            write_latest(&mut out, &names.take(&format!("{}_latest", schema.table)), history, &columns);
        }
    }
    if !tables.iter().any(|schema| schema.table == QUARANTINE) {
        write_empty_quarantine(&mut out);
    }
    out
}

/// View names, unique as DuckDB compares them: ignoring case.
#[derive(Debug, Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn take(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while !self.0.insert(name.to_lowercase()) {
            name.push('_');
        }
        name
    }
}

/// The columns of a table in the contract's order, as (name, lake type).
#[derive(Debug)]
struct Columns<'a> {
    before: Vec<(&'a str, &'a str)>,
    attributes: Vec<(&'a str, &'a str)>,
    behind: Vec<(&'a str, &'a str)>,
}

impl<'a> Columns<'a> {
    fn of(schema: &'a TableSchema) -> Self {
        let [before, behind] = fixed_columns(&schema.table);
        let fixed: BTreeSet<&str> = before.iter().chain(&behind).map(|(name, _)| *name).collect();
        let attributes = schema.columns.iter().map(|(name, lake_type)| (name.as_str(), lake_type.as_str()));
        let mut columns = Self {
            before,
            attributes: attributes.filter(|(name, _)| !fixed.contains(name)).collect(),
            behind,
        };
        let mut attributes = columns.attributes.clone();
        attributes.sort_by_key(|(name, _)| match columns.owner(name) {
            Some(owner) => (owner, 1, *name),
            None => (*name, 0, *name),
        });
        columns.attributes = attributes;
        columns
    }

    fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.before.iter().chain(&self.attributes).chain(&self.behind).copied()
    }

    /// The column that this one is a companion of.
    fn owner(&self, column: &str) -> Option<&'a str> {
        let owned_by = |suffix: &str, types: &[&str]| {
            let owner = column.strip_suffix(suffix)?;
            let found = self.attributes.iter().find(|(name, _)| *name == owner)?;
            types.contains(&found.1).then_some(found.0)
        };
        owned_by("_entitytype", &["uuid"]).or_else(|| owned_by("name", &["uuid", "choice", "choices"]))
    }
}

/// What stands behind FROM to read all files of a table.
fn source(lake: &str, table: &str) -> String {
    let glob = files_of(lake, table);
    if lake.split('/').any(|part| part.contains('=')) {
        // DuckDB would take such a folder for a column too, and for all rows of a column of its name.
        return format!(
            "(\n  SELECT *, DATE '1970-01-01' + CAST(floor(epoch(\"_enqueued_time\") / 86400) AS INTEGER) AS \"{DATE_COLUMN}\"\n  \
             FROM read_parquet({glob}, union_by_name = true, hive_partitioning = false)\n)"
        );
    }
    format!(
        "read_parquet(\n  {glob},\n  union_by_name = true, hive_partitioning = true, hive_types = {{'{DATE_COLUMN}': DATE}}\n)"
    )
}

/// All files of a table, as `read_parquet` takes them.
pub(in crate::cli) fn files_of(lake: &str, table: &str) -> String {
    let folder = paths::folder_name(table);
    literal(&format!("{}/{}/**/*.parquet", escape_glob(lake.trim_end_matches('/')), escape_glob(&folder)))
}

fn write_history(out: &mut String, view: &str, schema: &TableSchema, columns: &Columns<'_>, source: &str) {
    let what = match schema.table.as_str() {
        MESSAGES => "every event that has no primary table, one row each".to_owned(),
        QUARANTINE => {
            "every body that could not be understood, one row each, with its bytes and the reason".to_owned()
        }
        table => format!("every event of the table {}, one row for each record", one_line(table)),
    };
    // A column that is null in all files is in none of them; the typed nulls in front give it its type and place.
    statement(out, view, &what);
    write_typed_nulls(out, columns.all());
    let _ = write!(out, "\nUNION ALL BY NAME\nSELECT * FROM {source};\n");
}

fn write_empty_quarantine(out: &mut String) {
    statement(out, QUARANTINE, "bodies that could not be understood: there are none");
    let [before, behind] = fixed_columns(QUARANTINE);
    write_typed_nulls(out, before.into_iter().chain(behind));
    out.push_str(";\n");
}

fn statement(out: &mut String, view: &str, what: &str) {
    let _ = write!(out, "\n-- {}: {what}.\nCREATE OR REPLACE VIEW {} AS\n", one_line(view), identifier(view));
}

/// A relation without rows that has these columns.
fn write_typed_nulls<'a>(out: &mut String, columns: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push_str("SELECT\n");
    for (name, lake_type) in columns {
        let _ = writeln!(out, "  {} AS {},", typed_null(lake_type), identifier(name));
    }
    let _ = write!(out, "  NULL::DATE AS \"{DATE_COLUMN}\"\nWHERE false");
}

fn typed_null(lake_type: &str) -> String {
    let duckdb_type = match lake_type {
        "boolean" => "BOOLEAN",
        // The narrowest of the three that files may have: DuckDB widens it to what it finds.
        "number" | "choice" | "int32" => "INTEGER",
        "int64" => "BIGINT",
        "decimal" => "DECIMAL(38,10)",
        "double" => "DOUBLE",
        "choices" => "INTEGER[]",
        "text" => "VARCHAR",
        "text_list" => "VARCHAR[]",
        "uuid" => "UUID",
        "datetime" => "TIMESTAMP",
        "date" => "DATE",
        "instant" => "TIMESTAMP WITH TIME ZONE",
        "binary" => "BLOB",
        "json" => "JSON",
        "party_list" => {
            "STRUCT(partyid UUID, partyid_entitytype VARCHAR, partyidname VARCHAR, \
             participationtypemask INTEGER, addressused VARCHAR, rest JSON)[]"
        }
        // A type of a later version: the files say what it is.
        _ => return "NULL".to_owned(),
    };
    format!("NULL::{duckdb_type}")
}

/// What the state of a record says of its latest event.
const LATEST_EVENT: [&str; 8] = [
    "_organization_name",
    "_message",
    "_operation_created_on",
    "_user_id",
    "_hub",
    "_partition",
    "_sequence_number",
    "_enqueued_time",
];

/// Why the state is asked for this way; stands in the output, where somebody may want to change it.
const LATEST_METHOD: &str = "\
-- How the states (…_latest) are found: arg_max over a binary key of the order, not a window. It hashes once, holds one
-- value per record and column, computes only the columns that a query asks for, and lets a condition on Id reach the
-- files. Measured: 200,000 rows of 100 columns take 3.9 s of CPU, two of the columns 0.2 s; with a key of ROW(…) it is
-- four times as much, with last(… ORDER BY …) twice.
";

/// The view of the latest state.
///
/// An event sets a column when it names it in `_changed` or has a value for it (from a post-image).
fn write_latest(out: &mut String, view: &str, history: &str, columns: &Columns<'_>) {
    let what = format!(
        "the state of each record of {} that is not deleted.\n\
         -- Each column is what the last event that set it says, null too; nothing from before a deletion counts.\n\
         -- SinkModifiedOn and the columns that begin with _ are those of the record's latest event",
        one_line(history)
    );
    statement(out, view, &what);
    write_live_events(out, history);
    out.push_str("SELECT\n  \"Id\",\n  arg_max(\"SinkModifiedOn\", \"_order\") AS \"SinkModifiedOn\",\n");
    for (name, _) in &columns.attributes {
        write_latest_value(out, name, columns.owner(name));
    }
    out.push_str("  \"_organization_id\"");
    for name in LATEST_EVENT {
        let _ = write!(out, ",\n  arg_max_null(\"{name}\", \"_order\") AS \"{name}\"");
    }
    out.push_str("\nFROM live\nGROUP BY \"_organization_id\", \"Id\";\n");
}

/// The events that count: those behind the record's last deletion, each with its place in the order.
fn write_live_events(out: &mut String, history: &str) {
    let order: Vec<String> = [
        "coalesce(\"_operation_created_on\", \"_enqueued_time\")",
        "\"_enqueued_time\"",
        "\"_partition\"",
        "\"_sequence_number\"",
        "\"_row_index\"",
    ]
    .map(|key| format!("{key}, 'ASC NULLS FIRST'"))
    .into();
    let _ = write!(
        out,
        "WITH events AS NOT MATERIALIZED (\n  \
           SELECT *, create_sort_key({}) AS \"_order\"\n  \
           FROM {}\n  \
           -- Rows of no record have no Id, or a zero one.\n  \
           WHERE \"Id\" <> '00000000-0000-0000-0000-000000000000'\n\
         ), deletions AS NOT MATERIALIZED (\n  \
           SELECT \"_organization_id\", \"Id\", max(\"_order\") AS \"_order\"\n  \
           FROM events WHERE \"IsDelete\" GROUP BY ALL\n\
         ), live AS NOT MATERIALIZED (\n  \
           SELECT events.* FROM events LEFT JOIN deletions\n  \
           ON deletions.\"Id\" = events.\"Id\" AND deletions.\"_organization_id\" IS NOT DISTINCT FROM events.\"_organization_id\"\n  \
           WHERE deletions.\"_order\" IS NULL OR deletions.\"_order\" < events.\"_order\"\n\
         )\n",
        order.join(", "),
        identifier(history)
    );
}

/// What the last event that set a column says; a companion is set together with its column.
fn write_latest_value(out: &mut String, name: &str, owner: Option<&str>) {
    let mut set = format!("{} IS NOT NULL", identifier(name));
    let decisive = owner.unwrap_or(name);
    if owner.is_some() {
        let _ = write!(set, " OR {} IS NOT NULL", identifier(decisive));
    }
    let _ = write!(set, " OR list_contains(\"_changed\", {})", literal(&attribute_name(decisive)));
    let column = identifier(name);
    let _ = writeln!(out, "  arg_max_null({column}, \"_order\") FILTER (WHERE {set}) AS {column},");
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Text for a comment: it must not end the line.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// A path that a glob takes as it is.
fn escape_glob(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '*' | '?' | '[' => {
                let _ = write!(escaped, "[{character}]");
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(table: &str, columns: &[(&str, &str)]) -> TableSchema {
        let columns = columns.iter().map(|(name, of)| ((*name).to_owned(), (*of).to_owned())).collect();
        TableSchema { table: table.to_owned(), version: 1, columns }
    }

    #[test]
    fn companions_stand_behind_their_column() {
        let schema = schema(
            "account",
            &[
                ("_message", "text"),
                ("first", "text"),
                ("firstname", "text"),
                ("ownerid", "uuid"),
                ("ownerid2", "text"),
                ("ownerid_entitytype", "text"),
                ("owneridname", "text"),
                ("statuscode", "choice"),
                ("statuscodename", "text"),
            ],
        );
        let columns = Columns::of(&schema);
        let names: Vec<&str> = columns.attributes.iter().map(|(name, _)| *name).collect();
        let expected = [
            "first",
            "firstname",
            "ownerid",
            "ownerid_entitytype",
            "owneridname",
            "ownerid2",
            "statuscode",
            "statuscodename",
        ];
        assert_eq!(names, expected);
        let owners: Vec<Option<&str>> = names.iter().map(|name| columns.owner(name)).collect();
        assert_eq!(owners[1], None, "text has no label");
        assert_eq!(owners[3..5], [Some("ownerid"), Some("ownerid")]);
        assert_eq!(owners[5..], [None, None, Some("statuscode")]);
    }

    #[test]
    fn every_view_has_a_name_of_its_own() {
        let tables = [schema("account", &[]), schema("account_latest", &[]), schema("Account", &[])];
        let script = script("/lake", &tables.iter().collect::<Vec<_>>());
        let created = "CREATE OR REPLACE VIEW ";
        let mut names: Vec<String> =
            script.lines().filter_map(|line| line.strip_prefix(created)).map(str::to_lowercase).collect();
        assert_eq!(names.len(), 7, "three histories, three states, the empty quarantine: {names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 7, "{names:?}");
        // The state of `account` is read from `account`, whatever it had to be called.
        assert!(script.contains("CREATE OR REPLACE VIEW \"account_latest_\" AS"), "{script}");
    }

    #[test]
    fn odd_names_and_paths_are_quoted() {
        let tables = [schema("a\"b\nc", &[("attr$x%27y", "text")])];
        let script = script("/it's/[a]*?/x=y", &[&tables[0]]);
        for expected in [
            "VIEW \"a\"\"b\nc\" AS",
            "-- a\"b c: every event of the table a\"b c, one row for each record.",
            "list_contains(\"_changed\", 'x''y')",
            "'/it''s/[[]a][*][?]/x=y/table$a%22b%0Ac/**/*.parquet'",
            "hive_partitioning = false",
        ] {
            assert!(script.contains(expected), "{expected}\n{script}");
        }
    }
}
