//! Inputs for the checks of the fuzz targets: files of `tests/data`, and random bytes that stay the same.

#![expect(clippy::unwrap_used, reason = "a file that can't be read has to fail")]

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of `tests/data`.
#[allow(dead_code, reason = "each test binary takes what it needs")]
pub(crate) fn data_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The contents of all files of a folder; none if the folder does not exist.
pub(crate) fn contents(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// Random byte strings of one length, the same in each run.
pub(crate) fn random_bytes(count: usize, length: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(1);
    std::iter::repeat_with(move || std::iter::repeat_with(|| random.u8(..)).take(length).collect())
        .take(count)
}
