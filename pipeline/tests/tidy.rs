//! The floors of the house, and what every file keeps to. `docs/ARCHITECTURE.md` says why.
//!
//! Imports go down only. Paths are read, not only `use` lines, so that `crate::run::x()` inside a function
//! counts too.

#![expect(clippy::unwrap_used, reason = "a source that can't be read has to fail")]

use std::fs;
use std::path::{Path, PathBuf};

/// Floors of `pipeline/src`, top first. A module may name modules of lower floors, and itself.
const FLOORS: &[&[&str]] = &[
    &["cli"],
    &["run", "emulator", "generator"],
    &["eventhubs", "partitions"],
    &["amqp", "parse", "columns"],
    &["event", "position", "budget", "clock", "error_chain", "metrics", "subslice"],
];

/// Floors of `sinks/src`, top first.
const SINKS_FLOORS: &[&[&str]] = &[&["lake"], &["parquet"], &["paths", "store"], &["backoff", "ordinals"]];

/// Sideways on one floor, one by one, each with its reason.
const SIDEWAYS: &[(&str, &str)] = &[
    ("event", "position"),   // a raw event says where it stands
    ("event", "budget"),     // a raw batch carries the permit that pays for it
    ("metrics", "position"), // lag is told by partition and sequence number
];

/// Libraries that only some modules may name: what is outside stays outside.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("anyhow", &["cli"]),
    ("arrow", &["columns", "run"]),
    ("catchwater_sinks", &["run", "cli", "partitions"]),
    ("clap", &["cli"]),
    ("fe2o3_amqp", &["eventhubs"]),
    ("fe2o3_amqp_types", &["eventhubs", "amqp", "emulator"]),
    ("indicatif", &["cli"]),
    ("quick_xml", &["parse"]),
    ("serde_amqp", &["eventhubs", "amqp", "emulator"]),
    ("simd_json", &["parse"]),
    ("simdutf8", &["parse"]),
];

/// Lines of one file without its tests. Past this a file has two subjects.
const LINES_MAX: usize = 400;

#[test]
fn imports_go_down_only() {
    let faults: Vec<String> =
        sources("pipeline/src").iter().flat_map(|file| floor_faults(&file.module(), &file.code())).collect();
    check(&faults);
    let faults: Vec<String> = sources("sinks/src")
        .iter()
        .flat_map(|file| import_faults(SINKS_FLOORS, &file.module(), &file.code()))
        .collect();
    check(&faults);
}

#[test]
fn a_planted_violation_is_found() {
    for (module, code) in [
        ("parse", "use crate::run::Lane;"),
        ("columns", "fn f() { crate::eventhubs::Client::connect(); }"),
        ("event", "use crate::{parse::Parser, position::Offset};"),
        ("eventhubs", "use arrow::array::Array;"),
        ("run", "use anyhow::Result;"),
        ("budget", "use crate::clock;"),
    ] {
        assert!(!floor_faults(module, code).is_empty(), "{module}: {code}");
    }
    for (module, code) in [("parquet", "use crate::lake::Chain;"), ("store", "use crate::paths;")] {
        assert!(!import_faults(SINKS_FLOORS, module, code).is_empty(), "{module}: {code}");
    }
    for (module, code) in [
        ("run", "use crate::eventhubs::Client; use arrow::array::Array;"),
        ("event", "use crate::budget::Permit;"),
        ("columns", "// crate::run is above\nuse crate::event::Reject;"),
    ] {
        assert_eq!(floor_faults(module, code), Vec::<String>::new(), "{module}: {code}");
    }
}

#[test]
fn sinks_know_nothing_of_the_pipeline() {
    let words = ["eventhubs", "Event Hubs", "event hub", "Dataverse", "std::thread"];
    let mut faults = Vec::new();
    for file in sources("sinks/src") {
        let code = file.code();
        faults.extend(
            words.iter().filter(|word| code.contains(**word)).map(|word| format!("{file} names `{word}`")),
        );
    }
    check(&faults);
}

#[test]
fn files_begin_with_what_they_own_and_stay_short() {
    let mut faults = Vec::new();
    let folders = ["pipeline/src", "pipeline/fuzz/src", "pipeline/fuzz/fuzz_targets", "sinks/src", "benches"];
    for file in folders.into_iter().flat_map(sources) {
        if !file.text.starts_with("//!") {
            faults.push(format!("{file} does not begin with `//!`"));
        }
        let lines = file.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        if lines > LINES_MAX && !file.is_test() {
            faults.push(format!("{file} has {lines} lines before its tests; {LINES_MAX} are enough"));
        }
        if ["TODO", "FIXME", "todo!(", "unimplemented!(", "#[ignore"]
            .iter()
            .any(|word| file.text.contains(word))
        {
            faults.push(format!("{file} holds unfinished or switched-off code"));
        }
    }
    check(&faults);
}

#[test]
fn the_papers_name_files_that_are_there() {
    let mut faults = Vec::new();
    for paper in [
        "docs/ARCHITECTURE.md",
        "docs/EXACTLY_ONCE.md",
        "docs/TABLES.md",
        "docs/QUERYING.md",
        "docs/GLOSSARY.md",
        "docs/FORMATS.md",
        "docs/READERS.md",
        "docs/VALUE_TYPES.md",
        "README.md",
    ] {
        let text = fs::read_to_string(root().join(paper)).unwrap();
        for path in text.split('`').filter(names_a_file) {
            if !root().join(path).exists() {
                faults.push(format!("{paper} names `{path}`, which is not there"));
            }
        }
    }
    check(&faults);
}

fn check(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n  {}", faults.len(), faults.join("\n  "));
}

struct Source {
    path: PathBuf,
    text: String,
}

impl std::fmt::Display for Source {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.display().fmt(out)
    }
}

impl Source {
    /// `run` for `pipeline/src/run/lane.rs`, `clock` for `pipeline/src/clock.rs`.
    fn module(&self) -> String {
        let inside: PathBuf = self.path.iter().skip_while(|part| *part != "src").skip(1).collect();
        let first = inside.iter().next().unwrap().to_string_lossy().into_owned();
        first.trim_end_matches(".rs").to_owned()
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.iter().any(|part| part == "tests")
    }

    /// Without tests and comments: both may speak of anything.
    fn code(&self) -> String {
        if self.is_test() { String::new() } else { without_comments(&self.text) }
    }
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push(Source { path: path.strip_prefix(root()).unwrap().to_owned(), text });
            }
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn floor_faults(module: &str, code: &str) -> Vec<String> {
    let code = without_comments(code);
    let mut faults = import_faults(FLOORS, module, &code);
    for (library, users) in LIBRARIES {
        if names_library(&code, library) && !users.contains(&module) {
            faults.push(format!("`{module}` names the library `{library}`"));
        }
    }
    faults
}

fn import_faults(floors: &[&[&str]], module: &str, code: &str) -> Vec<String> {
    let floor = |module: &str| floors.iter().position(|floor| floor.contains(&module));
    let Some(own) = floor(module) else { return Vec::new() };
    let mut faults = Vec::new();
    for named in named_modules(code) {
        let Some(other) = floor(&named) else { continue };
        let sideways = SIDEWAYS.contains(&(module, named.as_str()));
        if named != module && other <= own && !sideways {
            faults.push(format!(
                "`{module}` (floor {}) names `{named}` (floor {})",
                floors.len() - own,
                floors.len() - other
            ));
        }
    }
    faults
}

/// Every `x` of `crate::x`, `crate::{x…, y…}` and `super::super::x` is told by its first name.
fn named_modules(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => named.extend(group_heads(group)),
            None => named.push(word(rest)),
        }
    }
    named
}

/// The first name of each path in a braced group: `a::{b, c}, d` gives `a` and `d`.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut at_head) = (0, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            _ if at_head && (letter.is_alphanumeric() || letter == '_') => {
                heads.push(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

fn names_library(code: &str, library: &str) -> bool {
    let path = format!("{library}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':')
    })
}

/// `pipeline/src/run/lane.rs`, `docs/TABLES.md`: a path below a top-level folder with an ending.
fn names_a_file(word: &&str) -> bool {
    let top = ["pipeline/", "sinks/", "benches/", "docs/"];
    top.iter().any(|top| word.starts_with(top)) && !word.contains([' ', '*', '<', '…'])
}
