//! What bodies are written with: the shapes that the platform's serializers know, once for both formats.
//!
//! Owns: the shapes, their names, and how GUIDs and numbers look, which is the same everywhere. Does not own: the
//! marks around them (`json`, `xml`).

/// The form of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As `DataContractJsonSerializer` writes.
    #[default]
    Json,
    /// As `DataContractSerializer` writes.
    Xml,
}

impl Format {
    /// What a sender says of such bodies.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }
}

/// A member that is a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) name: &'static str,
    /// The namespaces that XML declares there.
    pub(super) scope: &'static str,
}

impl List {
    /// A list of pairs that a context has.
    const fn of_context(name: &'static str) -> Self {
        Self {
            name,
            scope: r#" xmlns:a="http://schemas.datacontract.org/2004/07/System.Collections.Generic""#,
        }
    }
}

pub(super) const INPUTS: List = List::of_context("InputParameters");
pub(super) const OUTPUTS: List = List::of_context("OutputParameters");
pub(super) const BEFORE: List = List::of_context("PreEntityImages");
pub(super) const AFTER: List = List::of_context("PostEntityImages");
pub(super) const SHARED: List = List::of_context("SharedVariables");
pub(super) const ATTRIBUTES: List = List { name: "Attributes", scope: "" };
pub(super) const LABELS: List = List { name: "FormattedValues", scope: "" };
pub(super) const RELATED: List = List { name: "RelatedEntities", scope: "" };
pub(super) const KEYS: List =
    List { name: "KeyAttributes", scope: r#" xmlns:b="http://schemas.microsoft.com/xrm/7.1/Contracts""# };
/// Those of a reference that stands in no pair.
pub(super) const STEP_KEYS: List = List {
    name: "KeyAttributes",
    scope: concat!(
        r#" xmlns:a="http://schemas.microsoft.com/xrm/7.1/Contracts""#,
        r#" xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic""#
    ),
};

/// What the value of a pair is declared to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pair {
    /// Anything: it says itself what it is.
    Any,
    /// Text.
    Label,
    /// A record.
    Image,
}

/// A value that stands where anything may stand, and is written as text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar {
    String,
    Guid,
    Boolean,
    Int,
    Decimal,
    Double,
}

/// A value that stands where anything may stand, and has members.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    Entity,
    Reference,
    Choice,
    Money,
}

/// Appends a body to a buffer.
pub(super) trait Wire: Sized {
    /// Goes on behind what is there.
    fn over(bytes: Vec<u8>) -> Self;
    fn out(&mut self) -> &mut Vec<u8>;

    /// The outermost context.
    fn body(&mut self, fill: impl FnOnce(&mut Self));
    /// A member that has members.
    fn object(&mut self, name: &str, fill: impl FnOnce(&mut Self));
    fn list(&mut self, list: &List, fill: impl FnOnce(&mut Self));
    /// A member that is text.
    fn quoted(&mut self, name: &str, fill: impl FnOnce(&mut Self));
    /// A member that is a number or a boolean.
    fn bare(&mut self, name: &str, fill: impl FnOnce(&mut Self));
    fn null(&mut self, name: &str);
    /// A member that is a date with an offset, unix milliseconds, UTC.
    fn zoned_date(&mut self, name: &str, ms: i64);

    /// A pair of a list; `fill` writes one of the values below.
    fn pair(&mut self, pair: Pair, key: &str, fill: impl FnOnce(&mut Self));
    fn scalar(&mut self, scalar: Scalar, fill: impl FnOnce(&mut Self));
    fn class(&mut self, class: Class, fill: impl FnOnce(&mut Self));
    /// The value of a [`Pair::Label`].
    fn label(&mut self, fill: impl FnOnce(&mut Self));
    /// The value of a [`Pair::Image`].
    fn image(&mut self, fill: impl FnOnce(&mut Self));
    fn null_value(&mut self);
    /// Unix milliseconds, UTC.
    fn date(&mut self, ms: i64);
    fn choices(&mut self, values: impl Iterator<Item = i32>);
    fn bytes(&mut self, bytes: impl Iterator<Item = u8>);

    /// Items or members that were written apart.
    fn splice(&mut self, written: &[u8]);
    /// Text of the vocabulary, which stands there as JSON has it.
    fn text(&mut self, escaped: &str);

    /// What looks the same in both formats.
    fn raw(&mut self, text: &str) -> &mut Self {
        self.out().extend_from_slice(text.as_bytes());
        self
    }

    fn guid_member(&mut self, name: &str, guid: u128) {
        self.quoted(name, |wire| wire.guid(guid));
    }

    fn guid_value(&mut self, guid: u128) {
        self.scalar(Scalar::Guid, |wire| wire.guid(guid));
    }

    fn boolean(&mut self, value: bool) {
        self.scalar(Scalar::Boolean, |wire| {
            wire.raw(if value { "true" } else { "false" });
        });
    }

    /// Lower-case with dashes.
    fn guid(&mut self, guid: u128) {
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in guid.to_be_bytes().into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 0xF)];
            at += 2;
        }
        self.out().extend_from_slice(&text);
    }

    fn integer(&mut self, value: i64) {
        if value < 0 {
            self.out().push(b'-');
        }
        digits(self.out(), value.unsigned_abs(), 1);
    }

    /// A decimal whose scale is kept: `12.3400`.
    fn decimal(&mut self, unscaled: i64, scale: u32) {
        if unscaled < 0 {
            self.out().push(b'-');
        }
        let unit = 10_u64.pow(scale);
        let unscaled = unscaled.unsigned_abs();
        digits(self.out(), unscaled / unit, 1);
        self.out().push(b'.');
        digits(self.out(), unscaled % unit, scale as usize);
    }

    /// A double: its shortest form, here made from decimal digits.
    fn double(&mut self, mut unscaled: i64, mut scale: u32) {
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        if scale == 0 {
            self.integer(unscaled);
        } else {
            self.decimal(unscaled, scale);
        }
    }
}

/// At least `width` digits.
fn digits(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    while value > 0 {
        start -= 1;
        text[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let start = start.min(text.len() - width);
    out.extend_from_slice(&text[start..]);
}

const HEX: &[u8; 16] = b"0123456789abcdef";
