//! The folders of tables.

use crate::store::Key;

use super::escape::{MAX_NAME_BYTES, bounded, escape, is_escaped, is_plain_in_table};
use super::key::literal;

/// The tables of this program. They begin with `_`, which the folder of no foreign table does.
pub const OWN_TABLES: [&str; 2] = ["_messages", QUARANTINE_TABLE];

/// The table of bodies that could not be understood.
pub const QUARANTINE_TABLE: &str = "_quarantine";

/// Prefix of the folder of a table whose name is not its own folder.
const ESCAPED: &str = "table$";

/// The folder of a table.
///
/// # Shape
/// A name of `[a-z0-9_]` that does not begin with `_` is its own folder, as are [`OWN_TABLES`]. Every other name
/// is percent-encoded behind `table$`; one over [`MAX_NAME_BYTES`] is cut, and its hash appended.
pub fn folder_name(table: &str) -> String {
    if OWN_TABLES.contains(&table) {
        return table.to_owned();
    }
    let encoded = escape(table, is_plain_in_table);
    let plain = encoded == table && !table.is_empty() && !table.starts_with('_');
    if plain && table.len() <= MAX_NAME_BYTES {
        return encoded;
    }
    bounded(ESCAPED, table, is_plain_in_table)
}

/// True if [`folder_name`] can return this name. No other folder in a lake's root is entered: `lost+found` of a volume,
/// folders of other programs and hidden ones may be unreadable, and nothing in them belongs to the lake.
pub fn is_table_folder(name: &str) -> bool {
    if OWN_TABLES.contains(&name) {
        return true;
    }
    let is_canonical = match name.strip_prefix(ESCAPED) {
        Some(escaped) => is_escaped(escaped, is_plain_in_table),
        None => !name.is_empty() && !name.starts_with('_') && name.bytes().all(is_plain_in_table),
    };
    is_canonical && name.len() <= MAX_NAME_BYTES
}

/// The folder with the files of one table, above its days.
pub fn table_folder(table: &str) -> Key {
    literal(folder_name(table))
}
