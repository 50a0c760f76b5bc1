//! `account_latest`: the state of each record.
//!
//! Owns: deriving a state from events. Does not own: the selection and order of events (`events`).

use std::fmt::Write;

use super::columns::Columns;
use super::events::{COUNTS, is_cleared_list, join_repeated, left, write_deletions, write_events};
use super::messages::is_message_that;
use super::text::{identifier, literal, one_line, statement};
use crate::columns::attribute_name;
use crate::event::messages::Effect;

/// The reason for the form of the query; printed with the views, for people who want to change them.
pub(super) const LATEST_METHOD: &str = "\
-- The states (…_latest) use arg_max over a binary sort key, not a window. This hashes once, keeps one value per record
-- and column, computes only the columns that a query selects, and pushes a condition on Id down to the files. Measured:
-- 75,000 rows of 80 columns take 0.5 s of CPU, two of the columns 0.1 s. A key of ROW(…) takes four times as long,
-- last(… ORDER BY …) twice.
";

/// The view of the latest state.
pub(super) fn write_latest(out: &mut String, view: &str, history: &str, columns: &Columns<'_>) {
    let what = format!(
        "the state of each record of {} that is not deleted.\n\
         -- Each column has the value of the last event that set it, which may be null; events before a deletion do not count.\n\
         -- SinkModifiedOn and the columns that begin with _ are those of the record's latest event, with three exceptions.\n\
         -- _truncated: true if an event came without all of its content, or a Restore brought back values that no event here has.\n\
         -- _misfits: current values that fit no column or have no column, as JSON.\n\
         -- _unknown_messages: messages of the record with an unknown effect; they change nothing here",
        one_line(history)
    );
    statement(out, view, &what);
    let columns = &columns.with_set_by_parameter();
    write_events(out, history, columns);
    write_live_events(out, columns);
    out.push_str(
        "SELECT\n  \"Id\",\n  arg_max(\"SinkModifiedOn\", \"_order\") FILTER (WHERE \"_known\") AS \"SinkModifiedOn\",\n",
    );
    let values: Vec<(&str, String)> =
        columns.attributes.iter().map(|(name, _)| (*name, latest_value(name, columns.owner(name)))).collect();
    for (name, value) in &values {
        let _ = writeln!(out, "  {value} AS {},", identifier(name));
    }
    write_misfits(out, &values);
    out.push_str("  \"_organization_id\"");
    for name in LATEST_EVENT {
        let _ =
            write!(out, ",\n  arg_max_null(\"{name}\", \"_order\") FILTER (WHERE \"_known\") AS \"{name}\"");
    }
    let _ = write!(
        out,
        ",\n  nullif(coalesce(bool_or(\"_truncated\"), false) OR bool_or({}) AND NOT bool_or({}), false) AS \"_truncated\",\n  \
         list_sort(list(DISTINCT coalesce(\"_message\", '')) FILTER (WHERE NOT \"_known\")) AS \"_unknown_messages\"\n\
         FROM _live\nGROUP BY {}\nHAVING bool_or(\"_known\");\n",
        is_message_that(Effect::Restores),
        is_message_that(Effect::Creates),
        columns.record().join(", ")
    );
}

/// Columns of the latest event of a record.
const LATEST_EVENT: [&str; 11] = [
    "_organization_name",
    "_message",
    "_operation_id",
    "_operation_created_on",
    "_correlation_id",
    "_user_id",
    "_initiating_user_id",
    "_hub",
    "_partition",
    "_sequence_number",
    "_enqueued_time",
];

/// Writes `_live`: the events that count, each once, after the last deletion of the record.
fn write_live_events(out: &mut String, columns: &Columns<'_>) {
    write_deletions(out, columns);
    let same = columns
        .record()
        .iter()
        .map(|column| format!("_deletions.{column} IS NOT DISTINCT FROM _events.{column}"))
        .collect::<Vec<_>>();
    let _ = write!(
        out,
        ", _live AS NOT MATERIALIZED (\n  \
           SELECT _events.* FROM _events LEFT JOIN _deletions\n  \
           ON _deletions.\"Id\" = _events.\"Id\" AND {}\n  \
           {}\n  \
           WHERE (_deletions.\"_order\" IS NULL OR _deletions.\"_order\" < _events.\"_order\")\n  \
           AND {COUNTS}\n\
         )\n",
        same.join(" AND "),
        join_repeated(columns),
    );
}

/// The value from the last event that set a column.
fn latest_value(name: &str, owner: Option<&str>) -> String {
    let column = identifier(name);
    let last =
        |set: &str| format!("arg_max_null({column}, \"_order\") FILTER (WHERE \"_known\" AND ({set}))");
    let names = |of: &str| format!("list_contains(\"_set\", {})", literal(&attribute_name(of)));
    match owner {
        None => last(&format!("{column} IS NOT NULL OR {}", names(name))),
        Some(owner) => {
            let attribute = is_attribute(name, owner);
            // A companion is set together with its column, but an attribute of its name wins.
            let together =
                format!("{column} IS NOT NULL OR {} IS NOT NULL OR {}", identifier(owner), names(owner));
            format!(
                "CASE WHEN bool_or(\"_known\" AND ({attribute})) THEN {}\n    ELSE {} END",
                last(&attribute),
                last(&together)
            )
        }
    }
}

/// Writes the current values that fit no column or have no column, as one JSON object by attribute; null if all fit.
///
/// Examines only attributes with a value that did not fit its column in some event and is null in the state: nearly no
/// record has one.
fn write_misfits(out: &mut String, values: &[(&str, String)]) {
    let events = "list_sort(list({'o': \"_order\", 'c': \"_set\", 'g': \"_changed\", 'l': \"_left\", 'p': \"_parameters\", \
                  'i': \"_left_in_images\"}) FILTER (WHERE \"_known\"))";
    let pointer = "'/' || replace(replace(_attribute, '~', '~0'), '/', '~1')";
    let left = left("_event.", "_attribute", pointer);
    // `list_concat` of DuckDB 1.2 takes two lists.
    let keys = "list_concat(list_concat(json_keys(\"_left\"), json_keys(\"_parameters\")),\n      \
                flatten([json_keys(_image) FOR _image IN \"_left_in_images\"]))";
    let any = "\"_known\" AND (\"_left\" IS NOT NULL OR \"_parameters\" IS NOT NULL OR \"_left_in_images\" IS NOT NULL)";
    let in_columns = values.iter().map(|(name, value)| {
        format!("CASE WHEN ({value}) IS NOT NULL THEN {} END", literal(&attribute_name(name)))
    });
    let in_columns: Vec<String> = in_columns.collect();
    let _ = writeln!(
        out,
        "  CASE WHEN count(*) FILTER (WHERE {any}) > 0 THEN nullif(CAST(to_json(map_from_entries([\n    \
         _misfit FOR _misfit IN [\n      \
         {{'k': _attribute, 'v': [{left} FOR _event IN {events} IF list_contains(_event.c, _attribute)][-1]}}\n      \
         FOR _attribute IN list_sort(list_distinct(flatten(list({keys}) FILTER (WHERE {any}))))\n      \
         IF NOT coalesce(list_contains([\n        {}\n      ], _attribute), false)\n    \
         ] IF json_type(_misfit.v) <> 'NULL' AND NOT ({})\n  ])) AS VARCHAR), '{{}}') END AS \"_misfits\",",
        in_columns.join(",\n        "),
        is_cleared_list("_misfit.v")
    );
}

/// Condition: the value of a companion column belongs to an attribute of the same name. Then the event sets that
/// attribute, or the label is in `_labels`, as for an attribute of an image.
fn is_attribute(companion: &str, owner: &str) -> String {
    let mut is = format!("list_contains(\"_set\", {})", literal(&attribute_name(companion)));
    if Columns::is_label(companion) {
        let labelled = literal(&attribute_name(owner));
        let _ = write!(
            is,
            " OR ({} IS NOT NULL AND list_contains(\"_labelled\", {labelled}))",
            identifier(companion)
        );
    }
    is
}
