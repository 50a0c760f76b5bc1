//! The schemas of a lake's tables: a chain of whole versions per table, each put once (rule 10).
//!
//! Owns that a column keeps its type and field ids, and that both are durable before a file uses them. Does not
//! own what a type is: its name is opaque here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::records::{self, Records};
use crate::paths;
use crate::store::Kind;

/// One version of a table's schema: all columns that any file of it may have so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The table's true name.
    pub table: String,
    /// Its place in the table's chain, from 1.
    pub version: u64,
    /// The columns, by name.
    pub columns: BTreeMap<String, Column>,
}

/// A column of a table: its type and its field ids, which never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its Parquet field ids: of the column, then of its list element and of its struct members, depth first. A column
    /// that no file has yet may lack those behind the first.
    pub ids: Vec<i32>,
}

impl Column {
    /// True if `next` may replace the column in a later version: field ids are only added.
    pub fn becomes(&self, next: &Self) -> bool {
        self.type_name == next.type_name && next.ids.starts_with(&self.ids)
    }
}

/// A column as a file has it, or will have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileColumn {
    /// The name of its type.
    pub type_name: String,
    /// How many field ids it needs, at least 1.
    pub ids: usize,
}

impl TableSchema {
    /// Type names by column.
    pub fn types(&self) -> BTreeMap<String, String> {
        self.columns.iter().map(|(name, column)| (name.clone(), column.type_name.clone())).collect()
    }

    /// The field ids of a column.
    pub fn ids(&self, column: &str) -> Option<&[i32]> {
        self.columns.get(column).map(|column| column.ids.as_slice())
    }

    /// The schema before the first.
    fn empty(table: &str) -> Self {
        Self { table: table.to_owned(), version: 0, columns: BTreeMap::new() }
    }

    fn has(&self, name: &str, file: &FileColumn) -> bool {
        self.columns.get(name).is_some_and(|column| column.ids.len() >= file.ids)
    }

    /// The next version, with the columns of a file.
    fn with(&self, file: &BTreeMap<String, FileColumn>) -> Self {
        let mut next = self.clone();
        next.version += 1;
        let used = self.columns.values().flat_map(|column| &column.ids).max().copied();
        let mut free = used.unwrap_or(DATE_COLUMN_ID) + 1..;
        for (name, of) in file {
            let column = next
                .columns
                .entry(name.clone())
                .or_insert_with(|| Column { type_name: of.type_name.clone(), ids: Vec::new() });
            let missing = of.ids.saturating_sub(column.ids.len());
            column.ids.extend(free.by_ref().take(missing));
        }
        next
    }
}

/// Field id of the day in the paths, [`DATE_COLUMN`](paths::DATE_COLUMN): no file has the column, but table formats number
/// it too.
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
    /// Its columns are in this schema, which is durable.
    Durable(Arc<TableSchema>),
    /// A column of it has another type in the lake: it is not put, and its source starts again, with `schema`.
    Contradiction {
        /// The column.
        column: String,
        /// Its type in the lake.
        lake: String,
        /// Its type in the file.
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
            // Two folders of one length sort by name, not their versions by number: the highest is kept.
            if let Some((folder, version)) = paths::parse_schema(&path) {
                let highest = newest.entry(folder).or_insert(version);
                *highest = version.max(*highest);
            }
        }
        let mut schemas = Self { records, known: HashMap::new() };
        for (folder, version) in newest {
            let path = paths::schema_in(&folder, version);
            let found: TableSchema = schemas
                .records
                .get(&path)
                .await?
                .ok_or_else(|| Error::Gone { folder: folder.clone(), version })?;
            schemas.learn(&found.table.clone(), version, found)?;
        }
        Ok(schemas)
    }

    /// Refuses data files of a table without a schema: its columns would get types anew, and readers need one type.
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

    /// The schemas known to be durable, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &TableSchema> {
        self.known.values().map(AsRef::as_ref)
    }

    /// The schema of one table, as far as it is known.
    pub fn table(&self, table: &str) -> Option<&TableSchema> {
        self.known.get(table).map(AsRef::as_ref)
    }

    /// Makes the columns of a file part of the lake's schema before the file is put.
    ///
    /// Asks the store nothing when all are known.
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
            let durable = known.filter(|schema| file.iter().all(|(name, column)| schema.has(name, column)));
            if let Some(schema) = durable {
                return Ok(Ensured::Durable(Arc::clone(schema)));
            }
            let before = known.map_or_else(|| TableSchema::empty(table), |known| known.as_ref().clone());
            let next = before.with(file);
            let version = next.version;
            // Another writer may have put this version: then its columns are learned and the file is looked
            // at again.
            let standing = self.records.put_once(&paths::schema(table, version), next).await?;
            self.learn(table, version, standing)?;
        }
    }

    /// Accepts a version that the lake has.
    fn learn(&mut self, table: &str, version: u64, standing: TableSchema) -> Result<(), Error> {
        if standing.table != table || standing.version != version {
            return Err(Error::Misplaced { table: table.to_owned(), version, says: standing.table });
        }
        if let Some(known) = self.known.get(table) {
            columns_only_join(known, &standing)?;
        }
        field_ids_are_distinct(&standing)?;
        self.known.insert(table.to_owned(), Arc::new(standing));
        Ok(())
    }
}

/// A schema chain that can't be read or extended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record could not be read or put.
    #[error(transparent)]
    Record(#[from] records::Error),
    /// A schema that was listed is gone.
    #[error("schema {version} of table folder {folder:?} was listed and is not there")]
    Gone {
        /// The table's folder.
        folder: String,
        /// The version.
        version: u64,
    },
    /// Data files of a table that has no schema.
    #[error(
        "{file} is there and its table has no schema: without {first} and the versions behind it columns would get \
         other types than they have in these files. Restore the records from a backup, or move the table's folder out \
         of the lake"
    )]
    Missing {
        /// A data file.
        file: String,
        /// The first version of its table's schema.
        first: String,
    },
    /// A schema under another's name.
    #[error("what stands as schema {version} of table {table:?} says that it is another one, of {says:?}")]
    Misplaced {
        /// Whose schema it should be.
        table: String,
        /// Which version it should be.
        version: u64,
        /// Whose schema it says it is.
        says: String,
    },
    /// A version that takes a column back, or changes its type or a number.
    #[error(
        "schema {version} of table {table:?} changes column {column:?}, which keeps its type and field ids: restore the \
         record from a backup"
    )]
    Changed {
        /// The table.
        table: String,
        /// The version that does so.
        version: u64,
        /// The column.
        column: String,
    },
    /// A version that has a field id twice or out of range.
    #[error(
        "schema {version} of table {table:?} has field id {id} twice or out of range: restore the record from a backup"
    )]
    Numbered {
        /// The table.
        table: String,
        /// The version that does so.
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

/// The first column of a file that the lake holds with another type.
fn contradiction(schema: &Arc<TableSchema>, file: &BTreeMap<String, FileColumn>) -> Option<Ensured> {
    file.iter().find_map(|(name, ours)| {
        let lakes = schema.columns.get(name).filter(|lakes| lakes.type_name != ours.type_name)?;
        Some(Ensured::Contradiction {
            column: name.clone(),
            lake: lakes.type_name.clone(),
            file: ours.type_name.clone(),
            schema: Arc::clone(schema),
        })
    })
}

/// A column never goes, and never changes its type or a number: files that use it are in the lake.
fn columns_only_join(known: &TableSchema, next: &TableSchema) -> Result<(), Error> {
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

/// The highest field id of a column: far more than columns, and far from what Iceberg reserves.
const MAX_ID: i32 = 1 << 30;

#[cfg(test)]
mod tests;
