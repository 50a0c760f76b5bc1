//! Rules that every file keeps. `docs/STYLE.md` and `docs/ARCHITECTURE.md` give their reasons.

#![expect(clippy::unwrap_used, reason = "a source that can't be read has to fail")]

mod cycles;
mod floors;
mod language;
mod source;

use floors::{PIPELINE, SINKS, import_faults, library_faults};
use source::{Source, root, sources, without_tests_and_comments};

/// Lines of one file without its tests. Past this a file has two subjects.
const LINES_MAX: usize = 400;

/// Files whose subject is the language itself.
const ABOUT_LANGUAGE: &[&str] =
    &["pipeline/tests/tidy/language.rs", "pipeline/tests/tidy/main.rs", "docs/STYLE.md"];

#[test]
fn imports_go_down_only() {
    let mut faults = Vec::new();
    for file in sources(&["pipeline/src"], &["rs"]) {
        faults.extend(import_faults(PIPELINE, &file.module(), &file.code()));
        faults.extend(library_faults(&file.module(), &file.code()));
    }
    for file in sources(&["sinks/src"], &["rs"]) {
        faults.extend(import_faults(SINKS, &file.module(), &file.code()));
    }
    check(&faults);
}

#[test]
fn finds_planted_imports() {
    let faults = |module: &str, code: &str| {
        let code = without_tests_and_comments(code);
        [import_faults(PIPELINE, module, &code), library_faults(module, &code)].concat()
    };
    for (module, code) in [
        ("parse", "use crate::run::Lane;"),
        ("columns", "fn f() { crate::eventhubs::Client::connect(); }"),
        ("event", "use crate::{parse::Parser, position::Offset};"),
        ("eventhubs", "use arrow::array::Array;"),
        ("run", "use anyhow::Result;"),
        ("budget", "use crate::clock;"),
    ] {
        assert!(!faults(module, code).is_empty(), "{module}: {code}");
    }
    for (module, code) in [("parquet", "use crate::lake::Chain;"), ("store", "use crate::paths;")] {
        assert!(!import_faults(SINKS, module, code).is_empty(), "{module}: {code}");
    }
    for (module, code) in [
        ("run", "use crate::eventhubs::Client; use arrow::array::Array;"),
        ("event", "use crate::budget::Permit;"),
        ("columns", "// crate::run is above\nuse crate::event::Reject;"),
    ] {
        assert_eq!(faults(module, code), Vec::<String>::new(), "{module}: {code}");
    }
}

#[test]
fn no_two_modules_import_each_other() {
    let mut faults = cycles::groups("pipeline/src", &sources(&["pipeline/src"], &["rs"]));
    faults.extend(cycles::groups("sinks/src", &sources(&["sinks/src"], &["rs"])));
    check(&faults);
}

#[test]
fn finds_planted_cycles() {
    let has_cycle = |files: &[(&str, &str)]| {
        let source = |(path, text): &(&str, &str)| Source {
            path: format!("src/{path}").into(),
            text: (*text).to_owned(),
        };
        !cycles::groups("src", &files.iter().map(source).collect::<Vec<_>>()).is_empty()
    };
    // A file and its parent; the path of a function; a name behind a re-export.
    assert!(has_cycle(&[("a/mod.rs", "mod b; use b::B; struct A;"), ("a/b.rs", "use super::A; struct B;")]));
    assert!(has_cycle(&[("a.rs", "fn a() { crate::b::b() }"), ("b.rs", "use crate::a; fn b() { a::a() }")]));
    let exported = [
        ("a/mod.rs", "mod b; mod c; pub use b::B;"),
        ("a/b.rs", "use super::c::C;"),
        ("a/c.rs", "use super::B;"),
    ];
    assert!(has_cycle(&exported));
    // Two folders whose files make no circle.
    let folders = [
        ("a/x.rs", "use crate::b::y::Y;"),
        ("a/z.rs", ""),
        ("b/y.rs", "struct Y;"),
        ("b/w.rs", "use crate::a::z::Z;"),
    ];
    assert!(has_cycle(&folders));
    // Down only; from a test; in a comment.
    assert!(!has_cycle(&[("a/mod.rs", "mod b; use b::{self, B};"), ("a/b.rs", "struct B;")]));
    let tests = "struct B;\n#[cfg(test)]\nmod tests {\n    use super::super::A;\n}\n// use super::A;";
    assert!(!has_cycle(&[("a/mod.rs", "mod b; use b::B; struct A;"), ("a/b.rs", tests)]));
}

#[test]
fn sinks_know_nothing_of_the_pipeline() {
    let words = ["eventhubs", "Event Hubs", "event hub", "Dataverse", "std::thread"];
    let mut faults = Vec::new();
    for file in sources(&["sinks/src"], &["rs"]) {
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
    for file in sources(&folders, &["rs"]) {
        if !file.text.starts_with("//!") {
            faults.push(format!("{file} does not begin with `//!`"));
        }
        let lines = file.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        if lines > LINES_MAX && !file.is_test() {
            faults.push(format!("{file} has {lines} lines before its tests; the limit is {LINES_MAX}"));
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
fn texts_keep_to_the_language() {
    let mut faults = Vec::new();
    let folders = [
        "pipeline/src",
        "pipeline/fuzz/src",
        "pipeline/fuzz/fuzz_targets",
        "pipeline/tests",
        "sinks/src",
        "benches",
        "docs",
    ];
    let mut files = sources(&folders, &["rs", "md", "py", "toml", "sh"]);
    files.extend(
        ["README.md", "CONTRIBUTING.md", "Cargo.toml", "clippy.toml", "deny.toml", ".ci/run"]
            .map(Source::read),
    );
    files.retain(|file| !file.path.starts_with("pipeline/tests/data"));
    for file in files.iter().filter(|file| !ABOUT_LANGUAGE.iter().any(|path| file.path.ends_with(path))) {
        for (at, line) in file.text.lines().enumerate() {
            faults.extend(
                language::line_faults(line).iter().map(|fault| format!("{file}:{}: {fault}", at + 1)),
            );
        }
        if file.path.extension().is_some_and(|ending| ending == "md") {
            faults.extend(
                language::long_lines(&file.text)
                    .iter()
                    .map(|line| format!("{file}:{line}: longer than 120 columns")),
            );
        }
    }
    check(&faults);
}

#[test]
fn finds_planted_words() {
    for line in [
        "/// What a batch holds.",
        "//! Whether it is there.",
        "a file stands here",
        "fn the_hub_said_so() {}",
        "There is no file for this.",
        "Nobody reads it.",
    ] {
        assert!(!language::line_faults(line).is_empty(), "{line}");
    }
    for line in ["/// A batch of events.", "it is no longer read", "a standard", "//  What follows is code"] {
        assert_eq!(language::line_faults(line), Vec::<String>::new(), "{line}");
    }
    let long = "word ".repeat(30);
    assert_eq!(language::long_lines(&format!("short\n{long}\n| {long} |\n```\n{long}\n```\n")), [2]);
}

#[test]
fn docs_name_files_that_exist() {
    let mut faults = Vec::new();
    let history = ["docs/decisions", "docs/benchmarks"];
    let mut docs = sources(&["docs"], &["md"]);
    docs.retain(|doc| !history.iter().any(|folder| doc.path.starts_with(folder)));
    docs.extend(["README.md", "CONTRIBUTING.md"].map(Source::read));
    for doc in docs {
        for path in doc.text.split('`').filter(names_a_file) {
            if !root().join(path).exists() {
                faults.push(format!("{doc} names `{path}`, which does not exist"));
            }
        }
    }
    check(&faults);
}

fn check(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n  {}", faults.len(), faults.join("\n  "));
}

/// `pipeline/src/run/lane.rs`, `docs/TABLES.md`: a path below a top-level folder.
fn names_a_file(word: &&str) -> bool {
    let top = ["pipeline/", "sinks/", "benches/", "docs/"];
    top.iter().any(|top| word.starts_with(top)) && !word.contains([' ', '*', '<', '…'])
}
