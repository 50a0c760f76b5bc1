//! Many tables on many partitions within a small budget: the run ends, and closes few files for lack of memory.
//!
//! `CATCHWATER_MANY_TABLES="partitions tables attributes rounds budget"` sets another size and prints the result:
//! `CATCHWATER_MANY_TABLES="8 150 100 3 16MiB" cargo test --release --test many_tables -- --nocapture`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use processes::{Hub, audit, catchwater, json, output_text};
use serde_json::Value;

/// Size of the input: partitions, tables, attributes of each table, updates of each table on each partition; and the
/// budget.
struct Size {
    partitions: u32,
    tables: u32,
    attributes: u32,
    rounds: u32,
    budget: String,
}

impl Size {
    /// The size in the variable, or one whose rows just fit into the smallest budget; with another hundred bytes per
    /// column they would not.
    fn chosen() -> Self {
        let asked = std::env::var("CATCHWATER_MANY_TABLES");
        let asked = asked.unwrap_or_else(|_| "8 150 100 3 16MiB".to_owned());
        let parts: Vec<&str> = asked.split_whitespace().collect();
        let [partitions, tables, attributes, rounds, budget] = parts[..] else { panic!("{asked:?}") };
        let [partitions, tables, attributes, rounds] =
            [partitions, tables, attributes, rounds].map(|number| number.parse().unwrap());
        Self { partitions, tables, attributes, rounds, budget: budget.to_owned() }
    }

    /// One update of each table per round, one per line.
    fn events(&self) -> String {
        let mut lines = String::new();
        for round in 0..self.rounds {
            for table in 0..self.tables {
                let mut attributes = String::new();
                for attribute in 0..self.attributes {
                    let comma = if attribute > 0 { "," } else { "" };
                    let value = round * 1000 + attribute;
                    write!(attributes, r#"{comma}{{"key":"new_a{attribute}","value":{value}}}"#).unwrap();
                }
                let target = format!(r#"{{"__type":"Entity:x","Attributes":[{attributes}]}}"#);
                writeln!(
                    lines,
                    r#"{{"MessageName":"Update","PrimaryEntityName":"new_t{table}","InputParameters":[{{"key":"Target","value":{target}}}]}}"#
                )
                .unwrap();
            }
        }
        lines
    }

    fn send(&self, hub: &Hub, folder: &Path) {
        let path = folder.join("events.ndjson");
        std::fs::write(&path, self.events()).unwrap();
        for partition in 0..self.partitions {
            json(&[
                "send",
                "--json",
                "--files",
                path.to_str().unwrap(),
                "--partition",
                &partition.to_string(),
                "--connection-string",
                &hub.connection_string,
            ]);
        }
    }
}

#[test]
fn many_tables_within_a_small_budget_make_few_files() {
    let (size, folder) = (Size::chosen(), tempfile::tempdir().unwrap());
    let (hub, lake) = (Hub::start(size.partitions), folder.path().join("lake"));
    size.send(&hub, folder.path());
    let began = Instant::now();
    let report = run(&hub, &lake, &size.budget);
    println!("{:.1} s: {report}", began.elapsed().as_secs_f64());
    let events = u64::from(size.partitions * size.tables * size.rounds);
    assert_eq!((&report["events"], &report["rows"]), (&events.into(), &events.into()), "{report}");
    let (files, min) = (report["files"].as_u64().unwrap(), u64::from(size.partitions * size.tables));
    assert!(files >= min && files <= min + min / 2, "{files} files, but {min} are enough");
    assert_eq!(audit(&lake)["rows"], events);
}

/// Runs until caught up, within a time limit.
fn run(hub: &Hub, lake: &Path, budget: &str) -> Value {
    const TIMEOUT: Duration = Duration::from_mins(5);
    let mut arguments = hub.run_arguments(lake);
    arguments.extend(["--budget", budget]);
    let mut process = catchwater(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while process.try_wait().unwrap().is_none() {
        if began.elapsed() > TIMEOUT {
            process.kill().unwrap();
            panic!("{arguments:?} has not ended: {}", output_text(&process.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output_text(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().next_back().unwrap()).unwrap()
}
