//! `account_changes`: one row per column that an event set, with its user and value.
//!
//! Does not own: the selection and order of events (`events`).

use std::fmt::Write;

use super::columns::Columns;
use super::events::{COUNTS, is_cleared_list, join_repeated, write_events};
use super::messages::is_message_that;
use super::text::{identifier, literal, one_line, statement};
use crate::columns::attribute_name;
use crate::event::messages::Effect;

/// The view of all changes of a table.
///
/// Always one scan: a branch per column would read the footer of every file once per column.
pub(super) fn write_changes(out: &mut String, view: &str, history: &str, columns: &Columns<'_>) {
    let what = format!(
        "the changes of each event of {}: one row per column that `_changed` names.\n\
         -- \"value\" is text, lists are JSON; \"before\" is the value of the record's previous change of this column, null in a Create;\n\
         -- \"_copy\" is true if another step has posted the same change: WHERE NOT _copy has each change once",
        one_line(history)
    );
    statement(out, view, &what);
    let columns = &columns.with_set_by_parameter();
    write_events(out, history, columns);
    let _ = write!(
        out,
        ", _each AS NOT MATERIALIZED (\n  \
           SELECT _events.*, unnest(\"_changed\") AS \"_column\" FROM _events {}\n  \
           WHERE {COUNTS} AND \"_known\"\n\
         ), _valued AS NOT MATERIALIZED (\n  \
           SELECT *,\n    ",
        join_repeated(columns)
    );
    write_value(out, columns);
    out.push_str(" AS \"_value\",\n    ");
    write_label(out, columns);
    let record = columns.record().join(", ");
    let change = format!(
        "{record}, \"_column\", \"_value\", \"_message\", \"_correlation_id\",\n      \
         \"_request_id\", \"_operation_created_on\", \"_row_index\""
    );
    // One step may make the same change several times within a request.
    let same = format!("{change}, \"_nth\"");
    let _ = write!(
        out,
        " AS \"_label\"\n  FROM _each\n), _copied AS NOT MATERIALIZED (\n  \
           -- Of a change that several steps post, the first step's counts.\n  \
           SELECT *, (coalesce(\"_request_id\", \"_correlation_id\") IS NOT NULL AND \"_step_id\" IS DISTINCT FROM\n    \
             first_value(\"_step_id\") OVER (PARTITION BY {same} ORDER BY \"_order\")) AS \"_copy\"\n  \
           FROM (SELECT *, row_number() OVER (PARTITION BY {change}, \"_step_id\" ORDER BY \"_order\") AS \"_nth\" FROM _valued)\n\
         ), _chained AS NOT MATERIALIZED (\n  \
           -- Not a named window: DuckDB before 2.0 keeps its name for the whole script.\n  \
           SELECT *, CASE WHEN NOT \"_copy\" THEN lag(\"_value\") OVER (\n    \
             PARTITION BY {record}, \"_column\", \"_copy\" ORDER BY \"_order\") END AS \"_before_it\"\n  FROM _copied\n)\nSELECT\n  {},\n  \
         \"_column\" AS \"column\",\n  \"_value\" AS \"value\",\n  \"_label\" AS \"label\",\n  \
         CASE WHEN {} THEN NULL WHEN \"_copy\" THEN first_value(\"_before_it\") OVER (\n    \
         PARTITION BY {same} ORDER BY \"_order\") ELSE \"_before_it\" END AS \"before\",\n  \
         \"_step_id\",\n  \"_copy\"\n\
         FROM _chained;\n",
        FACTS.map(identifier).join(",\n  "),
        is_message_that(Effect::Creates),
    );
}

/// The columns that identify the event and its user.
const FACTS: [&str; 10] = [
    "Id",
    "_organization_id",
    "_operation_created_on",
    "_message",
    "_user_id",
    "_initiating_user_id",
    "_enqueued_time",
    "_hub",
    "_partition",
    "_sequence_number",
];

/// Writes the value of the column as text, from a column or a JSON column.
fn write_value(out: &mut String, columns: &Columns<'_>) {
    let values: Vec<(&str, String)> =
        columns.attributes.iter().map(|(name, lake_type)| (*name, as_text(name, lake_type))).collect();
    out.push_str("coalesce(");
    write_case(out, &values);
    // A value that does not fit its column or has no column: of the only target, or of one of several, in both formats.
    for target in ["Target", "Targets.Entities[0]", "Targets[0]"] {
        let value = format!(
            "json_extract(json_extract(\"_rest\", '$.InputParameters.{target}.Attributes'), {POINTER})"
        );
        let _ =
            write!(out, ",\n      CASE WHEN {} THEN NULL ELSE {value}->>'$' END", is_cleared_list(&value));
    }
    // A parameter whose value does not fit the column that it sets.
    let _ = write!(out, ",\n      json_extract(\"_parameters\", {POINTER})->>'$'\n    )");
}

/// Writes the label of the value: from `_labels`, or from its companion column unless an attribute has that name.
fn write_label(out: &mut String, columns: &Columns<'_>) {
    let label = |(name, _): &(&'_ str, &str)| {
        let label = columns.label(name)?;
        let attribute = literal(&attribute_name(label));
        Some(format!("CASE WHEN NOT list_contains(\"_changed\", {attribute}) THEN {} END", identifier(label)))
    };
    let labels: Vec<(&str, String)> =
        columns.attributes.iter().filter_map(|column| Some((column.0, label(column)?))).collect();
    let _ = write!(out, "coalesce(json_extract_string(\"_labels\", {POINTER}), ");
    write_case(out, &labels);
    out.push(')');
}

fn write_case(out: &mut String, cases: &[(&str, String)]) {
    if cases.is_empty() {
        out.push_str("NULL::VARCHAR");
        return;
    }
    out.push_str("CASE \"_column\"");
    for (name, text) in cases {
        let _ = write!(out, "\n      WHEN {} THEN {text}", literal(&attribute_name(name)));
    }
    out.push_str("\n    END");
}

fn as_text(column: &str, lake_type: &str) -> String {
    let column = identifier(column);
    match lake_type {
        "text" => column,
        // Without trailing zeros: the type has twelve decimal places.
        "number" | "decimal" => format!("rtrim(rtrim(CAST({column} AS VARCHAR), '0'), '.')"),
        "choices" | "party_list" | "text_list" => format!("CAST(to_json({column}) AS VARCHAR)"),
        // In UTC, independent of the time zone of the session.
        "datetime" | "instant" => format!("CAST({column} AT TIME ZONE 'UTC' AS VARCHAR) || '+00'"),
        _ => format!("CAST({column} AS VARCHAR)"),
    }
}

/// The attribute as a JSON pointer, which can name any member of an object; a JSON path cannot.
const POINTER: &str = "'/' || replace(replace(\"_column\", '~', '~0'), '/', '~1')";
