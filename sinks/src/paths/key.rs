//! A key as a path, and the folder of the records.

use crate::store::Key;

/// The folder of everything in a lake that is not a table.
pub const RECORDS_FOLDER: &str = "_catchwater";

/// A folder below the root, by names that came out of a listing.
pub fn listed_folder(names: &[&str]) -> Key {
    literal(names.join("/"))
}

/// A key below [`RECORDS_FOLDER`].
pub(super) fn record(rest: &str) -> Key {
    literal(format!("{RECORDS_FOLDER}/{rest}"))
}

/// A path from text that is already in the alphabet of keys.
pub(super) fn literal(key: String) -> Key {
    // `Key::from` would encode our `%` a second time; `parse` refuses only empty, `.` and `..` segments and
    // control characters, and `escape` writes none of these.
    Key::parse(&key).unwrap_or_else(|_| Key::from(key))
}
