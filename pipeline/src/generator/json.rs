//! JSON text as `DataContractJsonSerializer` spells it. Text is not escaped here: the vocabulary is written in its
//! escaped form, so that making an event is copying.

use super::wire::{Class, List, Pair, Scalar, Wire};

/// Appends JSON text to a buffer.
#[derive(Debug)]
pub(super) struct Json(pub(super) Vec<u8>);

impl Json {
    /// A comma, unless this is the first of its list or object.
    fn separate(&mut self) {
        if !matches!(self.0.last(), None | Some(b'[' | b'{')) {
            self.0.push(b',');
        }
    }

    fn name(&mut self, name: &str) {
        self.separate();
        self.raw("\"").raw(name).raw("\":");
    }

    fn wrapped(&mut self, open: &str, close: &str, fill: impl FnOnce(&mut Self)) {
        self.raw(open);
        fill(self);
        self.raw(close);
    }
}

impl Wire for Json {
    fn over(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    fn out(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    fn body(&mut self, fill: impl FnOnce(&mut Self)) {
        self.wrapped("{", "}", fill);
    }

    fn object(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        self.wrapped("{", "}", fill);
    }

    fn list(&mut self, list: &List, fill: impl FnOnce(&mut Self)) {
        self.name(list.name);
        self.wrapped("[", "]", fill);
    }

    fn quoted(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        self.wrapped("\"", "\"", fill);
    }

    fn bare(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        fill(self);
    }

    fn null(&mut self, name: &str) {
        self.name(name);
        self.raw("null");
    }

    fn zoned_date(&mut self, name: &str, ms: i64) {
        self.name(name);
        self.raw(r#""\/Date("#).integer(ms);
        self.raw(r#"+0000)\/""#);
    }

    fn pair(&mut self, _: Pair, key: &str, fill: impl FnOnce(&mut Self)) {
        self.separate();
        self.raw(r#"{"key":""#).raw(key).raw(r#"","value":"#);
        fill(self);
        self.raw("}");
    }

    fn scalar(&mut self, scalar: Scalar, fill: impl FnOnce(&mut Self)) {
        match scalar {
            Scalar::String | Scalar::Guid => self.wrapped("\"", "\"", fill),
            Scalar::Boolean | Scalar::Int | Scalar::Decimal | Scalar::Double => fill(self),
        }
    }

    fn class(&mut self, class: Class, fill: impl FnOnce(&mut Self)) {
        let open = match class {
            Class::Entity => r#"{"__type":"Entity:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#,
            Class::Reference => {
                r#"{"__type":"EntityReference:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#
            }
            Class::Choice => {
                r#"{"__type":"OptionSetValue:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#
            }
            Class::Money => r#"{"__type":"Money:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#,
        };
        self.wrapped(open, "}", fill);
    }

    fn label(&mut self, fill: impl FnOnce(&mut Self)) {
        self.wrapped("\"", "\"", fill);
    }

    fn image(&mut self, fill: impl FnOnce(&mut Self)) {
        self.wrapped("{", "}", fill);
    }

    fn null_value(&mut self) {
        self.raw("null");
    }

    fn date(&mut self, ms: i64) {
        self.raw(r#""\/Date("#).integer(ms);
        self.raw(r#")\/""#);
    }

    fn choices(&mut self, values: impl Iterator<Item = i32>) {
        self.wrapped("[", "]", |wire| {
            for value in values {
                wire.separate();
                wire.class(Class::Choice, |wire| {
                    wire.bare("Value", |wire| wire.integer(i64::from(value)));
                });
            }
        });
    }

    fn bytes(&mut self, bytes: impl Iterator<Item = u8>) {
        self.wrapped("[", "]", |wire| {
            for byte in bytes {
                wire.separate();
                wire.integer(i64::from(byte));
            }
        });
    }

    fn splice(&mut self, written: &[u8]) {
        if !written.is_empty() {
            self.separate();
            self.0.extend_from_slice(written);
        }
    }

    fn text(&mut self, escaped: &str) {
        self.raw(escaped);
    }
}
