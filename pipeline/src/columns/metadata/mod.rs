//! Table metadata of Dataverse, as its Web API returns it, becomes column types.
//!
//! Owns: the files that are read, and joining several or finding contradictions. Does not own: the form of a response
//! (`response`), the column type of an attribute type (`kinds`), what becomes the lake's (`run`).

mod response; // one response of the Web API
mod error; // what can be wrong with responses
mod kinds; // attribute types and column types

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

pub use self::error::Error;
pub(super) use self::kinds::attribute_type;

use self::kinds::Fact;
use self::response::{Owner, Response, Statement};
use super::names::column_name;
use super::schema::{ColumnType, ColumnTypes};
use crate::event::{MESSAGES, QUARANTINE};

/// The column types that metadata states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    tables: BTreeMap<String, ColumnTypes>,
    /// Columns of dates without a `DateTimeBehavior`, by table.
    undecided_dates: BTreeMap<String, Vec<String>>,
}

impl Metadata {
    /// Reads a file, or all `.json` files of a folder in the order of their names.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut sources = Vec::new();
        for path in files(path)? {
            let bytes = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
            sources.push((path, bytes));
        }
        let metadata = Self::of(&sources)?;
        if metadata.tables.is_empty() {
            return Err(Error::NoTypes(path.to_owned()));
        }
        Ok(metadata)
    }

    /// Date columns of a table without a stated `DateTimeBehavior`.
    pub fn undecided_dates(&self, table: &str) -> &[String] {
        self.undecided_dates.get(table).map_or(&[], Vec::as_slice)
    }

    /// Reads one response; errors give `name` as its file.
    pub fn from_response(name: &str, response: &str) -> Result<Self, Error> {
        Self::of(&[(PathBuf::from(name), response.as_bytes().to_vec())])
    }

    /// The stated column types of each table.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &ColumnTypes)> {
        self.tables.iter().map(|(table, columns)| (table.as_str(), columns))
    }

    /// The metadata of files with these bytes.
    fn of(sources: &[(PathBuf, Vec<u8>)]) -> Result<Self, Error> {
        let mut responses = Vec::new();
        for (path, bytes) in sources {
            responses.push((path.as_path(), Response::read(path, bytes)?));
        }
        let ids = responses.iter().flat_map(|(_, response)| response.ids.iter().cloned()).collect();
        let mut facts = Facts::new();
        for (path, response) in &responses {
            for statement in &response.statements {
                let table = owner(&ids, statement, path)?;
                let known = facts.entry((table, &statement.attribute)).or_default();
                agree(known, path, statement, table)?;
                known.push((path, &statement.fact));
            }
        }
        Ok(columns(facts))
    }
}

/// Facts by (table, attribute), each with its file.
type Facts<'a> = BTreeMap<(&'a str, &'a str), Vec<(&'a Path, &'a Fact)>>;

/// Checks that a statement does not contradict the known facts of its attribute.
fn agree(known: &[(&Path, &Fact)], path: &Path, statement: &Statement, table: &str) -> Result<(), Error> {
    let differing =
        known.iter().find_map(|(first, fact)| Some((first, fact.contradiction(&statement.fact)?)));
    let Some((first, (one, other))) = differing else { return Ok(()) };
    Err(Error::Contradiction {
        table: table.to_owned(),
        attribute: statement.attribute.clone(),
        one,
        first: first.to_path_buf(),
        other,
        second: path.to_owned(),
        place: statement.place.clone(),
    })
}

/// The columns whose types are stated.
fn columns(facts: Facts<'_>) -> Metadata {
    let mut tables: BTreeMap<String, ColumnTypes> = BTreeMap::new();
    let mut undecided_dates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((table, attribute), facts) in facts {
        let fact = facts.into_iter().fold(Fact::default(), |known, (_, fact)| known.and(fact));
        // Tables of ours have no attributes.
        if let Some(column_type) = fact.column_type()
            && ![MESSAGES, QUARANTINE].contains(&table)
        {
            let column = column_name(attribute).into_owned();
            if column_type == ColumnType::Datetime && fact.behavior.is_none() {
                undecided_dates.entry(table.to_owned()).or_default().push(column.clone());
            }
            tables.entry(table.to_owned()).or_default().insert(column, column_type);
        }
    }
    Metadata { tables, undecided_dates }
}

/// The file at a path, or the files of the folder at it.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() { Err(Error::Nothing(path.to_owned())) } else { Ok(files) }
}

/// The table of a statement's attribute.
fn owner<'a>(
    ids: &'a HashMap<String, String>,
    statement: &'a Statement,
    path: &Path,
) -> Result<&'a str, Error> {
    match &statement.owner {
        Owner::Table(table) => Ok(table),
        Owner::Id(id) => ids.get(id).map(String::as_str).ok_or_else(|| Error::Shape {
            path: path.to_owned(),
            place: statement.place.clone(),
            what: format!("it is of the table with the MetadataId {id}, which none of the files names"),
        }),
    }
}

#[cfg(test)]
mod tests;
