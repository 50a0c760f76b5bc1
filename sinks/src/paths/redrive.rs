//! The keys of redrives: the plans of a quarantine file, and the files that its rows go to.

use crate::store::Key;

use super::data_file::{
    DATA_SUFFIX, DataFileName, data_stem, day_folder, parse_data_stem, parse_date_folder,
};
use super::date::Date;
use super::key::{RECORDS_FOLDER, literal, record};
use super::table::{QUARANTINE_TABLE, folder_name};

/// The parts of a redriven file's path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RedrivenFileName {
    /// The quarantine file whose rows these are.
    pub quarantine: DataFileName,
    /// The number of the plan that moved them here, from 1.
    pub n: u64,
    /// The table's folder; the footer has its true name.
    pub folder: String,
}

/// The key of the `n`th plan of a quarantine file, counted from 1.
///
/// # Shape
/// `_catchwater/redrive/2026-11-22/<source>-00000000000000001003-1.json`
pub fn redrive_plan(quarantine: &DataFileName, n: u64) -> Key {
    record(&format!("redrive/{}/{}-{n}.json", quarantine.date, data_stem(quarantine)))
}

/// The folder of all [`redrive_plan`]s.
pub fn redrive_folder() -> Key {
    record("redrive")
}

/// Parses quarantine file and number out of the key of a [`redrive_plan`].
pub fn parse_redrive_plan(path: &Key) -> Option<(DataFileName, u64)> {
    let rest = path.as_ref().strip_prefix(redrive_folder().as_ref())?.strip_prefix('/')?;
    let (date, file) = rest.split_once('/')?;
    let (stem, n) = file.strip_suffix(".json")?.rsplit_once('-')?;
    let (quarantine, n) = (quarantine_file(date.parse().ok()?, stem)?, n.parse().ok()?);
    (n > 0 && redrive_plan(&quarantine, n) == *path).then_some((quarantine, n))
}

/// The key of the file with the rows that the `n`th plan of a quarantine file moves to one table.
///
/// # Shape
/// `<table>/enqueued_date=2026-11-22/<source>-00000000000000001003-r1.cw.parquet`: the quarantine file's name
/// with a suffix. No file of a chain has this suffix, so chains never meet it.
pub fn redriven_file(table: &str, quarantine: &DataFileName, n: u64) -> Key {
    RedrivenFileName { quarantine: quarantine.clone(), n, folder: folder_name(table) }.path()
}

/// Parses a redriven file's key; `None` for anything that [`redriven_file`] does not produce.
pub fn parse_redriven_file(path: &Key) -> Option<RedrivenFileName> {
    let mut parts = path.as_ref().split('/');
    let (folder, day, file) = (parts.next()?, parts.next()?, parts.next()?);
    let (stem, n) = file.strip_suffix(DATA_SUFFIX)?.rsplit_once("-r")?;
    let quarantine = quarantine_file(parse_date_folder(day)?, stem)?;
    let name = RedrivenFileName { quarantine, n: n.parse().ok()?, folder: folder.to_owned() };
    let is_table = folder != RECORDS_FOLDER && folder != QUARANTINE_TABLE;
    (name.n > 0 && is_table && name.path() == *path).then_some(name)
}

impl RedrivenFileName {
    /// The key of the file.
    pub fn path(&self) -> Key {
        let (day, stem) = (day_folder(&self.folder, self.quarantine.date), data_stem(&self.quarantine));
        literal(format!("{day}/{stem}-r{}{DATA_SUFFIX}", self.n))
    }
}

fn quarantine_file(date: Date, stem: &str) -> Option<DataFileName> {
    let (source, continues_at) = parse_data_stem(stem)?;
    Some(DataFileName { folder: QUARANTINE_TABLE.to_owned(), date, source, continues_at })
}
