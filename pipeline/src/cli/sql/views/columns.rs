//! The columns of a table as views know them.
//!
//! Owns: their order, which of them belong together, their DuckDB types. Does not own: which there are (the lake's
//! schema).

use std::collections::BTreeSet;

use catchwater_sinks::lake::schema::TableSchema;

use crate::columns::fixed_columns;

/// The columns of a table in the contract's order, as (name, lake type).
#[derive(Debug)]
pub(super) struct Columns<'a> {
    before: Vec<(&'a str, &'a str)>,
    pub(super) attributes: Vec<(&'a str, &'a str)>,
    behind: Vec<(&'a str, &'a str)>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(schema: &'a TableSchema) -> Self {
        let [before, behind] = fixed_columns(&schema.table);
        let fixed: BTreeSet<&str> = before.iter().chain(&behind).map(|(name, _)| *name).collect();
        let attributes = schema.columns.iter().map(|(name, lake_type)| (name.as_str(), lake_type.as_str()));
        let mut columns = Self {
            before,
            attributes: attributes.filter(|(name, _)| !fixed.contains(name)).collect(),
            behind,
        };
        let mut attributes = columns.attributes.clone();
        attributes.sort_by_key(|(name, _)| match columns.owner(name) {
            Some(owner) => (owner, 1, *name),
            None => (*name, 0, *name),
        });
        columns.attributes = attributes;
        columns
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.before.iter().chain(&self.attributes).chain(&self.behind).copied()
    }

    /// The column that this one is a companion of, wherever no attribute has its name; companions are text.
    pub(super) fn owner(&self, column: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(name, of)| *name == column && *of == "text")?;
        let owned_by = |suffix: &str, types: &[&str]| {
            let owner = column.strip_suffix(suffix)?;
            let found = self.attributes.iter().find(|(name, _)| *name == owner)?;
            types.contains(&found.1).then_some(found.0)
        };
        owned_by("_entitytype", &["uuid"]).or_else(|| owned_by(LABEL, &["uuid", "choice", "choices"]))
    }

    /// Whether a companion holds labels.
    pub(super) fn is_label(column: &str) -> bool {
        column.ends_with(LABEL)
    }

    /// The column with the labels of this one.
    pub(super) fn label(&self, column: &str) -> Option<&'a str> {
        let owned = |(name, _): &&(&str, &str)| self.owner(name) == Some(column) && Self::is_label(name);
        self.attributes.iter().find(owned).map(|(name, _)| *name)
    }

    /// Whether events of this table may say the version of their record.
    pub(super) fn have_version(&self) -> bool {
        let numbers = ["number", "int64", "int32"];
        self.attributes.iter().any(|(name, of)| *name == VERSION && numbers.contains(of))
    }
}

/// The column that Dataverse counts changes in, where an image or a message carries it.
pub(super) const VERSION: &str = "versionnumber";

/// What a label's column is called behind the name of what it labels.
const LABEL: &str = "name";

/// A null that gives its column a type.
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
        // A type of a later version: the files say what it is.
        _ => return "NULL".to_owned(),
    };
    format!("NULL::{duckdb_type}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::schema;
    use super::*;

    #[test]
    fn companions_stand_behind_their_column() {
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
        assert_eq!(columns.label("size"), None, "numbers are no labels");
        assert_eq!(columns.label("ownerid"), Some("owneridname"));
        assert_eq!(columns.label("first"), None);
    }
}
