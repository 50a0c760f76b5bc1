//! Days of a table that were removed on purpose, with the durable position of each source at that time.
//!
//! Owns the records, which a start uses like checkpoints. Does not own the removal of rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::records::{Error, Records};
use crate::ordinals::Ordinal;
use crate::paths::{self, Date, SourceId};

/// Record of the removed days of a table.
///
/// # Shape
/// `{"table":"account","before":"2026-01-01","durable":{"hub-1763800000000-p0000":1003}}`. The records of a table are
/// numbered and put once; each has a later day than the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// The table's true name.
    pub table: String,
    /// All earlier days are removed and stay removed.
    pub before: Date,
    /// The durable position of each source at that time.
    pub durable: BTreeMap<SourceId, Ordinal>,
}

impl Records {
    /// The highest durable position of a source in the records of all tables.
    pub async fn durable_when_forgotten(&self, source: &SourceId) -> Result<Option<Ordinal>, Error> {
        let mut durable = None;
        for path in self.list(&paths::forgotten_folder()).await? {
            if paths::parse_forgotten(&path).is_some()
                && let Some(record) = self.get::<Forgotten>(&path).await?
            {
                durable = durable.max(record.durable.get(source).copied());
            }
        }
        Ok(durable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::fixtures::{fast_backoff, source};
    use crate::store::Store;

    #[tokio::test]
    async fn returns_the_highest_position_of_all_tables() {
        let store = Store::in_memory();
        let records = Records::new(store.clone(), fast_backoff());
        assert_eq!(records.durable_when_forgotten(&source(1)).await.unwrap(), None);
        for (table, n, at) in [("account", 1, 7), ("contact", 1, 9), ("account", 2, 8)] {
            let durable = BTreeMap::from([(source(1), Ordinal::new(at))]);
            let record = Forgotten { table: table.into(), before: "2026-01-01".parse().unwrap(), durable };
            store
                .put(&paths::forgotten(table, n), serde_json::to_vec(&record).unwrap().into())
                .await
                .unwrap();
        }
        // A later version may add members, and other records in the folder.
        let later =
            format!(r#"{{"table":"x","before":"2026-02-01","durable":{{"{}":11}},"why":"law"}}"#, source(2));
        store.put(&paths::forgotten("x", 1), later.into()).await.unwrap();
        store
            .put(&paths::listed_folder(&["_catchwater", "forgotten", "x", "note"]), "?".into())
            .await
            .unwrap();
        assert_eq!(records.durable_when_forgotten(&source(1)).await.unwrap(), Some(Ordinal::new(9)));
        assert_eq!(records.durable_when_forgotten(&source(2)).await.unwrap(), Some(Ordinal::new(11)));
    }
}
