//! The lake's column types, as far as this process knows them.

use std::sync::Arc;

/// The column types of all tables, shared by the lanes of a process.
#[derive(Debug, Default)]
pub struct Catalog;

impl Catalog {
    /// A catalog that knows nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self)
    }

    /// Takes over what the lake says of a table; it overrides what was proposed here.
    pub fn adopt(&self, table: &str, columns: impl IntoIterator<Item = (String, String)>) {
        let _ = (table, columns);
    }
}
