//! The columns of all files, compared with the schemas of their tables (rule 10).

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use crate::store::Key;
use arrow::datatypes::Field;
use futures::{StreamExt, TryStreamExt, stream};

use super::report::{Report, parse_record};
use crate::lake::schema::{Column, TableSchema};
use crate::parquet::ColumnInFile;
use crate::paths;
use crate::store::{Error, Store};

/// Compares a lake type, by name, with a column of a file: true if the column can hold the type's values, `None` for an
/// unknown type.
pub type ColumnTypes = fn(&str, &Field) -> Option<bool>;

/// The columns of all files, by table and name.
#[derive(Debug, Default)]
pub(super) struct Columns {
    by_table: BTreeMap<String, Table>,
}

#[derive(Debug, Default)]
struct Table {
    files: u64,
    /// By name; one entry for each type and field ids.
    columns: BTreeMap<String, Vec<Known>>,
}

/// A column that files of a table share: the same type and the same field ids.
#[derive(Debug)]
struct Known {
    column: ColumnInFile,
    first_file: Key,
    files: u64,
}

/// The schema versions of one table, merged.
#[derive(Debug, Default)]
struct Chain {
    /// Columns of all versions, by name.
    columns: BTreeMap<String, Column>,
    /// The highest version that could be read.
    version: u64,
}

impl Columns {
    /// Adds the columns of a file.
    pub(super) fn add_file(&mut self, table: &str, path: &Key, columns: Vec<ColumnInFile>) {
        let table = self.by_table.entry(table.to_owned()).or_default();
        table.files += 1;
        for column in columns {
            let known = table.columns.entry(column.field.name().clone()).or_default();
            match known.iter_mut().find(|known| known.column == column) {
                Some(known) => known.files += 1,
                None => known.push(Known { column, first_file: path.clone(), files: 1 }),
            }
        }
    }

    /// Compares the columns with the lake's schemas. Schemas are read after all files: a schema is durable before the
    /// first file that uses it.
    pub(super) async fn check(
        self,
        store: &Store,
        types: ColumnTypes,
        report: &mut Report,
    ) -> Result<(), Error> {
        let mut chains = Chain::load_all(store, report).await?;
        for (name, table) in &self.by_table {
            match chains.remove(&paths::folder_name(name)) {
                Some(chain) => table.check(name, &chain, types, report),
                None => report.add_schema_fault(format!(
                    "table {name:?} has {} files, but no schema record: restore {}",
                    table.files,
                    paths::schema_folder_of(name)
                )),
            }
        }
        Ok(())
    }
}

impl Table {
    fn check(&self, name: &str, chain: &Chain, types: ColumnTypes, report: &mut Report) {
        for Known { column, first_file: path, files } in self.columns.values().flatten() {
            let of = column.field.name();
            let more = if *files > 1 { format!(" (and in {} more files)", files - 1) } else { String::new() };
            match chain.columns.get(of) {
                None => report.add_schema_fault(format!(
                    "{path}: column {of:?}{more} is not in any schema of table {name:?} up to version {}",
                    chain.version
                )),
                Some(lake) => match types(&lake.type_name, &column.field) {
                    Some(true) if column.field_ids.as_ref() == Some(&lake.ids) => {}
                    Some(true) => report.add_schema_fault(format!(
                        "{path}: column {of:?}{more} has field ids {:?}, but the schema of table {name:?} has {:?}",
                        column.field_ids.as_deref().unwrap_or_default(),
                        lake.ids
                    )),
                    Some(false) => report.add_schema_fault(format!(
                        "{path}: column {of:?}{more} has type {}, but the schema of table {name:?} has {:?}",
                        column.field.data_type(),
                        lake.type_name
                    )),
                    None => report.add_schema_fault(format!(
                        "{path}: column {of:?}{more} has type {:?} in the schema of table {name:?}, which this version \
                         does not support: audit with the version that wrote it",
                        lake.type_name
                    )),
                },
            }
        }
    }
}

impl Chain {
    /// Reads the schemas of all tables, by folder. A missing version is a finding, as is one that contradicts the
    /// version before.
    async fn load_all(store: &Store, report: &mut Report) -> Result<BTreeMap<String, Self>, Error> {
        let mut versions: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for object in store.list(&paths::schema_folder()).await? {
            if let Some((folder, version)) = paths::parse_schema(&object.key) {
                versions.entry(folder).or_default().insert(version);
            }
        }
        let mut chains = BTreeMap::new();
        for (folder, versions) in versions {
            let chain = Self::load(store, &folder, &versions, report).await?;
            chains.insert(folder, chain);
        }
        Ok(chains)
    }

    async fn load(
        store: &Store,
        folder: &str,
        listed: &BTreeSet<u64>,
        report: &mut Report,
    ) -> Result<Self, Error> {
        /// Records read at once. A table has a version for each addition of columns, hundreds at most.
        const READ_AT_ONCE: usize = 16;
        let last = listed.last().copied().unwrap_or(0);
        // The listing may lack a record that exists, so each version is read.
        let reads = (1..=last).map(|version| {
            let path = paths::schema_in(folder, version);
            async move { store.get(&path).await.map(|bytes| (version, path, bytes)) }
        });
        let read: Vec<_> = stream::iter(reads).buffered(READ_AT_ONCE).try_collect().await?;
        let mut chain = Self::default();
        for (version, path, bytes) in read {
            let Some(bytes) = bytes else {
                report.add_schema_fault(format!("{path} is missing, but version {last} exists"));
                continue;
            };
            if let Some(schema) = parse_record::<TableSchema>(&path, &bytes, report) {
                chain.add_version(&path, version, folder, schema, report);
            }
        }
        Ok(chain)
    }

    /// Adds the next version.
    fn add_version(
        &mut self,
        path: &Key,
        version: u64,
        folder: &str,
        next: TableSchema,
        report: &mut Report,
    ) {
        if paths::folder_name(&next.table) != folder || next.version != version {
            report.add_schema_fault(format!(
                "{path} contains version {} of table {:?}, unlike its name",
                next.version, next.table
            ));
            return;
        }
        for (name, of) in &self.columns {
            match next.columns.get(name) {
                Some(next) if of.becomes(next) => {}
                Some(other) => report.add_schema_fault(format!(
                    "{path} changes column {name:?} from {:?} to {:?} and its field ids from {:?} to {:?}: a column keeps its \
                     type and field ids",
                    of.type_name, other.type_name, of.ids, other.ids
                )),
                None => report.add_schema_fault(format!("{path} drops column {name:?}: a table keeps its columns")),
            }
        }
        self.version = version;
        for (name, of) in next.columns {
            // Files have the first type, so it stays. Field ids of list elements may be added later.
            match self.columns.entry(name) {
                Entry::Vacant(new) => drop(new.insert(of)),
                Entry::Occupied(mut known) if known.get().becomes(&of) => drop(known.insert(of)),
                Entry::Occupied(_) => {}
            }
        }
    }
}
