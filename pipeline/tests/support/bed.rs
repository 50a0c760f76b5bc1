//! A lake for one test, with the bodies to send and the Python scripts that check it.
//!
//! Does not own: starting the program and its hub (`processes`), and providing Python (`python`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::processes::{Hub, audit, catchwater, json, output_text};
use super::python;

/// A folder with the lake of one test, and the Python interpreter that checks it.
pub(crate) struct Bed {
    pub(crate) interpreter: PathBuf,
    pub(crate) folder: TempDir,
    pub(crate) lake: PathBuf,
}

impl Bed {
    /// Creates the folder; none if the Python tests are turned off.
    pub(crate) fn new(lake: &str) -> Option<Self> {
        let interpreter = python::interpreter()?;
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sent")).unwrap();
        let lake = folder.path().join(lake);
        Some(Self { interpreter, folder, lake })
    }

    /// The folder with the bodies to send.
    pub(crate) fn sent(&self) -> PathBuf {
        self.folder.path().join("sent")
    }

    /// Runs until caught up and checks the number of new rows.
    pub(crate) fn run(&self, connection_string: &str, expected: u64) {
        let lake = self.lake.to_str().unwrap();
        let report = json(&[
            "run",
            "--json",
            "--until-caught-up",
            "--lanes",
            "1",
            "--lake",
            lake,
            "--connection-string",
            connection_string,
        ]);
        assert_eq!(report["rows"], expected, "{report}");
    }

    /// The same with table metadata; returns its warnings.
    pub(crate) fn run_with(&self, hub: &Hub, schema: &Path, expected: u64) -> String {
        let mut arguments = hub.run_arguments(&self.lake);
        arguments.extend(["--lanes", "1", "--schema", schema.to_str().unwrap()]);
        let output = catchwater(&arguments).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["rows"], expected, "{report}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The lake's tables, as `schema show --json` prints them.
    pub(crate) fn schema(&self) -> serde_json::Value {
        json(&["schema", "show", "--json", "--lake", self.lake.to_str().unwrap()])["tables"].take()
    }

    /// Audits the lake and prints its views into a file.
    pub(crate) fn views(&self) -> PathBuf {
        audit(&self.lake);
        self.printed()
    }

    /// Prints the lake's views into a file.
    pub(crate) fn printed(&self) -> PathBuf {
        let output = catchwater(&["sql", "--lake", self.lake.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        let path = self.folder.path().join("views.sql");
        fs::write(&path, output.stdout).unwrap();
        path
    }

    /// Runs a script with its command in another folder than the lake's: views have to find their files from any
    /// folder.
    pub(crate) fn check(&self, script: &str, arguments: &[&Path]) {
        check_with(&self.interpreter, self, script, arguments);
    }

    /// Compares other readers of the lake with DuckDB.
    pub(crate) fn check_readers(&self) {
        if let Some(readers) = python::interpreter_with("requirements-readers.txt") {
            check_with(&readers, self, "readers.py", &[&self.lake]);
        }
    }

    /// The same with other versions of DuckDB: the long-term series always, the rest with `CATCHWATER_EVERY_READER=1`.
    pub(crate) fn check_with_others(&self, script: &str, arguments: &[&Path]) {
        self.check(script, arguments);
        let more = if every_reader() { &["1.2", "1.3", "1.5"][..] } else { &[] };
        for series in ["1.4"].iter().chain(more) {
            if let Some(other) = python::interpreter_with(&format!("requirements-duckdb-{series}.txt")) {
                check_with(&other, self, script, arguments);
            }
        }
    }
}

/// True if the tests run with every Parquet reader, which takes more than a gigabyte of packages.
pub(crate) fn every_reader() -> bool {
    std::env::var("CATCHWATER_EVERY_READER").is_ok_and(|value| value == "1")
}

pub(crate) fn check_with(interpreter: &Path, bed: &Bed, script: &str, arguments: &[&Path]) {
    check_in(interpreter, bed, script, arguments, &[]);
}

/// The same with variables in the environment.
pub(crate) fn check_in(
    interpreter: &Path,
    bed: &Bed,
    script: &str,
    arguments: &[&Path],
    variables: &[(&str, &str)],
) {
    let mut words = script.split(' ');
    let mut command = Command::new(interpreter);
    command
        .arg(python::script(words.next().unwrap()))
        .args(words)
        .args(arguments)
        .envs(variables.iter().copied());
    // Leave no compiled files among the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(bed.folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {}\n{}", output.status, output_text(&output));
    print!("{script}: {}", output_text(&output));
}

/// Sends files to one partition and returns the number of events that the hub accepted.
pub(crate) fn send(hub: &Hub, files: &Path, partition: usize) -> u64 {
    let (files, partition) = (files.to_str().unwrap(), partition.to_string());
    let connection = &hub.connection_string;
    let sent = json(&[
        "send",
        "--json",
        "--files",
        files,
        "--partition",
        &partition,
        "--connection-string",
        connection,
    ]);
    sent["events"].as_u64().unwrap()
}
