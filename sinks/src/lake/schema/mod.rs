//! The schemas of a lake's tables: a chain of versions per table, each complete and put once (rule 10).
//!
//! Owns two guarantees: a column keeps its type and field ids, and both are durable before a file uses them. Does not
//! own the types: their names are opaque here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::records::{self, Records};
use crate::paths;
use crate::store::Kind;

/// One version of a table's schema: all columns that its files may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The table's true name.
    pub table: String,
    /// The number of the version in the table's chain, from 1.
    pub version: u64,
    /// The columns, by name.
    pub columns: BTreeMap<String, Column>,
}

/// A column of a table. Its type and its field ids never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name of the type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The Parquet field ids of the column, its list element and its struct members, depth first. While no file has
    /// the column, it may have only the first.
    pub ids: Vec<i32>,
}

impl Column {
    /// True if `next` may be this column in a later version: its field ids may only be extended.
    pub fn becomes(&self, next: &Self) -> bool {
        self.type_name == next.type_name && next.ids.starts_with(&self.ids)
    }
}

/// A column of a file that is not committed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileColumn {
    /// The name of the type.
    pub type_name: String,
    /// The number of field ids that it needs, at least 1.
    pub ids: usize,
}

impl TableSchema {
    /// The type names, by column.
    pub fn types(&self) -> BTreeMap<String, String> {
        self.columns.iter().map(|(name, column)| (name.clone(), column.type_name.clone())).collect()
    }

    /// The field ids of a column.
    pub fn ids(&self, column: &str) -> Option<&[i32]> {
        self.columns.get(column).map(|column| column.ids.as_slice())
    }

    /// Version 0, without columns: the predecessor of a table's first version.
    fn empty(table: &str) -> Self {
        Self { table: table.to_owned(), version: 0, columns: BTreeMap::new() }
    }

    fn has_column(&self, name: &str, file: &FileColumn) -> bool {
        self.columns.get(name).is_some_and(|column| column.ids.len() >= file.ids)
    }

    /// The next version, extended by the columns of a file.
    fn extended_by(&self, file: &BTreeMap<String, FileColumn>) -> Self {
        let mut next = self.clone();
        next.version += 1;
        let used = self.columns.values().flat_map(|column| &column.ids).max().copied();
        let mut free = used.unwrap_or(DATE_COLUMN_ID) + 1..;
        for (name, in_file) in file {
            let column = next
                .columns
                .entry(name.clone())
                .or_insert_with(|| Column { type_name: in_file.type_name.clone(), ids: Vec::new() });
            let missing = in_file.ids.saturating_sub(column.ids.len());
            column.ids.extend(free.by_ref().take(missing));
        }
        next
    }
}

/// Field id of [`DATE_COLUMN`](paths::DATE_COLUMN), the day in the paths. No file has the column, but table formats
/// assign it an id too.
pub const DATE_COLUMN_ID: i32 = 1;

/// The schemas that this process knows to be durable; the lake may be ahead.
#[derive(Debug)]
pub struct Schemas {
    records: Records,
    known: HashMap<String, Arc<TableSchema>>,
}

/// Result of [`Schemas::ensure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// The file's columns are in this durable schema.
    Durable(Arc<TableSchema>),
    /// A column has another type in the lake. The file must not be put; its source starts again with `schema`.
    Contradiction {
        /// The column.
        column: String,
        /// The type in the lake.
        lake: String,
        /// The type in the file.
        file: String,
        /// The newest schema of the table.
        schema: Arc<TableSchema>,
    },
}

impl Schemas {
    /// Reads the newest schema of each table.
    pub async fn load(records: Records) -> Result<Self, Error> {
        let mut newest = HashMap::new();
        for path in records.list(&paths::schema_folder()).await? {
            // Listings sort by name, so 10 comes before 9: keep the highest version.
            if let Some((folder, version)) = paths::parse_schema(&path) {
                let highest = newest.entry(folder).or_insert(version);
                *highest = version.max(*highest);
            }
        }
        let read = newest.into_iter().map(|(folder, version)| {
            let (records, path) = (&records, paths::schema_in(&folder, version));
            async move {
                let found: Option<TableSchema> = records.get(&path).await?;
                found.map(|found| (version, found)).ok_or(Error::Gone { folder, version })
            }
        });
        let read: Vec<_> = stream::iter(read).buffered(READ_AT_ONCE).try_collect().await?;
        let mut schemas = Self { records, known: HashMap::new() };
        for (version, found) in read {
            schemas.learn(&found.table.clone(), version, found)?;
        }
        Ok(schemas)
    }

    /// Checks that each table with data files has a schema.
    ///
    /// # Errors
    /// [`Error::Missing`], because new files would get new types for the columns, and readers need one type.
    pub async fn check_tables(&self) -> Result<(), Error> {
        let known: HashSet<String> =
            self.known.values().map(|schema| paths::folder_name(&schema.table)).collect();
        for folder in self.records.table_folders().await?.into_iter().filter(|folder| !known.contains(folder))
        {
            let Some(file) = self.records.data_file_in(&folder).await? else { continue };
            // Another writer may have begun the table since the schemas were listed.
            let first = paths::schema_in(&folder, 1);
            if self.records.get::<TableSchema>(&first).await?.is_none() {
                return Err(Error::Missing { file: file.to_string(), first: first.to_string() });
            }
        }
        Ok(())
    }

    /// The schemas known to be durable, in arbitrary order.
    pub fn tables(&self) -> impl Iterator<Item = &TableSchema> {
        self.known.values().map(AsRef::as_ref)
    }

    /// The known schema of a table.
    pub fn table(&self, table: &str) -> Option<&TableSchema> {
        self.known.get(table).map(AsRef::as_ref)
    }

    /// Adds the columns of a file to the lake's schema, before the file is put.
    ///
    /// Sends no request if all columns are known.
    pub async fn ensure(
        &mut self,
        table: &str,
        file: &BTreeMap<String, FileColumn>,
    ) -> Result<Ensured, Error> {
        loop {
            let known = self.known.get(table);
            if let Some(contradiction) = known.and_then(|schema| contradiction(schema, file)) {
                return Ok(contradiction);
            }
            let durable =
                known.filter(|schema| file.iter().all(|(name, column)| schema.has_column(name, column)));
            if let Some(schema) = durable {
                return Ok(Ensured::Durable(Arc::clone(schema)));
            }
            let before = known.map_or_else(|| TableSchema::empty(table), |known| known.as_ref().clone());
            let next = before.extended_by(file);
            let version = next.version;
            // If another writer has put this version, the next round checks the file against it.
            let stored = self.records.put_once(&paths::schema(table, version), next).await?;
            self.learn(table, version, stored)?;
        }
    }

    /// Validates a version that the lake has, and adds it to the known schemas.
    fn learn(&mut self, table: &str, version: u64, stored: TableSchema) -> Result<(), Error> {
        if stored.table != table || stored.version != version {
            return Err(Error::Misplaced {
                table: table.to_owned(),
                version,
                stated_table: stored.table,
                stated_version: stored.version,
            });
        }
        if let Some(known) = self.known.get(table) {
            keeps_columns(known, &stored)?;
        }
        field_ids_are_distinct(&stored)?;
        self.known.insert(table.to_owned(), Arc::new(stored));
        Ok(())
    }
}

/// A schema chain that can't be read or extended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record could not be read or written.
    #[error(transparent)]
    Record(#[from] records::Error),
    /// A version that was listed does not exist.
    #[error(
        "schema {version} of table folder {folder:?} was listed but does not exist: restore the record from a backup"
    )]
    Gone {
        /// The table's folder.
        folder: String,
        /// The version.
        version: u64,
    },
    /// Data files of a table without a schema.
    #[error(
        "data file {file} exists but its table has no schema {first}: without the schemas, new files would get other \
         types for its columns; restore the records from a backup, or move the table's folder out of the lake"
    )]
    Missing {
        /// A data file.
        file: String,
        /// The first version of its table's schema.
        first: String,
    },
    /// A schema under the name of another one.
    #[error(
        "the record of schema {version} of table {table:?} has schema {stated_version} of table {stated_table:?}: \
         restore the record from a backup"
    )]
    Misplaced {
        /// The table in the name.
        table: String,
        /// The version in the name.
        version: u64,
        /// The table in the content.
        stated_table: String,
        /// The version in the content.
        stated_version: u64,
    },
    /// A version that drops a column, or changes its type or a field id.
    #[error(
        "schema {version} of table {table:?} changes column {column:?}, although a column keeps its type and field \
         ids: restore the record from a backup"
    )]
    Changed {
        /// The table.
        table: String,
        /// The version.
        version: u64,
        /// The column.
        column: String,
    },
    /// A version with a duplicate field id, or one out of range.
    #[error(
        "schema {version} of table {table:?} has field id {id} twice or out of range: restore the record from a backup"
    )]
    Numbered {
        /// The table.
        table: String,
        /// The version.
        version: u64,
        /// The field id.
        id: i32,
    },
}

impl Error {
    /// [`Kind::Unknown`] if a later attempt can succeed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Record(error) => error.kind(),
            Self::Gone { .. }
            | Self::Missing { .. }
            | Self::Misplaced { .. }
            | Self::Changed { .. }
            | Self::Numbered { .. } => Kind::Fatal,
        }
    }
}

/// The first column of a file that has another type in the lake.
fn contradiction(schema: &Arc<TableSchema>, file: &BTreeMap<String, FileColumn>) -> Option<Ensured> {
    file.iter().find_map(|(name, in_file)| {
        let in_lake = schema.columns.get(name).filter(|in_lake| in_lake.type_name != in_file.type_name)?;
        Some(Ensured::Contradiction {
            column: name.clone(),
            lake: in_lake.type_name.clone(),
            file: in_file.type_name.clone(),
            schema: Arc::clone(schema),
        })
    })
}

/// Checks that no column is dropped or changed, because files in the lake use it.
fn keeps_columns(known: &TableSchema, next: &TableSchema) -> Result<(), Error> {
    let changed = known
        .columns
        .iter()
        .find(|(name, column)| !next.columns.get(*name).is_some_and(|next| column.becomes(next)));
    match changed {
        None => Ok(()),
        Some((name, _)) => {
            Err(Error::Changed { table: next.table.clone(), version: next.version, column: name.clone() })
        }
    }
}

fn field_ids_are_distinct(schema: &TableSchema) -> Result<(), Error> {
    let mut used = HashSet::from([DATE_COLUMN_ID]);
    let is_wrong = |id: &i32| *id < DATE_COLUMN_ID || *id > MAX_ID || !used.insert(*id);
    match schema.columns.values().flat_map(|column| &column.ids).copied().find(is_wrong) {
        None => Ok(()),
        Some(id) => Err(Error::Numbered { table: schema.table.clone(), version: schema.version, id }),
    }
}

/// Highest field id of a column: above any number of columns, and below the ids that Iceberg reserves.
const MAX_ID: i32 = 1 << 30;

/// Schemas read at once: a lake of a hundred tables is read from an object store in a few round trips.
const READ_AT_ONCE: usize = 16;

#[cfg(test)]
mod tests;
