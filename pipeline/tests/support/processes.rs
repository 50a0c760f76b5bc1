//! The real binary as processes: a hub, senders, runs and audits.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The binary under test with these arguments. It logs warnings only, and a proxy of this machine does not matter.
pub(crate) fn catchwater(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catchwater"));
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.args(arguments).env("CATCHWATER_LOG", "warn").stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns the last JSON line of its standard output.
///
/// # Panics
/// With both outputs if the command fails.
pub(crate) fn json(arguments: &[&str]) -> Value {
    let output = catchwater(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?} failed with {}\n{}", output.status, output_text(&output));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let line = text
        .lines()
        .next_back()
        .unwrap_or_else(|| panic!("{arguments:?} printed nothing\n{}", output_text(&output)));
    serde_json::from_str(line).unwrap()
}

/// Both outputs of a command.
pub(crate) fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A hub in a process of its own, which ends on drop.
pub(crate) struct Hub {
    process: Child,
    /// The connection string to reach it.
    pub(crate) connection_string: String,
    /// The JSON object that it printed.
    #[allow(dead_code, reason = "not every test reads it")]
    pub(crate) printed: Value,
}

impl Hub {
    /// Starts a hub with this number of partitions, on a free port.
    pub(crate) fn start(partitions: u32) -> Self {
        Self::start_with(&["--partitions", &partitions.to_string()])
    }

    /// Starts a hub with these options, on a free port.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let mut process = catchwater(&["hub", "--listen", "127.0.0.1:0", "--json"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let printed: Value = serde_json::from_str(&line).unwrap();
        let connection_string = printed["connection_string"].as_str().unwrap().to_owned();
        Self { process, connection_string, printed }
    }

    /// Sends generated events and returns the number that the hub accepted.
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

    /// The arguments of a run into `lake` that ends once it has caught up.
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
        // It may have ended by itself.
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
