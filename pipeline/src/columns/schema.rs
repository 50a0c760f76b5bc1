//! Types of columns and their Arrow fields.
//!
//! Owns: type names, their Arrow types, the members of a party. Does not own: which attribute gets which type
//! (`catalog`), the fixed columns of rows (`fixed`).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};

use crate::event::scalars::{PRECISION, SCALE};

/// Column types by column name.
pub type ColumnTypes = BTreeMap<String, ColumnType>;

/// Compares a column of a file with its lake type; `None` for a type that only a later version knows.
pub fn column_may_be(lake_type: &str, column: &Field) -> Option<bool> {
    let expected = ColumnType::from_name(lake_type)?.in_files();
    Some(expected.equals_datatype(column.data_type()) && column.extension_type_name().is_none())
}

macro_rules! types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// Type of a column of the lake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ColumnType { $($(#[$doc])* $variant),* }

        impl ColumnType {
            /// The type of this name; `None` if only a later version knows it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name in the lake's schema records. It never changes.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

types! {
    /// True or false.
    Boolean = "boolean",
    /// A plain number that no metadata makes an integer.
    Number = "number",
    /// Money, or a decimal by metadata.
    Decimal = "decimal",
    /// Only by metadata.
    Double = "double",
    /// The number of an option.
    Choice = "choice",
    /// The numbers of several options.
    Choices = "choices",
    /// A string.
    Text = "text",
    /// Sixteen bytes here, 36 lower-case characters in files.
    Uuid = "uuid",
    /// An attribute's date, as the UTC instant that Dataverse sent.
    Datetime = "datetime",
    /// A date that has no time; only by metadata.
    Date = "date",
    /// A point in time of the event itself.
    Instant = "instant",
    /// The parties of an activity.
    PartyList = "party_list",
    /// Bytes.
    Binary = "binary",
    /// A part of a body as JSON text.
    Json = "json",
    /// An integer of 32 bits.
    Int32 = "int32",
    /// An integer of 64 bits.
    Int64 = "int64",
    /// Several strings.
    TextList = "text_list",
}

/// Every decimal of the lake.
pub(super) const DECIMAL: DataType = DataType::Decimal128(PRECISION as u8, SCALE as i8);

/// The zone of instants.
const UTC: &str = "UTC";

impl ColumnType {
    /// True if a column of this type holds every value of a column of type `other`.
    pub fn holds(self, other: Self) -> bool {
        use ColumnType::{Date, Datetime, Decimal, Int32, Int64, Number};
        self == other
            || matches!(
                (self, other),
                (Number, Decimal | Int32 | Int64)
                    | (Decimal, Int32 | Int64)
                    | (Int64, Int32)
                    | (Datetime, Date)
            )
    }

    /// True if columns of both types show a value alike: plain numbers and money are both decimals.
    pub fn shows_like(self, other: Self) -> bool {
        let is_decimal = |of: Self| matches!(of, Self::Number | Self::Decimal);
        self == other || is_decimal(self) && is_decimal(other)
    }

    /// The Arrow type that readers find in files.
    fn in_files(self) -> DataType {
        if self == Self::Uuid { DataType::Utf8 } else { self.data_type() }
    }

    /// Its Arrow type in a batch.
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Number | Self::Decimal => DECIMAL,
            Self::Double => DataType::Float64,
            Self::Choice | Self::Int32 => DataType::Int32,
            Self::Choices => DataType::List(item(DataType::Int32)),
            Self::Text | Self::Json => DataType::Utf8,
            Self::Uuid => DataType::FixedSizeBinary(16),
            Self::Datetime | Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Self::Date => DataType::Date32,
            Self::PartyList => DataType::List(item(DataType::Struct(party_fields()))),
            Self::Binary => DataType::Binary,
            Self::Int64 => DataType::Int64,
            Self::TextList => DataType::List(item(DataType::Utf8)),
        }
    }

    /// A column of this type as a field.
    pub(super) fn field(self, name: &str) -> Field {
        let mut field = Field::new(name, self.data_type(), true);
        let extension = match self {
            Self::Uuid => Some(("arrow.uuid", None)),
            Self::Json => Some(("arrow.json", Some(""))),
            _ => None,
        };
        if let Some((extension, parameters)) = extension {
            field.metadata_mut().insert(EXTENSION_NAME_KEY, extension);
            if let Some(parameters) = parameters {
                field.metadata_mut().insert(EXTENSION_METADATA_KEY, parameters);
            }
        }
        field
    }
}

/// Arrow's metadata keys of extension types. The Parquet writer chooses the encoding by them; files do not contain
/// them.
const EXTENSION_NAME_KEY: &str = "ARROW:extension:name";
const EXTENSION_METADATA_KEY: &str = "ARROW:extension:metadata";

/// The field of a list's items.
pub(super) fn item(data_type: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(data_type, true))
}

/// A member of each party of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartyPart {
    Id,
    EntityType,
    Name,
    Mask,
    Address,
    /// Everything else in the party's record.
    Rest,
}

/// The members of a party, in order.
pub(super) const PARTY: [(PartyPart, &str, ColumnType); 6] = [
    (PartyPart::Id, "partyid", ColumnType::Uuid),
    (PartyPart::EntityType, "partyid_entitytype", ColumnType::Text),
    (PartyPart::Name, "partyidname", ColumnType::Text),
    (PartyPart::Mask, "participationtypemask", ColumnType::Int32),
    (PartyPart::Address, "addressused", ColumnType::Text),
    (PartyPart::Rest, "rest", ColumnType::Json),
];

/// [`PARTY`] as fields, of the types that are in files.
pub(super) fn party_fields() -> Fields {
    PARTY.iter().map(|(_, name, column_type)| Field::new(*name, column_type.in_files(), true)).collect()
}
