//! JSON syntax as `DataContractJsonSerializer` writes it.
//!
//! Strings are not escaped here: the catalogue stores them escaped, so that writing one is a copy.

use super::writer::{Class, DeclaredType, List, Scalar, Writer};

/// Appends JSON text to a buffer.
#[derive(Debug)]
pub(super) struct Json(Vec<u8>);

impl Json {
    /// Writes a comma, except before the first item of a list or an object.
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

impl Writer for Json {
    fn appending_to(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    fn body(&mut self, fill: impl FnOnce(&mut Self)) {
        self.wrapped("{", "}", fill);
    }

    fn object_member(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        self.wrapped("{", "}", fill);
    }

    fn list_member(&mut self, list: &List, fill: impl FnOnce(&mut Self)) {
        self.name(list.name);
        self.wrapped("[", "]", fill);
    }

    fn string_member(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        self.wrapped("\"", "\"", fill);
    }

    fn literal_member(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.name(name);
        fill(self);
    }

    fn null_member(&mut self, name: &str) {
        self.name(name);
        self.raw("null");
    }

    fn zoned_date_member(&mut self, name: &str, ms: i64) {
        self.name(name);
        self.raw(r#""\/Date("#).integer(ms);
        self.raw(r#"+0000)\/""#);
    }

    fn pair(&mut self, _: DeclaredType, key: &str, fill: impl FnOnce(&mut Self)) {
        self.separate();
        self.raw(r#"{"key":""#).raw(key).raw(r#"","value":"#);
        fill(self);
        self.raw("}");
    }

    fn scalar_value(&mut self, scalar: Scalar, fill: impl FnOnce(&mut Self)) {
        match scalar {
            Scalar::String | Scalar::Guid => self.wrapped("\"", "\"", fill),
            Scalar::Boolean | Scalar::Int | Scalar::Decimal | Scalar::Double => fill(self),
        }
    }

    fn class_value(&mut self, class: Class, fill: impl FnOnce(&mut Self)) {
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

    fn formatted_value(&mut self, fill: impl FnOnce(&mut Self)) {
        self.wrapped("\"", "\"", fill);
    }

    fn image_value(&mut self, fill: impl FnOnce(&mut Self)) {
        self.wrapped("{", "}", fill);
    }

    fn null_value(&mut self) {
        self.raw("null");
    }

    fn date_value(&mut self, ms: i64) {
        self.raw(r#""\/Date("#).integer(ms);
        self.raw(r#")\/""#);
    }

    fn choices_value(&mut self, values: impl Iterator<Item = i32>) {
        self.wrapped("[", "]", |writer| {
            for value in values {
                writer.separate();
                writer.class_value(Class::Choice, |writer| {
                    writer.literal_member("Value", |writer| writer.integer(i64::from(value)));
                });
            }
        });
    }

    fn bytes_value(&mut self, bytes: impl Iterator<Item = u8>) {
        self.wrapped("[", "]", |writer| {
            for byte in bytes {
                writer.separate();
                writer.integer(i64::from(byte));
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
