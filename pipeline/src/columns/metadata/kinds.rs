//! Attribute types of Dataverse and the column types that they become.
//!
//! # Source
//! Schema reference, section 1 (`AttributeTypeCode`) and section 7.

use super::super::schema::ColumnType;

/// Facts about one attribute, from one or more responses.
#[derive(Clone, Debug, Default)]
pub(super) struct Fact {
    /// By `AttributeType` and `AttributeTypeName`.
    pub(super) stated: Option<ColumnType>,
    /// By the cast in the query. Less precise: owners and party lists are lookups there too.
    pub(super) cast: Option<ColumnType>,
    /// `DateTimeBehavior`.
    pub(super) behavior: Option<String>,
    /// It only shows another attribute, the one in `AttributeOf`.
    pub(super) shows_another: bool,
}

impl Fact {
    /// The type of its column; `None` leaves it to what values show.
    pub(super) fn column_type(&self) -> Option<ColumnType> {
        match self.stated.or(self.cast) {
            _ if self.shows_another => None,
            Some(ColumnType::Datetime) if self.behavior.as_deref() == Some(DATE_ONLY) => {
                Some(ColumnType::Date)
            }
            stated => stated,
        }
    }

    /// The two facts that contradict each other, if any.
    pub(super) fn contradiction(&self, other: &Self) -> Option<(String, String)> {
        if let (Some(one), Some(other)) = (self.stated, other.stated)
            && one != other
        {
            return Some((one.name().to_owned(), other.name().to_owned()));
        }
        match (&self.behavior, &other.behavior) {
            (Some(one), Some(other)) if one != other => Some((one.clone(), other.clone())),
            _ => None,
        }
    }

    /// The facts of both.
    pub(super) fn and(self, other: &Self) -> Self {
        Self {
            stated: self.stated.or(other.stated),
            cast: self.cast.or(other.cast),
            behavior: self.behavior.or_else(|| other.behavior.clone()),
            shows_another: self.shows_another || other.shows_another,
        }
    }
}

/// The behavior of dates that have no time. The others are wall clocks.
const DATE_ONLY: &str = "DateOnly";

/// `AttributeType`: its name, its number, and the type of the column. `None` leaves it to what values show.
const CODES: [(&str, u64, Option<ColumnType>); 21] = [
    ("Boolean", 0, Some(ColumnType::Boolean)),
    ("Customer", 1, Some(ColumnType::Uuid)),
    ("DateTime", 2, Some(ColumnType::Datetime)),
    ("Decimal", 3, Some(ColumnType::Decimal)),
    ("Double", 4, Some(ColumnType::Double)),
    ("Integer", 5, Some(ColumnType::Int32)),
    ("Lookup", 6, Some(ColumnType::Uuid)),
    ("Memo", 7, Some(ColumnType::Text)),
    ("Money", 8, Some(ColumnType::Decimal)),
    ("Owner", 9, Some(ColumnType::Uuid)),
    ("PartyList", 10, Some(ColumnType::PartyList)),
    ("Picklist", 11, Some(ColumnType::Choice)),
    ("State", 12, Some(ColumnType::Choice)),
    ("Status", 13, Some(ColumnType::Choice)),
    ("String", 14, Some(ColumnType::Text)),
    ("Uniqueidentifier", 15, Some(ColumnType::Uuid)),
    ("CalendarRules", 16, None),
    ("Virtual", 17, None),
    ("BigInt", 18, Some(ColumnType::Int64)),
    ("ManagedProperty", 19, None),
    ("EntityName", 20, Some(ColumnType::Text)),
];

/// Types that only `AttributeTypeName` names; their `AttributeType` is Virtual.
const NAMES: [(&str, ColumnType); 2] =
    [("MultiSelectPicklist", ColumnType::Choices), ("Image", ColumnType::Binary)];

/// The type by the name of an `AttributeType`; `None` for a name of a later version.
pub(super) fn by_name(name: &str) -> Option<ColumnType> {
    let found = CODES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    found.and_then(|(.., column_type)| *column_type)
}

/// The type by the number of an `AttributeType`.
pub(super) fn by_number(number: u64) -> Option<ColumnType> {
    CODES.iter().find(|(_, known, _)| *known == number).and_then(|(.., column_type)| *column_type)
}

/// The type by an `AttributeTypeName` such as `MoneyType`, and true if it is more precise than the `AttributeType`.
pub(super) fn by_type_name(name: &str) -> Option<(ColumnType, bool)> {
    let name = name.strip_suffix("Type")?;
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, column_type)) => Some((*column_type, true)),
        None => by_name(name).map(|column_type| (column_type, false)),
    }
}

/// The type by a cast such as `Microsoft.Dynamics.CRM.DateTimeAttributeMetadata`.
pub(super) fn by_cast(cast: &str) -> Option<ColumnType> {
    let name = cast.rsplit(['.', '#']).next()?.strip_suffix("AttributeMetadata")?;
    by_type_name(&format!("{name}Type")).map(|(column_type, _)| column_type)
}

/// The `AttributeType` and `AttributeTypeName` of a column type that was inferred from values.
pub(in crate::columns) fn attribute_type(column_type: ColumnType, lookup: bool) -> (&'static str, String) {
    let name = match column_type {
        ColumnType::Boolean => "Boolean",
        ColumnType::Int32 => "Integer",
        ColumnType::Int64 => "BigInt",
        // Only money points to it: plain numbers leave the type open.
        ColumnType::Decimal => "Money",
        ColumnType::Number => "Decimal",
        ColumnType::Double => "Double",
        ColumnType::Choice => "Picklist",
        ColumnType::Choices => return ("Virtual", "MultiSelectPicklistType".to_owned()),
        ColumnType::Uuid if lookup => "Lookup",
        ColumnType::Uuid => "Uniqueidentifier",
        ColumnType::Datetime | ColumnType::Date | ColumnType::Instant => "DateTime",
        ColumnType::PartyList => "PartyList",
        ColumnType::Binary => return ("Virtual", "ImageType".to_owned()),
        ColumnType::Text | ColumnType::Json | ColumnType::TextList => "String",
    };
    (name, format!("{name}Type"))
}
