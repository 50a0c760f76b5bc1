//! Metadata of the generated tables, as Dataverse's Web API returns it.
//!
//! Owns: the attribute type of each kind of column. Does not own: the use of the metadata (`columns`).

use super::catalogue::{Column, Kind, TABLES};

/// Returns a response of `EntityDefinitions` with the tables of generated events.
pub fn definitions() -> String {
    let tables = TABLES.map(|table| {
        let own = table.columns.iter().map(|column| attribute(column.name, type_of(column)));
        let key = attribute(table.key, ("Uniqueidentifier", "UniqueidentifierType"));
        let platform = PLATFORM_ATTRIBUTES.iter().map(|(name, of)| attribute(name, *of));
        let attributes: Vec<String> = own.chain([key]).chain(platform).collect();
        format!(r#"{{"LogicalName":"{}","Attributes":[{}]}}"#, table.name, attributes.join(","))
    });
    format!(r#"{{"value":[{}]}}"#, tables.join(","))
}

/// `AttributeType` and `AttributeTypeName`. The latter includes the `DateTimeBehavior` of a date.
type TypeName = (&'static str, &'static str);

/// Attributes that the platform adds to every record.
const PLATFORM_ATTRIBUTES: [(&str, TypeName); 4] = [
    ("createdon", INSTANT),
    ("modifiedon", INSTANT),
    ("modifiedby", ("Lookup", "LookupType")),
    ("modifiedonbehalfby", ("Lookup", "LookupType")),
];

const INSTANT: TypeName = ("DateTime", r#"DateTimeType"},"DateTimeBehavior":{"Value":"UserLocal"#);

/// A day: a date whose `DateTimeBehavior` is `DateOnly`.
const DAY: TypeName = ("DateTime", r#"DateTimeType"},"DateTimeBehavior":{"Value":"DateOnly"#);

fn attribute(name: &str, (code, type_name): TypeName) -> String {
    format!(
        r#"{{"LogicalName":"{name}","AttributeType":"{code}","AttributeTypeName":{{"Value":"{type_name}"}}}}"#
    )
}

fn type_of(column: &Column) -> TypeName {
    match column.kind {
        Kind::Name(..) | Kind::Text(_) | Kind::Phone | Kind::Email | Kind::Url => ("String", "StringType"),
        Kind::Memo => ("Memo", "MemoType"),
        Kind::Choice(_) if column.name == "statecode" => ("State", "StateType"),
        Kind::Choice(_) if column.name == "statuscode" => ("Status", "StatusType"),
        Kind::Choice(_) => ("Picklist", "PicklistType"),
        Kind::Choices(_) => ("Virtual", "MultiSelectPicklistType"),
        Kind::Money(_) => ("Money", "MoneyType"),
        Kind::Decimal => ("Decimal", "DecimalType"),
        Kind::Degrees => ("Double", "DoubleType"),
        Kind::Integer(_) => ("Integer", "IntegerType"),
        Kind::Boolean(..) => ("Boolean", "BooleanType"),
        Kind::Date => INSTANT,
        Kind::Day => DAY,
        Kind::Lookup(_) => ("Lookup", "LookupType"),
        Kind::Guid => ("Uniqueidentifier", "UniqueidentifierType"),
        Kind::Image => ("Virtual", "ImageType"),
    }
}
