//! The facts of an event: who, when, where, and the parameters that are not the record.

use super::fixed::{Boolean, CellKind, Fixed, Int32, Text, Uuid, event_column};
use super::row::Row;
use super::targets::{Target, guid_at, lacks_targets, parameter};
use crate::event::messages::{Effect, Message, RecordIn, message};
use crate::event::scalars::{Date, Number, date, guid, iso_date, number};
use crate::event::tree::{Kind, NodeId};
use crate::event::value::{Parts, is_silent};
use crate::event::{Member, RawEvent, Table};
use crate::position::PartitionId;

/// The members that are one column each, by what they hold.
const GUIDS: [(Member, Fixed<Uuid>); 9] = [
    (Member::OperationId, event_column::OPERATION_ID),
    (Member::CorrelationId, event_column::CORRELATION_ID),
    (Member::RequestId, event_column::REQUEST_ID),
    (Member::UserId, event_column::USER_ID),
    (Member::InitiatingUserId, event_column::INITIATING_USER_ID),
    (Member::UserAzureActiveDirectoryObjectId, event_column::USER_AAD_ID),
    (Member::InitiatingUserAzureActiveDirectoryObjectId, event_column::INITIATING_USER_AAD_ID),
    (Member::OrganizationId, event_column::ORGANIZATION_ID),
    (Member::BusinessUnitId, event_column::BUSINESS_UNIT_ID),
];
const INTEGERS: [(Member, Fixed<Int32>); 4] = [
    (Member::Depth, event_column::DEPTH),
    (Member::Stage, event_column::STAGE),
    (Member::Mode, event_column::MODE),
    (Member::IsolationMode, event_column::ISOLATION_MODE),
];
const BOOLEANS: [(Member, Fixed<Boolean>); 3] = [
    (Member::IsInTransaction, event_column::IN_TRANSACTION),
    (Member::IsExecutingOffline, event_column::OFFLINE),
    (Member::IsOfflinePlayback, event_column::OFFLINE_PLAYBACK),
];
/// The strings among them, of any length.
pub(super) const STRINGS: [(Member, Fixed<Text>); 3] = [
    (Member::InitiatingUserAgent, event_column::USER_AGENT),
    (Member::OrganizationName, event_column::ORGANIZATION_NAME),
    (Member::SecondaryEntityName, event_column::SECONDARY_TABLE),
];

/// The table of the steps that make Dataverse post events.
const STEP_TABLE: &str = "sdkmessageprocessingstep";

/// What Dataverse writes for "no table".
const NO_TABLE: &str = "none";

impl<'a> Row<'_, 'a> {
    /// Where the event stood in its hub.
    pub(super) fn position(&mut self, raw: &RawEvent<'_>, hub: &str, partition: PartitionId) {
        let index = self.several.map_or(0, |(_, item)| item.index);
        let cells = &mut self.cells;
        cells.put(event_column::SINK_MODIFIED_ON, raw.enqueued_time_ms);
        cells.put(event_column::HUB, hub.as_bytes());
        cells.put(event_column::PARTITION, partition.0 as i32);
        cells.put(event_column::SEQUENCE_NUMBER, raw.sequence_number.0);
        cells.put(event_column::OFFSET, raw.offset.as_bytes());
        cells.put(event_column::ENQUEUED_TIME, raw.enqueued_time_ms);
        cells.put(event_column::ROW_INDEX, index as i32);
    }

    /// The facts that are one column each.
    pub(super) fn envelope(&mut self, size_exceeded: bool) {
        self.identify();
        for (member, column) in GUIDS {
            self.fact(member, column, Kind::Text, guid);
        }
        for (member, column) in INTEGERS {
            let int32 = |text| number(text).and_then(Number::int32);
            self.fact(member, column, Kind::Number, int32);
        }
        for (member, column) in BOOLEANS {
            self.fact(member, column, Kind::False, |_| Some(false));
            self.fact(member, column, Kind::True, |_| Some(true));
        }
        if self.several.is_none_or(|(targets, item)| item.index == 0 || targets.repeats_texts) {
            for (member, column) in STRINGS {
                self.fact(member, column, Kind::Text, Some);
            }
        }
        // An event that names no message has none, not one with an empty name.
        let named = |text: &'a [u8]| (!text.is_empty()).then_some(text);
        self.fact(Member::MessageName, event_column::MESSAGE, Kind::Text, named);
        self.created_on();
        self.primary_table();
        self.step();
        let message = message(self.event.message);
        if message.is_some_and(|message| message.effect == Effect::Deletes) {
            self.cells.put(event_column::IS_DELETE, true);
        }
        if size_exceeded || message.is_some_and(|message| self.lacks_target(message)) {
            self.cells.put(event_column::TRUNCATED, true);
        }
    }

    /// The parameters and the images of before, as JSON.
    pub(super) fn parameters(&mut self) {
        self.inputs();
        self.outputs();
        for (member, column) in
            [(Member::SharedVariables, event_column::SHARED), (Member::PreEntityImages, event_column::BEFORE)]
        {
            if let Some(node) = self.event.member(member).filter(|node| self.is_container(*node)) {
                self.json(column, node);
            }
        }
    }

    /// Whether the event does not say what it is about: Dataverse left it out because of size.
    fn lacks_target(&self, message: &Message) -> bool {
        match (message.record, message.effect) {
            (RecordIn::Targets, _) => self.several.is_none() && lacks_targets(self.event),
            (RecordIn::Target, Effect::Creates | Effect::Updates | Effect::Upserts) => {
                self.target == Target::None
            }
            (RecordIn::Parameter(name), Effect::Creates | Effect::Updates | Effect::Upserts) => {
                parameter(self.event, name).is_none()
            }
            // The event names the record itself.
            (_, Effect::Deletes | Effect::Restores | Effect::Keeps) => false,
        }
    }

    /// A member into its column, if it is of that kind and reads as what the column holds.
    #[inline]
    fn fact<K: CellKind>(
        &mut self,
        member: Member,
        column: Fixed<K>,
        kind: Kind,
        read: impl FnOnce(&'a [u8]) -> Option<K::Value<'a>>,
    ) {
        if let Some(node) = self.event.member(member)
            && self.tree.kind(node) == kind
            && let Some(value) = read(self.tree.bytes(node))
            && self.cells.put(column, value)
        {
            self.cover(node);
        }
    }

    fn created_on(&mut self) {
        if let Some(node) = self.event.member(Member::OperationCreatedOn)
            && matches!(self.tree.kind(node), Kind::Text | Kind::IsoDate)
            && let Some(date) = created_on(self.tree.bytes(node))
            && self.cells.put(event_column::OPERATION_CREATED_ON, date.ms)
            // What is finer than a millisecond stays for `_rest`.
            && date.exact
        {
            self.cover(node);
        }
    }

    fn primary_table(&mut self) {
        let Some(node) = self.event.member(Member::PrimaryEntityName) else { return };
        let said = match self.event.table {
            Table::Entity(table) => table,
            Table::Messages => NO_TABLE,
        };
        if self.says(node, said) {
            self.cover(node);
        }
    }

    /// The step that posted the event: its id. That it is a step goes without saying.
    fn step(&mut self) {
        let Some(owner) = self.event.member(Member::OwningExtension) else { return };
        let Parts { id, logical_name, .. } = Parts::of(self.tree, owner);
        if let Some(node) = id
            && let Some(id) = guid_at(self.tree, node)
            && self.cells.put(event_column::STEP_ID, id)
        {
            self.cover(node);
        }
        if let Some(node) = logical_name.filter(|node| self.says(*node, STEP_TABLE)) {
            self.cover(node);
        }
    }

    fn inputs(&mut self) {
        let Some(inputs) = self.event.member(Member::InputParameters).filter(|node| self.is_container(*node))
        else {
            return;
        };
        if let Some(record) = self.record_in_sight() {
            // What of the record has no column belongs into `_rest`, so it is out of sight here.
            let covered = self.scratch.marks.covers(record);
            self.cover(record);
            self.json(event_column::INPUTS, inputs);
            self.scratch.marks.cover_around(self.tree, inputs, record);
            self.scratch.marks.set(record, covered);
            return;
        }
        if let Target::Reference(target) = self.target {
            if self.scratch.marks.left(self.tree, target) {
                for (_, value) in self.tree.members(target) {
                    self.scratch.marks.set(value, false);
                }
            } else {
                self.cover(target);
            }
        }
        self.json(event_column::INPUTS, inputs);
    }

    /// The target whose parts are the row's: the record it is about, or the one of several.
    fn record_in_sight(&self) -> Option<NodeId> {
        match (self.several, self.target) {
            (Some((_, item)), _) => Some(item.node),
            (None, Target::Record(target)) => Some(target),
            (None, _) => None,
        }
    }

    fn outputs(&mut self) {
        let Some(outputs) =
            self.event.member(Member::OutputParameters).filter(|node| self.is_container(*node))
        else {
            return;
        };
        if self.event.message == "Create"
            && let Some((node, text)) = self.member_text(outputs, "id")
            && self.is_id(text)
        {
            self.cover(node);
        }
        if let Some((targets, _)) = self.several
            && let Some(ids) = targets.told_ids(self.event)
        {
            self.cover(ids);
        }
        self.json(event_column::OUTPUTS, outputs);
    }

    /// Whether a node can be a JSON column: a bare string or number there would be no list of parameters.
    fn is_container(&self, node: NodeId) -> bool {
        matches!(self.tree.kind(node), Kind::Pairs | Kind::Object | Kind::List) && !is_silent(self.tree, node)
    }
}

/// The true instant of `OperationCreatedOn`: the wall clock it shows, taken as UTC; its offset is spent.
///
/// # Source
/// Schema reference, section 2.4: asynchronous bodies shift it by the server's zone a second time.
fn created_on(text: &[u8]) -> Option<Date> {
    let Some(date) = date(text) else { return iso_date(text) };
    Some(Date { ms: date.ms + i64::from(date.offset.unwrap_or(0)) * 60_000, ..date })
}
