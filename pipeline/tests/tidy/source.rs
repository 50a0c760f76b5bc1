//! The files that the rules look at, as text.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// One file of the repository.
pub(crate) struct Source {
    /// Below the repository's root.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(out)
    }
}

impl Source {
    pub(crate) fn read(path: &str) -> Self {
        Self { path: path.into(), text: fs::read_to_string(root().join(path)).unwrap() }
    }

    /// `run/lane.rs` for `pipeline/src/run/lane.rs` and the root `pipeline/src`.
    pub(crate) fn below(&self, root: &str) -> String {
        self.path.strip_prefix(root).unwrap().to_string_lossy().into_owned()
    }

    /// `run` for `pipeline/src/run/lane.rs`, `clock` for `pipeline/src/clock.rs`.
    pub(crate) fn module(&self) -> String {
        let inside: PathBuf = self.path.iter().skip_while(|part| *part != "src").skip(1).collect();
        let first = inside.iter().next().unwrap().to_string_lossy().into_owned();
        first.trim_end_matches(".rs").to_owned()
    }

    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.iter().any(|part| part == "tests")
    }

    /// Product code alone: tests and comments may name anything.
    pub(crate) fn code(&self) -> String {
        if self.is_test() { String::new() } else { without_tests_and_comments(&self.text) }
    }
}

/// Leaves out comments, the items behind `#[cfg(test)]`, and what follows on a line behind `//`.
pub(crate) fn without_tests_and_comments(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let item = lines.next().unwrap_or_default();
            let indent = item.len() - item.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            if item.ends_with('{') {
                lines.by_ref().find(|line| *line == end);
            }
        } else {
            kept += line.split("//").next().unwrap_or_default();
            kept.push('\n');
        }
    }
    kept
}

/// The files below some folders that have one of these endings, in the order of their paths.
pub(crate) fn sources(folders: &[&str], endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !path.ends_with("target") {
                open.push(path);
            } else if endings.contains(&ending.as_str()) {
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source { path: path.strip_prefix(root()).unwrap().to_owned(), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
