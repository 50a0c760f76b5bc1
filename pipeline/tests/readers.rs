//! Parquet readers over a lake that two versions of this program have written: each sees every value.
//!
//! `tests/data/lake_of_0.1` has the lake that an earlier version wrote from the first round of events, and the bodies
//! of these events; this version adds the second round. `tests/python/every_reader.py` has the events, the expected
//! values and the limits of each reader; `docs/READERS.md` describes them.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "scripts report the number of values that they compared")]

#[allow(dead_code, reason = "shared with tests of DuckDB alone")]
#[path = "support/bed.rs"]
mod bed;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/python.rs"]
mod python;

use std::fs;
use std::path::Path;
use std::process::Command;

use bed::{Bed, check_with, every_reader, send};
use processes::{Hub, audit, output_text};

/// A reader with its locked packages.
type Reader = (&'static str, &'static str);

/// Readers in every run of the tests.
const READERS: [Reader; 5] = [
    ("duckdb", "requirements.txt"),
    ("duckdb", "requirements-duckdb-1.4.txt"),
    ("pyarrow", "requirements-readers.txt"),
    ("polars", "requirements-readers.txt"),
    ("spark", "requirements-spark.txt"),
];

/// Further readers, which take a gigabyte of packages: `CATCHWATER_EVERY_READER=1 cargo test --test readers --test
/// duckdb`.
const MORE_READERS: [Reader; 8] = [
    ("duckdb", "requirements-duckdb-1.2.txt"),
    ("duckdb", "requirements-duckdb-1.3.txt"),
    ("duckdb", "requirements-duckdb-1.5.txt"),
    ("pandas", "requirements-other-readers.txt"),
    ("pandas_numpy", "requirements-other-readers.txt"),
    ("datafusion", "requirements-other-readers.txt"),
    ("clickhouse", "requirements-other-readers.txt"),
    ("fastparquet", "requirements-other-readers.txt"),
];

#[test]
fn every_reader_sees_every_value_written_by_two_versions() {
    let Some(bed) = Bed::new("lake") else { return };
    let earlier = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lake_of_0.1");
    bed.check("every_reader.py make", &[&bed.sent()]);
    copy(&earlier.join("lake"), &bed.lake);
    copy(&earlier.join("sent"), &bed.sent());

    let hub = Hub::start(4);
    let sent: u64 =
        [0, 1].map(|file| send(&hub, &bed.sent().join(format!("2/{file}.ndjson")), file + 2)).iter().sum();
    // An event of each partition has four targets.
    bed.run_with(&hub, &bed.sent().join("schema"), sent + 6);
    audit(&bed.lake);

    let more = every_reader();
    for (reader, requirements) in READERS.into_iter().chain(MORE_READERS.into_iter().filter(|_| more)) {
        let Some(interpreter) = python::interpreter_with(requirements) else { return };
        if reader == "spark" {
            let java = Path::new(env!("CARGO_TARGET_TMPDIR")).join("java");
            let found = Command::new(&interpreter).arg(python::script("java.py")).arg(java).output().unwrap();
            assert!(found.status.success(), "{}", output_text(&found));
            let home = String::from_utf8(found.stdout).unwrap();
            let script = format!("every_reader.py check {reader}");
            bed::check_in(
                &interpreter,
                &bed,
                &script,
                &[&bed.lake, &bed.sent()],
                &[("JAVA_HOME", home.trim())],
            );
        } else {
            check_with(
                &interpreter,
                &bed,
                &format!("every_reader.py check {reader}"),
                &[&bed.lake, &bed.sent()],
            );
        }
    }
}

/// Copies a folder recursively into another one.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
