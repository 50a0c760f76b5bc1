//! XML syntax as `DataContractSerializer` writes it: namespaces declared where they are first needed, self-closing
//! tags for empty elements, no white space.
//!
//! # Source
//! Schema reference, section 3. The characters that are escaped are those of .NET's `XmlUTF8NodeWriter`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use super::writer::{Class, DeclaredType, List, Scalar, Writer};

/// Appends XML text to a buffer.
#[derive(Debug)]
pub(super) struct Xml(Vec<u8>);

impl Xml {
    /// Writes an element; `attributes` begin with a space, or are empty.
    fn element(&mut self, name: &str, attributes: &str, fill: impl FnOnce(&mut Self)) {
        self.raw("<").raw(name).raw(attributes).raw(">");
        let start = self.0.len();
        fill(self);
        if self.0.len() == start {
            self.0.pop();
            self.raw("/>");
        } else {
            self.raw("</").raw(name).raw(">");
        }
    }

    fn instant(&mut self, ms: i64, suffix: &str) {
        let text = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        self.raw(text.trim_end_matches('Z')).raw(suffix);
    }

    fn escaped(&mut self, letter: char) {
        match letter {
            '&' => self.raw("&amp;"),
            '<' => self.raw("&lt;"),
            '>' => self.raw("&gt;"),
            '\0'..'\t' | '\u{b}'..' ' | '\u{fffe}' | '\u{ffff}' => {
                self.raw(&format!("&#x{:X};", u32::from(letter)))
            }
            _ => self.raw(letter.encode_utf8(&mut [0; 4])),
        };
    }
}

impl Writer for Xml {
    fn appending_to(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    fn body(&mut self, fill: impl FnOnce(&mut Self)) {
        self.element("RemoteExecutionContext", ROOT, fill);
    }

    fn object_member(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.element(name, "", fill);
    }

    fn list_member(&mut self, list: &List, fill: impl FnOnce(&mut Self)) {
        self.element(list.name, list.scope, fill);
    }

    fn string_member(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.element(name, "", fill);
    }

    fn literal_member(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.element(name, "", fill);
    }

    fn null_member(&mut self, name: &str) {
        self.element(name, NIL, |_| ());
    }

    fn zoned_date_member(&mut self, name: &str, ms: i64) {
        self.element(name, "", |writer| writer.instant(ms, "+00:00"));
    }

    fn pair(&mut self, declared: DeclaredType, key: &str, fill: impl FnOnce(&mut Self)) {
        let name = match declared {
            DeclaredType::Object => "KeyValuePairOfstringanyType",
            DeclaredType::String => "KeyValuePairOfstringstring",
            DeclaredType::Entity => "KeyValuePairOfstringEntitygUGIFE1S",
        };
        self.element(name, "", |writer| {
            writer.raw("<a:key>").raw(key).raw("</a:key>");
            fill(writer);
        });
    }

    fn scalar_value(&mut self, scalar: Scalar, fill: impl FnOnce(&mut Self)) {
        let attributes = match scalar {
            Scalar::String => r#" i:type="b:string" xmlns:b="http://www.w3.org/2001/XMLSchema""#,
            Scalar::Guid => {
                r#" i:type="b:guid" xmlns:b="http://schemas.microsoft.com/2003/10/Serialization/""#
            }
            Scalar::Boolean => r#" i:type="b:boolean" xmlns:b="http://www.w3.org/2001/XMLSchema""#,
            Scalar::Int => r#" i:type="b:int" xmlns:b="http://www.w3.org/2001/XMLSchema""#,
            Scalar::Decimal => r#" i:type="b:decimal" xmlns:b="http://www.w3.org/2001/XMLSchema""#,
            Scalar::Double => r#" i:type="b:double" xmlns:b="http://www.w3.org/2001/XMLSchema""#,
        };
        self.element(VALUE, attributes, fill);
    }

    fn class_value(&mut self, class: Class, fill: impl FnOnce(&mut Self)) {
        let attributes = match class {
            Class::Entity => r#" i:type="Entity""#,
            Class::Reference => r#" i:type="EntityReference""#,
            Class::Choice => r#" i:type="OptionSetValue""#,
            Class::Money => r#" i:type="Money""#,
        };
        self.element(VALUE, attributes, fill);
    }

    fn formatted_value(&mut self, fill: impl FnOnce(&mut Self)) {
        self.element(VALUE, "", fill);
    }

    fn image_value(&mut self, fill: impl FnOnce(&mut Self)) {
        self.element(VALUE, "", fill);
    }

    fn null_value(&mut self) {
        self.element(VALUE, NIL, |_| ());
    }

    fn date_value(&mut self, ms: i64) {
        let attributes = r#" i:type="b:dateTime" xmlns:b="http://www.w3.org/2001/XMLSchema""#;
        self.element(VALUE, attributes, |writer| writer.instant(ms, "Z"));
    }

    fn choices_value(&mut self, values: impl Iterator<Item = i32>) {
        let attributes = r#" i:type="b:OptionSetValueCollection" xmlns:b="http://schemas.microsoft.com/xrm/9.0/Contracts""#;
        self.element(VALUE, attributes, |writer| {
            for value in values {
                writer.element("b:OptionSetValue", "", |writer| {
                    writer.literal_member("Value", |writer| writer.integer(i64::from(value)));
                });
            }
        });
    }

    fn bytes_value(&mut self, bytes: impl Iterator<Item = u8>) {
        let attributes = r#" i:type="b:base64Binary" xmlns:b="http://www.w3.org/2001/XMLSchema""#;
        let bytes: Vec<u8> = bytes.collect();
        self.element(VALUE, attributes, |writer| {
            writer.raw(&BASE64_STANDARD.encode(bytes));
        });
    }

    fn splice(&mut self, written: &[u8]) {
        self.0.extend_from_slice(written);
    }

    fn text(&mut self, escaped: &str) {
        if escaped.contains('\\') {
            let plain: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap_or_default();
            plain.chars().for_each(|letter| self.escaped(letter));
        } else {
            escaped.chars().for_each(|letter| self.escaped(letter));
        }
    }
}

const ROOT: &str = concat!(
    r#" xmlns="http://schemas.microsoft.com/xrm/2011/Contracts""#,
    r#" xmlns:i="http://www.w3.org/2001/XMLSchema-instance""#
);
const NIL: &str = r#" i:nil="true""#;
const VALUE: &str = "a:value";
