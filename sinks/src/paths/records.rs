//! The keys of the lake's identity, schemas, origins and rules.

use crate::store::Key;

use super::escape::{bounded, is_plain_in_log};
use super::key::record;
use super::source::SourceId;
use super::table::folder_name;

/// The identity of a lake: written once, before anything else.
pub fn lake_record() -> Key {
    record("lake.json")
}

/// The `n`th schema of a table.
pub fn schema(table: &str, n: u64) -> Key {
    schema_in(&folder_name(table), n)
}

/// The `n`th schema of the table with this folder.
pub fn schema_in(folder: &str, n: u64) -> Key {
    record(&format!("schema/{folder}/{n}.json"))
}

/// Parses the table's folder and number out of the key of a [`schema`].
pub fn parse_schema(path: &Key) -> Option<(String, u64)> {
    let (folder, file) =
        path.as_ref().strip_prefix(schema_folder().as_ref())?.strip_prefix('/')?.split_once('/')?;
    let n = file.strip_suffix(".json")?.parse().ok()?;
    (schema_in(folder, n) == *path).then(|| (folder.to_owned(), n))
}

/// The folder with a folder of schemas for each table.
pub fn schema_folder() -> Key {
    record("schema")
}

/// The folder with the schemas of one table.
pub fn schema_folder_of(table: &str) -> Key {
    record(&format!("schema/{}", folder_name(table)))
}

/// The first ordinal of a source in this lake.
pub fn origin(source: &SourceId) -> Key {
    record(&format!("origin/{source}.json"))
}

/// The folder of all [`origin`] records.
pub fn origin_folder() -> Key {
    record("origin")
}

/// The partitions that a log had when the lake first read it. `source` is any of them.
pub fn first_start(source: &SourceId) -> Key {
    record(&format!("start/{}.json", log_of(source)))
}

/// True if a key is that of a [`first_start`] record.
pub fn is_first_start(path: &Key) -> bool {
    let log = path.filename().and_then(|name| name.strip_suffix(".json"));
    let source = log.and_then(|log| format!("{log}-p0000").parse::<SourceId>().ok());
    source.is_some_and(|source| first_start(&source) == *path)
}

/// The folder of all [`first_start`] records.
pub fn first_start_folder() -> Key {
    record("start")
}

/// True if a key is that of a [`first_start`] record of the same log, created at another time.
pub fn is_first_start_of_other_generation(path: &Key, source: &SourceId) -> bool {
    let name_of = |path: &Key| Some(path.filename()?.rsplit_once('-')?.0.to_owned());
    let own = first_start(source);
    is_first_start(path) && *path != own && name_of(path) == name_of(&own)
}

/// A further name of the namespace of a log. `source` is any of its partitions.
pub fn further_name(source: &SourceId, namespace: &str) -> Key {
    let namespace = bounded("", &namespace.to_lowercase(), is_plain_in_log);
    record(&format!("names/{}/{namespace}.json", log_of(source)))
}

/// The folder with a folder of [`further_name`] records for each log.
pub fn further_name_folder() -> Key {
    record("names")
}

/// True if a key is that of a [`further_name`] record.
pub fn is_further_name(path: &Key) -> bool {
    let below = path.as_ref().strip_prefix(further_name_folder().as_ref());
    let parts = below.and_then(|below| below.strip_prefix('/')?.strip_suffix(".json")?.split_once('/'));
    parts.is_some_and(|(log, namespace)| {
        format!("{log}-p0000").parse::<SourceId>().is_ok() && !namespace.contains('/')
    })
}

/// The `n`th version of a source's routing rules, and where it begins.
pub fn rules(source: &SourceId, n: u64) -> Key {
    record(&format!("rules/{source}-{n}.json"))
}

/// The folder of all [`rules`] records.
pub fn rules_folder() -> Key {
    record("rules")
}

/// Parses the source out of the key of an [`origin`] record.
pub fn parse_origin(path: &Key) -> Option<SourceId> {
    let source = path.filename()?.strip_suffix(".json")?.parse().ok()?;
    (origin(&source) == *path).then_some(source)
}

/// Parses source and number out of the key of a [`rules`] record.
pub fn parse_rules(path: &Key) -> Option<(SourceId, u64)> {
    let (source, n) = path.filename()?.strip_suffix(".json")?.rsplit_once('-')?;
    let (source, n) = (source.parse().ok()?, n.parse().ok()?);
    (rules(&source, n) == *path).then_some((source, n))
}

/// Name and generation of a source's log.
fn log_of(source: &SourceId) -> &str {
    source.as_str().rsplit_once("-p").map_or(source.as_str(), |(log, _)| log)
}
