//! One random event, written as JSON and as XML at once, in the forms of the platform's two serializers.

use std::fmt::Write as _;

use crate::dice::Dice;
use crate::spelling::{base64, date_ms, decimal, double, iso, json_letter, xml_letter};

/// The same event twice.
#[derive(Debug, Default)]
pub struct Twins {
    pub json: String,
    pub xml: String,
}

impl Twins {
    /// Draws an event.
    pub fn draw(dice: &mut Dice<'_>) -> Self {
        let mut twins = Self::default();
        twins.json.push('{');
        twins.xml.push_str(ROOT);
        twins.context(dice, 0);
        twins.json.push('}');
        twins.xml.push_str("</RemoteExecutionContext>");
        twins
    }

    fn context(&mut self, dice: &mut Dice<'_>, depth: usize) {
        self.guid(dice, "BusinessUnitId");
        self.number("Depth", &dice.below(9).to_string());
        self.text(dice, "InitiatingUserAgent");
        self.pairs("InputParameters", IN_CONTEXT, |twins| twins.parameters(dice, depth));
        self.boolean(dice, "IsInTransaction");
        let message = ["Create", "Update", "Delete", "Assign", "new_Custom"][dice.below(5)];
        self.plain("MessageName", message);
        let ms = date_ms(dice);
        self.member("OperationCreatedOn", |twins| {
            let _ = write!(twins.json, r#""\/Date({ms}+0000)\/""#);
            twins.xml.push_str(&iso(ms));
            twins.xml.push_str("+00:00");
        });
        self.guid(dice, "OperationId");
        self.pairs("OutputParameters", IN_CONTEXT, |twins| twins.parameters(dice, depth));
        if depth < 2 && dice.below(4) == 3 {
            self.member("ParentContext", |twins| {
                twins.json.push('{');
                twins.context(dice, depth + 1);
                twins.json.push('}');
            });
        } else {
            self.null("ParentContext");
        }
        for name in ["PostEntityImages", "PreEntityImages"] {
            self.pairs(name, IN_CONTEXT, |twins| {
                for number in 0..dice.below(3) {
                    let key = format!("Image{number}");
                    twins.pair("KeyValuePairOfstringEntitygUGIFE1S", &key, |twins| {
                        twins.json.push('{');
                        twins.xml.push_str("<a:value>");
                        twins.record(dice, depth);
                        twins.json.push('}');
                        twins.xml.push_str("</a:value>");
                    });
                }
            });
        }
        self.guid(dice, "PrimaryEntityId");
        self.plain("PrimaryEntityName", ["account", "contact", "none", "new_x"][dice.below(4)]);
        self.number("Stage", "40");
        self.guid(dice, "UserId");
    }

    fn parameters(&mut self, dice: &mut Dice<'_>, depth: usize) {
        if dice.below(4) > 0 {
            let kind = 14 + dice.below(5);
            self.pair(ANY, "Target", |twins| twins.value(dice, depth + 1, kind));
        }
        self.attributes(dice, depth);
    }

    /// Pairs of distinct keys.
    fn attributes(&mut self, dice: &mut Dice<'_>, depth: usize) {
        for number in 0..dice.below(5) {
            let key = format!("{}{number}", dice.text(3));
            let kind = dice.below(KINDS);
            self.pair(ANY, &key, |twins| twins.value(dice, depth + 1, kind));
        }
    }

    /// The value of a pair, one of so many kinds.
    fn value(&mut self, dice: &mut Dice<'_>, depth: usize, kind: usize) {
        match kind {
            1 => {
                let text = dice.text(12);
                self.typed(SCHEMA, "string", |twins| twins.quoted(dice, &text));
            }
            2 => self.typed(SERIALIZATION, "guid", |twins| twins.guid_text(dice)),
            3 => self.typed(SCHEMA, "boolean", |twins| twins.both(["false", "true"][dice.below(2)])),
            4 => self.typed(SCHEMA, "int", |twins| twins.both(&(dice.long() as i32).to_string())),
            5 => self.typed(SCHEMA, "long", |twins| twins.both(&dice.long().to_string())),
            6 => self.typed(SCHEMA, "decimal", |twins| twins.both(&decimal(dice))),
            7 => self.typed(SCHEMA, "double", |twins| twins.both(&double(dice))),
            8 => {
                let ms = date_ms(dice);
                self.typed(SCHEMA, "dateTime", |twins| {
                    let _ = write!(twins.json, r#""\/Date({ms})\/""#);
                    let _ = write!(twins.xml, "{}Z", iso(ms));
                });
            }
            9 => self.bytes(dice),
            10 => {
                self.class("OptionSetValue", |twins| twins.number("Value", &(dice.long() as i32).to_string()))
            }
            11 => self.class("Money", |twins| twins.number("Value", &decimal(dice))),
            12 => self.choices(dice),
            13 => self.strings(dice),
            14 | 15 => self.class("EntityReference", |twins| twins.reference(dice)),
            16 | 17 if depth < 5 => self.class("Entity", |twins| twins.record(dice, depth)),
            18 if depth < 5 => self.class("EntityCollection", |twins| twins.collection(dice, depth)),
            _ => {
                self.json.push_str("null");
                self.xml.push_str(r#"<a:value i:nil="true"/>"#);
            }
        }
    }

    fn reference(&mut self, dice: &mut Dice<'_>) {
        self.guid(dice, "Id");
        self.pairs("KeyAttributes", KEYS, |twins| {
            if dice.below(8) == 7 {
                let text = dice.text(6);
                twins.pair("b:KeyValuePairOfstringanyType", "number", |twins| {
                    twins.typed(SCHEMA, "string", |twins| twins.quoted(dice, &text));
                });
            }
        });
        self.plain("LogicalName", ["contact", "account", "systemuser"][dice.below(3)]);
        self.text(dice, "Name");
        self.null("RowVersion");
    }

    fn record(&mut self, dice: &mut Dice<'_>, depth: usize) {
        self.pairs("Attributes", "", |twins| twins.attributes(dice, depth));
        self.null("EntityState");
        self.pairs("FormattedValues", "", |twins| {
            for number in 0..dice.below(3) {
                let (key, label) = (format!("{}{number}", dice.text(2)), dice.text(5));
                twins.pair("KeyValuePairOfstringstring", &key, |twins| {
                    twins.element("a:value", "", |twins| twins.quoted(dice, &label));
                });
            }
        });
        self.guid(dice, "Id");
        self.pairs("KeyAttributes", KEYS, |_| ());
        self.plain("LogicalName", ["account", "activityparty", "contact"][dice.below(3)]);
        self.pairs("RelatedEntities", "", |_| ());
        self.text(dice, "RowVersion");
    }

    fn collection(&mut self, dice: &mut Dice<'_>, depth: usize) {
        self.pairs("Entities", "", |twins| {
            for _ in 0..dice.below(3) {
                twins.separate();
                twins.json.push('{');
                twins.element("Entity", "", |twins| twins.record(dice, depth + 1));
                twins.json.push('}');
            }
        });
        self.plain("EntityName", "activityparty");
        self.boolean(dice, "MoreRecords");
        self.number("TotalRecordCount", "-1");
    }

    fn choices(&mut self, dice: &mut Dice<'_>) {
        self.json.push('[');
        self.typed(CONTRACTS_9, "OptionSetValueCollection", |twins| {
            for _ in 0..dice.below(4) {
                twins.separate();
                twins.json.push_str(&stated("OptionSetValue"));
                twins.element("b:OptionSetValue", "", |twins| {
                    twins.number("Value", &dice.byte().to_string());
                });
                twins.json.push('}');
            }
        });
        self.json.push(']');
    }

    fn strings(&mut self, dice: &mut Dice<'_>) {
        self.json.push('[');
        self.typed(ARRAYS, "ArrayOfstring", |twins| {
            for _ in 0..dice.below(4) {
                let text = dice.text(5);
                twins.separate();
                twins.element("b:string", "", |twins| twins.quoted(dice, &text));
            }
        });
        self.json.push(']');
    }

    fn bytes(&mut self, dice: &mut Dice<'_>) {
        let bytes: Vec<u8> = (0..dice.below(9)).map(|_| dice.byte()).collect();
        let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
        let _ = write!(self.json, "[{}]", numbers.join(","));
        let json = std::mem::take(&mut self.json);
        self.typed(SCHEMA, "base64Binary", |twins| base64(&mut twins.xml, &bytes));
        self.json = json;
    }

    // The shapes both formats have.

    fn member(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.separate();
        let _ = write!(self.json, r#""{name}":"#);
        self.element(name, "", fill);
    }

    fn null(&mut self, name: &str) {
        self.separate();
        let _ = write!(self.json, r#""{name}":null"#);
        let _ = write!(self.xml, r#"<{name} i:nil="true"/>"#);
    }

    fn number(&mut self, name: &str, text: &str) {
        self.member(name, |twins| twins.both(text));
    }

    fn boolean(&mut self, dice: &mut Dice<'_>, name: &str) {
        self.member(name, |twins| twins.both(["false", "true"][dice.below(2)]));
    }

    fn plain(&mut self, name: &str, text: &str) {
        self.member(name, |twins| twins.quoted(&mut Dice(&[]), text));
    }

    /// Text, or none.
    fn text(&mut self, dice: &mut Dice<'_>, name: &str) {
        match dice.below(3) {
            0 => self.null(name),
            _ => {
                let text = dice.text(8);
                self.member(name, |twins| twins.quoted(dice, &text));
            }
        }
    }

    fn guid(&mut self, dice: &mut Dice<'_>, name: &str) {
        self.member(name, |twins| twins.guid_text(dice));
    }

    fn guid_text(&mut self, dice: &mut Dice<'_>) {
        let guid = format!("000000{:02x}-0000-4000-8000-{:012x}", dice.byte(), dice.byte());
        let _ = write!(self.json, r#""{guid}""#);
        self.xml.push_str(&guid);
    }

    /// A member that is a list.
    fn pairs(&mut self, name: &str, scope: &str, fill: impl FnOnce(&mut Self)) {
        self.separate();
        let _ = write!(self.json, r#""{name}":["#);
        self.element(name, scope, fill);
        self.json.push(']');
    }

    fn pair(&mut self, element: &str, key: &str, fill: impl FnOnce(&mut Self)) {
        self.separate();
        self.json.push_str(r#"{"key":"#);
        self.element(element, "", |twins| {
            twins.element("a:key", "", |twins| twins.quoted(&mut Dice(&[]), key));
            twins.json.push_str(r#","value":"#);
            fill(twins);
        });
        self.json.push('}');
    }

    fn class(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.json.push_str(&stated(name));
        self.element("a:value", &format!(r#" i:type="{name}""#), fill);
        self.json.push('}');
    }

    fn typed(&mut self, namespace: &str, name: &str, fill: impl FnOnce(&mut Self)) {
        self.element("a:value", &format!(r#" i:type="b:{name}" xmlns:b="{namespace}""#), fill);
    }

    fn element(&mut self, name: &str, attributes: &str, fill: impl FnOnce(&mut Self)) {
        let _ = write!(self.xml, "<{name}{attributes}>");
        let start = self.xml.len();
        fill(self);
        if self.xml.len() == start {
            self.xml.pop();
            self.xml.push_str("/>");
        } else {
            let _ = write!(self.xml, "</{name}>");
        }
    }

    fn both(&mut self, text: &str) {
        self.json.push_str(text);
        self.xml.push_str(text);
    }

    fn separate(&mut self) {
        if !self.json.ends_with(['{', '[']) {
            self.json.push(',');
        }
    }

    /// Text, escaped where it has to be, and where the dice say so.
    fn quoted(&mut self, dice: &mut Dice<'_>, text: &str) {
        self.json.push('"');
        for letter in text.chars() {
            let more = dice.below(16) == 15;
            json_letter(&mut self.json, letter, more);
            xml_letter(&mut self.xml, letter, more);
        }
        self.json.push('"');
    }
}

/// The beginning of an object that says of which class it is.
fn stated(name: &str) -> String {
    format!(r#"{{"__type":"{name}:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#)
}

const KINDS: usize = 19;
const ANY: &str = "KeyValuePairOfstringanyType";
const ROOT: &str = r#"<RemoteExecutionContext xmlns="http://schemas.microsoft.com/xrm/2011/Contracts" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">"#;
const IN_CONTEXT: &str = r#" xmlns:a="http://schemas.datacontract.org/2004/07/System.Collections.Generic""#;
const KEYS: &str = r#" xmlns:b="http://schemas.microsoft.com/xrm/7.1/Contracts""#;
const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const SERIALIZATION: &str = "http://schemas.microsoft.com/2003/10/Serialization/";
const ARRAYS: &str = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";
const CONTRACTS_9: &str = "http://schemas.microsoft.com/xrm/9.0/Contracts";
