//! The columns of a table, as the views use them.
//!
//! Owns: their order, their companions and their DuckDB types. Does not own: the list of columns (the schema of the
//! lake).

use std::collections::{BTreeMap, BTreeSet};

use catchwater_sinks::lake::schema::TableSchema;

use super::messages::SET_BY_PARAMETER;
use super::text::identifier;
use crate::columns::fixed_columns;

/// The columns of a table in the order of the contract, as (name, lake type).
#[derive(Debug)]
pub(super) struct Columns<'a> {
    before: Vec<(&'a str, &'a str)>,
    pub(super) attributes: Vec<(&'a str, &'a str)>,
    after: Vec<(&'a str, &'a str)>,
    /// Attributes in the schema of the lake.
    stated: BTreeMap<&'a str, &'a str>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(schema: &'a TableSchema) -> Self {
        let [before, after] = fixed_columns(&schema.table);
        let fixed: BTreeSet<&str> = before.iter().chain(&after).map(|(name, _)| *name).collect();
        let attributes = schema.columns.iter();
        let attributes = attributes.map(|(name, column)| (name.as_str(), column.type_name.as_str()));
        let attributes: Vec<_> = attributes.filter(|(name, _)| !fixed.contains(name)).collect();
        let stated = attributes.iter().copied().collect();
        let mut columns = Self { before, attributes, after, stated };
        columns.sort();
        columns
    }

    /// The columns of states and changes; they always include those that messages set by a parameter.
    pub(super) fn with_set_by_parameter(&self) -> Self {
        let mut attributes = self.attributes.clone();
        for (name, _, part) in SET_BY_PARAMETER {
            // A label is a column only if the lake has it.
            if part != "Name" && self.stated_type(name).is_none() {
                attributes.push((name, parameter_type(name)));
            }
        }
        let mut columns =
            Self { before: Vec::new(), attributes, after: Vec::new(), stated: self.stated.clone() };
        columns.sort();
        columns
    }

    /// The type of a column in the lake, if the lake has the column.
    pub(super) fn stated_type(&self, column: &str) -> Option<&'a str> {
        self.stated.get(column).copied()
    }

    /// True if a column that a message sets by a parameter can take the value.
    pub(super) fn is_set_by_parameter(&self, column: &str, of: &str) -> bool {
        let is_companion = !column.starts_with("ownerid_") && column != "owneridname"
            || self.owner(column).is_some_and(|owner| owner == "ownerid");
        is_companion
            && (of == parameter_type(column)
                || parameter_type(column) == "choice"
                    && ["int32", "int64", "number", "decimal", "double"].contains(&of))
    }

    /// The expressions that identify a record of the table.
    pub(super) fn record(&self) -> Vec<String> {
        let mut record = vec![identifier("_organization_id"), identifier("Id")];
        record.extend(self.elastic_key().map(|_| identifier(ELASTIC)));
        record
    }

    /// The expression for the partition of an elastic table's record, from any part of an event; none for other tables.
    /// A record without a partition is in that of its own id.
    ///
    /// # Source
    /// "Use elastic tables", "Partitioning and horizontal scaling": the key is the primary key and `partitionid`.
    pub(super) fn elastic_key(&self) -> Option<String> {
        self.stated_type("partitionid").filter(|of| *of == "text")?;
        let key = |path: &str| {
            format!("json_extract_string(\"_rest\", '$.InputParameters.{path}.KeyAttributes.partitionid')")
        };
        Some(format!(
            "coalesce(\"partitionid\", json_extract_string(\"_inputs\", '$.partitionId'),\n        \
             json_extract_string(\"_inputs\", '$.Target.KeyAttributes.partitionid'),\n        \
             json_extract_string(\"_inputs\", '$.EntityMoniker.KeyAttributes.partitionid'),\n        {},\n        {},\n        {}, \"Id\")",
            key("Target"),
            key("Targets.Entities[0]"),
            key("Targets[0]")
        ))
    }

    fn sort(&mut self) {
        let mut attributes = self.attributes.clone();
        attributes.sort_by_key(|(name, _)| match self.owner(name) {
            Some(owner) => (owner, 1, *name),
            None => (*name, 0, *name),
        });
        self.attributes = attributes;
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.before.iter().chain(&self.attributes).chain(&self.after).copied()
    }

    /// The column that this one is a companion of, unless an attribute has its name. Companions are text.
    pub(super) fn owner(&self, column: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(name, of)| *name == column && *of == "text")?;
        let owned_by = |suffix: &str, types: &[&str]| {
            let owner = column.strip_suffix(suffix)?;
            let found = self.attributes.iter().find(|(name, _)| *name == owner)?;
            types.contains(&found.1).then_some(found.0)
        };
        owned_by("_entitytype", &["uuid"]).or_else(|| owned_by(LABEL, &["uuid", "choice", "choices"]))
    }

    /// True if a companion holds labels.
    pub(super) fn is_label(column: &str) -> bool {
        column.ends_with(LABEL)
    }

    /// The column with the labels of this one.
    pub(super) fn label(&self, column: &str) -> Option<&'a str> {
        let owned = |(name, _): &&(&str, &str)| self.owner(name) == Some(column) && Self::is_label(name);
        self.attributes.iter().find(owned).map(|(name, _)| *name)
    }

    /// True if events of this table may have the version of their record.
    pub(super) fn have_version(&self) -> bool {
        let numbers = ["number", "int64", "int32"];
        self.attributes.iter().any(|(name, of)| *name == VERSION && numbers.contains(of))
    }
}

/// The partition of an elastic table's record, which is part of its identity.
pub(super) const ELASTIC: &str = "_elastic_partition";

/// The column with Dataverse's change number, which an image or a message may carry.
pub(super) const VERSION: &str = "versionnumber";

/// Suffix of the column with the labels of another.
const LABEL: &str = "name";

/// The type of a column that a message sets by a parameter.
fn parameter_type(column: &str) -> &'static str {
    match column {
        "ownerid" => "uuid",
        "ownerid_entitytype" | "owneridname" => "text",
        _ => "choice",
    }
}

/// A null of the type of its column.
pub(super) fn typed_null(lake_type: &str) -> String {
    let duckdb_type = match lake_type {
        "boolean" => "BOOLEAN",
        "choice" | "int32" => "INTEGER",
        "int64" => "BIGINT",
        "number" | "decimal" => "DECIMAL(38,12)",
        "double" => "DOUBLE",
        "choices" => "INTEGER[]",
        "text" | "uuid" | "json" => "VARCHAR",
        "text_list" => "VARCHAR[]",
        "date" => "DATE",
        "datetime" | "instant" => "TIMESTAMP WITH TIME ZONE",
        "binary" => "BLOB",
        "party_list" => {
            "STRUCT(partyid VARCHAR, partyid_entitytype VARCHAR, partyidname VARCHAR, \
             participationtypemask INTEGER, addressused VARCHAR, rest VARCHAR)[]"
        }
        // A type of a later version: the files define it.
        _ => return "NULL".to_owned(),
    };
    format!("NULL::{duckdb_type}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::schema;
    use super::*;

    #[test]
    fn companions_follow_their_column() {
        let schema = schema(
            "account",
            &[
                ("_message", "text"),
                ("first", "text"),
                ("firstname", "text"),
                ("ownerid", "uuid"),
                ("ownerid2", "text"),
                ("ownerid_entitytype", "text"),
                ("owneridname", "text"),
                ("size", "choice"),
                ("sizename", "number"),
                ("statuscode", "choice"),
                ("statuscodename", "text"),
            ],
        );
        let columns = Columns::of(&schema);
        let names: Vec<&str> = columns.attributes.iter().map(|(name, _)| *name).collect();
        let expected = [
            "first",
            "firstname",
            "ownerid",
            "ownerid_entitytype",
            "owneridname",
            "ownerid2",
            "size",
            "sizename",
            "statuscode",
            "statuscodename",
        ];
        assert_eq!(names, expected);
        let owners: Vec<Option<&str>> = names.iter().map(|name| columns.owner(name)).collect();
        assert_eq!(owners[1], None, "text has no label");
        assert_eq!(owners[3..5], [Some("ownerid"), Some("ownerid")]);
        assert_eq!(owners[5..], [None, None, None, None, Some("statuscode")]);
        assert_eq!(columns.label("size"), None, "a number is not a label");
        assert_eq!(columns.label("ownerid"), Some("owneridname"));
        assert_eq!(columns.label("first"), None);
    }
}
