//! The events of a table that count, in their order: what states and changes are told from.
//!
//! Owns: the order of events, which of several deliveries counts, what an event sets. Does not own: what is made of
//! them (`latest`, `changes`).

use std::fmt::Write;

use super::columns::{Columns, VERSION};
use super::text::identifier;

/// Writes `WITH events …, repeated …`: the events of records, each with its place `_order` and the attributes it
/// sets, `_set`; and those of them that were delivered more than once.
pub(super) fn write_events(out: &mut String, history: &str, columns: &Columns<'_>) {
    let mut order = vec![
        "coalesce(\"_operation_created_on\", \"_enqueued_time\")",
        // Dataverse's clock has seconds here: within one, a record is created first and deleted last.
        "CASE WHEN \"IsDelete\" THEN 2 WHEN \"_message\" = 'Create' THEN 0 ELSE 1 END",
    ];
    let version = identifier(VERSION);
    if columns.have_version() {
        order.push(&version);
    }
    order.extend(["\"_enqueued_time\"", "\"_partition\"", "\"_sequence_number\"", "\"_row_index\""]);
    let order: Vec<String> = order.iter().map(|key| format!("    {key}, 'ASC NULLS FIRST'")).collect();
    let _ = write!(
        out,
        "WITH events AS NOT MATERIALIZED (\n  SELECT *, {SET} AS \"_set\", create_sort_key(\n{}\n  ) AS \"_order\"\n  \
           FROM {}\n  \
           -- Events of several records at once have no Id of their own.\n  \
           WHERE \"Id\" <> {NONE}\n\
         ), repeated AS NOT MATERIALIZED (\n  \
           SELECT {}, min(\"_order\") AS \"_order\"\n  \
           FROM events WHERE \"_operation_id\" <> {NONE} GROUP BY ALL HAVING count(*) > 1\n)",
        order.join(",\n"),
        identifier(history),
        EVENT.map(identifier).join(", "),
    );
}

/// Joins `repeated` to `events`: the first delivery of an event counts, wherever the others are.
pub(super) fn join_repeated() -> String {
    let equal = |column| format!("repeated.{column} IS NOT DISTINCT FROM events.{column}");
    let same: Vec<String> = EVENT[2..].iter().map(|column| equal(identifier(column))).collect();
    format!(
        "LEFT JOIN repeated\n  ON repeated.\"Id\" = events.\"Id\" AND repeated.\"_operation_id\" = events.\"_operation_id\"\n  AND {}",
        same.join("\n  AND ")
    )
}

/// Whether a row of `events` joined so is the delivery that counts.
pub(super) const COUNTS: &str = "(repeated.\"_order\" IS NULL OR repeated.\"_order\" = events.\"_order\")";

/// What two deliveries of one event have in common.
const EVENT: [&str; 6] = ["Id", "_operation_id", "_organization_id", "_step_id", "_message", "_row_index"];

const NONE: &str = "'00000000-0000-0000-0000-000000000000'";

/// What an event sets: the attributes of Target, and those of the record's images whose value fits no column.
/// (An image that says whose it is shows another record.)
const SET: &str = "CASE WHEN \"_rest\" IS NULL THEN \"_changed\" ELSE list_concat(\"_changed\", flatten([\n    \
                   coalesce(json_keys(image, '$.Attributes'), []) \
                   FOR image IN json_extract(\"_rest\", '$.PostEntityImages.*')\n    \
                   IF NOT json_exists(image, '$.Id') AND NOT json_exists(image, '$.LogicalName')\n  ])) END";
