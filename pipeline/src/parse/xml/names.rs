//! Namespaces, by their URIs.
//!
//! Owns: the known URIs. Does not own: the names in them (`contract`). Prefixes are resolved before.

/// The namespace of an element or a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    /// The SDK's classes and their members, of any version.
    Sdk,
    /// `key` and `value` of pairs, and pairs as values.
    Generic,
    /// The types of XML Schema: strings, numbers, dates.
    Schema,
    /// The serializer's own types: GUIDs, durations, characters.
    Serialization,
    /// Lists of simple values and their items.
    Arrays,
    /// Any other namespace, or none.
    Other,
}

/// The namespace of the attributes `type` and `nil`.
pub(super) const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

const GENERIC: &str = "http://schemas.datacontract.org/2004/07/System.Collections.Generic";
const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
const SERIALIZATION: &str = "http://schemas.microsoft.com/2003/10/Serialization/";
const ARRAYS: &str = "http://schemas.microsoft.com/2003/10/Serialization/Arrays";

/// Prefixes of the SDK's URIs: `xrm/2011/Contracts`, `xrm/7.1/Contracts`, `xrm/9.0/Contracts`, `crm/2011/Contracts`,
/// later versions, and the SDK's namespaces in code for types without a contract.
const SDK: [&str; 4] = [
    "http://schemas.microsoft.com/xrm/",
    "http://schemas.microsoft.com/crm/",
    "http://schemas.datacontract.org/2004/07/Microsoft.Xrm.Sdk",
    "http://schemas.datacontract.org/2004/07/Microsoft.Crm.Sdk",
];

impl Namespace {
    /// The namespace of a URI.
    ///
    /// # Source
    /// Schema reference, section 3.
    pub(super) fn of(uri: &str) -> Self {
        match uri {
            GENERIC => Self::Generic,
            SCHEMA => Self::Schema,
            SERIALIZATION => Self::Serialization,
            ARRAYS => Self::Arrays,
            _ if SDK.iter().any(|prefix| uri.starts_with(prefix)) => Self::Sdk,
            _ => Self::Other,
        }
    }

    /// The URI of a known namespace; `None` for the SDK's, which are several, and for others.
    pub(super) fn uri(self) -> Option<&'static str> {
        match self {
            Self::Generic => Some(GENERIC),
            Self::Schema => Some(SCHEMA),
            Self::Serialization => Some(SERIALIZATION),
            Self::Arrays => Some(ARRAYS),
            Self::Sdk | Self::Other => None,
        }
    }
}
