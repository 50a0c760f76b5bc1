//! What a message does to the record it is about.
//!
//! Owns: the one table of this, which rows and views are made by. Does not own: what a message that is not in it does
//! (a custom API may have any name): it makes no record and removes none.

/// What a message does to its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The record begins.
    Creates,
    /// The record goes on with other values.
    Updates,
    /// The record ends.
    Deletes,
    /// The record was deleted and goes on with the values it had.
    Restores,
}

/// A message with its effect.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// `MessageName`, letter by letter: names that are only similar are other messages.
    pub name: &'static str,
    /// What it does to each of its records.
    pub effect: Effect,
    /// It is about the records in its parameter `Targets`, and not about the one in `Target`.
    pub several: bool,
}

/// The messages that make, change, remove or restore records.
///
/// # Source
/// Microsoft's reference of the SDK's messages: `Create`, `Update`, `Delete`; "Use bulk operation messages": those with
/// `Multiple`; "Enable virtual tables to support Dataverse events": `OnExternal…`, which virtual tables and the data events of
/// finance and operations apps post; "Restore deleted records": `Restore`.
pub const MESSAGES: [Message; 11] = [
    one("Create", Effect::Creates),
    one("Update", Effect::Updates),
    one("Delete", Effect::Deletes),
    several("CreateMultiple", Effect::Creates),
    several("UpdateMultiple", Effect::Updates),
    several("UpsertMultiple", Effect::Updates),
    several("DeleteMultiple", Effect::Deletes),
    one("OnExternalCreated", Effect::Creates),
    one("OnExternalUpdated", Effect::Updates),
    one("OnExternalDeleted", Effect::Deletes),
    one("Restore", Effect::Restores),
];

/// The message of this name, if it is in the table.
pub fn message(name: &str) -> Option<&'static Message> {
    MESSAGES.iter().find(|message| message.name == name)
}

const fn one(name: &'static str, effect: Effect) -> Message {
    Message { name, effect, several: false }
}

const fn several(name: &'static str, effect: Effect) -> Message {
    Message { name, effect, several: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_only_similar_are_other_messages() {
        for name in
            ["delete", "Delete ", "new_Delete", "DeleteOptionValue", "BulkDelete", "OnExternalDelete", ""]
        {
            assert!(message(name).is_none(), "{name:?}");
        }
        assert_eq!(message("OnExternalDeleted").map(|message| message.effect), Some(Effect::Deletes));
    }
}
