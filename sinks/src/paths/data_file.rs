//! The keys of data files, and the destinations that they belong to.

use std::sync::Arc;

use crate::store::Key;
use serde::{Deserialize, Serialize};

use super::date::Date;
use super::key::{RECORDS_FOLDER, literal};
use super::source::SourceId;
use super::table::folder_name;
use crate::ordinals::Ordinal;

/// The day of a row's event, as readers prune by it. Query engines read the folder's name as a column, so no table has
/// a column of this name.
pub const DATE_COLUMN: &str = "enqueued_date";

/// The glob of a table's data files, below its folder: the lake's promise to readers.
pub const DATA_GLOB: &str = "enqueued_date=*/*.cw.parquet";

/// `<DATE_COLUMN>=`, the form of Hive partitions.
const DATE_PREFIX: &str = "enqueued_date=";

/// Suffix of every data file: files of other programs in the same folder do not have it.
pub(super) const DATA_SUFFIX: &str = ".cw.parquet";

/// The destination of a row: the chain of files of one table, one day and one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Destination {
    /// The table's true name; [`folder_name`] makes a folder of it.
    pub table: Arc<str>,
    /// The day on which the source accepted the row's event.
    pub date: Date,
    /// The log that the row comes from.
    pub source: SourceId,
}

/// The parts of a data file's path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataFileName {
    /// The table's folder; the footer has its true name.
    pub folder: String,
    /// The day of the destination.
    pub date: Date,
    /// The source of the destination.
    pub source: SourceId,
    /// One past the last row of the destination's previous file, 0 for its first file.
    pub continues_at: Ordinal,
}

impl DataFileName {
    /// The key of the file.
    pub fn path(&self) -> Key {
        literal(format!("{}/{}{DATA_SUFFIX}", day_folder(&self.folder, self.date), data_stem(self)))
    }
}

/// The key of a data file.
///
/// # Shape
/// `<table>/enqueued_date=2026-11-22/<source>-00000000000000001003.cw.parquet`: twenty digits hold every
/// ordinal, so names sort in the order of the chain.
pub fn data_file(destination: &Destination, continues_at: Ordinal) -> Key {
    let folder = folder_name(&destination.table);
    DataFileName { folder, date: destination.date, source: destination.source.clone(), continues_at }.path()
}

/// Parses a data file's key; `None` for anything that [`data_file`] does not produce.
pub fn parse_data_file(path: &Key) -> Option<DataFileName> {
    let mut parts = path.as_ref().split('/');
    let (folder, day, file) = (parts.next()?, parts.next()?, parts.next()?);
    let date = day.strip_prefix(DATE_PREFIX)?.parse().ok()?;
    let (source, continues_at) = parse_data_stem(file.strip_suffix(DATA_SUFFIX)?)?;
    let name = DataFileName { folder: folder.to_owned(), date, source, continues_at };
    (name.path() == *path && folder != RECORDS_FOLDER).then_some(name)
}

/// The folder with the files of one table and day, of every source.
pub fn date_folder(table: &str, date: Date) -> Key {
    literal(day_folder(&folder_name(table), date))
}

/// Parses the day out of the name of a [`date_folder`].
pub fn parse_date_folder(name: &str) -> Option<Date> {
    name.strip_prefix(DATE_PREFIX)?.parse().ok()
}

/// True if [`DATA_GLOB`] matches a key.
pub fn is_met_by_glob(path: &Key) -> bool {
    let parts: Vec<&str> = path.as_ref().split('/').collect();
    matches!(parts[..], [_, day, file] if day.starts_with(DATE_PREFIX) && file.ends_with(DATA_SUFFIX))
}

/// True if a key is that of a Parquet file, of any program. Folders that begin with `_` hold logs and files of later
/// versions; readers of a table's folder skip them.
pub fn is_parquet(path: &Key) -> bool {
    let is_hidden = path.as_ref().split('/').skip(1).any(|part| part.starts_with('_'));
    path.as_ref().ends_with(".parquet") && !is_hidden
}

pub(super) fn day_folder(folder: &str, date: Date) -> String {
    format!("{folder}/{DATE_PREFIX}{date}")
}

/// A data file's name without its folders and its suffix.
pub(super) fn data_stem(name: &DataFileName) -> String {
    format!("{}-{:020}", name.source, name.continues_at.get())
}

/// Parses a [`data_stem`]. Accepts other forms of the number too, which the caller has to reject.
pub(super) fn parse_data_stem(stem: &str) -> Option<(SourceId, Ordinal)> {
    let (source, ordinal) = stem.rsplit_once('-')?;
    Some((source.parse().ok()?, Ordinal::new(ordinal.parse().ok()?)))
}
