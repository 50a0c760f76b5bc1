//! One response of the Web API's `EntityDefinitions`.
//!
//! Unknown members are skipped. A known member of another form is an error with its path.
//! `schema infer` writes the same form.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::Error;
use super::kinds::{Fact, by_cast, by_name, by_number, by_type_name};
use crate::columns::schema::ColumnType;

/// The statements of one file.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) statements: Vec<Statement>,
    /// Tables by their `MetadataId`, which responses may have instead of a name.
    pub(super) ids: Vec<(String, String)>,
}

/// Facts about one attribute.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) owner: Owner,
    pub(super) attribute: String,
    pub(super) fact: Fact,
    /// Path in the JSON.
    pub(super) place: String,
}

/// The table that an attribute is of.
#[derive(Clone, Debug)]
pub(super) enum Owner {
    /// By logical name.
    Table(String),
    /// By `MetadataId`, in lower case.
    Id(String),
}

impl Response {
    /// Reads the bytes of a file.
    pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| Error::NotText {
            path: path.to_owned(),
            hint: match bytes {
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                    "; it is UTF-16, as PowerShell's `>` writes: save it as UTF-8"
                }
                _ => "",
            },
        })?;
        let value: Value =
            serde_json::from_str(text).map_err(|source| Error::NotJson { path: path.to_owned(), source })?;
        let mut reading = Reading { path, response: Self::default() };
        reading.document(&value)?;
        Ok(reading.response)
    }
}

struct Reading<'p> {
    path: &'p Path,
    response: Response,
}

impl Reading<'_> {
    fn document(&mut self, value: &Value) -> Result<(), Error> {
        match value {
            Value::Array(entities) => self.each(entities, "$", Self::entity),
            Value::Object(members) => self.response(members),
            _ => Err(self.fault("$", "a response of EntityDefinitions is an object or a list of tables")),
        }
    }

    /// A response as it came, or one table of one.
    fn response(&mut self, members: &Map<String, Value>) -> Result<(), Error> {
        if let Some(error) = members.get("error") {
            let message = error.get("message").and_then(Value::as_str).unwrap_or("without a message");
            return Err(self.fault("$.error", &format!("the Web API answered with an error: {message}")));
        }
        let context = self.text(members, "@odata.context", "$")?.and_then(Context::of);
        match (members.get("value"), &context) {
            (Some(Value::Array(attributes)), Some(context)) => {
                self.each(attributes, "$.value", |reading, value, place| {
                    reading.attribute(context, value, place)
                })
            }
            (Some(Value::Array(entities)), None) => self.each(entities, "$.value", Self::entity),
            (Some(_), _) => Err(self.fault("$.value", "it is not a list")),
            (None, Some(context)) => self.attribute_of(context, members, "$"),
            (None, None) => self.table(members, "$"),
        }
    }

    fn each(
        &mut self,
        items: &[Value],
        place: &str,
        read: impl Fn(&mut Self, &Value, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        items.iter().enumerate().try_for_each(|(at, item)| read(self, item, &format!("{place}[{at}]")))
    }

    fn entity(&mut self, value: &Value, place: &str) -> Result<(), Error> {
        let table = value.as_object().ok_or_else(|| self.fault(place, "a table is an object"))?;
        self.table(table, place)
    }

    fn table(&mut self, table: &Map<String, Value>, place: &str) -> Result<(), Error> {
        let name = self.logical_name(table, place)?;
        if let Some(id) = self.text(table, "MetadataId", place)? {
            self.response.ids.push((id.to_lowercase(), name.clone()));
        }
        let context = Context { owner: Owner::Table(name), cast: None };
        let place = format!("{place}.Attributes");
        match table.get("Attributes") {
            None | Some(Value::Null) => Ok(()),
            Some(Value::Array(attributes)) => self
                .each(attributes, &place, |reading, value, place| reading.attribute(&context, value, place)),
            Some(_) => Err(self.fault(&place, "it is not a list")),
        }
    }

    fn attribute(&mut self, context: &Context, value: &Value, place: &str) -> Result<(), Error> {
        let attribute = value.as_object().ok_or_else(|| self.fault(place, "an attribute is an object"))?;
        self.attribute_of(context, attribute, place)
    }

    fn attribute_of(&mut self, context: &Context, of: &Map<String, Value>, place: &str) -> Result<(), Error> {
        let attribute = self.logical_name(of, place)?;
        let owner = match self.text(of, "EntityLogicalName", place)? {
            Some(table) => Owner::Table(table.to_owned()),
            None => context.owner.clone(),
        };
        let cast = self.text(of, "@odata.type", place)?.and_then(by_cast).or(context.cast);
        let fact = Fact {
            stated: self.stated(of, place)?,
            cast,
            behavior: self.inner_text(of, "DateTimeBehavior", place)?.map(str::to_owned),
            shows_another: self.text(of, "AttributeOf", place)?.is_some_and(|of| !of.is_empty()),
        };
        self.response.statements.push(Statement { owner, attribute, fact, place: place.to_owned() });
        Ok(())
    }

    fn stated(&self, of: &Map<String, Value>, place: &str) -> Result<Option<ColumnType>, Error> {
        let named = self.inner_text(of, "AttributeTypeName", place)?.and_then(by_type_name);
        let coded = match of.get("AttributeType") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => by_name(name),
            Some(Value::Number(number)) => number.as_u64().and_then(by_number),
            Some(_) => {
                let place = format!("{place}.AttributeType");
                return Err(self.fault(&place, "it is neither the name nor the number of a type"));
            }
        };
        Ok(match named {
            Some((column_type, true)) => Some(column_type),
            _ if of.get("AttributeType").is_some_and(|code| !code.is_null()) => coded,
            _ => named.map(|(column_type, _)| column_type),
        })
    }

    fn logical_name(&self, of: &Map<String, Value>, place: &str) -> Result<String, Error> {
        match self.text(of, "LogicalName", place)? {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ => Err(self.fault(place, "it has no LogicalName")),
        }
    }

    /// A member that is a string; `None` for null.
    fn text<'v>(
        &self,
        of: &'v Map<String, Value>,
        name: &str,
        place: &str,
    ) -> Result<Option<&'v str>, Error> {
        match of.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(&format!("{place}.{name}"), "it is not a string")),
        }
    }

    /// A member that is an object around a string, `{"Value": …}`, or the string itself.
    fn inner_text<'v>(
        &self,
        of: &'v Map<String, Value>,
        name: &str,
        place: &str,
    ) -> Result<Option<&'v str>, Error> {
        match of.get(name) {
            Some(Value::Object(object)) => self.text(object, "Value", &format!("{place}.{name}")),
            _ => self.text(of, name, place),
        }
    }

    fn fault(&self, place: &str, what: &str) -> Error {
        Error::Shape { path: self.path.to_owned(), place: place.to_owned(), what: what.to_owned() }
    }
}

/// The table and cast in the `@odata.context` of a response that lists attributes.
struct Context {
    owner: Owner,
    cast: Option<ColumnType>,
}

impl Context {
    /// `…#EntityDefinitions('account')/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata(LogicalName)`;
    /// `None` if the response lists tables.
    fn of(text: &str) -> Option<Self> {
        let text = text.replace("%27", "'").replace("%3D", "=");
        let (_, path) = text.split_once("EntityDefinitions(")?;
        let (key, rest) = path.split_once(')')?;
        let rest = rest.strip_prefix("/Attributes")?;
        let key = key.trim_start_matches("LogicalName=");
        let owner = match key.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')) {
            // The API may name a table by its id in quotes as well.
            Some(name) if crate::event::scalars::guid(name).is_none() => Owner::Table(name.to_owned()),
            Some(id) => Owner::Id(id.to_lowercase()),
            None => Owner::Id(key.trim_start_matches("MetadataId=").to_lowercase()),
        };
        let cast = rest.strip_prefix('/').and_then(|rest| by_cast(rest.split(['(', '/']).next()?));
        Some(Self { owner, cast })
    }
}
