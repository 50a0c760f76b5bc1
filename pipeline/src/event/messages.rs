//! Effect of each message on its record.
//!
//! Owns: the table of messages, which rows and views use. Messages that are not in the table (a custom API may have any
//! name) neither create nor remove a record.

/// Effect of a message on its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Creates the record.
    Creates,
    /// Changes values of the record.
    Updates,
    /// Removes the record.
    Deletes,
    /// Brings a deleted record back with its values.
    Restores,
}

/// A message with its effect.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// `MessageName`, compared exactly.
    pub name: &'static str,
    /// Its effect on each of its records.
    pub effect: Effect,
    /// True if its records are in the parameter `Targets` instead of `Target`.
    pub several: bool,
}

/// Messages that create, change, remove or restore records.
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
