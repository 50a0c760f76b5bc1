//! The keys of a redrive: the plans of a quarantine file, and the files that its rows go to.

use object_store::path::Path;

use super::{
    DATA_SUFFIX, DataFileName, Date, QUARANTINE_TABLE, RECORDS_FOLDER, data_stem, day_folder, folder_name,
    literal, parse_data_stem, parse_date_folder, record,
};

/// What the path of a redriven file says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RedrivenFileName {
    /// The quarantine file whose rows these are.
    pub quarantine: DataFileName,
    /// Which of that file's plans brought them here.
    pub n: u64,
    /// The table's folder; the footer has its true name.
    pub folder: String,
}

/// The key of the `n`th plan of a quarantine file, counted from 1.
///
/// # Shape
/// `_catchwater/redrive/2026-11-22/<source>-00000000000000001003-1.json`
pub fn redrive_plan(quarantine: &DataFileName, n: u64) -> Path {
    record(&format!("redrive/{}/{}-{n}.json", quarantine.date, data_stem(quarantine)))
}

/// The folder of all [`redrive_plan`]s.
pub fn redrive_folder() -> Path {
    record("redrive")
}

/// Reads quarantine file and number out of the key of a [`redrive_plan`].
pub fn parse_redrive_plan(path: &Path) -> Option<(DataFileName, u64)> {
    let rest = path.as_ref().strip_prefix(redrive_folder().as_ref())?.strip_prefix('/')?;
    let (date, file) = rest.split_once('/')?;
    let (stem, n) = file.strip_suffix(".json")?.rsplit_once('-')?;
    let (quarantine, n) = (quarantine_file(date.parse().ok()?, stem)?, n.parse().ok()?);
    (n > 0 && redrive_plan(&quarantine, n) == *path).then_some((quarantine, n))
}

/// The key of the file with the rows that the `n`th plan of a quarantine file brings to one table.
///
/// # Shape
/// `<table>/enqueued_date=2026-11-22/<source>-00000000000000001003-r1.cw.parquet`: the quarantine file's name with
/// a suffix. No name of a chain ends like this, so that chains never meet it.
pub fn redriven_file(table: &str, quarantine: &DataFileName, n: u64) -> Path {
    RedrivenFileName { quarantine: quarantine.clone(), n, folder: folder_name(table) }.path()
}

/// Reads a redriven file's key; anything that [`redriven_file`] would not spell is `None`.
pub fn parse_redriven_file(path: &Path) -> Option<RedrivenFileName> {
    let mut parts = path.as_ref().split('/');
    let (folder, day, file) = (parts.next()?, parts.next()?, parts.next()?);
    let (stem, n) = file.strip_suffix(DATA_SUFFIX)?.rsplit_once("-r")?;
    let quarantine = quarantine_file(parse_date_folder(day)?, stem)?;
    let name = RedrivenFileName { quarantine, n: n.parse().ok()?, folder: folder.to_owned() };
    let is_table = folder != RECORDS_FOLDER && folder != QUARANTINE_TABLE;
    (name.n > 0 && is_table && name.path() == *path).then_some(name)
}

impl RedrivenFileName {
    /// The key this was read from.
    pub fn path(&self) -> Path {
        let (day, stem) = (day_folder(&self.folder, self.quarantine.date), data_stem(&self.quarantine));
        literal(format!("{day}/{stem}-r{}{DATA_SUFFIX}", self.n))
    }
}

fn quarantine_file(date: Date, stem: &str) -> Option<DataFileName> {
    let (source, continues_at) = parse_data_stem(stem)?;
    Some(DataFileName { folder: QUARANTINE_TABLE.to_owned(), date, source, continues_at })
}
