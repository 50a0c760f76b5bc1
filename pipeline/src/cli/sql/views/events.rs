//! The events of a table that count, in their order: what states and changes are told from.
//!
//! Owns: the order of events, which of several deliveries counts, what an event sets. Does not own: what is made of
//! them (`latest`, `changes`).

use std::fmt::Write;

use super::columns::{Columns, VERSION};
use super::text::{identifier, literal};
use crate::event::messages::{Effect, MESSAGES, Message};

/// Writes `WITH _events …, repeated …`: the events of records, each with its place `_order`, whether it changes states
/// (`_known`: null for a message that keeps them, false for one whose effect is not known), the attributes it sets, `_set`,
/// and those whose label has no companion, `_labelled`; and the events that were delivered more than once.
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
        "WITH _events AS NOT MATERIALIZED (\n  SELECT *, {SET} AS \"_set\", json_keys(\"_labels\") AS \"_labelled\", {} AS \"_left\", create_sort_key(\n{}\n  ) AS \"_order\"\n  \
           FROM (\n{}  )\n  \
           -- Events of several records at once have no Id of their own.\n  \
           WHERE \"Id\" <> {NONE}\n\
         ), _repeated AS NOT MATERIALIZED (\n  \
           SELECT {}, min(\"_order\") AS \"_order\"\n  \
           FROM _events WHERE {IS_JOB} GROUP BY ALL HAVING count(*) > 1\n)",
        left(),
        order.join(",\n"),
        followed(history, columns),
        event_columns(columns).join(", "),
    );
}

/// The rows of a table, with the values that messages set by other parameters than `Target` in their columns.
fn followed(history: &str, columns: &Columns<'_>) -> String {
    let mut replaced = vec![format!("{} AS \"_changed\"", changed())];
    let mut added = vec![format!("{} AS \"_known\"", known())];
    for (name, parameter, part) in FOLLOWED {
        let of = columns.stated_type(name);
        let value = followed_value(name, parameter, part, of.is_some());
        match of {
            None => added.push(value),
            // A column of another type can't take the value.
            Some(of) if columns.is_followed(name, of) => replaced.push(value),
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

/// Columns of attributes that messages set by a parameter: (column, parameter, the part of its value).
pub(super) const FOLLOWED: [(&str, &str, &str); 5] = [
    ("statecode", "State", "Value"),
    ("statuscode", "Status", "Value"),
    ("ownerid", "Assignee", "Id"),
    ("ownerid_entitytype", "Assignee", "LogicalName"),
    ("owneridname", "Assignee", "Name"),
];

/// A column that a parameter may set, and else what the row has.
fn followed_value(column: &str, parameter: &str, part: &str, exists: bool) -> String {
    let value = format!("json_extract_string(\"_inputs\", '$.{parameter}.{part}')");
    let name = identifier(column);
    let sets = MESSAGES.iter().filter(|message| message.sets.iter().any(|(_, from)| *from == parameter));
    let messages = is_one_of(sets);
    let own = if exists { name.clone() } else { "NULL".to_owned() };
    let value = match part {
        // A negative status says that Dataverse chooses one, which the message does not tell.
        "Value" => {
            let number = format!("TRY_CAST({value} AS INTEGER)");
            format!("CASE WHEN {number} >= 0 THEN {number} ELSE {own} END")
        }
        "Id" => format!("coalesce(lower({value}), {own})"),
        _ => format!("coalesce({value}, {own})"),
    };
    format!("CASE WHEN {messages} THEN {value} ELSE {own} END AS {name}")
}

/// The attributes that an event sets, those that it sets by other parameters among them.
fn changed() -> String {
    let mut sets: Vec<(&str, &str)> = Vec::new();
    for set in MESSAGES.iter().flat_map(|message| message.sets) {
        if !sets.contains(set) {
            sets.push(*set);
        }
    }
    let given = sets.iter().map(|(attribute, parameter)| {
        let messages = MESSAGES.iter().filter(|message| message.sets.contains(&(attribute, parameter)));
        format!(
            "CASE WHEN {} AND json_exists(\"_inputs\", '$.{parameter}') THEN [{}] ELSE [] END",
            is_one_of(messages),
            literal(attribute)
        )
    });
    let given: Vec<String> = given.collect();
    let by_parameters = MESSAGES.iter().filter(|message| !message.sets.is_empty());
    format!(
        "CASE WHEN {} THEN list_concat(\"_changed\", flatten([\n        {}\n      ])) ELSE \"_changed\" END",
        is_one_of(by_parameters),
        given.join(",\n        ")
    )
}

/// Whether an event changes states: null for a message that keeps them, false for one whose effect is not known.
fn known() -> String {
    let keeps = is_message_that(Effect::Keeps);
    let changes = is_one_of(MESSAGES.iter().filter(|message| message.effect != Effect::Keeps));
    format!("CASE WHEN {changes} THEN true WHEN {keeps} THEN NULL ELSE false END")
}

/// Joins `repeated` to `_events`: the first delivery of an event counts, wherever the others are.
pub(super) fn join_repeated(columns: &Columns<'_>) -> String {
    let equal = |column: &String| format!("_repeated.{column} IS NOT DISTINCT FROM _events.{column}");
    let same: Vec<String> = event_columns(columns)[2..].iter().map(equal).collect();
    format!(
        "LEFT JOIN _repeated\n  ON _repeated.\"Id\" = _events.\"Id\" AND _repeated.\"_operation_id\" = _events.\"_operation_id\" AND _events.{IS_ASYNCHRONOUS}\n  AND {}",
        same.join("\n  AND ")
    )
}

/// Whether a row of `_events` joined so is the delivery that counts.
pub(super) const COUNTS: &str = "(_repeated.\"_order\" IS NULL OR _repeated.\"_order\" = _events.\"_order\")";

/// Writes `deletions`: the last deletion of each record that no restoration undid. A deletion that was delivered again is no
/// later one: the record may have been created anew in between.
pub(super) fn write_deletions(out: &mut String, columns: &Columns<'_>) {
    let restores = is_message_that(Effect::Restores);
    let record = columns.record().join(", ");
    let _ = write!(
        out,
        ", _deletions AS NOT MATERIALIZED (\n  \
           SELECT {record}, max(\"_order\") AS \"_order\" FROM (\n    \
             SELECT *, lead(\"_restores\") OVER (PARTITION BY {record} ORDER BY \"_order\") AS \"_undone\" FROM (\n      \
               SELECT {record}, min(\"_order\") AS \"_order\", bool_or({restores}) AS \"_restores\"\n      \
               FROM _events WHERE \"IsDelete\" OR {restores}\n      \
               GROUP BY {record}, {}, CASE WHEN {IS_JOB} THEN NULL ELSE \"_order\" END\n    \
             )\n  \
           ) WHERE NOT \"_restores\" AND \"_undone\" IS DISTINCT FROM true GROUP BY ALL\n\
         )",
        event_columns(columns).join(", "),
    );
}

/// Whether an event's message has an effect, by its exact name.
pub(super) fn is_message_that(effect: Effect) -> String {
    is_one_of(MESSAGES.iter().filter(|message| message.effect == effect))
}

fn is_one_of<'m>(messages: impl Iterator<Item = &'m Message>) -> String {
    let names: Vec<String> = messages.map(|message| literal(message.name)).collect();
    format!("\"_message\" IN ({})", names.join(", "))
}

/// What two deliveries of one event have in common.
fn event_columns(columns: &Columns<'_>) -> Vec<String> {
    let mut event = EVENT.map(identifier).to_vec();
    event.extend(columns.elastic_key().map(|_| identifier(ELASTIC)));
    event
}

const EVENT: [&str; 6] = ["Id", "_operation_id", "_organization_id", "_step_id", "_message", "_row_index"];

/// The partition of an elastic table's record, which is part of its identity.
pub(super) const ELASTIC: &str = "_elastic_partition";

/// Whether an event is one of a system job, which is run again under the same id. Events of one synchronous request share
/// its id.
const IS_JOB: &str = "\"_operation_id\" <> '00000000-0000-0000-0000-000000000000' AND \"_mode\" = 1";

const IS_ASYNCHRONOUS: &str = "\"_mode\" = 1";

const NONE: &str = "'00000000-0000-0000-0000-000000000000'";

/// What an event sets: the attributes of Target, and those of the record's images whose value fits no column.
/// (An image that says whose it is shows another record.)
const SET: &str = "CASE WHEN \"_rest\" IS NULL THEN \"_changed\" ELSE list_concat(\"_changed\", flatten([\n    \
                   coalesce(json_keys(image, '$.Attributes'), []) \
                   FOR image IN json_extract(\"_rest\", '$.PostEntityImages.*')\n    \
                   IF NOT json_exists(image, '$.Id') AND NOT json_exists(image, '$.LogicalName')\n  ])) END";

/// The attributes whose value fits no column: of Target, or of the row's target of several, and of the first image that has
/// any. Target counts before the image.
fn left() -> String {
    let target = "coalesce(json_extract(\"_rest\", '$.InputParameters.Target.Attributes'), \
                  json_extract(\"_rest\", '$.InputParameters.Targets.Entities[0].Attributes'), \
                  json_extract(\"_rest\", '$.InputParameters.Targets[0].Attributes'))";
    let image = "list_extract([\n    json_extract(image, '$.Attributes') FOR image IN json_extract(\"_rest\", '$.PostEntityImages.*')\n    \
                 IF json_exists(image, '$.Attributes') AND NOT json_exists(image, '$.Id') AND NOT json_exists(image, '$.LogicalName')\n  ], 1)";
    format!(
        "CASE WHEN NOT json_exists(\"_rest\", '$.PostEntityImages') THEN {target}\n    \
         WHEN {target} IS NULL THEN {image} ELSE json_merge_patch({image}, {target}) END"
    )
}

/// What `_left` has of an attribute, as JSON; of a list that was cleared, nothing.
pub(super) fn left_of(attribute: &str, lake_type: &str) -> String {
    let pointer = literal(&format!("/{}", attribute.replace('~', "~0").replace('/', "~1")));
    let value = format!("json_extract(\"_left\", {pointer})");
    if lake_type == "party_list" {
        format!("CASE WHEN NOT ({}) THEN {value} END", is_cleared_list(&value))
    } else {
        value
    }
}

/// Whether a value is what is left of a list that was cleared: the collection without its records.
pub(super) fn is_cleared_list(value: &str) -> String {
    format!(
        "json_type({value}) = 'OBJECT' AND json_exists({value}, '$.EntityName') AND NOT json_exists({value}, '$.Entities')"
    )
}
