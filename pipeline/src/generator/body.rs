//! The body of one event: the execution context with its target, its images and its parent.
//!
//! Owns: the members of a body and their order, which both serializers share. Does not own: the syntax (`json`, `xml`),
//! or the values of columns (`value`).

use std::mem;

use super::catalogue::{Kind, Table};
use super::event::Event;
use super::json::Json;
use super::record::{Message, Record};
use super::rng::Rng;
use super::value::{Value, write_named, write_reference};
use super::writer::{
    ATTRIBUTES, Class, DeclaredType, FORMATTED_VALUES, INPUT_PARAMETERS, KEY_ATTRIBUTES, OUTPUT_PARAMETERS,
    POST_ENTITY_IMAGES, PRE_ENTITY_IMAGES, RELATED_ENTITIES, SHARED_VARIABLES, STEP_KEY_ATTRIBUTES, Scalar,
    Writer,
};

/// Buffers reused from body to body.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The JSON of the attributes that the caller sent, to measure them.
    measured: Vec<u8>,
    /// The attributes that the caller sent, in the format of the body.
    sent: Vec<u8>,
    /// The images before the event, in the format of the body.
    before: Vec<u8>,
}

/// Applies the event to the record and appends its body to `out`.
pub(super) fn write<W: Writer>(
    out: &mut Vec<u8>,
    event: &Event<'_>,
    record: &mut Record,
    scratch: &mut Scratch,
    rng: &mut Rng,
) {
    write_part::<W>(&mut scratch.before, |writer| write_images_before(writer, event, record));
    let changed = apply_event(event, record, &mut scratch.measured, rng);
    write_part::<W>(&mut scratch.sent, |writer| {
        for column in changed.columns(event.table) {
            write_column(writer, event, column, &value_of(event, record, column), false);
        }
    });
    let parts = ContextParts { record, sent: &scratch.sent, before: &scratch.before, is_parent: false };
    let mut writer = W::appending_to(mem::take(out));
    writer.body(|writer| write_context(writer, event, &parts));
    *out = mem::take(writer.buffer());
}

/// Writes a part that is spliced into the body later.
fn write_part<W: Writer>(buffer: &mut Vec<u8>, write: impl FnOnce(&mut W)) {
    buffer.clear();
    let mut writer = W::appending_to(mem::take(buffer));
    write(&mut writer);
    *buffer = mem::take(writer.buffer());
}

/// Parts of a context: the context of the body, or its `ParentContext`.
#[derive(Clone, Copy)]
struct ContextParts<'a> {
    record: &'a Record,
    sent: &'a [u8],
    before: &'a [u8],
    /// A parent contains what the caller sent, without the columns and images that the platform adds.
    is_parent: bool,
}

/// The columns that an event sets: `count` of them from `start` on, wrapping around.
#[derive(Clone, Copy)]
struct ChangedColumns {
    start: usize,
    count: usize,
}

impl ChangedColumns {
    fn columns(self, table: &Table) -> impl Iterator<Item = usize> + use<> {
        let columns = table.columns.len();
        (0..self.count).map(move |step| (self.start + step) % columns)
    }
}

/// Sets columns of the record until their JSON has the planned length. Both formats measure the JSON, so that both
/// contain the same event.
fn apply_event(
    event: &Event<'_>,
    record: &mut Record,
    measured: &mut Vec<u8>,
    rng: &mut Rng,
) -> ChangedColumns {
    let columns = event.table.columns.len();
    let mut changed = ChangedColumns { start: 0, count: 0 };
    if event.message == Message::Delete {
        return changed;
    }
    changed.start = if event.message == Message::Create { 0 } else { rng.below(columns) };
    write_part(measured, |writer: &mut Json| {
        while changed.count < columns {
            let column = (changed.start + changed.count) % columns;
            record.set(event.table, column, event.plan.lengths);
            write_column(writer, event, column, &value_of(event, record, column), false);
            changed.count += 1;
            // Includes the comma before the first attribute.
            if writer.buffer().len() + 1 >= event.plan.attribute_bytes {
                break;
            }
        }
    });
    changed
}

/// Returns the current value of a column.
fn value_of(event: &Event<'_>, record: &Record, column: usize) -> Value {
    record.value(event.table, column, event.times.base_ms)
}

/// Writes a column as an attribute.
fn write_column(writer: &mut impl Writer, event: &Event<'_>, column: usize, value: &Value, in_image: bool) {
    writer.object_pair(event.table.columns[column].name, |writer| value.write(writer, in_image));
}

/// Writes the members of a context.
fn write_context<W: Writer>(writer: &mut W, event: &Event<'_>, parts: &ContextParts<'_>) {
    writer.string_member("BusinessUnitId", |writer| writer.text(BUSINESS_UNIT));
    writer.guid_member("CorrelationId", event.correlation);
    writer.literal_member("Depth", |writer| writer.integer(1));
    writer.string_member("InitiatingUserAgent", |writer| writer.text(event.agent));
    writer.guid_member("InitiatingUserAzureActiveDirectoryObjectId", event.user_aad);
    writer.guid_member("InitiatingUserId", event.user);
    writer.list_member(&INPUT_PARAMETERS, |writer| {
        writer.object_pair("Target", |writer| write_target(writer, event, parts));
        if parts.is_parent {
            writer.object_pair("SuppressDuplicateDetection", |writer| {
                writer.boolean_value(false);
            });
        }
    });
    for name in ["IsExecutingOffline", "IsInTransaction", "IsOfflinePlayback"] {
        writer.literal_member(name, |writer| writer.text("false"));
    }
    writer.literal_member("IsolationMode", |writer| writer.integer(1));
    writer.string_member("MessageName", |writer| writer.text(event.message.name()));
    writer.literal_member("Mode", |writer| writer.integer(1));
    writer.zoned_date_member("OperationCreatedOn", event.times.now_ms / 1000 * 1000);
    writer.guid_member("OperationId", event.operation);
    writer.string_member("OrganizationId", |writer| writer.text(ORGANIZATION));
    writer.string_member("OrganizationName", |writer| writer.text(ORGANIZATION_NAME));
    writer.list_member(&OUTPUT_PARAMETERS, |writer| {
        if event.message == Message::Create && !parts.is_parent {
            writer.object_pair("id", |writer| writer.guid_value(parts.record.id));
        }
    });
    writer.object_member("OwningExtension", |writer| {
        writer.guid_member("Id", event.step);
        writer.list_member(&STEP_KEY_ATTRIBUTES, |_| ());
        write_named(writer, "sdkmessageprocessingstep", None);
    });
    write_parent_and_images(writer, event, parts);
    writer.guid_member("PrimaryEntityId", parts.record.id);
    writer.string_member("PrimaryEntityName", |writer| writer.text(event.table.name));
    writer.guid_member("RequestId", event.request);
    writer.string_member("SecondaryEntityName", |writer| writer.text("none"));
    writer.list_member(&SHARED_VARIABLES, |writer| {
        if event.plan.full {
            writer.object_pair("IsAutoTransact", |writer| writer.boolean_value(true));
            writer.object_pair("AcceptLang", |writer| {
                writer.scalar_value(Scalar::String, |_| ());
            });
        }
    });
    writer.literal_member("Stage", |writer| writer.integer(if parts.is_parent { 30 } else { 40 }));
    writer.guid_member("UserAzureActiveDirectoryObjectId", event.user_aad);
    writer.guid_member("UserId", event.user);
}

fn write_parent_and_images<W: Writer>(writer: &mut W, event: &Event<'_>, parts: &ContextParts<'_>) {
    if event.plan.with_parent && !parts.is_parent {
        let parent = ContextParts { is_parent: true, ..*parts };
        writer.object_member("ParentContext", |writer| write_context(writer, event, &parent));
    } else {
        writer.null_member("ParentContext");
    }
    writer.list_member(&POST_ENTITY_IMAGES, |writer| {
        if !parts.is_parent && event.message != Message::Delete {
            write_images_after(writer, event, parts.record);
        }
    });
    writer.list_member(&PRE_ENTITY_IMAGES, |writer| {
        if !parts.is_parent {
            writer.splice(parts.before);
        }
    });
}

fn write_target<W: Writer>(writer: &mut W, event: &Event<'_>, parts: &ContextParts<'_>) {
    let (table, id) = (event.table, parts.record.id);
    if event.message == Message::Delete {
        write_reference(writer, (table.name, id), None);
        return;
    }
    writer.class_value(Class::Entity, |writer| {
        writer.list_member(&ATTRIBUTES, |writer| {
            writer.object_pair(table.key, |writer| writer.guid_value(id));
            writer.splice(parts.sent);
            if !parts.is_parent {
                write_platform_columns(writer, event);
            }
        });
        write_entity_end(writer, event, id, |_| ());
    });
}

/// Writes the columns that the platform adds.
fn write_platform_columns(writer: &mut impl Writer, event: &Event<'_>) {
    let seconds = event.times.now_ms / 1000 * 1000;
    if event.message == Message::Create {
        writer.object_pair("createdon", |writer| writer.date_value(seconds));
    }
    writer.object_pair("modifiedon", |writer| writer.date_value(seconds));
    if event.plan.full {
        writer.object_pair("modifiedby", |writer| {
            write_reference(writer, ("systemuser", event.user), None);
        });
        writer.object_pair("modifiedonbehalfby", Writer::null_value);
    }
}

/// Writes the members of an entity after its attributes.
fn write_entity_end<W: Writer>(
    writer: &mut W,
    event: &Event<'_>,
    id: u128,
    formatted_values: impl FnOnce(&mut W),
) {
    writer.null_member("EntityState");
    writer.list_member(&FORMATTED_VALUES, formatted_values);
    writer.guid_member("Id", id);
    writer.list_member(&KEY_ATTRIBUTES, |_| ());
    writer.string_member("LogicalName", |writer| writer.text(event.table.name));
    writer.list_member(&RELATED_ENTITIES, |_| ());
    writer.null_member("RowVersion");
}

/// Writes the images before the event: nothing for a Create, and the automatic image only for a Delete.
fn write_images_before(writer: &mut impl Writer, event: &Event<'_>, record: &Record) {
    if event.message == Message::Create {
        return;
    }
    if event.plan.columns_before > 0 {
        write_image(writer, event, record, ("PreImage", event.plan.columns_before));
    }
    if event.message == Message::Delete {
        write_automatic_image(writer, event, record);
    }
}

/// Writes the images after the event.
fn write_images_after(writer: &mut impl Writer, event: &Event<'_>, record: &Record) {
    if event.plan.columns_after > 0 {
        write_image(writer, event, record, ("PostImage", event.plan.columns_after));
    }
    if event.plan.full {
        write_automatic_image(writer, event, record);
    }
}

/// Writes a registered image: the non-null values among the first columns of the table, and their formatted values.
fn write_image<W: Writer>(
    writer: &mut W,
    event: &Event<'_>,
    record: &Record,
    (alias, columns): (&str, usize),
) {
    let table = event.table;
    let values = || {
        let columns = 0..columns.min(table.columns.len());
        columns.map(|column| (column, column_in_image(event, record, column)))
    };
    writer.pair(DeclaredType::Entity, alias, |writer| {
        writer.image_value(|writer| {
            writer.list_member(&ATTRIBUTES, |writer| {
                writer.object_pair(table.key, |writer| writer.guid_value(record.id));
                for (column, value) in values().filter(|(_, value)| !value.is_null()) {
                    write_column(writer, event, column, &value, true);
                }
                writer.object_pair("createdon", |writer| {
                    writer.date_value(record.created_on_ms / 1000 * 1000);
                });
            });
            write_entity_end(writer, event, record.id, |writer| {
                for (column, value) in values().filter(|(_, value)| value.has_formatted_value()) {
                    writer.pair(DeclaredType::String, table.columns[column].name, |writer| {
                        writer.formatted_value(|writer| value.write_formatted_value(writer));
                    });
                }
            });
        });
    });
}

/// Returns the value of a column in a registered image, which omits long text and pictures.
fn column_in_image(event: &Event<'_>, record: &Record, column: usize) -> Value {
    match event.table.columns[column].kind {
        Kind::Memo | Kind::Image => Value::Null,
        _ => value_of(event, record, column),
    }
}

/// Writes the image that asynchronous steps get without registration: the primary key and the primary name.
fn write_automatic_image<W: Writer>(writer: &mut W, event: &Event<'_>, record: &Record) {
    let table = event.table;
    writer.pair(DeclaredType::Entity, "AsynchronousStepPrimaryName", |writer| {
        writer.image_value(|writer| {
            writer.list_member(&ATTRIBUTES, |writer| {
                writer.object_pair(table.key, |writer| writer.guid_value(record.id));
                write_column(writer, event, 0, &value_of(event, record, 0), true);
            });
            write_entity_end(writer, event, record.id, |_| ());
        });
    });
}

// All events are posted by one organization.
const BUSINESS_UNIT: &str = "7d3f9c52-0f5f-ee11-8def-000d3adbef1f";
const ORGANIZATION: &str = "5e2a1b60-a93a-ef11-8e4b-00224802c699";
const ORGANIZATION_NAME: &str = "unq5e2a1b60a93aef118e4b00224802c";
