//! `gaps`, `accepted_gaps`, `late` and `quarantine`: what somebody who runs a lake looks at.
//!
//! Does not own: the proof that a lake is whole, which is `catchwater audit`.

use std::fmt::Write;

use catchwater_sinks::paths;

use super::columns::{ELASTIC, typed_null};
use super::history::{lake_folder, source_where, write_typed_nulls};
use super::text::{identifier, literal, one_line, statement};
use crate::cli::sql::lake::Lake;
use crate::columns::fixed_columns;
use crate::event::QUARANTINE;

/// The view of what is missing, by source: one row per range of sequence numbers.
pub(super) fn write_gaps(out: &mut String, lake: &Lake<'_>, view: &str) {
    let what = "sequence numbers that no row has, by source (<hub>-<generation>-p<partition>), one row per range.\n\
                -- Rows in quarantine are there; events given up and gaps that a run accepted are not missing. While a run\n\
                -- goes on, what it has not written yet shows here too; `catchwater audit` tells that apart";
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
    let what = "sequence numbers that no row has and never will, because the hub left them out or they could not be read,\n\
                -- as a run saw and accepted, by source, one row per range";
    statement(out, view, what);
    if lake.accepted.is_empty() {
        out.push_str(NO_RANGES);
        return;
    }
    let gaps = format!("\n  UNION ALL\n  SELECT \"source\", \"first\", \"last\" FROM {}", identifier(gaps));
    write_missing(out, lake, &gaps);
}

/// The query of ranges without a row, between rows of their source; `also` adds ranges that are not asked for.
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
            "\n  UNION ALL\n  -- What is before the first event of a source was not asked for.\n  \
               SELECT {}, \"first\" - 1, \"first\" - 1 FROM read_json({}, columns = {{first: 'BIGINT'}}, filename = true)",
            source_of_name(OWN_FILE, "\\.json"),
            records(&folder, &paths::origin_folder()),
        );
    }
    if lake.has_lost {
        let _ = write!(
            out,
            "\n  UNION ALL\n  -- Given up.\n  \
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

/// A table's name, that of its first view, and the partition of its records if it is elastic.
pub(super) type History<'a> = (&'a str, &'a str, Option<String>);

/// The view of events that came behind a later one of their record.
pub(super) fn write_late(out: &mut String, view: &str, histories: &[History<'_>]) {
    let what = "events that were delivered behind a later one of their record, of every table.\n\
                -- \"behind\" is by how much they are older than the newest that was there before them";
    statement(out, view, what);
    let columns = FACTS.map(|(name, of)| format!("{} AS \"{name}\"", typed_null(of)));
    let _ = write!(
        out,
        "WITH _events AS NOT MATERIALIZED (\n  SELECT NULL::VARCHAR AS \"table\", {}, NULL::VARCHAR AS \"{ELASTIC}\"\n  WHERE false",
        columns.join(", ")
    );
    let columns = FACTS.map(|(name, _)| identifier(name)).join(", ");
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
        "\n), _told AS (\n  \
           SELECT *, max(\"_operation_created_on\") OVER (\n    \
             PARTITION BY \"table\", \"_organization_id\", \"Id\", \"_elastic_partition\" ORDER BY \"_enqueued_time\", \"_partition\", \"_sequence_number\", \"_row_index\"\n    \
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING\n  ) AS \"overtaken_by\"\n  \
           FROM _events WHERE \"Id\" <> '00000000-0000-0000-0000-000000000000'\n)\n\
         SELECT * EXCLUDE (\"_elastic_partition\"), \"overtaken_by\" - \"_operation_created_on\" AS \"behind\"\n\
         FROM _told WHERE \"overtaken_by\" > \"_operation_created_on\";\n",
    );
}

/// What is said of a late event.
const FACTS: [(&str, &str); 9] = [
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

/// The view of the quarantine without what has been read again since (`catchwater redrive`).
pub(super) fn write_quarantine(out: &mut String, lake: &Lake<'_>, view: &str) {
    let what = "bodies that could not be understood and still have no row elsewhere";
    statement(out, view, what);
    if !lake.has_redriven {
        let _ = writeln!(out, "SELECT * FROM {};", identifier(QUARANTINE));
        return;
    }
    let place = source_of_file(FILE);
    let redriven = literal(&format!("{}/*/enqueued_date=*/*-r*.cw.parquet", lake_folder(lake.address)));
    let condition = format!(
        "\nWHERE ({place}, \"_sequence_number\") NOT IN (\n  \
           SELECT ({place}, \"_sequence_number\") FROM read_parquet({redriven}, {WITH_FILE})\n  \
           WHERE regexp_matches({FILE}, '-p[0-9]{{4,}}-[0-9]{{20}}-r[0-9]+\\.cw\\.parquet$')\n)"
    );
    write_typed_nulls(out, fixed_columns(QUARANTINE).into_iter().flatten());
    let _ = write!(
        out,
        "\nUNION ALL BY NAME\nSELECT * FROM {};\n",
        source_where(lake.address, QUARANTINE, "_file", &condition)
    );
}

/// The file that a record is from.
const OWN_FILE: &str = "\"filename\"";

/// The same where files of any table are read: DuckDB's own name for it may be an attribute's.
const FILE: &str = "\"_file\"";

/// How files of any table are read so. The first file tells which columns there are, hence only ask for what all have.
const WITH_FILE: &str = "filename = '_file', hive_partitioning = false";

/// The source that a data file's name tells; those with `-r` hold what was read again.
fn source_of_file(file: &str) -> String {
    source_of_name(file, "-[0-9]{20}(-r[0-9]+)?\\.cw\\.parquet")
}

fn source_of_name(file: &str, ending: &str) -> String {
    format!("regexp_extract({file}, '([^/\\\\]+){ending}$', 1)")
}

/// All records of a folder: other files may lie beside them.
fn records(lake: &str, folder: &object_store::path::Path) -> String {
    literal(&format!("{lake}/{folder}/*-p[0-9]*.json"))
}
