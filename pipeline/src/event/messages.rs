//! Effect of each message on its record.
//!
//! Owns: the table of messages, which rows and views use. A message that is not in the table (a custom API may have any
//! name) has an unknown effect: it changes no state.

/// Effect of a message on its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Creates the record.
    Creates,
    /// Changes values of the record.
    Updates,
    /// Creates the record, or changes values of it.
    Upserts,
    /// Removes the record.
    Deletes,
    /// Brings a deleted record back with its values.
    Restores,
    /// Leaves the record's values as they are.
    Keeps,
}

/// Input parameter that identifies the record of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordIn {
    /// `Target`: a record or a reference.
    Target,
    /// `Targets`: several records or references, one row each.
    Targets,
    /// Another parameter: a reference or an id.
    Parameter(&'static str),
}

/// A message with its effect.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// `MessageName`, compared exactly.
    pub name: &'static str,
    /// Its effect on each of its records.
    pub effect: Effect,
    /// Location of its records.
    pub record: RecordIn,
    /// Attributes that it sets besides those of a record in `Target`, each with the input parameter that has its value.
    pub sets: &'static [(&'static str, &'static str)],
}

/// Messages whose effect Microsoft documents.
///
/// # Source
/// Microsoft's developer documentation of Dataverse:
/// * "Use messages with the SDK for .NET": `Create`, `Update`, `Delete`; "Use bulk operation messages": those with
///   `Multiple`.
/// * "Use Upsert to Create or Update a record", "Use elastic tables": `Upsert` is an event on elastic tables only.
/// * "Enable virtual tables to support Dataverse events": `OnExternal…`, also posted for finance and operations apps.
/// * "Restore deleted records": `Restore`.
/// * "Specialized update operation behavior" and "legacy update messages": `SetState`, `SetStateDynamicEntity`,
///   `Assign`.
/// * `RemoveFromQueueRequest`: "equivalent to deleting the queue item".
/// * "Create a recurring appointment": `AddRecurrence` creates the series in `Target`.
/// * "Sharing and assigning", "Associate and disassociate rows", "Long term data retention" (`Retain` marks a row, a
///   purge posts `Delete` for each row), "Retrieve a record": messages that keep the record as it is.
pub const MESSAGES: [Message; 24] = [
    of_target("Create", Effect::Creates),
    of_target("Update", Effect::Updates),
    of_target("Delete", Effect::Deletes),
    of_targets("CreateMultiple", Effect::Creates),
    of_targets("UpdateMultiple", Effect::Updates),
    of_targets("DeleteMultiple", Effect::Deletes),
    of_target("Upsert", Effect::Upserts),
    of_targets("UpsertMultiple", Effect::Upserts),
    of_target("OnExternalCreated", Effect::Creates),
    of_target("OnExternalUpdated", Effect::Updates),
    of_target("OnExternalDeleted", Effect::Deletes),
    of_target("Restore", Effect::Restores),
    of_moniker("SetState"),
    of_moniker("SetStateDynamicEntity"),
    Message { sets: &[("ownerid", "Assignee")], ..of_target("Assign", Effect::Updates) },
    Message { record: RecordIn::Parameter("QueueItemId"), ..of_target("RemoveFromQueue", Effect::Deletes) },
    of_target("AddRecurrence", Effect::Creates),
    of_target("Associate", Effect::Keeps),
    of_target("Disassociate", Effect::Keeps),
    of_target("GrantAccess", Effect::Keeps),
    of_target("ModifyAccess", Effect::Keeps),
    of_target("RevokeAccess", Effect::Keeps),
    of_target("Retain", Effect::Keeps),
    of_target("Retrieve", Effect::Keeps),
];

/// The message of a name, if it is in the table.
pub fn message(name: &str) -> Option<&'static Message> {
    MESSAGES.iter().find(|message| message.name == name)
}

const fn of_target(name: &'static str, effect: Effect) -> Message {
    Message { name, effect, record: RecordIn::Target, sets: &[] }
}

const fn of_targets(name: &'static str, effect: Effect) -> Message {
    Message { name, effect, record: RecordIn::Targets, sets: &[] }
}

const fn of_moniker(name: &'static str) -> Message {
    let sets = &[("statecode", "State"), ("statuscode", "Status")];
    Message { name, effect: Effect::Updates, record: RecordIn::Parameter("EntityMoniker"), sets }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_unknown_messages() {
        for name in [
            "delete",
            "Delete ",
            "new_Delete",
            "DeleteOptionValue",
            "DeleteAttribute",
            "DeleteAndPromote",
            "DeleteRecordChangeHistory",
            "BulkDelete",
            "PurgeRetainedContent",
            "RemoveMembers",
            "Merge",
            "OnExternalDelete",
            "CreateInstance",
            "",
        ] {
            assert!(message(name).is_none(), "{name:?}");
        }
        assert_eq!(message("OnExternalDeleted").map(|message| message.effect), Some(Effect::Deletes));
    }
}
