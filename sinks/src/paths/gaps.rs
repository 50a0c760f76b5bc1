//! The keys of records of ordinals without a row: given up, accepted as gaps, or forgotten.

use crate::store::Key;

use super::key::record;
use super::source::SourceId;
use super::table::folder_name;
use crate::ordinals::Ordinal;

/// The reason why ordinals of a source never get a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapCause {
    /// The hub skipped them.
    NotSent,
    /// Deliveries without a readable number were dropped between their neighbours.
    Unreadable,
}

impl GapCause {
    /// All causes.
    pub const ALL: [Self; 2] = [Self::NotSent, Self::Unreadable];

    fn folder(self) -> &'static str {
        match self {
            Self::NotSent => "gaps",
            Self::Unreadable => "skipped",
        }
    }
}

/// A record of accepted gaps of a source, by the first ordinal that it covers.
pub fn gap_record(cause: GapCause, source: &SourceId, from: Ordinal) -> Key {
    record(&format!("{}/{source}-{from}.json", cause.folder()))
}

/// The folder of all [`gap_record`]s of one cause.
pub fn gap_folder(cause: GapCause) -> Key {
    record(cause.folder())
}

/// Parses cause, source and first ordinal out of the key of a [`gap_record`].
pub fn parse_gap_record(path: &Key) -> Option<(GapCause, SourceId, Ordinal)> {
    let (source, from) = path.filename()?.strip_suffix(".json")?.rsplit_once('-')?;
    let (source, from) = (source.parse().ok()?, Ordinal::new(from.parse().ok()?));
    let cause = GapCause::ALL.into_iter().find(|cause| gap_record(*cause, &source, from) == *path)?;
    Some((cause, source, from))
}

/// A range of a source that was given up, by its first ordinal.
pub fn lost(source: &SourceId, from: Ordinal) -> Key {
    record(&format!("lost/{source}-{from}.json"))
}

/// The folder of all [`lost`] records.
pub fn lost_folder() -> Key {
    record("lost")
}

/// Parses source and first ordinal out of the key of a [`lost`] record.
pub fn parse_lost(path: &Key) -> Option<(SourceId, Ordinal)> {
    let (source, from) = path.filename()?.strip_suffix(".json")?.rsplit_once('-')?;
    let (source, from) = (source.parse().ok()?, Ordinal::new(from.parse().ok()?));
    (lost(&source, from) == *path).then_some((source, from))
}

/// The `n`th record of forgotten days of a table.
pub fn forgotten(table: &str, n: u64) -> Key {
    forgotten_in(&folder_name(table), n)
}

/// The folder with a folder of [`forgotten`] records for each table.
pub fn forgotten_folder() -> Key {
    record("forgotten")
}

/// Parses the table's folder and number out of the key of a [`forgotten`] record.
pub fn parse_forgotten(path: &Key) -> Option<(String, u64)> {
    let rest = path.as_ref().strip_prefix(forgotten_folder().as_ref())?.strip_prefix('/')?;
    let (folder, file) = rest.split_once('/')?;
    let n = file.strip_suffix(".json")?.parse().ok()?;
    (forgotten_in(folder, n) == *path).then(|| (folder.to_owned(), n))
}

fn forgotten_in(folder: &str, n: u64) -> Key {
    record(&format!("forgotten/{folder}/{n}.json"))
}
