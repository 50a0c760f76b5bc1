//! What stands in a column: a pure function of the record, the column and how often it was set.
//!
//! So a record has one history: an image before an update holds the values that the update replaced.

use super::catalogue::{BREAKS, COMPANIES, Column, FIRST_NAMES, Kind, LAST_NAMES, WORDS};
use super::rng::Rng;
use super::wire::{CHOICE, MONEY, REFERENCE, Wire};

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
    pub(super) fn write(&self, wire: &mut Wire<'_>, with_names: bool) {
        match *self {
            Self::Null => {
                wire.raw("null");
            }
            Self::Choice(value, _) => {
                wire.raw(CHOICE).integer(i64::from(value)).raw("}");
            }
            Self::Choices(choices, bits) => write_choices(wire, choices, bits),
            Self::Money(value) => {
                wire.raw(MONEY).decimal(value, 4).raw("}");
            }
            Self::Decimal(value) => {
                wire.decimal(value, 10);
            }
            Self::Degrees(value) => {
                wire.double(value, 5);
            }
            Self::Integer(value) => {
                wire.integer(value);
            }
            Self::Boolean(value, _) => {
                wire.raw(if value { "true" } else { "false" });
            }
            Self::Date(ms) => {
                wire.date(ms);
            }
            Self::Lookup { table, id, name } => {
                wire.raw(REFERENCE).guid(id).raw(r#"","KeyAttributes":[],"LogicalName":""#).raw(table);
                write_reference_name(wire, name, with_names);
            }
            Self::Image { rng, bytes } => write_image(wire, rng, bytes),
            Self::Phrases(..) | Self::Words { .. } | Self::Phone(_) | Self::Email(..) | Self::Url(..) => {
                wire.raw("\"");
                self.write_text(wire);
                wire.raw("\"");
            }
            Self::Guid(guid) => {
                wire.raw("\"").guid(guid).raw("\"");
            }
        }
    }

    /// Writes what people see instead of the value, without quotes; `false` when they see the value itself.
    pub(super) fn write_label(&self, wire: &mut Wire<'_>) -> bool {
        match *self {
            Self::Choice(_, label) | Self::Boolean(_, label) => {
                wire.raw(label);
            }
            Self::Choices(choices, bits) => {
                let mut between = "";
                for (_, label) in chosen(choices, bits) {
                    wire.raw(between).raw(label);
                    between = "; ";
                }
            }
            Self::Money(value) => {
                wire.raw("€").decimal(value / 100, 2);
            }
            Self::Integer(value) => {
                wire.integer(value);
            }
            Self::Lookup { name, .. } => write_phrases(wire, name),
            _ => return false,
        }
        true
    }

    fn write_text(&self, wire: &mut Wire<'_>) {
        match *self {
            Self::Phrases(first, second) => write_phrases(wire, (first, second)),
            Self::Words { rng, words, breaks } => write_words(wire, rng, words, breaks),
            Self::Phone(number) => {
                wire.raw("+49 30 ").integer(number);
            }
            Self::Email(name, number) => {
                wire.raw(name).raw(".").integer(number).raw("@example.com");
            }
            Self::Url(name, number) => {
                wire.raw(r"https:\/\/www.example.com\/").raw(name).raw(r"\/").integer(number);
            }
            _ => {}
        }
    }
}

fn write_phrases(wire: &mut Wire<'_>, (first, second): (&str, &str)) {
    wire.raw(first);
    if !second.is_empty() {
        wire.raw(" ").raw(second);
    }
}

fn write_reference_name(wire: &mut Wire<'_>, name: (&str, &str), with_names: bool) {
    if with_names {
        wire.raw(r#"","Name":""#);
        write_phrases(wire, name);
        wire.raw(r#"","RowVersion":null}"#);
    } else {
        wire.raw(r#"","Name":null,"RowVersion":null}"#);
    }
}

fn write_words(wire: &mut Wire<'_>, mut rng: Rng, words: usize, breaks: bool) {
    for index in 0..words {
        if index > 0 {
            let broken = breaks && rng.percent(6);
            wire.raw(if broken { rng.pick(BREAKS) } else { " " });
        }
        wire.raw(rng.pick(WORDS));
    }
}

fn write_choices(wire: &mut Wire<'_>, choices: &'static [(i32, &'static str)], bits: usize) {
    let mut before = "[";
    for (value, _) in chosen(choices, bits) {
        wire.raw(before).raw(CHOICE).integer(i64::from(*value)).raw("}");
        before = ",";
    }
    wire.raw("]");
}

fn chosen(
    choices: &'static [(i32, &'static str)],
    bits: usize,
) -> impl Iterator<Item = &'static (i32, &'static str)> {
    choices.iter().enumerate().filter(move |(index, _)| bits >> index & 1 == 1).map(|(_, choice)| choice)
}

fn write_image(wire: &mut Wire<'_>, mut rng: Rng, bytes: usize) {
    let mut before = "[";
    for _ in 0..bytes {
        wire.raw(before).integer((rng.next() & 0xFF) as i64);
        before = ",";
    }
    wire.raw("]");
}

const DAY_MS: i64 = 86_400_000;
/// Lookups point to one of so many records of a table.
const LOOKUP_TARGETS: usize = 200;
const EMAIL_NAMES: &[&str] = &["info", "sales", "a.andersson", "office", "max.mustermann", "support"];
