//! The keys of a lake: the only place that spells or reads one.
//!
//! Every name below is one-to-one, ignoring case, with what it names: two destinations that shared a path
//! would take each other's rows for their own (rule 11 of the commit protocol).
//! Does not own what stands under a key, nor who may write it when.

mod date;
mod escape; // names in the alphabet of keys
mod gaps; // the keys of records of numbers without a row
mod redrive; // the keys of plans and of what they bring into tables

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use escape::{bounded, escape, is_escaped, is_plain_in_log, is_plain_in_table};

pub use date::Date;
pub use gaps::{
    GapCause, forgotten, forgotten_folder, gap_folder, gap_record, lost, lost_folder, parse_forgotten,
    parse_gap_record, parse_lost,
};
pub use redrive::{
    RedrivenFileName, parse_redrive_plan, parse_redriven_file, redrive_folder, redrive_plan, redriven_file,
};

/// The folder of everything in a lake that is no table.
pub const RECORDS_FOLDER: &str = "_catchwater";

/// The tables that are ours: they begin with `_`, as no foreign table's folder does.
pub const OWN_TABLES: [&str; 2] = ["_messages", QUARANTINE_TABLE];

/// The table of bodies that can't be understood.
pub const QUARANTINE_TABLE: &str = "_quarantine";

/// A place in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ordinal(pub i64);

impl fmt::Display for Ordinal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// One ordered log, as its name stands in file names: `<log>-<generation>-p<partition>`.
///
/// # Shape
/// `orders.servicebus-1763800000000-p0007`. The log's name is folded to lower case, for logs are named
/// ignoring case, and escaped to `[a-z0-9._-]`; a name of more than [`MAX_NAME_BYTES`] keeps a prefix and
/// gets its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceId(Arc<str>);

impl SourceId {
    /// Names a partition of one generation of a log.
    ///
    /// `log` is whatever tells the logs apart that may ever write into one lake: a caller whose logs are
    /// only unique within a namespace puts the namespace into it.
    ///
    /// # Units
    /// `generation` is the log's creation time in unix milliseconds.
    pub fn new(log: &str, generation: i64, partition: u32) -> Self {
        let folded = log.to_lowercase();
        let log = bounded("", &folded, is_plain_in_log);
        // A minus would read as one more hyphen of the log's name.
        let sign = if generation < 0 { "n" } else { "" };
        Self(format!("{log}-{sign}{}-p{partition:04}", generation.unsigned_abs()).into())
    }

    /// The name as it stands in paths.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Reads back what [`SourceId::new`] wrote, and nothing else.
impl FromStr for SourceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::SourceId { text: text.to_owned() };
        let (rest, partition) = text.rsplit_once("-p").ok_or_else(invalid)?;
        let (log, generation) = rest.rsplit_once('-').ok_or_else(invalid)?;
        let number: u64 =
            generation.strip_prefix('n').unwrap_or(generation).parse().map_err(|_| invalid())?;
        let partition: u32 = partition.parse().map_err(|_| invalid())?;
        let sign = if generation.starts_with('n') { "n" } else { "" };
        // Spelling it again refuses "+7", "007" and every other second spelling of a number.
        let again = format!("{log}-{sign}{number}-p{partition:04}");
        if again != text || !is_escaped(log, is_plain_in_log) {
            return Err(invalid());
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for SourceId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<SourceId> for String {
    fn from(source: SourceId) -> Self {
        source.0.as_ref().to_owned()
    }
}

/// Where a row goes: a chain of files of one table, one day and one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// The table's true name; [`folder_name`] makes a folder of it.
    pub table: Arc<str>,
    /// The day the row's event was taken in.
    pub date: Date,
    /// The log the row comes from.
    pub source: SourceId,
}

/// What the path of a data file says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataFileName {
    /// The table's folder; the footer has its true name.
    pub folder: String,
    /// The day of the destination.
    pub date: Date,
    /// The source of the destination.
    pub source: SourceId,
    /// One past the last row of the destination's file before this, 0 for its first.
    pub continues_at: Ordinal,
}

/// A text that is no name of ours.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a source.
    #[error("{text:?} is not a source: expected <log>-<generation>-p<partition>")]
    SourceId {
        /// What was read.
        text: String,
    },
    /// Not a day.
    #[error("{text:?} is not a day: expected year-month-day as in 2026-11-22")]
    Date {
        /// What was read.
        text: String,
    },
}

/// The folder of a table.
///
/// # Shape
/// A name of `[a-z0-9_]` that begins with no `_` is its own folder, as are [`OWN_TABLES`]. Every other name
/// is percent-encoded behind `table$`, and beyond [`MAX_NAME_BYTES`] a prefix and its hash stand there.
pub fn folder_name(table: &str) -> String {
    if OWN_TABLES.contains(&table) {
        return table.to_owned();
    }
    let encoded = escape(table, is_plain_in_table);
    let plain = encoded == table && !table.is_empty() && !table.starts_with('_');
    if plain && table.len() <= MAX_NAME_BYTES {
        return encoded;
    }
    bounded(ESCAPED, table, is_plain_in_table)
}

/// True if a folder's name is one that [`folder_name`] gives: no other folder in a lake's root is entered. `lost+found`
/// of a volume, the folders of other programs and hidden ones may be unreadable, and nothing in them is the lake's.
pub fn is_table_folder(name: &str) -> bool {
    if OWN_TABLES.contains(&name) {
        return true;
    }
    let is_spelled = match name.strip_prefix(ESCAPED) {
        Some(escaped) => is_escaped(escaped, is_plain_in_table),
        None => !name.is_empty() && !name.starts_with('_') && name.bytes().all(is_plain_in_table),
    };
    is_spelled && name.len() <= MAX_NAME_BYTES
}

/// The key of a data file.
///
/// # Shape
/// `<table>/enqueued_date=2026-11-22/<source>-00000000000000001003.cw.parquet`: twenty digits hold every
/// ordinal, so that names sort as their files follow each other.
pub fn data_file(destination: &Destination, continues_at: Ordinal) -> Path {
    let folder = folder_name(&destination.table);
    DataFileName { folder, date: destination.date, source: destination.source.clone(), continues_at }.path()
}

/// Reads a data file's key; anything that [`data_file`] would not spell is `None`.
pub fn parse_data_file(path: &Path) -> Option<DataFileName> {
    let mut parts = path.as_ref().split('/');
    let (folder, day, file) = (parts.next()?, parts.next()?, parts.next()?);
    let date = day.strip_prefix(DATE_PREFIX)?.parse().ok()?;
    let (source, continues_at) = parse_data_stem(file.strip_suffix(DATA_SUFFIX)?)?;
    let name = DataFileName { folder: folder.to_owned(), date, source, continues_at };
    (name.path() == *path && folder != RECORDS_FOLDER).then_some(name)
}

impl DataFileName {
    /// The key this was read from.
    pub fn path(&self) -> Path {
        literal(format!("{}/{}{DATA_SUFFIX}", day_folder(&self.folder, self.date), data_stem(self)))
    }
}

/// The folder with the files of one table, before its days.
pub fn table_folder(table: &str) -> Path {
    literal(folder_name(table))
}

/// The folder with the files of one table and day, of every source.
pub fn date_folder(table: &str, date: Date) -> Path {
    literal(day_folder(&folder_name(table), date))
}

/// A folder below the top by names that came out of a listing.
pub fn listed_folder(names: &[&str]) -> Path {
    literal(names.join("/"))
}

/// Reads the day out of the name of a [`date_folder`].
pub fn parse_date_folder(name: &str) -> Option<Date> {
    name.strip_prefix(DATE_PREFIX)?.parse().ok()
}

/// What tells a lake apart from every other: written once, before anything else.
pub fn lake_record() -> Path {
    record("lake.json")
}

/// The `n`th schema of a table.
pub fn schema(table: &str, n: u64) -> Path {
    schema_in(&folder_name(table), n)
}

/// The `n`th schema of the table with this folder.
pub fn schema_in(folder: &str, n: u64) -> Path {
    record(&format!("schema/{folder}/{n}.json"))
}

/// Reads the table's folder and number out of the key of a [`schema`].
pub fn parse_schema(path: &Path) -> Option<(String, u64)> {
    let (folder, file) =
        path.as_ref().strip_prefix(schema_folder().as_ref())?.strip_prefix('/')?.split_once('/')?;
    let n = file.strip_suffix(".json")?.parse().ok()?;
    (schema_in(folder, n) == *path).then(|| (folder.to_owned(), n))
}

/// The folder with a folder of schemas for each table.
pub fn schema_folder() -> Path {
    record("schema")
}

/// The folder with the schemas of one table.
pub fn schema_folder_of(table: &str) -> Path {
    record(&format!("schema/{}", folder_name(table)))
}

/// Where a source begins in this lake.
pub fn origin(source: &SourceId) -> Path {
    record(&format!("origin/{source}.json"))
}

/// The folder of all [`origin`] records.
pub fn origin_folder() -> Path {
    record("origin")
}

/// The partitions that a log had when the lake first read it. `source` is any of them.
pub fn first_start(source: &SourceId) -> Path {
    let log = source.as_str().rsplit_once("-p").map_or(source.as_str(), |(log, _)| log);
    record(&format!("start/{log}.json"))
}

/// Whether a key is that of a [`first_start`] record.
pub fn is_first_start(path: &Path) -> bool {
    let log = path.filename().and_then(|name| name.strip_suffix(".json"));
    let source = log.and_then(|log| format!("{log}-p0000").parse::<SourceId>().ok());
    source.is_some_and(|source| first_start(&source) == *path)
}

/// The folder of all [`first_start`] records.
pub fn first_start_folder() -> Path {
    record("start")
}

/// From where on the `n`th set of routing rules holds for a source.
pub fn rules(source: &SourceId, n: u64) -> Path {
    record(&format!("rules/{source}-{n}.json"))
}

/// The folder of all [`rules`] records.
pub fn rules_folder() -> Path {
    record("rules")
}

/// Reads the source out of the key of an [`origin`] record.
pub fn parse_origin(path: &Path) -> Option<SourceId> {
    let source = path.filename()?.strip_suffix(".json")?.parse().ok()?;
    (origin(&source) == *path).then_some(source)
}

/// Reads source and number out of the key of a [`rules`] record.
pub fn parse_rules(path: &Path) -> Option<(SourceId, u64)> {
    let (source, n) = path.filename()?.strip_suffix(".json")?.rsplit_once('-')?;
    let (source, n) = (source.parse().ok()?, n.parse().ok()?);
    (rules(&source, n) == *path).then_some((source, n))
}

/// Readers prune by this name; a query engine takes it for a column, so no table has a column of that name.
pub const DATE_COLUMN: &str = "enqueued_date";

/// `<DATE_COLUMN>=`, as Hive partitions are spelled.
const DATE_PREFIX: &str = "enqueued_date=";

/// The end of every data file's name: a file of another program that lies beside is not taken for one.
const DATA_SUFFIX: &str = ".cw.parquet";

/// The glob of a table's data files, behind its folder: what readers are promised.
pub const DATA_GLOB: &str = "enqueued_date=*/*.cw.parquet";

/// Whether [`DATA_GLOB`] finds a key.
pub fn is_met_by_glob(path: &Path) -> bool {
    let parts: Vec<&str> = path.as_ref().split('/').collect();
    matches!(parts[..], [_, day, file] if day.starts_with(DATE_PREFIX) && file.ends_with(DATA_SUFFIX))
}

/// Whether a key is that of a Parquet file, by whatever program. Folders that begin with `_` are for logs and for files of
/// later versions: readers of a table's folder pass over them.
pub fn is_parquet(path: &Path) -> bool {
    let is_hidden = path.as_ref().split('/').skip(1).any(|part| part.starts_with('_'));
    path.as_ref().ends_with(".parquet") && !is_hidden
}

/// Stands before a table's name that is not its own folder.
const ESCAPED: &str = "table$";

/// The longest name of a table or a log that stands in a path as it is.
///
/// # Units
/// Bytes. A file name holds 255 on every file system; source, ordinal, number of a redrive, ending and the
/// local store's staging suffix add up to 80 at most.
pub const MAX_NAME_BYTES: usize = 120;

fn day_folder(folder: &str, date: Date) -> String {
    format!("{folder}/{DATE_PREFIX}{date}")
}

/// A data file's name without its folders and its ending.
fn data_stem(name: &DataFileName) -> String {
    format!("{}-{:020}", name.source, name.continues_at.0)
}

/// Reads what [`data_stem`] wrote; other spellings too, which the caller has to refuse.
fn parse_data_stem(stem: &str) -> Option<(SourceId, Ordinal)> {
    let (source, ordinal) = stem.rsplit_once('-')?;
    Some((source.parse().ok()?, Ordinal(ordinal.parse().ok()?)))
}

fn record(rest: &str) -> Path {
    literal(format!("{RECORDS_FOLDER}/{rest}"))
}

/// A path from text that is already in the alphabet of keys.
fn literal(key: String) -> Path {
    // `Path::from` would encode our `%` once more; `parse` refuses only empty, `.` and `..` segments and
    // control characters, and neither comes out of `escape`.
    Path::parse(&key).unwrap_or_else(|_| Path::from(key))
}

#[cfg(test)]
mod tests;
