//! `gaps`, `accepted_gaps`, `late` and `quarantine`: views for operators.
//!
//! Does not own: the proof that a lake is complete (`catchwater audit`).

use std::fmt::Write;

use catchwater_sinks::paths;

use super::columns::{ELASTIC, typed_null};
use super::history::{lake_folder, source_where, write_typed_nulls};
use super::text::{identifier, literal, one_line, statement};
use crate::cli::sql::lake::Lake;
use crate::columns::fixed_columns;
use crate::event::QUARANTINE;

/// The view of missing sequence numbers: one row per source and range.
pub(super) fn write_gaps(out: &mut String, lake: &Lake<'_>, view: &str) {
    let what = "sequence numbers without a row, by source (<hub>-<generation>-p<partition>), one row per range.\n\
                -- Events in quarantine have a row; lost events that were accepted (`--accept-loss`) and gaps that a run accepted\n\
                -- are not listed. During a run, events that it has not written yet are listed too; `catchwater audit` can\n\
                -- distinguish them";
    statement(out, view, what);
    let folder = lake_folder(lake.address);
    let mut accepted = String::new();
    for cause in lake.accepted {
        let _ = write!(
            accepted,
            "\n  UNION ALL\n  -- Accepted by a run.\n  \
               SELECT \"source\", \"range\".\"from\", \"range\".\"to\" FROM (\n    \
                 SELECT {} AS \"source\", unnest(\"ranges\") AS \"range\"\n    \
                 FROM read_json({}, columns = {{\"ranges\": 'STRUCT(\"from\" BIGINT, \"to\" BIGINT)[]'}}, filename = true)\n  )",
            source_of_name(OWN_FILE, "--?[0-9]+\\.json"),
            records(&folder, &paths::gap_folder(*cause)),
        );
    }
    write_missing(out, lake, &accepted);
}

/// The view of missing numbers that were accepted; `gaps` is the view of those that were not.
pub(super) fn write_accepted_gaps(out: &mut String, lake: &Lake<'_>, view: &str, gaps: &str) {
    let what = "sequence numbers without a row that a run accepted as gaps, because the hub skipped them or they could not\n\
                -- be read, by source, one row per range";
    statement(out, view, what);
    if lake.accepted.is_empty() {
        out.push_str(NO_RANGES);
        return;
    }
    let gaps = format!("\n  UNION ALL\n  SELECT \"source\", \"first\", \"last\" FROM {}", identifier(gaps));
    write_missing(out, lake, &gaps);
}

/// Writes the query for numbers that have no row although their source has earlier and later ones. `also` is SQL for
/// further ranges that count as present.
fn write_missing(out: &mut String, lake: &Lake<'_>, also: &str) {
    if lake.tables.is_empty() {
        out.push_str(NO_RANGES);
        return;
    }
    let folder = lake_folder(lake.address);
    let _ = write!(
        out,
        "WITH present AS (\n  \
           SELECT DISTINCT {} AS \"source\", \"_sequence_number\" AS \"first\", \"_sequence_number\" AS \"last\"\n  \
           FROM read_parquet({}, {WITH_FILE})",
        source_of_file(FILE),
        literal(&format!("{folder}/*/{}", paths::DATA_GLOB)),
    );
    if lake.has_origins {
        let _ = write!(
            out,
            "\n  UNION ALL\n  -- Numbers before the first event of a source are not missing.\n  \
               SELECT {}, \"first\" - 1, \"first\" - 1 FROM read_json({}, columns = {{first: 'BIGINT'}}, filename = true)",
            source_of_name(OWN_FILE, "\\.json"),
            records(&folder, &paths::origin_folder()),
        );
    }
    if lake.has_lost {
        let _ = write!(
            out,
            "\n  UNION ALL\n  -- Lost events that were accepted (`--accept-loss`).\n  \
               SELECT {}, \"from\", \"to\" FROM read_json({}, columns = {{\"from\": 'BIGINT', \"to\": 'BIGINT'}}, filename = true)",
            source_of_name(OWN_FILE, "--?[0-9]+\\.json"),
            records(&folder, &paths::lost_folder()),
        );
    }
    out.push_str(also);
    out.push_str(
        "\n), reached AS (\n  \
           SELECT *, max(\"last\") OVER (\n    \
             PARTITION BY \"source\" ORDER BY \"first\", \"last\" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING\n  ) AS \"before\"\n  \
           FROM present\n)\n\
         SELECT \"source\", \"before\" + 1 AS \"first\", \"first\" - 1 AS \"last\", \"first\" - \"before\" - 1 AS \"events\"\n\
         FROM reached WHERE \"first\" > \"before\" + 1;\n",
    );
}

/// The columns of ranges, without a row.
const NO_RANGES: &str = "SELECT NULL::VARCHAR AS \"source\", NULL::BIGINT AS \"first\", NULL::BIGINT AS \"last\", NULL::BIGINT AS \"events\"\nWHERE false;\n";

/// The names of a table and of its first view, and the partition expression of an elastic table.
pub(super) type History<'a> = (&'a str, &'a str, Option<String>);

/// The view of events that were delivered after a later event of their record.
pub(super) fn write_late(out: &mut String, view: &str, histories: &[History<'_>]) {
    let what = "events of all tables that were delivered after a later event of their record.\n\
                -- \"behind\" is the difference to the newest event that was delivered before";
    statement(out, view, what);
    let columns = LATE_COLUMNS.map(|(name, of)| format!("{} AS \"{name}\"", typed_null(of)));
    let _ = write!(
        out,
        "WITH _events AS NOT MATERIALIZED (\n  SELECT NULL::VARCHAR AS \"table\", {}, NULL::VARCHAR AS \"{ELASTIC}\"\n  WHERE false",
        columns.join(", ")
    );
    let columns = LATE_COLUMNS.map(|(name, _)| identifier(name)).join(", ");
    for (table, history, elastic) in histories {
        let _ = write!(
            out,
            "\n  UNION ALL SELECT {}, {columns}, {} FROM {}",
            literal(&one_line(table)),
            elastic.as_deref().unwrap_or("NULL"),
            identifier(history)
        );
    }
    out.push_str(
        "\n), _overtaken AS (\n  \
           SELECT *, max(\"_operation_created_on\") OVER (\n    \
             PARTITION BY \"table\", \"_organization_id\", \"Id\", \"_elastic_partition\" ORDER BY \"_enqueued_time\", \"_partition\", \"_sequence_number\", \"_row_index\"\n    \
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING\n  ) AS \"overtaken_by\"\n  \
           FROM _events WHERE \"Id\" <> '00000000-0000-0000-0000-000000000000'\n)\n\
         SELECT * EXCLUDE (\"_elastic_partition\"), \"overtaken_by\" - \"_operation_created_on\" AS \"behind\"\n\
         FROM _overtaken WHERE \"overtaken_by\" > \"_operation_created_on\";\n",
    );
}

/// The columns of a late event.
const LATE_COLUMNS: [(&str, &str); 9] = [
    ("Id", "uuid"),
    ("_organization_id", "uuid"),
    ("_message", "text"),
    ("_operation_id", "uuid"),
    ("_operation_created_on", "instant"),
    ("_enqueued_time", "instant"),
    ("_partition", "int32"),
    ("_sequence_number", "int64"),
    ("_row_index", "int32"),
];

/// The view of the quarantine without events that were redriven since (`catchwater redrive`).
pub(super) fn write_quarantine(out: &mut String, lake: &Lake<'_>, view: &str) {
    let what = "bodies that could not be understood and have no row in another table";
    statement(out, view, what);
    if !lake.has_redriven {
        let _ = writeln!(out, "SELECT * FROM {};", identifier(QUARANTINE));
        return;
    }
    let source = source_of_file(FILE);
    let redriven = literal(&format!("{}/*/enqueued_date=*/*-r*.cw.parquet", lake_folder(lake.address)));
    let condition = format!(
        "\nWHERE ({source}, \"_sequence_number\") NOT IN (\n  \
           SELECT ({source}, \"_sequence_number\") FROM read_parquet({redriven}, {WITH_FILE})\n  \
           WHERE regexp_matches({FILE}, '-p[0-9]{{4,}}-[0-9]{{20}}-r[0-9]+\\.cw\\.parquet$')\n)"
    );
    write_typed_nulls(out, fixed_columns(QUARANTINE).into_iter().flatten());
    let _ = write!(
        out,
        "\nUNION ALL BY NAME\nSELECT * FROM {};\n",
        source_where(lake.address, QUARANTINE, "_file", &condition)
    );
}

/// The column with the file of a record.
const OWN_FILE: &str = "\"filename\"";

/// The column with the file of a row, in queries of data files: an attribute may be named `filename`.
const FILE: &str = "\"_file\"";

/// Options that read files of any table. DuckDB takes the columns from the first file: select only those that all files
/// have.
const WITH_FILE: &str = "filename = '_file', hive_partitioning = false";

/// The source in the name of a data file; redriven files have `-r`.
fn source_of_file(file: &str) -> String {
    source_of_name(file, "-[0-9]{20}(-r[0-9]+)?\\.cw\\.parquet")
}

fn source_of_name(file: &str, ending: &str) -> String {
    format!("regexp_extract({file}, '([^/\\\\]+){ending}$', 1)")
}

/// A glob that matches the records of a folder, and no other file in it.
fn records(lake: &str, folder: &catchwater_sinks::store::Key) -> String {
    literal(&format!("{lake}/{folder}/*-p[0-9]*.json"))
}
