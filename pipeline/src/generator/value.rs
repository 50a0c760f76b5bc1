//! The values of columns. Each is a pure function of the record, the column and the column's version, so that an image
//! before an update contains the values that the update replaces.

use super::catalogue::{BREAKS, COMPANIES, Column, FIRST_NAMES, Kind, LAST_NAMES, WORDS};
use super::rng::Rng;
use super::writer::{Class, KEY_ATTRIBUTES, Scalar, Writer};

/// Lengths of the long values of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) memo_words: usize,
    /// 0 means that the record has no image.
    pub(super) image_bytes: usize,
}

/// One drawn value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Null,
    /// Two phrases; the second may be empty.
    Phrases(&'static str, &'static str),
    /// Text, whose words are drawn while it is written.
    Words {
        rng: Rng,
        words: usize,
        breaks: bool,
    },
    Phone(i64),
    Email(&'static str, i64),
    Url(&'static str, i64),
    Choice(i32, &'static str),
    /// Choices of a column, and a bit set with the selected ones.
    Choices(&'static [(i32, &'static str)], usize),
    Money(i64),
    Decimal(i64),
    Degrees(i64),
    Integer(i64),
    Boolean(bool, &'static str),
    /// Unix milliseconds.
    Date(i64),
    Lookup {
        table: &'static str,
        id: u128,
        name: (&'static str, &'static str),
    },
    Guid(u128),
    Image {
        rng: Rng,
        bytes: usize,
    },
}

impl Value {
    /// Draws the value of `column`; dates are drawn around `base_ms`, unix milliseconds.
    pub(super) fn draw(column: &Column, mut rng: Rng, lengths: Lengths, base_ms: i64) -> Self {
        if column.null_percent > 0 && rng.percent(column.null_percent) {
            return Self::Null;
        }
        match column.kind {
            Kind::Name(first, []) => Self::Phrases(rng.pick(first), ""),
            Kind::Name(first, second) => Self::Phrases(rng.pick(first), rng.pick(second)),
            Kind::Text(max) => Self::Words { words: 1 + rng.below(max), rng, breaks: false },
            Kind::Memo => Self::Words { words: lengths.memo_words, rng, breaks: true },
            Kind::Phone => Self::Phone(rng.between(1_000_000, 9_999_999)),
            Kind::Email => Self::Email(rng.pick(EMAIL_NAMES), rng.between(1, 999)),
            Kind::Url => Self::Url(rng.pick(EMAIL_NAMES), rng.between(1, 999)),
            Kind::Choice(choices) => {
                let (value, label) = rng.pick(choices);
                Self::Choice(value, label)
            }
            Kind::Choices(choices) => {
                let (first, second) = (rng.below(choices.len()), rng.below(choices.len()));
                Self::Choices(choices, 1 << first | 1 << second)
            }
            Kind::Money(max) => Self::Money(rng.between(0, max * 10_000)),
            Kind::Decimal => Self::Decimal(rng.between(-20_000_000_000, 1_000_000_000_000)),
            Kind::Degrees => Self::Degrees(rng.between(-18_000_000, 18_000_000)),
            Kind::Integer(max) => Self::Integer(rng.between(0, max)),
            Kind::Boolean(no, yes) => {
                let value = rng.percent(50);
                Self::Boolean(value, if value { yes } else { no })
            }
            Kind::Date => Self::Date(base_ms + rng.between(-40_000_000, 4_000_000) * 1000),
            Kind::Day => Self::Date((base_ms / DAY_MS + rng.between(-20_000, 400)) * DAY_MS),
            Kind::Lookup(table) => Self::lookup(table, rng.below(LOOKUP_TARGETS)),
            Kind::Guid => Self::Guid(rng.guid()),
            Kind::Image if lengths.image_bytes == 0 => Self::Null,
            Kind::Image => Self::Image { rng, bytes: lengths.image_bytes },
        }
    }

    /// Returns a lookup to the `index`-th record of `table`.
    pub(super) fn lookup(table: &'static str, index: usize) -> Self {
        let mut rng = Rng::named(table, index as u64);
        let name = match table {
            "account" | "opportunity" => (rng.pick(COMPANIES), ""),
            "transactioncurrency" => ("Euro", ""),
            _ => (rng.pick(FIRST_NAMES), rng.pick(LAST_NAMES)),
        };
        Self::Lookup { table, id: rng.guid(), name }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Writes the value. `with_names` adds the names of lookups, as the platform does in images.
    pub(super) fn write(&self, writer: &mut impl Writer, with_names: bool) {
        match *self {
            Self::Null => writer.null_value(),
            Self::Choice(value, _) => writer.class_value(Class::Choice, |writer| {
                writer.literal_member("Value", |writer| writer.integer(i64::from(value)));
            }),
            Self::Choices(choices, bits) => {
                writer.choices_value(chosen(choices, bits).map(|(value, _)| *value));
            }
            Self::Money(value) => {
                writer.class_value(Class::Money, |writer| {
                    writer.literal_member("Value", |writer| writer.decimal(value, 4));
                });
            }
            Self::Decimal(value) => writer.scalar_value(Scalar::Decimal, |writer| writer.decimal(value, 10)),
            Self::Degrees(value) => writer.scalar_value(Scalar::Double, |writer| writer.double(value, 5)),
            Self::Integer(value) => writer.scalar_value(Scalar::Int, |writer| writer.integer(value)),
            Self::Boolean(value, _) => writer.boolean_value(value),
            Self::Date(ms) => writer.date_value(ms),
            Self::Lookup { table, id, name } => {
                write_reference(writer, (table, id), with_names.then_some(name));
            }
            Self::Image { mut rng, bytes } => {
                writer.bytes_value((0..bytes).map(|_| (rng.next() & 0xFF) as u8));
            }
            Self::Phrases(..) | Self::Words { .. } | Self::Phone(_) | Self::Email(..) | Self::Url(..) => {
                writer.scalar_value(Scalar::String, |writer| self.write_text(writer));
            }
            Self::Guid(guid) => writer.guid_value(guid),
        }
    }

    /// True if the platform sends a formatted value for it.
    pub(super) fn has_formatted_value(&self) -> bool {
        matches!(
            self,
            Self::Choice(..)
                | Self::Choices(..)
                | Self::Boolean(..)
                | Self::Money(_)
                | Self::Integer(_)
                | Self::Lookup { .. }
        )
    }

    /// Writes the formatted value, if the platform sends one.
    pub(super) fn write_formatted_value(&self, writer: &mut impl Writer) {
        match *self {
            Self::Choice(_, label) | Self::Boolean(_, label) => writer.text(label),
            Self::Choices(choices, bits) => {
                let mut separator = "";
                for (_, label) in chosen(choices, bits) {
                    writer.text(separator);
                    writer.text(label);
                    separator = "; ";
                }
            }
            Self::Money(value) => writer.raw("€").decimal(value / 100, 2),
            Self::Integer(value) => writer.integer(value),
            Self::Lookup { name, .. } => write_phrases(writer, name),
            _ => {}
        }
    }

    fn write_text(&self, writer: &mut impl Writer) {
        match *self {
            Self::Phrases(first, second) => write_phrases(writer, (first, second)),
            Self::Words { rng, words, breaks } => write_words(writer, rng, words, breaks),
            Self::Phone(number) => writer.raw("+49 30 ").integer(number),
            Self::Email(name, number) => {
                writer.raw(name).raw(".").integer(number);
                writer.raw("@example.com");
            }
            Self::Url(name, number) => {
                writer.text(r"https:\/\/www.example.com\/");
                writer.text(name);
                writer.text(r"\/");
                writer.integer(number);
            }
            _ => {}
        }
    }
}

/// Writes a reference to a record of a table, as a value of declared type `object`.
pub(super) fn write_reference(
    writer: &mut impl Writer,
    (table, id): (&str, u128),
    name: Option<(&'static str, &'static str)>,
) {
    writer.class_value(Class::Reference, |writer| {
        writer.guid_member("Id", id);
        writer.list_member(&KEY_ATTRIBUTES, |_| ());
        write_named(writer, table, name);
    });
}

/// Writes the last members of a reference.
pub(super) fn write_named(writer: &mut impl Writer, table: &str, name: Option<(&'static str, &'static str)>) {
    writer.string_member("LogicalName", |writer| writer.text(table));
    match name {
        Some(name) => writer.string_member("Name", |writer| write_phrases(writer, name)),
        None => writer.null_member("Name"),
    }
    writer.null_member("RowVersion");
}

fn write_phrases(writer: &mut impl Writer, (first, second): (&str, &str)) {
    writer.text(first);
    if !second.is_empty() {
        writer.text(" ");
        writer.text(second);
    }
}

fn write_words(writer: &mut impl Writer, mut rng: Rng, words: usize, breaks: bool) {
    for index in 0..words {
        if index > 0 {
            let broken = breaks && rng.percent(6);
            writer.text(if broken { rng.pick(BREAKS) } else { " " });
        }
        writer.text(rng.pick(WORDS));
    }
}

/// Returns the selected choices.
fn chosen(
    choices: &'static [(i32, &'static str)],
    bits: usize,
) -> impl Iterator<Item = &'static (i32, &'static str)> {
    choices.iter().enumerate().filter(move |(index, _)| bits >> index & 1 == 1).map(|(_, choice)| choice)
}

const DAY_MS: i64 = 86_400_000;
/// Number of records per table that lookups refer to.
const LOOKUP_TARGETS: usize = 200;
const EMAIL_NAMES: &[&str] = &["info", "sales", "a.andersson", "office", "max.mustermann", "support"];
