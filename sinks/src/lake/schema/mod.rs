//! The schemas of a lake's tables: a chain of whole versions per table, each put once (rule 10).
//!
//! Owns that a column has one type for ever and that a schema is durable before a file uses it. Does not own
//! what a type is: its name is opaque here.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::paths;
use super::records::{self, Records};
use crate::store::Kind;

/// One version of a table's schema: all columns that any file of it may have so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// The table's true name.
    pub table: String,
    /// Its place in the table's chain, from 1.
    pub version: u64,
    /// Type names by column.
    pub columns: BTreeMap<String, String>,
}

/// The schemas that this process knows to be durable; the lake may be ahead.
#[derive(Debug)]
pub struct Schemas {
    records: Records,
    known: HashMap<String, TableSchema>,
}

/// Whether a file may be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// Its columns are in the lake's schema, which is durable.
    Durable {
        /// The version that has them all.
        version: u64,
    },
    /// A column of it has another type in the lake: it is not put, and its source starts again, with `schema`.
    Contradiction {
        /// Which column.
        column: String,
        /// Its type in the lake.
        lake: String,
        /// Its type in the file.
        file: String,
        /// The newest schema of the table.
        schema: TableSchema,
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
        self.known.values()
    }

    /// The schema of one table, as far as it is known.
    pub fn table(&self, table: &str) -> Option<&TableSchema> {
        self.known.get(table)
    }

    /// Makes the columns of a file part of the lake's schema before the file is put.
    ///
    /// Asks the store nothing when all are known.
    pub async fn ensure(&mut self, table: &str, file: &BTreeMap<String, String>) -> Result<Ensured, Error> {
        loop {
            let known = self.known.get(table);
            if let Some(contradiction) = known.and_then(|schema| contradiction(schema, file)) {
                return Ok(contradiction);
            }
            let durable = known.filter(|schema| file.keys().all(|name| schema.columns.contains_key(name)));
            if let Some(schema) = durable {
                return Ok(Ensured::Durable { version: schema.version });
            }
            let next = successor(known, table, file);
            let version = next.version;
            // Another writer may have put this version: then its columns are learned and the file is looked
            // at again.
            let standing = self.records.put_once(&paths::schema(table, version), next).await?;
            self.learn(table, version, standing)?;
        }
    }

    /// Takes in a version that stands in the lake.
    fn learn(&mut self, table: &str, version: u64, standing: TableSchema) -> Result<(), Error> {
        if standing.table != table || standing.version != version {
            return Err(Error::Misplaced { table: table.to_owned(), version, says: standing.table });
        }
        if let Some(known) = self.known.get(table) {
            columns_only_join(known, &standing)?;
        }
        self.known.insert(table.to_owned(), standing);
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
        /// Which version.
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
    /// A version that takes a column back or changes its type.
    #[error("schema {version} of table {table:?} changes column {column:?}, which a type has for ever")]
    Changed {
        /// Which table.
        table: String,
        /// The version that does so.
        version: u64,
        /// Which column.
        column: String,
    },
}

impl Error {
    /// Whether asking again later can help.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Record(error) => error.kind(),
            Self::Gone { .. } | Self::Missing { .. } | Self::Misplaced { .. } | Self::Changed { .. } => {
                Kind::Fatal
            }
        }
    }
}

/// The first column of a file that the lake holds with another type.
fn contradiction(schema: &TableSchema, file: &BTreeMap<String, String>) -> Option<Ensured> {
    let differs =
        |(name, ours): &(&String, &String)| schema.columns.get(*name).is_some_and(|lakes| lakes != *ours);
    let (name, ours) = file.iter().find(differs)?;
    Some(Ensured::Contradiction {
        column: name.clone(),
        lake: schema.columns[name].clone(),
        file: ours.clone(),
        schema: schema.clone(),
    })
}

/// The version behind the known one, with the columns of both.
fn successor(known: Option<&TableSchema>, table: &str, file: &BTreeMap<String, String>) -> TableSchema {
    let mut columns = known.map_or_else(BTreeMap::new, |schema| schema.columns.clone());
    columns.extend(file.iter().map(|(name, of)| (name.clone(), of.clone())));
    TableSchema { table: table.to_owned(), version: known.map_or(0, |schema| schema.version) + 1, columns }
}

/// A column never goes and never changes its type: files that use it are in the lake.
fn columns_only_join(known: &TableSchema, next: &TableSchema) -> Result<(), Error> {
    let changed = known.columns.iter().find(|(name, of)| next.columns.get(*name) != Some(of));
    match changed {
        None => Ok(()),
        Some((name, _)) => {
            Err(Error::Changed { table: next.table.clone(), version: next.version, column: name.clone() })
        }
    }
}

#[cfg(test)]
mod tests;
