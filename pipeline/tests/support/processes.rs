//! The real binary in processes of its own: a hub, senders, runs; killed, stopped and woken.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The binary under test, ready for arguments. Its log is quiet, its environment ours.
pub(crate) fn catchwater(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catchwater"));
    command.args(arguments).env("CATCHWATER_LOG", "warn").stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns the last JSON line of its standard output.
///
/// Panics with both outputs when it fails.
pub(crate) fn json(arguments: &[&str]) -> Value {
    let output = catchwater(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?} failed with {}\n{}", output.status, output_text(&output));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let line = text
        .lines()
        .next_back()
        .unwrap_or_else(|| panic!("{arguments:?} said nothing\n{}", output_text(&output)));
    serde_json::from_str(line).unwrap()
}

/// What a command said, for people.
pub(crate) fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A hub in a process of its own; it ends with this value.
pub(crate) struct Hub {
    process: Child,
    /// How to reach it.
    pub(crate) connection_string: String,
}

impl Hub {
    /// Starts one with so many partitions, on a free port.
    pub(crate) fn start(partitions: u32) -> Self {
        let partitions = partitions.to_string();
        let mut process =
            catchwater(&["hub", "--listen", "127.0.0.1:0", "--json", "--partitions", &partitions])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let connection_string = told["connection_string"].as_str().unwrap().to_owned();
        Self { process, connection_string }
    }

    /// Sends generated events and returns how many the hub took.
    pub(crate) fn send(&self, size: &str, events: u64, seed: u64) -> u64 {
        let (events, seed) = (events.to_string(), seed.to_string());
        let sent = json(&[
            "send",
            "--json",
            "--generate",
            size,
            "--events",
            &events,
            "--seed",
            &seed,
            "--connection-string",
            &self.connection_string,
        ]);
        sent["events"].as_u64().unwrap()
    }

    /// The arguments of a run into `lake` that ends when it is caught up.
    pub(crate) fn run_arguments<'a>(&'a self, lake: &'a Path) -> Vec<&'a str> {
        let lake = lake.to_str().unwrap();
        vec![
            "run",
            "--json",
            "--until-caught-up",
            "--lake",
            lake,
            "--connection-string",
            &self.connection_string,
        ]
    }

    /// Runs until caught up and returns the report.
    pub(crate) fn run(&self, lake: &Path) -> Value {
        json(&self.run_arguments(lake))
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself; nothing more can be done about it here.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Audits a lake and returns the report; panics unless it is clean and nothing is in flight.
pub(crate) fn audit(lake: &Path) -> Value {
    let report = json(&["audit", "--json", "--lake", lake.to_str().unwrap()]);
    for fault in ["gaps", "duplicates", "broken_chains", "schema_faults", "in_flight"] {
        assert_eq!(report[fault], 0, "{report}");
    }
    report
}
