//! The lake's column types, as far as this process knows them.
//!
//! Owns: one type for each (table, column) in all lanes: the lake's if it has the column, else the first that a lane
//! proposed. Does not own: making a type the lake's (`catchwater_sinks::lake`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::schema::ColumnType;

/// The column types of all tables, shared by the lanes of a process.
#[derive(Debug, Default)]
pub struct Catalog {
    tables: Mutex<Tables>,
    version: AtomicU64,
}

type Tables = HashMap<String, Columns>;

/// The columns of one table.
#[derive(Debug, Default)]
struct Columns {
    types: HashMap<String, Known>,
    party_lists: usize,
    /// A column was refused, and a warning was logged.
    full: bool,
}

/// Upper bound on the columns of a table: no more are proposed once it is reached. A table of Dataverse has up to 1,024
/// columns, each with two companions at most. Each column costs memory in every lane and a place in every schema
/// record.
pub(super) const COLUMNS_MAX: usize = 4096;

/// Upper bound on the columns of party lists of a table, for the same reason: each is six columns in a file. An
/// activity has up to a dozen.
const PARTY_LISTS_MAX: usize = 64;

/// Type of a column, as far as this process knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It has this type.
    Type(ColumnType),
    /// The lake gives it a type that only a later version knows: it takes no values.
    Foreign,
    /// It does not exist, and its table takes no further columns.
    Refused,
}

impl Known {
    /// The type, if values go into the column.
    pub(super) fn column_type(self) -> Option<ColumnType> {
        match self {
            Self::Type(column_type) => Some(column_type),
            Self::Foreign | Self::Refused => None,
        }
    }
}

impl Catalog {
    /// An empty catalog.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Takes over the lake's types of a table's columns; they override what was proposed here. `None` is a type that
    /// only a later version knows.
    ///
    /// Buffers that hold rows keep their types until they are taken.
    pub fn adopt(&self, table: &str, columns: impl IntoIterator<Item = (String, Option<ColumnType>)>) {
        let mut tables = self.tables();
        let known = tables.entry(table.to_owned()).or_default();
        let mut has_changed = false;
        for (column, column_type) in columns {
            let stated = column_type.map_or(Known::Foreign, Known::Type);
            has_changed |= known.types.insert(column, stated) != Some(stated);
        }
        if has_changed {
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Rises whenever the lake overrides or adds a type.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The type of a column. For a column that is not known, `evidence` becomes its type.
    pub(super) fn resolve(&self, table: &str, column: &str, evidence: Option<ColumnType>) -> Option<Known> {
        let mut tables = self.tables();
        if let Some(known) = tables.get(table).and_then(|columns| columns.types.get(column)) {
            return Some(*known);
        }
        let evidence = evidence?;
        let columns = tables.entry(table.to_owned()).or_default();
        let is_party_list = evidence == ColumnType::PartyList;
        if columns.types.len() >= COLUMNS_MAX || is_party_list && columns.party_lists >= PARTY_LISTS_MAX {
            if !std::mem::replace(&mut columns.full, true) {
                tracing::warn!(
                    table,
                    columns = columns.types.len(),
                    party_lists = columns.party_lists,
                    columns_max = COLUMNS_MAX,
                    party_lists_max = PARTY_LISTS_MAX,
                    "the table takes no more such columns; values of new attributes stay in _rest"
                );
            }
            return Some(Known::Refused);
        }
        columns.party_lists += usize::from(is_party_list);
        columns.types.insert(column.to_owned(), Known::Type(evidence));
        Some(Known::Type(evidence))
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A panic elsewhere leaves the map usable: it is consistent after every statement here.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_proposal_wins_and_lake_overrides() {
        let catalog = Catalog::new();
        let resolve = |evidence| catalog.resolve("account", "name", evidence);
        assert_eq!(resolve(None), None);
        assert_eq!(resolve(Some(ColumnType::Text)), Some(Known::Type(ColumnType::Text)));
        assert_eq!(resolve(Some(ColumnType::Number)), Some(Known::Type(ColumnType::Text)));
        assert_eq!(catalog.resolve("contact", "name", None), None);
        let before = catalog.version();
        catalog.adopt("account", [("name".to_owned(), Some(ColumnType::Text))]);
        assert_eq!(catalog.version(), before);
        catalog.adopt("account", [("name".to_owned(), Some(ColumnType::Number))]);
        assert_eq!(resolve(None), Some(Known::Type(ColumnType::Number)));
        catalog.adopt("account", [("name".to_owned(), None)]);
        assert_eq!(resolve(Some(ColumnType::Text)), Some(Known::Foreign));
        assert_eq!(catalog.version(), before + 2);
    }

    #[test]
    fn full_table_keeps_its_columns_and_refuses_new_ones() {
        let catalog = Catalog::new();
        let text = Some(Known::Type(ColumnType::Text));
        let resolve = |column: &str| catalog.resolve("account", column, Some(ColumnType::Text));
        for number in 0..COLUMNS_MAX {
            assert_eq!(resolve(&format!("column{number}")), text);
        }
        assert_eq!(resolve("one_more"), Some(Known::Refused));
        assert_eq!(resolve("column7"), text);
        assert_eq!(catalog.resolve("contact", "one_more", Some(ColumnType::Text)), text);
        catalog.adopt("account", [("one_more".to_owned(), Some(ColumnType::Text))]);
        assert_eq!(resolve("one_more"), text, "the lake has it");
    }
}
