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

/// Makes random inputs out of seeds: pieces of them, changed, repeated, removed and put together.
#[derive(Debug)]
#[allow(dead_code, reason = "each test binary takes what it needs")]
pub(crate) struct Mutator {
    random: fastrand::Rng,
    seeds: Vec<Vec<u8>>,
}

#[allow(dead_code, reason = "each test binary takes what it needs")]
impl Mutator {
    /// The same seeds give the same inputs.
    pub(crate) fn new(number: u64, seeds: Vec<Vec<u8>>) -> Self {
        Self { random: fastrand::Rng::with_seed(number), seeds }
    }

    /// The next input; its first byte is random.
    pub(crate) fn input(&mut self) -> Vec<u8> {
        let mut input = vec![self.random.u8(..)];
        if self.random.u8(..3) > 0 {
            // Choices for those targets that draw.
            let length = self.random.usize(..400);
            input.extend(std::iter::repeat_with(|| self.random.u8(..)).take(length));
            return input;
        }
        for _ in 0..self.random.usize(1..4) {
            let seed = self.random.usize(..self.seeds.len());
            input.extend_from_slice(&self.seeds[seed]);
        }
        for _ in 0..self.random.usize(..6) {
            self.change(&mut input);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.usize(1..input.len().max(2)).min(input.len() - 1);
        let end = (at + self.random.usize(..40)).min(input.len());
        match self.random.u8(..6) {
            0 => input.truncate(at.max(1)),
            1 => drop(input.drain(at.max(1)..end.max(at.max(1)))),
            2 => {
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
            // A size or a count that lies.
            3 => input.splice(at..end.min(at + 4), [0xff, 0xff, 0xff, 0xff]).for_each(drop),
            _ => input[at] = self.random.u8(..),
        }
    }
}
