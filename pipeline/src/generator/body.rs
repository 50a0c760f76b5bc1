//! One body: the execution context, its target, its images, its parent.
//!
//! Members stand in the serializers' order, which is the same for both formats.

use std::mem;

use super::Size;
use super::catalogue::{Kind, Table};
use super::json::Json;
use super::record::{Message, Record};
use super::rng::Rng;
use super::value::{Lengths, Value, write_named, write_reference};
use super::wire::{
    AFTER, ATTRIBUTES, BEFORE, Class, INPUTS, KEYS, LABELS, OUTPUTS, Pair, RELATED, SHARED, STEP_KEYS,
    Scalar, Wire,
};

/// What a body of some size consists of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Bytes of attributes in `Target`, as JSON has them, after which no further one is added.
    attributes: usize,
    /// Columns of the registered image before the event; 0 is none registered.
    columns_before: usize,
    /// The same after it.
    columns_after: usize,
    with_parent: bool,
    /// With everything the platform may add: who changed it, the automatic image, shared variables.
    full: bool,
    lengths: Lengths,
}

impl Plan {
    pub(super) fn draw(size: Size, rng: &mut Rng) -> Self {
        let lengths = Lengths { memo: 3 + rng.below(12), image: 0 };
        let lean = Self {
            attributes: 0,
            columns_before: 0,
            columns_after: 0,
            with_parent: false,
            full: false,
            lengths,
        };
        match size {
            Size::Small => Self { attributes: rng.below(50), ..lean },
            Size::Typical if rng.percent(60) => Self { attributes: 0, with_parent: true, ..lean },
            Size::Typical => {
                let (columns_before, columns_after) = if rng.percent(50) { (3, 0) } else { (0, 4) };
                Self { attributes: rng.below(150), columns_before, columns_after, full: true, ..lean }
            }
            Size::Large | Size::Mixed => {
                let image = if rng.percent(10) { 300 + rng.below(900) } else { 0 };
                let lengths = Lengths { memo: 420 + rng.below(500), image };
                Self {
                    attributes: 7_600,
                    columns_before: usize::MAX,
                    columns_after: usize::MAX,
                    with_parent: true,
                    full: true,
                    lengths,
                }
            }
        }
    }
}

/// What the platform says of an event, whatever its table.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    table: &'a Table,
    message: Message,
    now_ms: i64,
    base_ms: i64,
    correlation: u128,
    operation: u128,
    request: u128,
    step: u128,
    user: u128,
    user_aad: u128,
    agent: &'static str,
}

impl<'a> Facts<'a> {
    pub(super) fn draw(table: &'a Table, message: Message, now_ms: i64, base_ms: i64, rng: &mut Rng) -> Self {
        // A step is registered per table and message, and a user stays the same user.
        let mut step = Rng::named(table.name, message as u64);
        let mut user = Rng::new(rng.below(USERS) as u64);
        Self {
            table,
            message,
            now_ms,
            base_ms,
            correlation: rng.guid(),
            operation: rng.guid(),
            request: rng.guid(),
            step: step.guid(),
            user: user.guid(),
            user_aad: user.guid(),
            agent: rng.pick(AGENTS),
        }
    }
}

/// Buffers that are kept from body to body.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The attributes the caller sent, as JSON has them.
    measured: Vec<u8>,
    /// The attributes the caller sent.
    sent: Vec<u8>,
    /// The images before the event.
    before: Vec<u8>,
}

/// Writes a body, and lets the event happen to the record.
pub(super) fn write<W: Wire>(
    out: &mut Vec<u8>,
    facts: &Facts<'_>,
    plan: &Plan,
    record: &mut Record,
    scratch: &mut Scratch,
    rng: &mut Rng,
) {
    write_apart::<W>(&mut scratch.before, |wire| write_before(wire, facts, plan, record));
    let changed = happen(facts, plan, record, &mut scratch.measured, rng);
    write_apart::<W>(&mut scratch.sent, |wire| {
        for column in changed.columns(facts.table) {
            write_attribute(wire, facts, column, &record.value(facts.table, column, facts.base_ms), false);
        }
    });
    let place = Place { record, plan, sent: &scratch.sent, before: &scratch.before, parent: false };
    let mut wire = W::over(mem::take(out));
    wire.body(|wire| write_context(wire, facts, &place));
    *out = mem::take(wire.out());
}

/// Writes what is spliced in later.
fn write_apart<W: Wire>(buffer: &mut Vec<u8>, write: impl FnOnce(&mut W)) {
    buffer.clear();
    let mut wire = W::over(mem::take(buffer));
    write(&mut wire);
    *buffer = mem::take(wire.out());
}

/// What differs between a context and its parent.
#[derive(Clone, Copy)]
struct Place<'a> {
    record: &'a Record,
    plan: &'a Plan,
    sent: &'a [u8],
    before: &'a [u8],
    /// The parent is what the caller sent, before the platform added columns of its own, and images.
    parent: bool,
}

/// The columns that an event sets: so many from a first one on, round and round.
#[derive(Clone, Copy)]
struct Changed {
    start: usize,
    count: usize,
}

impl Changed {
    fn columns(self, table: &Table) -> impl Iterator<Item = usize> + use<> {
        let columns = table.columns.len();
        (0..self.count).map(move |step| (self.start + step) % columns)
    }
}

/// Lets the event happen to the record. What JSON says of it decides how much that is, so that it is the same event
/// in both formats.
fn happen(
    facts: &Facts<'_>,
    plan: &Plan,
    record: &mut Record,
    measured: &mut Vec<u8>,
    rng: &mut Rng,
) -> Changed {
    let columns = facts.table.columns.len();
    let mut changed = Changed { start: 0, count: 0 };
    if facts.message == Message::Delete {
        return changed;
    }
    changed.start = if facts.message == Message::Create { 0 } else { rng.below(columns) };
    write_apart(measured, |wire: &mut Json| {
        while changed.count < columns {
            let column = (changed.start + changed.count) % columns;
            record.set(facts.table, column, plan.lengths);
            write_attribute(wire, facts, column, &record.value(facts.table, column, facts.base_ms), false);
            changed.count += 1;
            // One more for the comma before the first.
            if wire.0.len() + 1 >= plan.attributes {
                break;
            }
        }
    });
    changed
}

fn write_attribute(wire: &mut impl Wire, facts: &Facts<'_>, column: usize, value: &Value, in_image: bool) {
    wire.pair(Pair::Any, facts.table.columns[column].name, |wire| value.write(wire, in_image));
}

/// The members of a context.
fn write_context<W: Wire>(wire: &mut W, facts: &Facts<'_>, place: &Place<'_>) {
    let full = place.plan.full;
    wire.quoted("BusinessUnitId", |wire| wire.text(BUSINESS_UNIT));
    wire.guid_member("CorrelationId", facts.correlation);
    wire.bare("Depth", |wire| wire.integer(1));
    wire.quoted("InitiatingUserAgent", |wire| wire.text(facts.agent));
    wire.guid_member("InitiatingUserAzureActiveDirectoryObjectId", facts.user_aad);
    wire.guid_member("InitiatingUserId", facts.user);
    wire.list(&INPUTS, |wire| {
        wire.pair(Pair::Any, "Target", |wire| write_target(wire, facts, place));
        if place.parent {
            wire.pair(Pair::Any, "SuppressDuplicateDetection", |wire| wire.boolean(false));
        }
    });
    for name in ["IsExecutingOffline", "IsInTransaction", "IsOfflinePlayback"] {
        wire.bare(name, |wire| wire.text("false"));
    }
    wire.bare("IsolationMode", |wire| wire.integer(1));
    wire.quoted("MessageName", |wire| wire.text(facts.message.name()));
    wire.bare("Mode", |wire| wire.integer(1));
    wire.zoned_date("OperationCreatedOn", facts.now_ms / 1000 * 1000);
    wire.guid_member("OperationId", facts.operation);
    wire.quoted("OrganizationId", |wire| wire.text(ORGANIZATION));
    wire.quoted("OrganizationName", |wire| wire.text(ORGANIZATION_NAME));
    wire.list(&OUTPUTS, |wire| {
        if facts.message == Message::Create && !place.parent {
            wire.pair(Pair::Any, "id", |wire| wire.guid_value(place.record.id));
        }
    });
    wire.object("OwningExtension", |wire| {
        wire.guid_member("Id", facts.step);
        wire.list(&STEP_KEYS, |_| ());
        write_named(wire, "sdkmessageprocessingstep", None);
    });
    write_parent_and_images(wire, facts, place);
    wire.guid_member("PrimaryEntityId", place.record.id);
    wire.quoted("PrimaryEntityName", |wire| wire.text(facts.table.name));
    wire.guid_member("RequestId", facts.request);
    wire.quoted("SecondaryEntityName", |wire| wire.text("none"));
    wire.list(&SHARED, |wire| {
        if full {
            wire.pair(Pair::Any, "IsAutoTransact", |wire| wire.boolean(true));
            wire.pair(Pair::Any, "AcceptLang", |wire| wire.scalar(Scalar::String, |_| ()));
        }
    });
    wire.bare("Stage", |wire| wire.integer(if place.parent { 30 } else { 40 }));
    wire.guid_member("UserAzureActiveDirectoryObjectId", facts.user_aad);
    wire.guid_member("UserId", facts.user);
}

fn write_parent_and_images<W: Wire>(wire: &mut W, facts: &Facts<'_>, place: &Place<'_>) {
    if place.plan.with_parent && !place.parent {
        let parent = Place { parent: true, ..*place };
        wire.object("ParentContext", |wire| write_context(wire, facts, &parent));
    } else {
        wire.null("ParentContext");
    }
    wire.list(&AFTER, |wire| {
        if !place.parent && facts.message != Message::Delete {
            write_after(wire, facts, place.plan, place.record);
        }
    });
    wire.list(&BEFORE, |wire| {
        if !place.parent {
            wire.splice(place.before);
        }
    });
}

fn write_target<W: Wire>(wire: &mut W, facts: &Facts<'_>, place: &Place<'_>) {
    let (table, id) = (facts.table, place.record.id);
    if facts.message == Message::Delete {
        write_reference(wire, (table.name, id), None);
        return;
    }
    wire.class(Class::Entity, |wire| {
        wire.list(&ATTRIBUTES, |wire| {
            wire.pair(Pair::Any, table.key, |wire| wire.guid_value(id));
            wire.splice(place.sent);
            if !place.parent {
                write_stamps(wire, facts, place.plan.full);
            }
        });
        close_entity(wire, facts, id, |_| ());
    });
}

/// The columns that the platform adds.
fn write_stamps(wire: &mut impl Wire, facts: &Facts<'_>, full: bool) {
    let seconds = facts.now_ms / 1000 * 1000;
    if facts.message == Message::Create {
        wire.pair(Pair::Any, "createdon", |wire| wire.date(seconds));
    }
    wire.pair(Pair::Any, "modifiedon", |wire| wire.date(seconds));
    if full {
        wire.pair(Pair::Any, "modifiedby", |wire| write_reference(wire, ("systemuser", facts.user), None));
        wire.pair(Pair::Any, "modifiedonbehalfby", Wire::null_value);
    }
}

/// The members of an entity behind its attributes.
fn close_entity<W: Wire>(wire: &mut W, facts: &Facts<'_>, id: u128, labels: impl FnOnce(&mut W)) {
    wire.null("EntityState");
    wire.list(&LABELS, labels);
    wire.guid_member("Id", id);
    wire.list(&KEYS, |_| ());
    wire.quoted("LogicalName", |wire| wire.text(facts.table.name));
    wire.list(&RELATED, |_| ());
    wire.null("RowVersion");
}

/// The images before the event. A creation has none; the automatic one is a deletion's.
fn write_before(wire: &mut impl Wire, facts: &Facts<'_>, plan: &Plan, record: &Record) {
    if facts.message == Message::Create {
        return;
    }
    if plan.columns_before > 0 {
        write_image(wire, facts, record, ("PreImage", plan.columns_before));
    }
    if facts.message == Message::Delete {
        write_automatic(wire, facts, record);
    }
}

/// The images after the event.
fn write_after(wire: &mut impl Wire, facts: &Facts<'_>, plan: &Plan, record: &Record) {
    if plan.columns_after > 0 {
        write_image(wire, facts, record, ("PostImage", plan.columns_after));
    }
    if plan.full {
        write_automatic(wire, facts, record);
    }
}

/// A registered image: the first columns of the table that are not null, and their labels.
fn write_image<W: Wire>(wire: &mut W, facts: &Facts<'_>, record: &Record, (alias, columns): (&str, usize)) {
    let table = facts.table;
    let values = || {
        let columns = 0..columns.min(table.columns.len());
        columns.map(|column| (column, image_value(facts, record, column)))
    };
    wire.pair(Pair::Image, alias, |wire| {
        wire.image(|wire| {
            wire.list(&ATTRIBUTES, |wire| {
                wire.pair(Pair::Any, table.key, |wire| wire.guid_value(record.id));
                for (column, value) in values().filter(|(_, value)| !value.is_null()) {
                    write_attribute(wire, facts, column, &value, true);
                }
                wire.pair(Pair::Any, "createdon", |wire| wire.date(record.created_on_ms / 1000 * 1000));
            });
            close_entity(wire, facts, record.id, |wire| {
                for (column, value) in values().filter(|(_, value)| value.has_label()) {
                    wire.pair(Pair::Label, table.columns[column].name, |wire| {
                        wire.label(|wire| value.write_label(wire));
                    });
                }
            });
        });
    });
}

/// Long text and pictures are not among the columns of the registered images.
fn image_value(facts: &Facts<'_>, record: &Record, column: usize) -> Value {
    match facts.table.columns[column].kind {
        Kind::Memo | Kind::Image => Value::Null,
        _ => record.value(facts.table, column, facts.base_ms),
    }
}

/// The image that asynchronous steps get unasked: the primary key and the primary name.
fn write_automatic<W: Wire>(wire: &mut W, facts: &Facts<'_>, record: &Record) {
    let table = facts.table;
    wire.pair(Pair::Image, "AsynchronousStepPrimaryName", |wire| {
        wire.image(|wire| {
            wire.list(&ATTRIBUTES, |wire| {
                wire.pair(Pair::Any, table.key, |wire| wire.guid_value(record.id));
                write_attribute(wire, facts, 0, &record.value(table, 0, facts.base_ms), true);
            });
            close_entity(wire, facts, record.id, |_| ());
        });
    });
}

const BUSINESS_UNIT: &str = "7d3f9c52-0f5f-ee11-8def-000d3adbef1f";
const ORGANIZATION: &str = "5e2a1b60-a93a-ef11-8e4b-00224802c699";
const ORGANIZATION_NAME: &str = "unq5e2a1b60a93aef118e4b00224802c";
const USERS: usize = 8;
/// What calls, as it names itself; mostly it does not.
const AGENTS: &[&str] = &["", "", "", r"PowerApps-Web\/3.24"];
