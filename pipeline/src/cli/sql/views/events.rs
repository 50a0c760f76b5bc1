//! The events of a table that count, in their order: what states and changes are told from.
//!
//! Owns: the order of events, which of several deliveries counts, what an event sets. Does not own: what is made of
//! them (`latest`, `changes`).

use std::fmt::Write;

use super::columns::{Columns, VERSION};
use super::text::{identifier, literal};
use crate::event::messages::{Effect, MESSAGES};

/// Writes `WITH events …, repeated …`: the events of records, each with its place `_order`, the attributes it
/// sets, `_set`, and those whose label has no companion, `_labelled`; and the events that were delivered more than once.
///
/// No attribute's column has a name that begins with `_`: so do all that views add to a table's own.
pub(super) fn write_events(out: &mut String, history: &str, columns: &Columns<'_>) {
    // Dataverse's clock has seconds here: within one, a record is created first, and deleted and restored last.
    let within = format!(
        "CASE WHEN \"IsDelete\" THEN 2 WHEN {} THEN 0 WHEN {} THEN 3 ELSE 1 END",
        is_message_that(Effect::Creates),
        is_message_that(Effect::Restores)
    );
    let mut order = vec!["coalesce(\"_operation_created_on\", \"_enqueued_time\")", &within];
    let version = identifier(VERSION);
    if columns.have_version() {
        order.push(&version);
    }
    order.extend(["\"_enqueued_time\"", "\"_partition\"", "\"_sequence_number\"", "\"_row_index\""]);
    let order: Vec<String> = order.iter().map(|key| format!("    {key}, 'ASC NULLS FIRST'")).collect();
    let _ = write!(
        out,
        "WITH events AS NOT MATERIALIZED (\n  SELECT *, {SET} AS \"_set\", json_keys(\"_labels\") AS \"_labelled\", {LEFT} AS \"_left\", create_sort_key(\n{}\n  ) AS \"_order\"\n  \
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

/// Writes `deletions`: the last deletion of each record that no restoration undid. A deletion that was delivered again is no
/// later one: the record may have been created anew in between.
pub(super) fn write_deletions(out: &mut String) {
    let restores = is_message_that(Effect::Restores);
    let _ = write!(
        out,
        ", deletions AS NOT MATERIALIZED (\n  \
           SELECT \"_organization_id\", \"Id\", max(\"_order\") AS \"_order\" FROM (\n    \
             SELECT *, lead(\"_restores\") OVER (PARTITION BY \"_organization_id\", \"Id\" ORDER BY \"_order\") AS \"_undone\" FROM (\n      \
               SELECT \"_organization_id\", \"Id\", min(\"_order\") AS \"_order\", bool_or({restores}) AS \"_restores\"\n      \
               FROM events WHERE \"IsDelete\" OR {restores}\n      \
               GROUP BY {}, CASE WHEN \"_operation_id\" <> {NONE} THEN NULL ELSE \"_order\" END\n    \
             )\n  \
           ) WHERE NOT \"_restores\" AND \"_undone\" IS DISTINCT FROM true GROUP BY ALL\n\
         )",
        EVENT.map(identifier).join(", "),
    );
}

/// Whether an event's message has an effect, by its exact name.
fn is_message_that(effect: Effect) -> String {
    let names = MESSAGES.iter().filter(|message| message.effect == effect);
    let names: Vec<String> = names.map(|message| literal(message.name)).collect();
    format!("\"_message\" IN ({})", names.join(", "))
}

/// What two deliveries of one event have in common.
const EVENT: [&str; 6] = ["Id", "_operation_id", "_organization_id", "_step_id", "_message", "_row_index"];

const NONE: &str = "'00000000-0000-0000-0000-000000000000'";

/// What an event sets: the attributes of Target, and those of the record's images whose value fits no column.
/// (An image that says whose it is shows another record.)
const SET: &str = "CASE WHEN \"_rest\" IS NULL THEN \"_changed\" ELSE list_concat(\"_changed\", flatten([\n    \
                   coalesce(json_keys(image, '$.Attributes'), []) \
                   FOR image IN json_extract(\"_rest\", '$.PostEntityImages.*')\n    \
                   IF NOT json_exists(image, '$.Id') AND NOT json_exists(image, '$.LogicalName')\n  ])) END";

/// The attributes of Target, or of the row's target of several, whose value fits no column.
const LEFT: &str = "coalesce(json_extract(\"_rest\", '$.InputParameters.Target.Attributes'), \
                    json_extract(\"_rest\", '$.InputParameters.Targets.Entities[0].Attributes'), \
                    json_extract(\"_rest\", '$.InputParameters.Targets[0].Attributes'))";

/// What `_left` has of an attribute, as JSON; of a list that was cleared, nothing.
pub(super) fn left_of(attribute: &str, lake_type: &str) -> String {
    let pointer = literal(&format!("/{}", attribute.replace('~', "~0").replace('/', "~1")));
    let value = format!("json_extract(\"_left\", {pointer})");
    if lake_type == "party_list" {
        // Only the collection around it is left.
        format!(
            "CASE WHEN json_type({value}) <> 'OBJECT' OR json_exists({value}, '$.Entities') THEN {value} END"
        )
    } else {
        value
    }
}
