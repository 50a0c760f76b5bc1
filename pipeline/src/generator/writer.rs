//! The constructs of the platform's serializers, for both formats.
//!
//! Owns: the constructs, their names, and the text of GUIDs and numbers, which both formats share. Does not own: the
//! syntax around them (`json`, `xml`).

/// Format of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The format of `DataContractJsonSerializer`.
    #[default]
    Json,
    /// The format of `DataContractSerializer`.
    Xml,
}

impl Format {
    /// Content type that a sender states for such bodies.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }
}

/// Name and namespaces of a member that is a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) name: &'static str,
    /// Namespaces that XML declares on its element.
    pub(super) scope: &'static str,
}

impl List {
    /// Creates a list of pairs that is a member of a context.
    const fn of_context(name: &'static str) -> Self {
        Self {
            name,
            scope: r#" xmlns:a="http://schemas.datacontract.org/2004/07/System.Collections.Generic""#,
        }
    }
}

pub(super) const INPUT_PARAMETERS: List = List::of_context("InputParameters");
pub(super) const OUTPUT_PARAMETERS: List = List::of_context("OutputParameters");
pub(super) const PRE_ENTITY_IMAGES: List = List::of_context("PreEntityImages");
pub(super) const POST_ENTITY_IMAGES: List = List::of_context("PostEntityImages");
pub(super) const SHARED_VARIABLES: List = List::of_context("SharedVariables");
pub(super) const ATTRIBUTES: List = List { name: "Attributes", scope: "" };
pub(super) const FORMATTED_VALUES: List = List { name: "FormattedValues", scope: "" };
pub(super) const RELATED_ENTITIES: List = List { name: "RelatedEntities", scope: "" };
pub(super) const KEY_ATTRIBUTES: List =
    List { name: "KeyAttributes", scope: r#" xmlns:b="http://schemas.microsoft.com/xrm/7.1/Contracts""# };
/// The key attributes of a reference outside a pair.
pub(super) const STEP_KEY_ATTRIBUTES: List = List {
    name: "KeyAttributes",
    scope: concat!(
        r#" xmlns:a="http://schemas.microsoft.com/xrm/7.1/Contracts""#,
        r#" xmlns:b="http://schemas.datacontract.org/2004/07/System.Collections.Generic""#
    ),
};

/// Declared type of the value of a pair.
#[derive(Clone, Copy, Debug)]
pub(super) enum DeclaredType {
    /// `object`: each value names its own type.
    Object,
    /// `string`: the value is a formatted value.
    String,
    /// `Entity`: the value is an image.
    Entity,
}

/// Type of a scalar in a pair of declared type `object`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar {
    String,
    Guid,
    Boolean,
    Int,
    Decimal,
    Double,
}

/// Class of a value with members in a pair of declared type `object`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    Entity,
    Reference,
    Choice,
    Money,
}

/// Appends a body to a buffer.
pub(super) trait Writer: Sized {
    /// Wraps a buffer, and appends to its contents.
    fn appending_to(bytes: Vec<u8>) -> Self;
    fn buffer(&mut self) -> &mut Vec<u8>;

    /// Writes the outermost context.
    fn body(&mut self, fill: impl FnOnce(&mut Self));
    /// Writes a member that has members.
    fn object_member(&mut self, name: &str, fill: impl FnOnce(&mut Self));
    fn list_member(&mut self, list: &List, fill: impl FnOnce(&mut Self));
    /// Writes a member that is text.
    fn string_member(&mut self, name: &str, fill: impl FnOnce(&mut Self));
    /// Writes a member that is a number or a boolean.
    fn literal_member(&mut self, name: &str, fill: impl FnOnce(&mut Self));
    fn null_member(&mut self, name: &str);
    /// Writes a member that is a date with an offset; `ms` are unix milliseconds, UTC.
    fn zoned_date_member(&mut self, name: &str, ms: i64);

    /// Writes a pair of a list; `fill` writes its value with one of the methods below.
    fn pair(&mut self, declared: DeclaredType, key: &str, fill: impl FnOnce(&mut Self));
    fn scalar_value(&mut self, scalar: Scalar, fill: impl FnOnce(&mut Self));
    fn class_value(&mut self, class: Class, fill: impl FnOnce(&mut Self));
    /// Writes the value of a pair of [`DeclaredType::String`].
    fn formatted_value(&mut self, fill: impl FnOnce(&mut Self));
    /// Writes the value of a pair of [`DeclaredType::Entity`].
    fn image_value(&mut self, fill: impl FnOnce(&mut Self));
    fn null_value(&mut self);
    /// Writes a date; `ms` are unix milliseconds, UTC.
    fn date_value(&mut self, ms: i64);
    fn choices_value(&mut self, values: impl Iterator<Item = i32>);
    fn bytes_value(&mut self, bytes: impl Iterator<Item = u8>);

    /// Appends items or members that were written to another buffer.
    fn splice(&mut self, written: &[u8]);
    /// Writes a string of the catalogue, which has the JSON form.
    fn text(&mut self, escaped: &str);

    /// Writes text that is the same in both formats.
    fn raw(&mut self, text: &str) -> &mut Self {
        self.buffer().extend_from_slice(text.as_bytes());
        self
    }

    /// Writes a pair of declared type `object`.
    fn object_pair(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        self.pair(DeclaredType::Object, key, fill);
    }

    fn guid_member(&mut self, name: &str, guid: u128) {
        self.string_member(name, |writer| writer.guid(guid));
    }

    fn guid_value(&mut self, guid: u128) {
        self.scalar_value(Scalar::Guid, |writer| writer.guid(guid));
    }

    fn boolean_value(&mut self, value: bool) {
        self.scalar_value(Scalar::Boolean, |writer| {
            writer.raw(if value { "true" } else { "false" });
        });
    }

    /// Writes a GUID in lower case with dashes.
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
        self.buffer().extend_from_slice(&text);
    }

    fn integer(&mut self, value: i64) {
        if value < 0 {
            self.buffer().push(b'-');
        }
        digits(self.buffer(), value.unsigned_abs(), 1);
    }

    /// Writes a decimal with its scale: `12.3400`.
    fn decimal(&mut self, unscaled: i64, scale: u32) {
        if unscaled < 0 {
            self.buffer().push(b'-');
        }
        let unit = 10_u64.pow(scale);
        let unscaled = unscaled.unsigned_abs();
        digits(self.buffer(), unscaled / unit, 1);
        self.buffer().push(b'.');
        digits(self.buffer(), unscaled % unit, scale as usize);
    }

    /// Writes a double in its shortest form, from decimal digits.
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

/// Writes a number with at least `width` digits.
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
