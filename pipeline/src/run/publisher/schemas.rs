//! The lake's schemas during a run, with what table metadata adds to them.
//!
//! Owns: precedence of the lake's types over those of metadata, and the reaction to a contradiction. Does not own: the
//! schema chain (`catchwater_sinks::lake`), or the contents of metadata (`columns`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use catchwater_sinks::lake::records::Records;
use catchwater_sinks::lake::schema::{Ensured, Error, FileColumn, Schemas, TableSchema};

use super::type_warnings;
use crate::columns::{Catalog, ColumnType, ColumnTypes, Metadata, fixed_columns};
use crate::event::{MESSAGES, QUARANTINE};

/// The lake's schemas, the types that metadata adds, and the catalog from which lanes get both.
#[derive(Debug)]
pub(in crate::run) struct LakeSchemas {
    schemas: Schemas,
    catalog: Arc<Catalog>,
    /// By table, columns that metadata states and the lake does not have yet.
    added: HashMap<String, ColumnTypes>,
    /// By table, date columns whose behavior metadata does not state.
    undecided: HashMap<String, Vec<String>>,
    /// Tables with metadata.
    stated: HashSet<String>,
    /// Tables without further warnings about types from values.
    warned: HashSet<String>,
}

impl LakeSchemas {
    /// Reads the lake's schemas and adds the columns that metadata states.
    ///
    /// Extends the schemas of existing tables at once, and those of other tables with their first file.
    pub(in crate::run) async fn open(
        records: Records,
        catalog: Arc<Catalog>,
        metadata: Option<&Metadata>,
    ) -> Result<Self, Error> {
        let schemas = Schemas::load(records).await?;
        schemas.check_tables().await?;
        for schema in schemas.tables() {
            catalog.adopt(&schema.table, types_of(schema));
        }
        let warned = [MESSAGES, QUARANTINE].map(str::to_owned).into();
        let mut opened = Self {
            schemas,
            catalog,
            added: HashMap::new(),
            undecided: HashMap::new(),
            stated: HashSet::new(),
            warned,
        };
        for (table, columns) in metadata.into_iter().flat_map(Metadata::tables) {
            opened.stated.insert(table.to_owned());
            let undecided = metadata.map(|metadata| metadata.undecided_dates(table)).unwrap_or_default();
            opened.undecided.insert(table.to_owned(), undecided.to_vec());
            opened.add(table, columns).await?;
        }
        Ok(opened)
    }

    /// Makes the columns of a file durable in its table's schema, together with the columns that metadata states.
    /// Returns the schema, or `None` if the lake has one of the columns with another type.
    pub(in crate::run) async fn ensure(
        &mut self,
        table: &str,
        file: &BTreeMap<String, FileColumn>,
    ) -> Result<Option<Arc<TableSchema>>, Error> {
        let new = self.new_columns(table, file);
        loop {
            let mut columns = stated(self.added.get(table));
            columns.extend(file.iter().map(|(name, of)| (name.clone(), of.clone())));
            let (column, lake, ours, schema) = match self.schemas.ensure(table, &columns).await? {
                Ensured::Durable(schema) => {
                    let added = self.added.remove(table).unwrap_or_default();
                    let undecided = self.undecided.remove(table).unwrap_or_default();
                    let undecided: Vec<&String> =
                        undecided.iter().filter(|column| added.contains_key(*column)).collect();
                    type_warnings::undecided_dates(table, &undecided);
                    if !new.is_empty() && self.warned.insert(table.to_owned()) {
                        type_warnings::typed_from_values(table, &new, self.stated.contains(table));
                    }
                    return Ok(Some(schema));
                }
                Ensured::Contradiction { column, lake, file, schema } => (column, lake, file, schema),
            };
            self.catalog.adopt(table, types_of(&schema));
            self.yield_to_lake(&schema);
            if file.contains_key(&column) {
                tracing::warn!(
                    table,
                    column,
                    lake,
                    file = ours,
                    "another writer recorded another type for the column first; reading its events again"
                );
                return Ok(None);
            }
        }
    }

    /// Attributes whose columns are new with this file; none for tables without further warnings.
    fn new_columns(&self, table: &str, file: &BTreeMap<String, FileColumn>) -> BTreeMap<String, String> {
        if self.warned.contains(table) {
            return BTreeMap::new();
        }
        let (known, added) = (self.schemas.table(table), self.added.get(table));
        let fixed: HashSet<&str> = fixed_columns(table).into_iter().flatten().map(|(name, _)| name).collect();
        let is_stated = |name: &str| added.is_some_and(|added| added.contains_key(name));
        let type_of = |name: &str| {
            let file = file.get(name).map(|column| column.type_name.as_str());
            file.or_else(|| {
                known.and_then(|known| known.columns.get(name)).map(|column| column.type_name.as_str())
            })
        };
        let is_new = |name: &str| {
            let is_known = known.is_some_and(|known| known.columns.contains_key(name));
            !fixed.contains(name) && !is_known && !is_stated(name) && !is_companion(name, type_of)
        };
        let new = file.iter().filter(|(name, _)| is_new(name));
        new.map(|(name, column)| (name.clone(), column.type_name.clone())).collect()
    }

    /// Adds the columns that metadata states for a table.
    async fn add(&mut self, table: &str, columns: &ColumnTypes) -> Result<(), Error> {
        self.added.insert(table.to_owned(), columns.clone());
        let known = self.schemas.table(table).cloned();
        if let Some(schema) = &known {
            self.yield_to_lake(schema);
        }
        let added = self.added[table].iter();
        self.catalog.adopt(table, added.map(|(column, stated)| (column.clone(), Some(*stated))));
        if known.is_some() {
            self.ensure(table, &BTreeMap::new()).await?;
        }
        Ok(())
    }

    /// Removes stated columns that the lake already has, and warns where its type differs.
    fn yield_to_lake(&mut self, schema: &TableSchema) {
        let Some(added) = self.added.get_mut(&schema.table) else { return };
        let mut differently = Vec::new();
        added.retain(|column, stated| {
            let Some(lake) = schema.columns.get(column).map(|lake| &lake.type_name) else { return true };
            match ColumnType::from_name(lake).filter(|lake| lake.holds(*stated)) {
                None => type_warnings::contradicted(&schema.table, column, lake, stated.name()),
                Some(lake) if !lake.shows_like(*stated) => differently.push((column.clone(), stated.name())),
                Some(_) => {}
            }
            false
        });
        type_warnings::shown_differently(&schema.table, &differently);
    }
}

/// True if a column is the companion of another column, which determines its type.
fn is_companion<'c>(name: &str, type_of: impl Fn(&str) -> Option<&'c str>) -> bool {
    let of = |suffix: &str, types: &[&str]| {
        let owner = name.strip_suffix(suffix).and_then(&type_of);
        owner.is_some_and(|owner| types.contains(&owner))
    };
    type_of(name) == Some("text")
        && (of("_entitytype", &["uuid"]) || of("name", &["uuid", "choice", "choices"]))
}

/// Stated columns in the form of a file's columns.
fn stated(added: Option<&ColumnTypes>) -> BTreeMap<String, FileColumn> {
    let column = |stated: &ColumnType| FileColumn { type_name: stated.name().to_owned(), ids: 1 };
    added.into_iter().flatten().map(|(name, stated)| (name.clone(), column(stated))).collect()
}

/// The lake's types of a table's columns; `None` for a type that only a later version knows.
fn types_of(schema: &TableSchema) -> impl Iterator<Item = (String, Option<ColumnType>)> {
    schema.types().into_iter().map(|(column, name)| (column, ColumnType::from_name(&name)))
}

#[cfg(test)]
mod tests {
    use catchwater_sinks::backoff::Backoff;
    use catchwater_sinks::store::Store;

    use super::*;

    fn columns(of: &[(&str, &str)]) -> ColumnTypes {
        let column_type = |name| ColumnType::from_name(name).unwrap();
        of.iter().map(|(name, type_name)| ((*name).to_owned(), column_type(type_name))).collect()
    }

    fn metadata(attributes: &[(&str, &str)]) -> Metadata {
        let list: Vec<String> = attributes
            .iter()
            .map(|(name, of)| format!(r#"{{"LogicalName":"{name}","AttributeType":"{of}"}}"#))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("account.json");
        let text = format!(r#"[{{"LogicalName":"account","Attributes":[{}]}}]"#, list.join(","));
        std::fs::write(&file, text).unwrap();
        Metadata::read(&file).unwrap()
    }

    async fn open(store: &Store, attributes: &[(&str, &str)]) -> LakeSchemas {
        let records = Records::new(store.clone(), Backoff::for_store(1));
        let metadata = (!attributes.is_empty()).then(|| metadata(attributes));
        LakeSchemas::open(records, Catalog::new(), metadata.as_ref()).await.unwrap()
    }

    /// Types that a run without metadata finds.
    async fn in_lake(store: &Store) -> Option<ColumnTypes> {
        let schemas = open(store, &[]).await.schemas;
        let types = schemas.table("account").map(types_of);
        types.map(|types| types.map(|(column, lake)| (column, lake.unwrap())).collect())
    }

    #[tokio::test]
    async fn new_table_gets_stated_columns_with_its_first_file() {
        let store = Store::in_memory();
        let mut schemas = open(&store, &[("size", "Double"), ("born", "DateTime")]).await;
        assert_eq!(in_lake(&store).await, None, "a table without a file has no schema");
        assert!(
            schemas
                .ensure("account", &stated(Some(&columns(&[("name", "text"), ("size", "double")]))))
                .await
                .unwrap()
                .is_some()
        );
        let all = columns(&[("born", "datetime"), ("name", "text"), ("size", "double")]);
        assert_eq!(in_lake(&store).await, Some(all));
        assert!(
            schemas
                .ensure("contact", &stated(Some(&columns(&[("size", "number")]))))
                .await
                .unwrap()
                .is_some()
        );
    }

    #[tokio::test]
    async fn existing_table_is_extended_at_the_start_and_keeps_its_types() {
        let store = Store::in_memory();
        let mut first = open(&store, &[]).await;
        assert!(
            first
                .ensure("account", &stated(Some(&columns(&[("size", "number"), ("name", "text")]))))
                .await
                .unwrap()
                .is_some()
        );
        let stated = [("size", "Double"), ("name", "String"), ("rank", "Double")];
        drop(open(&store, &stated).await);
        let all = columns(&[("name", "text"), ("rank", "double"), ("size", "number")]);
        assert_eq!(in_lake(&store).await, Some(all.clone()));
        drop(open(&store, &[("rank", "Memo")]).await);
        assert_eq!(in_lake(&store).await, Some(all));
    }

    #[tokio::test]
    async fn first_of_two_runs_with_different_metadata_wins() {
        let store = Store::in_memory();
        let mut first = open(&store, &[("size", "Double"), ("rank", "Integer")]).await;
        let mut second = open(&store, &[("size", "Decimal"), ("age", "BigInt")]).await;
        assert!(
            first.ensure("account", &stated(Some(&columns(&[("size", "double")])))).await.unwrap().is_some()
        );
        // Its file has another column, so only stated columns yield to the lake.
        assert!(
            second.ensure("account", &stated(Some(&columns(&[("name", "text")])))).await.unwrap().is_some()
        );
        let all = [("age", "int64"), ("name", "text"), ("rank", "int32"), ("size", "double")];
        assert_eq!(in_lake(&store).await, Some(columns(&all)));
        // Its file has the column with the other type and is not committed.
        assert!(
            second
                .ensure("account", &stated(Some(&columns(&[("size", "decimal")]))))
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            second.ensure("account", &stated(Some(&columns(&[("size", "double")])))).await.unwrap().is_some()
        );
        assert_eq!(in_lake(&store).await, Some(columns(&all)));
    }
}
