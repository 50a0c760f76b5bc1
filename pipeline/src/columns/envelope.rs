//! The facts of an event: who, when, where, and the parameters that are not the record.

use super::row::Row;
use super::schema::Fixed;
use super::targets::{Target, guid_at, lacks_targets, parameter};
use super::values::Cell;
use crate::event::messages::{Effect, Message, RecordIn, message};
use crate::event::scalars::{Date, Number, date, guid, iso_date, number};
use crate::event::tree::{Kind, NodeId};
use crate::event::value::{Parts, is_silent};
use crate::event::{Member, RawEvent, Table};
use crate::position::PartitionId;

/// The members that are one column each, by what they hold.
const IDS: [(Member, Fixed); 9] = [
    (Member::OperationId, Fixed::OperationId),
    (Member::CorrelationId, Fixed::CorrelationId),
    (Member::RequestId, Fixed::RequestId),
    (Member::UserId, Fixed::UserId),
    (Member::InitiatingUserId, Fixed::InitiatingUserId),
    (Member::UserAzureActiveDirectoryObjectId, Fixed::UserAadId),
    (Member::InitiatingUserAzureActiveDirectoryObjectId, Fixed::InitiatingUserAadId),
    (Member::OrganizationId, Fixed::OrganizationId),
    (Member::BusinessUnitId, Fixed::BusinessUnitId),
];
const NUMBERS: [(Member, Fixed); 4] = [
    (Member::Depth, Fixed::Depth),
    (Member::Stage, Fixed::Stage),
    (Member::Mode, Fixed::Mode),
    (Member::IsolationMode, Fixed::IsolationMode),
];
const FLAGS: [(Member, Fixed); 3] = [
    (Member::IsInTransaction, Fixed::InTransaction),
    (Member::IsExecutingOffline, Fixed::Offline),
    (Member::IsOfflinePlayback, Fixed::OfflinePlayback),
];
/// The texts among them: as long as the sender likes.
pub(super) const TEXTS: [(Member, Fixed); 3] = [
    (Member::InitiatingUserAgent, Fixed::UserAgent),
    (Member::OrganizationName, Fixed::OrganizationName),
    (Member::SecondaryEntityName, Fixed::SecondaryTable),
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
        cells.put(Fixed::SinkModifiedOn, Cell::instant(raw.enqueued_time_ms));
        cells.put(Fixed::Hub, Cell::Bytes(hub.as_bytes()));
        cells.put(Fixed::Partition, Cell::Int32(partition.0 as i32));
        cells.put(Fixed::SequenceNumber, Cell::Int64(raw.sequence_number.0));
        cells.put(Fixed::Offset, Cell::Bytes(raw.offset.as_bytes()));
        cells.put(Fixed::EnqueuedTime, Cell::instant(raw.enqueued_time_ms));
        cells.put(Fixed::RowIndex, Cell::Int32(index as i32));
    }

    /// The facts that are one column each.
    pub(super) fn envelope(&mut self, size_exceeded: bool) {
        self.identify();
        for (member, column) in IDS {
            self.fact(member, column, Kind::Text, |text| guid(text).map(Cell::Guid));
        }
        for (member, column) in NUMBERS {
            let int32 = |text| number(text).and_then(Number::int32).map(Cell::Int32);
            self.fact(member, column, Kind::Number, int32);
        }
        for (member, column) in FLAGS {
            self.fact(member, column, Kind::False, |_| Some(Cell::Boolean(false)));
            self.fact(member, column, Kind::True, |_| Some(Cell::Boolean(true)));
        }
        if self.several.is_none_or(|(targets, item)| item.index == 0 || targets.repeats_texts) {
            for (member, column) in TEXTS {
                self.fact(member, column, Kind::Text, |text| Some(Cell::Bytes(text)));
            }
        }
        // An event that names no message has none, not one with an empty name.
        let named = |text: &'a [u8]| (!text.is_empty()).then_some(Cell::Bytes(text));
        self.fact(Member::MessageName, Fixed::Message, Kind::Text, named);
        self.created_on();
        self.primary_table();
        self.step();
        let message = message(self.event.message);
        if message.is_some_and(|message| message.effect == Effect::Deletes) {
            self.cells.put(Fixed::IsDelete, Cell::Boolean(true));
        }
        if size_exceeded || message.is_some_and(|message| self.lacks_target(message)) {
            self.cells.put(Fixed::Truncated, Cell::Boolean(true));
        }
    }

    /// The parameters and the images of before, as JSON.
    pub(super) fn parameters(&mut self) {
        self.inputs();
        self.outputs();
        for (member, column) in
            [(Member::SharedVariables, Fixed::Shared), (Member::PreEntityImages, Fixed::Before)]
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
    fn fact(
        &mut self,
        member: Member,
        column: Fixed,
        kind: Kind,
        read: impl FnOnce(&'a [u8]) -> Option<Cell<'a>>,
    ) {
        if let Some(node) = self.event.member(member)
            && self.tree.kind(node) == kind
            && let Some(cell) = read(self.tree.bytes(node))
            && self.cells.put(column, cell)
        {
            self.cover(node);
        }
    }

    fn created_on(&mut self) {
        if let Some(node) = self.event.member(Member::OperationCreatedOn)
            && matches!(self.tree.kind(node), Kind::Text | Kind::IsoDate)
            && let Some(date) = created_on(self.tree.bytes(node))
            && self.cells.put(Fixed::OperationCreatedOn, Cell::instant(date.ms))
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
            && self.cells.put(Fixed::StepId, Cell::Guid(id))
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
            self.json(Fixed::Inputs, inputs);
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
        self.json(Fixed::Inputs, inputs);
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
        self.json(Fixed::Outputs, outputs);
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
