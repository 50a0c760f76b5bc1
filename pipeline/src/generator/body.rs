//! One body: the execution context, its target, its images, its parent.

use super::Size;
use super::catalogue::{Kind, Table};
use super::record::{Message, Record};
use super::rng::Rng;
use super::value::{Lengths, Value};
use super::wire::{ENTITY, REFERENCE, Wire};

/// What a body of some size consists of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Bytes of attributes in `Target` after which no further one is added.
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
    /// The attributes the caller sent, each with a comma before it.
    sent: Vec<u8>,
    before: Vec<u8>,
}

/// Writes a body, and lets the event happen to the record.
pub(super) fn write(
    out: &mut Vec<u8>,
    facts: &Facts<'_>,
    plan: &Plan,
    record: &mut Record,
    scratch: &mut Scratch,
    rng: &mut Rng,
) {
    write_before(facts, plan, record, scratch);
    scratch.sent.clear();
    if facts.message != Message::Delete {
        happen(facts, plan, record, &mut Wire(&mut scratch.sent), rng);
    }
    let mut wire = Wire(out);
    let place = Place { record, sent: &scratch.sent, stage: "40", full: plan.full };
    open(&mut wire, facts);
    write_target(&mut wire, facts, &place);
    write_middle(&mut wire, facts, &place);
    if plan.with_parent {
        let parent = Place { stage: "30", ..place };
        open(&mut wire, facts);
        write_target(&mut wire, facts, &parent);
        wire.raw(r#",{"key":"SuppressDuplicateDetection","value":false}"#);
        write_middle(&mut wire, facts, &parent);
        wire.raw(r#"null,"PostEntityImages":[],"PreEntityImages":["#);
        close(&mut wire, facts, &parent);
    } else {
        wire.raw("null");
    }
    wire.raw(r#","PostEntityImages":["#);
    if facts.message != Message::Delete {
        write_after(&mut wire, facts, plan, record);
    }
    wire.raw(r#"],"PreEntityImages":["#);
    wire.0.extend_from_slice(&scratch.before);
    close(&mut wire, facts, &place);
}

/// What differs between a context and its parent.
#[derive(Clone, Copy)]
struct Place<'a> {
    record: &'a Record,
    sent: &'a [u8],
    stage: &'static str,
    full: bool,
}

impl Place<'_> {
    /// The parent is what the caller sent, before the platform added columns of its own.
    fn is_parent(&self) -> bool {
        self.stage == "30"
    }
}

/// Lets the event happen to the record and writes the attributes that the caller sent.
fn happen(facts: &Facts<'_>, plan: &Plan, record: &mut Record, wire: &mut Wire<'_>, rng: &mut Rng) {
    let columns = facts.table.columns.len();
    let start = if facts.message == Message::Create { 0 } else { rng.below(columns) };
    for step in 0..columns {
        let column = (start + step) % columns;
        record.set(facts.table, column, plan.lengths);
        write_attribute(wire, facts, column, &record.value(facts.table, column, facts.base_ms), false);
        if wire.0.len() >= plan.attributes {
            break;
        }
    }
}

fn write_attribute(wire: &mut Wire<'_>, facts: &Facts<'_>, column: usize, value: &Value, in_image: bool) {
    wire.raw(r#",{"key":""#).raw(facts.table.columns[column].name).raw(r#"","value":"#);
    value.write(wire, in_image);
    wire.raw("}");
}

/// The context up to its first input parameter.
fn open(wire: &mut Wire<'_>, facts: &Facts<'_>) {
    wire.raw(OPENING).guid(facts.correlation);
    wire.raw(r#"","Depth":1,"InitiatingUserAgent":""#).raw(facts.agent);
    wire.raw(r#"","InitiatingUserAzureActiveDirectoryObjectId":""#).guid(facts.user_aad);
    wire.raw(r#"","InitiatingUserId":""#).guid(facts.user);
    wire.raw(r#"","InputParameters":[{"key":"Target","value":"#);
}

fn write_target(wire: &mut Wire<'_>, facts: &Facts<'_>, place: &Place<'_>) {
    let table = facts.table;
    if facts.message == Message::Delete {
        wire.raw(REFERENCE).guid(place.record.id);
        wire.raw(r#"","KeyAttributes":[],"LogicalName":""#).raw(table.name);
        wire.raw(r#"","Name":null,"RowVersion":null}}"#);
        return;
    }
    wire.raw("{").raw(ENTITY).raw(r#""Attributes":[{"key":""#).raw(table.key).raw(r#"","value":""#);
    wire.guid(place.record.id).raw("\"}");
    wire.0.extend_from_slice(place.sent);
    if !place.is_parent() {
        write_stamps(wire, facts, place.full);
    }
    wire.raw(r#"],"EntityState":null,"FormattedValues":["#);
    close_entity(wire, table, place.record.id);
    wire.raw("}");
}

/// The columns that the platform adds.
fn write_stamps(wire: &mut Wire<'_>, facts: &Facts<'_>, full: bool) {
    let seconds = facts.now_ms / 1000 * 1000;
    if facts.message == Message::Create {
        wire.raw(r#",{"key":"createdon","value":"#).date(seconds).raw("}");
    }
    wire.raw(r#",{"key":"modifiedon","value":"#).date(seconds).raw("}");
    if !full {
        return;
    }
    wire.raw(r#",{"key":"modifiedby","value":"#).raw(REFERENCE).guid(facts.user);
    wire.raw(r#"","KeyAttributes":[],"LogicalName":"systemuser","Name":null,"RowVersion":null}}"#);
    wire.raw(r#",{"key":"modifiedonbehalfby","value":null}"#);
}

/// The end of an entity, from inside its labels.
fn close_entity(wire: &mut Wire<'_>, table: &Table, id: u128) {
    wire.raw(r#"],"Id":""#).guid(id);
    wire.raw(r#"","KeyAttributes":[],"LogicalName":""#).raw(table.name);
    wire.raw(r#"","RelatedEntities":[],"RowVersion":null}"#);
}

/// The context from the end of its input parameters up to the value of `ParentContext`.
fn write_middle(wire: &mut Wire<'_>, facts: &Facts<'_>, place: &Place<'_>) {
    wire.raw(
        r#"],"IsExecutingOffline":false,"IsInTransaction":false,"IsOfflinePlayback":false,"IsolationMode":1,"#,
    );
    wire.raw(r#""MessageName":""#).raw(facts.message.name());
    wire.raw(r#"","Mode":1,"OperationCreatedOn":"\/Date("#).integer(facts.now_ms / 1000 * 1000);
    wire.raw(r#"+0000)\/","OperationId":""#).guid(facts.operation).raw(ORGANIZATION);
    if facts.message == Message::Create && !place.is_parent() {
        wire.raw(r#"{"key":"id","value":""#).guid(place.record.id).raw("\"}");
    }
    wire.raw(r#"],"OwningExtension":{"Id":""#).guid(facts.step);
    wire.raw(
        r#"","KeyAttributes":[],"LogicalName":"sdkmessageprocessingstep","Name":null,"RowVersion":null},"#,
    );
    wire.raw(r#""ParentContext":"#);
}

/// The context from the end of its images on.
fn close(wire: &mut Wire<'_>, facts: &Facts<'_>, place: &Place<'_>) {
    wire.raw(r#"],"PrimaryEntityId":""#).guid(place.record.id);
    wire.raw(r#"","PrimaryEntityName":""#).raw(facts.table.name);
    wire.raw(r#"","RequestId":""#).guid(facts.request);
    wire.raw(r#"","SecondaryEntityName":"none","SharedVariables":["#);
    if place.full {
        wire.raw(r#"{"key":"IsAutoTransact","value":true},{"key":"AcceptLang","value":""}"#);
    }
    wire.raw(r#"],"Stage":"#).raw(place.stage);
    wire.raw(r#","UserAzureActiveDirectoryObjectId":""#).guid(facts.user_aad);
    wire.raw(r#"","UserId":""#).guid(facts.user).raw("\"}");
}

/// The images before the event. A creation has none; the automatic one is a deletion's.
fn write_before(facts: &Facts<'_>, plan: &Plan, record: &Record, scratch: &mut Scratch) {
    scratch.before.clear();
    let mut wire = Wire(&mut scratch.before);
    if facts.message == Message::Create {
        return;
    }
    if plan.columns_before > 0 {
        wire.raw(r#"{"key":"PreImage","value":"#);
        write_image(&mut wire, facts, record, plan.columns_before);
    }
    if facts.message == Message::Delete {
        wire.raw(if wire.0.is_empty() { "" } else { "," });
        write_automatic(&mut wire, facts, record);
    }
}

/// The images after the event.
fn write_after(wire: &mut Wire<'_>, facts: &Facts<'_>, plan: &Plan, record: &Record) {
    if plan.columns_after > 0 {
        wire.raw(r#"{"key":"PostImage","value":"#);
        write_image(wire, facts, record, plan.columns_after);
        wire.raw(",");
    }
    if plan.full {
        write_automatic(wire, facts, record);
    }
}

/// A registered image: the first columns of the table that are not null, and their labels.
fn write_image(wire: &mut Wire<'_>, facts: &Facts<'_>, record: &Record, columns: usize) {
    let table = facts.table;
    let columns = columns.min(table.columns.len());
    wire.raw(r#"{"Attributes":[{"key":""#).raw(table.key).raw(r#"","value":""#).guid(record.id).raw("\"}");
    for column in 0..columns {
        let value = image_value(facts, record, column);
        if !value.is_null() {
            write_attribute(wire, facts, column, &value, true);
        }
    }
    wire.raw(r#",{"key":"createdon","value":"#).date(record.created_on_ms / 1000 * 1000);
    wire.raw(r#"}],"EntityState":null,"FormattedValues":["#);
    let start = wire.0.len();
    for column in 0..columns {
        write_label(wire, start, table.columns[column].name, &image_value(facts, record, column));
    }
    close_entity(wire, table, record.id);
    wire.raw("}");
}

/// Long text and pictures are not among the columns of the registered images.
fn image_value(facts: &Facts<'_>, record: &Record, column: usize) -> Value {
    match facts.table.columns[column].kind {
        Kind::Memo | Kind::Image => Value::Null,
        _ => record.value(facts.table, column, facts.base_ms),
    }
}

fn write_label(wire: &mut Wire<'_>, start: usize, name: &str, value: &Value) {
    let end = wire.0.len();
    wire.raw(if end > start { "," } else { "" }).raw(r#"{"key":""#).raw(name).raw(r#"","value":""#);
    if value.write_label(wire) {
        wire.raw("\"}");
    } else {
        wire.0.truncate(end);
    }
}

/// The image that asynchronous steps get unasked: the primary key and the primary name.
fn write_automatic(wire: &mut Wire<'_>, facts: &Facts<'_>, record: &Record) {
    let table = facts.table;
    wire.raw(r#"{"key":"AsynchronousStepPrimaryName","value":{"Attributes":[{"key":""#).raw(table.key);
    wire.raw(r#"","value":""#).guid(record.id).raw("\"}");
    write_attribute(wire, facts, 0, &record.value(table, 0, facts.base_ms), true);
    wire.raw(r#"],"EntityState":null,"FormattedValues":["#);
    close_entity(wire, table, record.id);
    wire.raw("}");
}

const OPENING: &str = r#"{"BusinessUnitId":"7d3f9c52-0f5f-ee11-8def-000d3adbef1f","CorrelationId":""#;
const ORGANIZATION: &str = concat!(
    r#"","OrganizationId":"5e2a1b60-a93a-ef11-8e4b-00224802c699","#,
    r#""OrganizationName":"unq5e2a1b60a93aef118e4b00224802c","OutputParameters":["#
);
const USERS: usize = 8;
/// What calls, as it names itself; mostly it does not.
const AGENTS: &[&str] = &["", "", "", r"PowerApps-Web\/3.24"];
