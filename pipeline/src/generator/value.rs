//! What stands in a column: a pure function of the record, the column and how often it was set.
//!
//! So a record has one history: an image before an update holds the values that the update replaced.

use super::catalogue::{BREAKS, COMPANIES, Column, FIRST_NAMES, Kind, LAST_NAMES, WORDS};
use super::rng::Rng;
use super::wire::{Class, KEYS, Scalar, Wire};

/// How long the long values of a record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    /// Words of a memo.
    pub(super) memo: usize,
    /// Bytes of an image; 0 is none.
    pub(super) image: usize,
}

/// One value, drawn but not written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Null,
    /// A phrase, and another behind it or none.
    Phrases(&'static str, &'static str),
    /// Words of a text, drawn as they are written.
    Words {
        rng: Rng,
        words: usize,
        breaks: bool,
    },
    Phone(i64),
    Email(&'static str, i64),
    Url(&'static str, i64),
    Choice(i32, &'static str),
    /// Which of the choices, one bit each.
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
    /// Draws the value of `column`; `base_ms` is the first day that dates are counted from.
    pub(super) fn draw(column: &Column, mut rng: Rng, lengths: Lengths, base_ms: i64) -> Self {
        if column.nulls > 0 && rng.percent(column.nulls) {
            return Self::Null;
        }
        match column.kind {
            Kind::Name(first, []) => Self::Phrases(rng.pick(first), ""),
            Kind::Name(first, second) => Self::Phrases(rng.pick(first), rng.pick(second)),
            Kind::Text(most) => Self::Words { words: 1 + rng.below(most), rng, breaks: false },
            Kind::Memo => Self::Words { words: lengths.memo, rng, breaks: true },
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
            Kind::Money(most) => Self::Money(rng.between(0, most * 10_000)),
            Kind::Decimal => Self::Decimal(rng.between(-20_000_000_000, 1_000_000_000_000)),
            Kind::Degrees => Self::Degrees(rng.between(-18_000_000, 18_000_000)),
            Kind::Integer(most) => Self::Integer(rng.between(0, most)),
            Kind::Boolean(no, yes) => {
                let value = rng.percent(50);
                Self::Boolean(value, if value { yes } else { no })
            }
            Kind::Date => Self::Date(base_ms + rng.between(-40_000_000, 4_000_000) * 1000),
            Kind::Day => Self::Date((base_ms / DAY_MS + rng.between(-20_000, 400)) * DAY_MS),
            Kind::Lookup(table) => Self::lookup(table, rng.below(LOOKUP_TARGETS)),
            Kind::Guid => Self::Guid(rng.guid()),
            Kind::Image if lengths.image == 0 => Self::Null,
            Kind::Image => Self::Image { rng, bytes: lengths.image },
        }
    }

    /// The `index`-th record that lookups to `table` point to.
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

    /// Writes the value; lookups carry their name where the platform has read it (images).
    pub(super) fn write(&self, wire: &mut impl Wire, with_names: bool) {
        match *self {
            Self::Null => wire.null_value(),
            Self::Choice(value, _) => wire.class(Class::Choice, |wire| {
                wire.bare("Value", |wire| wire.integer(i64::from(value)));
            }),
            Self::Choices(choices, bits) => wire.choices(chosen(choices, bits).map(|(value, _)| *value)),
            Self::Money(value) => {
                wire.class(Class::Money, |wire| wire.bare("Value", |wire| wire.decimal(value, 4)));
            }
            Self::Decimal(value) => wire.scalar(Scalar::Decimal, |wire| wire.decimal(value, 10)),
            Self::Degrees(value) => wire.scalar(Scalar::Double, |wire| wire.double(value, 5)),
            Self::Integer(value) => wire.scalar(Scalar::Int, |wire| wire.integer(value)),
            Self::Boolean(value, _) => wire.boolean(value),
            Self::Date(ms) => wire.date(ms),
            Self::Lookup { table, id, name } => {
                write_reference(wire, (table, id), with_names.then_some(name));
            }
            Self::Image { mut rng, bytes } => wire.bytes((0..bytes).map(|_| (rng.next() & 0xFF) as u8)),
            Self::Phrases(..) | Self::Words { .. } | Self::Phone(_) | Self::Email(..) | Self::Url(..) => {
                wire.scalar(Scalar::String, |wire| self.write_text(wire));
            }
            Self::Guid(guid) => wire.guid_value(guid),
        }
    }

    /// Whether people see something else than the value.
    pub(super) fn has_label(&self) -> bool {
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

    /// Writes what people see instead of the value; nothing when they see the value itself.
    pub(super) fn write_label(&self, wire: &mut impl Wire) {
        match *self {
            Self::Choice(_, label) | Self::Boolean(_, label) => wire.text(label),
            Self::Choices(choices, bits) => {
                let mut between = "";
                for (_, label) in chosen(choices, bits) {
                    wire.text(between);
                    wire.text(label);
                    between = "; ";
                }
            }
            Self::Money(value) => wire.raw("€").decimal(value / 100, 2),
            Self::Integer(value) => wire.integer(value),
            Self::Lookup { name, .. } => write_phrases(wire, name),
            _ => {}
        }
    }

    fn write_text(&self, wire: &mut impl Wire) {
        match *self {
            Self::Phrases(first, second) => write_phrases(wire, (first, second)),
            Self::Words { rng, words, breaks } => write_words(wire, rng, words, breaks),
            Self::Phone(number) => wire.raw("+49 30 ").integer(number),
            Self::Email(name, number) => {
                wire.raw(name).raw(".").integer(number);
                wire.raw("@example.com");
            }
            Self::Url(name, number) => {
                wire.text(r"https:\/\/www.example.com\/");
                wire.text(name);
                wire.text(r"\/");
                wire.integer(number);
            }
            _ => {}
        }
    }
}

/// A reference to a record of a table, where anything may stand.
pub(super) fn write_reference(
    wire: &mut impl Wire,
    (table, id): (&str, u128),
    name: Option<(&'static str, &'static str)>,
) {
    wire.class(Class::Reference, |wire| {
        wire.guid_member("Id", id);
        wire.list(&KEYS, |_| ());
        write_named(wire, table, name);
    });
}

/// The end of a reference.
pub(super) fn write_named(wire: &mut impl Wire, table: &str, name: Option<(&'static str, &'static str)>) {
    wire.quoted("LogicalName", |wire| wire.text(table));
    match name {
        Some(name) => wire.quoted("Name", |wire| write_phrases(wire, name)),
        None => wire.null("Name"),
    }
    wire.null("RowVersion");
}

fn write_phrases(wire: &mut impl Wire, (first, second): (&str, &str)) {
    wire.text(first);
    if !second.is_empty() {
        wire.text(" ");
        wire.text(second);
    }
}

fn write_words(wire: &mut impl Wire, mut rng: Rng, words: usize, breaks: bool) {
    for index in 0..words {
        if index > 0 {
            let broken = breaks && rng.percent(6);
            wire.text(if broken { rng.pick(BREAKS) } else { " " });
        }
        wire.text(rng.pick(WORDS));
    }
}

fn chosen(
    choices: &'static [(i32, &'static str)],
    bits: usize,
) -> impl Iterator<Item = &'static (i32, &'static str)> {
    choices.iter().enumerate().filter(move |(index, _)| bits >> index & 1 == 1).map(|(_, choice)| choice)
}

const DAY_MS: i64 = 86_400_000;
/// Lookups point to one of so many records of a table.
const LOOKUP_TARGETS: usize = 200;
const EMAIL_NAMES: &[&str] = &["info", "sales", "a.andersson", "office", "max.mustermann", "support"];
