//! The name of an object in a store, and an object of a listing.
//!
//! Owns: the types, so that the rest of the program does not depend on the names of `object_store`. Does not own: the
//! keys of a lake (`paths`).

use std::fmt;

use object_store::path::Path;

/// The name of an object or of a folder: parts joined by `/`, without a slash at either end. The empty key is the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(super) Path);

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its name.
    pub key: Key,
    /// Its size, in bytes.
    pub size: u64,
}

impl Key {
    /// Takes text that is a key already. Empty parts are left out.
    ///
    /// # Errors
    /// A part that is `.` or `..`, or has a control character.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, InvalidKey> {
        let text = text.as_ref();
        Path::parse(text).map(Self).map_err(|_| InvalidKey { text: text.to_owned() })
    }

    /// The key as the prefix of a listing; `None` for the root.
    pub(super) fn prefix(&self) -> Option<&Path> {
        (!self.0.as_ref().is_empty()).then_some(&self.0)
    }

    /// The last part; `None` for the root.
    pub fn filename(&self) -> Option<&str> {
        self.0.filename()
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        self.0.as_ref()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Takes any text; characters that a key can't have are percent-encoded.
impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// As for `&str`.
impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// Joins the parts, each of which is percent-encoded where necessary.
impl<'a> FromIterator<&'a str> for Key {
    fn from_iter<T: IntoIterator<Item = &'a str>>(parts: T) -> Self {
        Self(parts.into_iter().collect())
    }
}

/// Text that is not a key.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not the name of an object: a part is `.` or `..`, or has a control character")]
pub struct InvalidKey {
    text: String,
}
