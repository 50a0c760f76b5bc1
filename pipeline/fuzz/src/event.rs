//! A drawn event in JSON and in XML, as the platform's two serializers write it.

use std::fmt::Write as _;

use crate::dice::Dice;
use crate::spelling::{base64, date_ms, decimal, double, iso, json_letter, xml_letter};

/// One event in both formats.
#[derive(Debug, Default)]
pub struct Fixture {
    pub json: String,
    pub xml: String,
}

impl Fixture {
    /// Draws an event.
    pub fn draw(dice: &mut Dice<'_>) -> Self {
        let mut fixture = Self::default();
        fixture.json.push('{');
        fixture.xml.push_str(ROOT);
        fixture.context(dice, 0);
        fixture.json.push('}');
        fixture.xml.push_str("</RemoteExecutionContext>");
        fixture
    }

    fn context(&mut self, dice: &mut Dice<'_>, depth: usize) {
        self.guid(dice, "BusinessUnitId");
        self.number("Depth", &dice.below(9).to_string());
        self.text(dice, "InitiatingUserAgent");
        self.pairs("InputParameters", IN_CONTEXT, |fixture| fixture.parameters(dice, depth));
        self.boolean(dice, "IsInTransaction");
        let message = ["Create", "Update", "Delete", "Assign", "new_Custom"][dice.below(5)];
        self.plain("MessageName", message);
        let ms = date_ms(dice);
        self.member("OperationCreatedOn", |fixture| {
            let _ = write!(fixture.json, r#""\/Date({ms}+0000)\/""#);
            fixture.xml.push_str(&iso(ms));
            fixture.xml.push_str("+00:00");
        });
        self.guid(dice, "OperationId");
        self.pairs("OutputParameters", IN_CONTEXT, |fixture| fixture.parameters(dice, depth));
        if depth < 2 && dice.below(4) == 3 {
            self.member("ParentContext", |fixture| {
                fixture.json.push('{');
                fixture.context(dice, depth + 1);
                fixture.json.push('}');
            });
        } else {
            self.null("ParentContext");
        }
        for name in ["PostEntityImages", "PreEntityImages"] {
            self.pairs(name, IN_CONTEXT, |fixture| {
                for number in 0..dice.below(3) {
                    let key = format!("Image{number}");
                    fixture.pair("KeyValuePairOfstringEntitygUGIFE1S", &key, |fixture| {
                        fixture.json.push('{');
                        fixture.xml.push_str("<a:value>");
                        fixture.record(dice, depth);
                        fixture.json.push('}');
                        fixture.xml.push_str("</a:value>");
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
            self.pair(ANY, "Target", |fixture| fixture.value(dice, depth + 1, kind));
        }
        self.attributes(dice, depth);
    }

    /// Writes pairs with distinct keys.
    fn attributes(&mut self, dice: &mut Dice<'_>, depth: usize) {
        for number in 0..dice.below(5) {
            let key = format!("{}{number}", dice.text(3));
            let kind = dice.below(KINDS);
            self.pair(ANY, &key, |fixture| fixture.value(dice, depth + 1, kind));
        }
    }

    /// Writes the value of a pair. `kind` is below [`KINDS`].
    fn value(&mut self, dice: &mut Dice<'_>, depth: usize, kind: usize) {
        match kind {
            1 => {
                let text = dice.text(12);
                self.typed(SCHEMA, "string", |fixture| fixture.quoted(dice, &text));
            }
            2 => self.typed(SERIALIZATION, "guid", |fixture| fixture.guid_text(dice)),
            3 => self.typed(SCHEMA, "boolean", |fixture| fixture.both(["false", "true"][dice.below(2)])),
            4 => self.typed(SCHEMA, "int", |fixture| fixture.both(&(dice.long() as i32).to_string())),
            5 => self.typed(SCHEMA, "long", |fixture| fixture.both(&dice.long().to_string())),
            6 => self.typed(SCHEMA, "decimal", |fixture| fixture.both(&decimal(dice))),
            7 => self.typed(SCHEMA, "double", |fixture| fixture.both(&double(dice))),
            8 => {
                let ms = date_ms(dice);
                self.typed(SCHEMA, "dateTime", |fixture| {
                    let _ = write!(fixture.json, r#""\/Date({ms})\/""#);
                    let _ = write!(fixture.xml, "{}Z", iso(ms));
                });
            }
            9 => self.bytes(dice),
            10 => self.class("OptionSetValue", |fixture| {
                fixture.number("Value", &(dice.long() as i32).to_string())
            }),
            11 => self.class("Money", |fixture| fixture.number("Value", &decimal(dice))),
            12 => self.choices(dice),
            13 => self.strings(dice),
            14 | 15 => self.class("EntityReference", |fixture| fixture.reference(dice)),
            16 | 17 if depth < 5 => self.class("Entity", |fixture| fixture.record(dice, depth)),
            18 if depth < 5 => self.class("EntityCollection", |fixture| fixture.collection(dice, depth)),
            _ => {
                self.json.push_str("null");
                self.xml.push_str(r#"<a:value i:nil="true"/>"#);
            }
        }
    }

    fn reference(&mut self, dice: &mut Dice<'_>) {
        self.guid(dice, "Id");
        self.pairs("KeyAttributes", KEYS, |fixture| {
            if dice.below(8) == 7 {
                let text = dice.text(6);
                fixture.pair("b:KeyValuePairOfstringanyType", "number", |fixture| {
                    fixture.typed(SCHEMA, "string", |fixture| fixture.quoted(dice, &text));
                });
            }
        });
        self.plain("LogicalName", ["contact", "account", "systemuser"][dice.below(3)]);
        self.text(dice, "Name");
        self.null("RowVersion");
    }

    fn record(&mut self, dice: &mut Dice<'_>, depth: usize) {
        self.pairs("Attributes", "", |fixture| fixture.attributes(dice, depth));
        self.null("EntityState");
        self.pairs("FormattedValues", "", |fixture| {
            for number in 0..dice.below(3) {
                let (key, label) = (format!("{}{number}", dice.text(2)), dice.text(5));
                fixture.pair("KeyValuePairOfstringstring", &key, |fixture| {
                    fixture.element("a:value", "", |fixture| fixture.quoted(dice, &label));
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
        self.pairs("Entities", "", |fixture| {
            for _ in 0..dice.below(3) {
                fixture.separate();
                fixture.json.push('{');
                fixture.element("Entity", "", |fixture| fixture.record(dice, depth + 1));
                fixture.json.push('}');
            }
        });
        self.plain("EntityName", "activityparty");
        self.boolean(dice, "MoreRecords");
        self.number("TotalRecordCount", "-1");
    }

    fn choices(&mut self, dice: &mut Dice<'_>) {
        self.json.push('[');
        self.typed(CONTRACTS_9, "OptionSetValueCollection", |fixture| {
            for _ in 0..dice.below(4) {
                fixture.separate();
                fixture.json.push_str(&typed_object("OptionSetValue"));
                fixture.element("b:OptionSetValue", "", |fixture| {
                    fixture.number("Value", &dice.byte().to_string());
                });
                fixture.json.push('}');
            }
        });
        self.json.push(']');
    }

    fn strings(&mut self, dice: &mut Dice<'_>) {
        self.json.push('[');
        self.typed(ARRAYS, "ArrayOfstring", |fixture| {
            for _ in 0..dice.below(4) {
                let text = dice.text(5);
                fixture.separate();
                fixture.element("b:string", "", |fixture| fixture.quoted(dice, &text));
            }
        });
        self.json.push(']');
    }

    fn bytes(&mut self, dice: &mut Dice<'_>) {
        let bytes: Vec<u8> = (0..dice.below(9)).map(|_| dice.byte()).collect();
        let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
        let _ = write!(self.json, "[{}]", numbers.join(","));
        let json = std::mem::take(&mut self.json);
        self.typed(SCHEMA, "base64Binary", |fixture| base64(&mut fixture.xml, &bytes));
        self.json = json;
    }

    // Constructs, written in both formats.

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
        self.member(name, |fixture| fixture.both(text));
    }

    fn boolean(&mut self, dice: &mut Dice<'_>, name: &str) {
        self.member(name, |fixture| fixture.both(["false", "true"][dice.below(2)]));
    }

    fn plain(&mut self, name: &str, text: &str) {
        self.member(name, |fixture| fixture.quoted(&mut Dice(&[]), text));
    }

    /// Writes a member that is text or null.
    fn text(&mut self, dice: &mut Dice<'_>, name: &str) {
        match dice.below(3) {
            0 => self.null(name),
            _ => {
                let text = dice.text(8);
                self.member(name, |fixture| fixture.quoted(dice, &text));
            }
        }
    }

    fn guid(&mut self, dice: &mut Dice<'_>, name: &str) {
        self.member(name, |fixture| fixture.guid_text(dice));
    }

    fn guid_text(&mut self, dice: &mut Dice<'_>) {
        let guid = format!("000000{:02x}-0000-4000-8000-{:012x}", dice.byte(), dice.byte());
        let _ = write!(self.json, r#""{guid}""#);
        self.xml.push_str(&guid);
    }

    /// Writes a member that is a list of pairs or items.
    fn pairs(&mut self, name: &str, scope: &str, fill: impl FnOnce(&mut Self)) {
        self.separate();
        let _ = write!(self.json, r#""{name}":["#);
        self.element(name, scope, fill);
        self.json.push(']');
    }

    fn pair(&mut self, element: &str, key: &str, fill: impl FnOnce(&mut Self)) {
        self.separate();
        self.json.push_str(r#"{"key":"#);
        self.element(element, "", |fixture| {
            fixture.element("a:key", "", |fixture| fixture.quoted(&mut Dice(&[]), key));
            fixture.json.push_str(r#","value":"#);
            fill(fixture);
        });
        self.json.push('}');
    }

    fn class(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.json.push_str(&typed_object(name));
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

    /// Writes text, escaped where required and sometimes where it is not.
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

/// Start of a JSON object with its class.
fn typed_object(name: &str) -> String {
    format!(r#"{{"__type":"{name}:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts""#)
}

/// Number of kinds of values.
const KINDS: usize = 19;
const ANY: &str = "KeyValuePairOfstringanyType";
const ROOT: &str = r#"<RemoteExecutionContext xmlns="http://schemas.microsoft.com/xrm/2011/Contracts" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">"#;
const IN_CONTEXT: &str = r#" xmlns:a="http://schemas.datacontract.org/2004/07/System.Collections.Generic""#;
const KEYS: &str = r#" xmlns:b="http://schemas.microsoft.com/xrm/7.1/Contracts""#;
const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const SERIALIZATION: &str = "http://schemas.microsoft.com/2003/10/Serialization/";
const ARRAYS: &str = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";
const CONTRACTS_9: &str = "http://schemas.microsoft.com/xrm/9.0/Contracts";
