//! The views as SQL text.
//!
//! Owns: the list of views and their names. Does not own: finding the tables of a lake (`sql`).

mod text; // quoting, names, comments
mod columns; // the columns of a table, their order and types
mod messages; // the effects of messages, and the attributes that they set by parameters
mod events; // order, repeated deliveries, the attributes that an event sets
mod changes; // view `account_changes`
mod history; // view `account`, and reading the files of a table
mod latest; // view `account_latest`
mod watch; // views `gaps`, `accepted_gaps`, `late`, `quarantine`
mod cloud; // connection to a lake in a cloud

use catchwater_sinks::lake::schema::TableSchema;
use catchwater_sinks::paths;

use super::lake::Lake;
use crate::event::{MESSAGES, QUARANTINE};
use columns::Columns;
use text::{Names, one_line};

pub(super) use cloud::{Connection, Settings};
pub(in crate::cli) use history::files_of;

/// The views of a lake, as statements to paste into DuckDB.
pub(super) fn script(lake: &Lake<'_>) -> String {
    let address = lake.address;
    let mut out = format!(
        "-- DuckDB views over the lake {}, printed by `catchwater sql`.\n\
         -- Each query reads the current files. Print the views again after tables or columns have been added.\n{}\n{SESSION}{}",
        one_line(address),
        latest::LATEST_METHOD,
        lake.connection,
    );
    let mut names = Names::default();
    // Within the definition of a view, DuckDB before 1.4 takes a view for the CTE of the same name, so views do not get
    // these names.
    for query in events::QUERIES {
        names.take(query);
    }
    let histories = histories(lake.tables, &mut names);
    for (schema, history) in &histories {
        let columns = Columns::of(schema);
        history::write_history(&mut out, address, history, schema, &columns);
        if is_of_records(schema) {
            let latest = names.take(&format!("{history}_latest"));
            latest::write_latest(&mut out, &latest, history, &columns);
            let changes = names.take(&format!("{history}_changes"));
            changes::write_changes(&mut out, &changes, history, &columns);
        }
    }
    // `_messages` and `_quarantine` are reserved names, so no other table has them.
    for table in [MESSAGES, QUARANTINE] {
        if !histories.iter().any(|(schema, _)| schema.table == table) {
            history::write_empty(&mut out, &names.take(table), table);
        }
    }
    watch::write_quarantine(&mut out, lake, &names.take("quarantine"));
    let gaps = names.take("gaps");
    watch::write_gaps(&mut out, lake, &gaps);
    watch::write_accepted_gaps(&mut out, lake, &names.take("accepted_gaps"), &gaps);
    let of_records = histories.iter().filter(|(schema, _)| is_of_records(schema));
    let of_records: Vec<watch::History<'_>> = of_records
        .map(|(schema, view)| (schema.table.as_str(), view.as_str(), Columns::of(schema).elastic_key()))
        .collect();
    watch::write_late(&mut out, &names.take("late"), &of_records);
    out
}

/// Each table with the name of its first view. Of two names that differ in case, the one without escapes keeps its
/// name.
fn histories<'a>(tables: &[&'a TableSchema], names: &mut Names) -> Vec<(&'a TableSchema, String)> {
    let mut tables = tables.to_vec();
    tables.sort_by_key(|schema| {
        let is_escaped = paths::folder_name(&schema.table) != schema.table;
        (schema.table.starts_with('_'), is_escaped, &schema.table)
    });
    tables.into_iter().map(|schema| (schema, names.take(&schema.table))).collect()
}

/// True if a table's events change one record each, so that the table has views of states.
fn is_of_records(schema: &TableSchema) -> bool {
    ![MESSAGES, QUARANTINE].contains(&schema.table.as_str())
}

/// Settings of the session that the views are pasted into.
const SESSION: &str = "
-- One script for DuckDB 1.2 and newer.
-- The days of a lake are days in UTC; you may set another time zone after the views.
SET TimeZone = 'UTC';
-- A query reads the footer of each file several times; this keeps it in memory.
SET parquet_metadata_cache = true;
";

#[cfg(test)]
mod tests {
    use catchwater_sinks::lake::schema::Column;

    use super::*;

    pub(super) fn schema(table: &str, columns: &[(&str, &str)]) -> TableSchema {
        let column = |type_name: &str| Column { type_name: type_name.to_owned(), ids: vec![2] };
        let columns = columns.iter().map(|(name, of)| ((*name).to_owned(), column(of))).collect();
        TableSchema { table: table.to_owned(), version: 1, columns }
    }

    fn script_of(address: &str, tables: &[TableSchema]) -> String {
        let tables: Vec<&TableSchema> = tables.iter().collect();
        script(&Lake {
            address,
            connection: "",
            tables: &tables,
            has_redriven: false,
            has_origins: true,
            has_lost: false,
            accepted: &[],
        })
    }

    fn views(script: &str) -> Vec<&str> {
        script.lines().filter_map(|line| line.strip_prefix("CREATE OR REPLACE VIEW ")).collect()
    }

    #[test]
    fn view_names_are_distinct() {
        let tables = ["ACCOUNT", "account_latest", "account", "gaps"].map(|name| schema(name, &[]));
        let script = script_of("/lake", &tables);
        let mut names: Vec<String> = views(&script).iter().map(|name| name.to_lowercase()).collect();
        let count = names.len();
        assert_eq!(
            count,
            4 * 3 + 6,
            "three of each table, messages, the quarantine twice, gaps twice, late: {names:?}"
        );
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
        // The plain table has the plain name; the view of its state gives way to the table of that name.
        assert_eq!(views(&script)[0], "\"account\" AS");
        for taken in ["\"account_latest_\" AS", "\"ACCOUNT_\" AS", "\"gaps_\" AS"] {
            assert!(views(&script).contains(&taken), "{taken}\n{script}");
        }
    }

    #[test]
    fn special_characters_in_names_and_paths_are_quoted() {
        let script = script_of("/it's/[a]*?/x=y", &[schema("a\"b\nc", &[("attr$x%27y", "text")])]);
        for expected in [
            "VIEW \"a\"\"b\\nc\" AS",
            "-- a\"b\\nc: every event of the table a\"b\\nc, one row each.",
            "list_contains(\"_set\", 'x''y')",
            "WHEN 'x''y' THEN \"attr$x%27y\"",
            "'/it''s/[[]a][*][?]/x=y/table$a%22b%0Ac/enqueued_date=*/*.cw.parquet'",
            "hive_partitioning = false",
        ] {
            assert!(script.contains(expected), "{expected}\n{script}");
        }
    }
}
