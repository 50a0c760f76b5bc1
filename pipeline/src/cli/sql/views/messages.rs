//! The table of messages as SQL conditions and expressions.
//!
//! Owns: the effects of messages, and the attributes that messages set by parameters other than `Target`. Does not own:
//! the table itself (`event::messages`), and the order of events (`events`).

use super::text::{identifier, literal};
use crate::event::messages::{Effect, MESSAGES, Message};

/// Columns of attributes that messages set by a parameter: (column, parameter, the part of its value).
pub(super) const SET_BY_PARAMETER: [(&str, &str, &str); 5] = [
    ("statecode", "State", "Value"),
    ("statuscode", "Status", "Value"),
    ("ownerid", "Assignee", "Id"),
    ("ownerid_entitytype", "Assignee", "LogicalName"),
    ("owneridname", "Assignee", "Name"),
];

/// The parameter that is -1 if Dataverse chooses the value; the message does not contain the choice.
pub(super) const STATUS: &str = "Status";

/// A column that a parameter may set; otherwise it keeps the value of the row.
pub(super) fn parameter_value(column: &str, parameter: &str, part: &str, exists: bool) -> String {
    let name = identifier(column);
    let own = if exists { name.clone() } else { "NULL".to_owned() };
    let value = match part {
        "Value" if parameter == STATUS => {
            format!("CASE WHEN {0} <> -1 THEN {0} ELSE {own} END", number_of(parameter))
        }
        "Value" => format!("coalesce({}, {own})", number_of(parameter)),
        "Id" => {
            let id = format!("lower({})", text_of(parameter, part));
            format!(
                "CASE WHEN regexp_full_match({id}, '[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}') THEN {id} ELSE {own} END"
            )
        }
        _ => format!("coalesce(json_extract_string(\"_inputs\", '$.{parameter}.{part}'), {own})"),
    };
    format!("CASE WHEN {} THEN {value} ELSE {own} END AS {name}", is_one_of(messages_that_set(parameter)))
}

/// The integer that a parameter is or contains; null for everything else.
pub(super) fn number_of(parameter: &str) -> String {
    let text = text_of(parameter, "Value");
    format!(
        "CASE WHEN regexp_full_match({text}, '-?[0-9]{{1,10}}(\\.0+)?') THEN TRY_CAST({text} AS INTEGER) END"
    )
}

fn text_of(parameter: &str, part: &str) -> String {
    format!(
        "coalesce(json_extract_string(\"_inputs\", '$.{parameter}.{part}'), json_extract_string(\"_inputs\", '$.{parameter}'))"
    )
}

/// The messages that set an attribute by this parameter.
pub(super) fn messages_that_set(parameter: &str) -> impl Iterator<Item = &'static Message> {
    MESSAGES.iter().filter(move |message| message.sets.iter().any(|(_, from)| *from == parameter))
}

/// The attributes that messages set by a parameter, each once, with the parameter.
fn sets() -> Vec<(&'static str, &'static str)> {
    let mut sets: Vec<(&str, &str)> = Vec::new();
    for set in MESSAGES.iter().flat_map(|message| message.sets) {
        if !sets.contains(set) {
            sets.push(*set);
        }
    }
    sets
}

/// The attributes that an event sets, by `Target` or by other parameters.
pub(super) fn changed() -> String {
    let given = sets().into_iter().map(|(attribute, parameter)| {
        format!(
            "CASE WHEN {} AND json_exists(\"_inputs\", '$.{parameter}') THEN [{}] ELSE [] END",
            is_one_of(messages_that_set(parameter)),
            literal(attribute)
        )
    });
    let given: Vec<String> = given.collect();
    format!(
        "CASE WHEN {} THEN list_concat(\"_changed\", flatten([\n        {}\n      ])) ELSE \"_changed\" END",
        sets_by_parameters(),
        given.join(",\n        ")
    )
}

/// The parameters as they arrived, by the attribute that they set. Misfits are read from them.
pub(super) fn parameters() -> String {
    let members = sets().into_iter().map(|(attribute, parameter)| {
        let given = format!("json_extract(\"_inputs\", '$.{parameter}')");
        let mut is_known = is_one_of(messages_that_set(parameter));
        if parameter == STATUS {
            is_known = format!("{is_known} AND {} IS DISTINCT FROM -1", number_of(parameter));
        }
        format!("{}, CASE WHEN {is_known} THEN {given} END", literal(attribute))
    });
    let members: Vec<String> = members.collect();
    format!(
        "CASE WHEN {} THEN json_object(\n        {}\n      ) END",
        sets_by_parameters(),
        members.join(",\n        ")
    )
}

fn sets_by_parameters() -> String {
    is_one_of(MESSAGES.iter().filter(|message| !message.sets.is_empty()))
}

/// True for an event that changes states, null for a message that keeps them, false if its effect is not known.
pub(super) fn changes_state() -> String {
    let keeps = is_message_that(Effect::Keeps);
    let changes = is_one_of(MESSAGES.iter().filter(|message| message.effect != Effect::Keeps));
    format!("CASE WHEN {changes} THEN true WHEN {keeps} THEN NULL ELSE false END")
}

/// Condition: the exact name of the event's message is one with this effect.
pub(super) fn is_message_that(effect: Effect) -> String {
    is_one_of(MESSAGES.iter().filter(|message| message.effect == effect))
}

pub(super) fn is_one_of<'m>(messages: impl Iterator<Item = &'m Message>) -> String {
    let names: Vec<String> = messages.map(|message| literal(message.name)).collect();
    format!("\"_message\" IN ({})", names.join(", "))
}
