//! The events of a table that count, in their order: the base of states and changes.
//!
//! Owns: the order of events, the choice among several deliveries, and the attributes that an event sets. Does not own:
//! the views (`latest`, `changes`).

use std::fmt::Write;

use super::columns::{Columns, ELASTIC, VERSION};
use super::messages::{
    SET_BY_PARAMETER, STATUS, changed, changes_state, is_message_that, is_one_of, messages_that_set,
    number_of, parameter_value, parameters,
};
use super::text::identifier;
use crate::event::messages::{Effect, MESSAGES};

/// Writes `WITH _events …, _repeated …`: the events of records, and those that were delivered more than once.
///
/// Each event has: its place `_order`; `_known`, true if it changes states, null if its message keeps them, false if
/// the effect of its message is not known; the attributes that it sets, `_set`; and those whose label has no companion,
/// `_labelled`. Columns that views add begin with `_`, which no attribute does.
pub(super) fn write_events(out: &mut String, history: &str, columns: &Columns<'_>) {
    // These times are in whole seconds. Within one second a record is created first, and deleted and restored last. A
    // SetState that leaves the status to Dataverse comes before the update of the same second, which knows the status.
    let within = format!(
        "CASE WHEN \"IsDelete\" THEN 3 WHEN {} THEN 0 WHEN {} THEN 4 WHEN {} AND {} = -1 THEN 1 ELSE 2 END",
        is_message_that(Effect::Creates),
        is_message_that(Effect::Restores),
        is_one_of(messages_that_set(STATUS)),
        number_of(STATUS)
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
        "WITH _events AS NOT MATERIALIZED (\n  SELECT *, {SET} AS \"_set\", json_keys(\"_labels\") AS \"_labelled\",\n    {LEFT} AS \"_left\",\n    {LEFT_IN_IMAGES} AS \"_left_in_images\",\n    create_sort_key(\n{}\n  ) AS \"_order\"\n  \
           FROM (\n{}  )\n  \
           -- An event about several records at once has no Id.\n  \
           WHERE \"Id\" <> {NONE}\n\
         ), _repeated AS NOT MATERIALIZED (\n  \
           SELECT {}, min(\"_order\") AS \"_order\"\n  \
           FROM _events WHERE {IS_JOB} GROUP BY ALL HAVING count(*) > 1\n)",
        order.join(",\n"),
        rows_with_parameters(history, columns),
        event_columns(columns).join(", "),
    );
}

/// The rows of a table; values that messages set by parameters other than `Target` are in their columns.
fn rows_with_parameters(history: &str, columns: &Columns<'_>) -> String {
    let mut replaced = vec![format!("{} AS \"_changed\"", changed())];
    let mut added =
        vec![format!("{} AS \"_known\"", changes_state()), format!("{} AS \"_parameters\"", parameters())];
    for (name, parameter, part) in SET_BY_PARAMETER {
        let of = columns.stated_type(name);
        let value = parameter_value(name, parameter, part, of.is_some());
        match of {
            None => added.push(value),
            // A column of another type can't take the value.
            Some(of) if columns.is_set_by_parameter(name, of) => replaced.push(value),
            Some(_) => {}
        }
    }
    if let Some(elastic) = columns.elastic_key() {
        added.push(format!("{elastic} AS \"{ELASTIC}\""));
    }
    format!(
        "    SELECT * REPLACE (\n      {}\n    ),\n      {}\n    FROM {}\n",
        replaced.join(",\n      "),
        added.join(",\n      "),
        identifier(history)
    )
}

/// Joins `_repeated` to `_events`: the first delivery of an event counts.
pub(super) fn join_repeated(columns: &Columns<'_>) -> String {
    let equal = |column: &String| format!("_repeated.{column} IS NOT DISTINCT FROM _events.{column}");
    let same: Vec<String> = event_columns(columns)[2..].iter().map(equal).collect();
    format!(
        "LEFT JOIN _repeated\n  ON _repeated.\"Id\" = _events.\"Id\" AND _repeated.\"_operation_id\" = _events.\"_operation_id\" AND _events.{IS_ASYNCHRONOUS}\n  AND {}",
        same.join("\n  AND ")
    )
}

/// Condition: the joined row of `_events` is the delivery that counts.
pub(super) const COUNTS: &str = "(_repeated.\"_order\" IS NULL OR _repeated.\"_order\" = _events.\"_order\")";

/// Writes `_deletions`: the last deletion of each record that no restoration undid. A restoration undoes all deletions
/// since the record was created. A repeated delivery counts at the time of the first: the record may have been created
/// again since.
pub(super) fn write_deletions(out: &mut String, columns: &Columns<'_>) {
    let restores = is_message_that(Effect::Restores);
    let creates = is_one_of(
        MESSAGES.iter().filter(|message| matches!(message.effect, Effect::Creates | Effect::Upserts)),
    );
    let record = columns.record().join(", ");
    let _ = write!(
        out,
        ", _deletions AS NOT MATERIALIZED (\n  \
           SELECT {record}, max(\"_order\") AS \"_order\" FROM (\n    \
             SELECT *, lead(CASE WHEN NOT \"_deletes\" THEN \"_restores\" END IGNORE NULLS) OVER (PARTITION BY {record} ORDER BY \"_order\") AS \"_undone\" FROM (\n      \
               SELECT {record}, min(\"_order\") AS \"_order\", bool_or({restores}) AS \"_restores\", coalesce(bool_or(\"IsDelete\"), false) AS \"_deletes\"\n      \
               FROM _events WHERE \"IsDelete\" OR {restores} OR {creates}\n      \
               GROUP BY {record}, {}, CASE WHEN {IS_JOB} THEN NULL ELSE \"_order\" END\n    \
             )\n  \
           ) WHERE \"_deletes\" AND \"_undone\" IS DISTINCT FROM true GROUP BY ALL\n\
         )",
        event_columns(columns).join(", "),
    );
}

/// The names of queries within the views; no view has such a name.
pub(super) const QUERIES: [&str; 9] =
    ["_events", "_repeated", "_deletions", "_live", "_each", "_valued", "_copied", "_chained", "_overtaken"];

/// The columns that are equal in all deliveries of one event.
fn event_columns(columns: &Columns<'_>) -> Vec<String> {
    let mut event = EVENT.map(identifier).to_vec();
    event.extend(columns.elastic_key().map(|_| identifier(ELASTIC)));
    event
}

const EVENT: [&str; 6] = ["Id", "_operation_id", "_organization_id", "_step_id", "_message", "_row_index"];

/// Condition: the event is of a system job, which runs again under the same id. (The events of a synchronous request
/// share the id of the request.)
const IS_JOB: &str = "\"_operation_id\" <> '00000000-0000-0000-0000-000000000000' AND \"_mode\" = 1";

const IS_ASYNCHRONOUS: &str = "\"_mode\" = 1";

const NONE: &str = "'00000000-0000-0000-0000-000000000000'";

/// The attributes that an event sets: those of Target, and those of the record's images whose value fits no column.
/// (An image with an id or a table is of another record.)
const SET: &str = "CASE WHEN \"_rest\" IS NULL THEN \"_changed\" ELSE list_concat(\"_changed\", flatten([\n    \
                   coalesce(json_keys(_image, '$.Attributes'), []) \
                   FOR _image IN json_extract(\"_rest\", '$.PostEntityImages.*')\n    \
                   IF NOT json_exists(_image, '$.Id') AND NOT json_exists(_image, '$.LogicalName')\n  ])) END";

/// The attributes of Target, or of one of several targets, whose value fits no column.
const LEFT: &str = "coalesce(json_extract(\"_rest\", '$.InputParameters.Target.Attributes'), \
                    json_extract(\"_rest\", '$.InputParameters.Targets.Entities[0].Attributes'), \
                    json_extract(\"_rest\", '$.InputParameters.Targets[0].Attributes'))";

/// The same for the record's images, as a list; null without images.
const LEFT_IN_IMAGES: &str = "CASE WHEN json_exists(\"_rest\", '$.PostEntityImages') THEN [\n      \
                              json_extract(_image, '$.Attributes') FOR _image IN json_extract(\"_rest\", '$.PostEntityImages.*')\n      \
                              IF json_exists(_image, '$.Attributes') AND NOT json_exists(_image, '$.Id') AND NOT json_exists(_image, '$.LogicalName')\n    \
                              ] END";

/// The value of an attribute that fits no column, as JSON: from Target and parameters, else from an image. `event` is
/// the prefix of the parts of an event in a list.
pub(super) fn left(event: &str, attribute: &str, pointer: &str) -> String {
    let [left, parameters, images, changed] = ["l", "p", "i", "g"].map(|member| format!("{event}{member}"));
    format!(
        "CASE WHEN list_contains({changed}, {attribute}) THEN coalesce(json_extract({left}, {pointer}), json_extract({parameters}, {pointer}))\n      \
         ELSE [_found FOR _found IN [json_extract(_image, {pointer}) FOR _image IN {images}] IF _found IS NOT NULL][1] END"
    )
}

/// Condition: the value is a cleared list, which is a collection without its records.
pub(super) fn is_cleared_list(value: &str) -> String {
    format!(
        "json_type({value}) = 'OBJECT' AND json_exists({value}, '$.EntityName') AND list_has_all([\n        \
         'EntityName', 'MinActiveRowVersion', 'MoreRecords', 'PagingCookie', 'TotalRecordCount', 'TotalRecordCountLimitExceeded'\n      \
         ], json_keys({value}))"
    )
}
