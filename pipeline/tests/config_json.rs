//! `catchwater hub` with several event hubs: the `Config.json` of the official emulator, a run into each hub, and the
//! official Python SDK on all of them.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start a hub in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/python.rs"]
mod python;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use processes::{catchwater, json, output_text};
use serde_json::{Value, json as object};

/// The sample of the official emulator, with one more hub and as .NET accepts it.
const CONFIG: &str = r#"{
  // The official emulator reads this too.
  "UserConfig": {
    "NamespaceConfig": [
      {
        "Type": "EventHub",
        "Name": "emulatorNs1",
        "Entities": [
          { "Name": "eh1", "PartitionCount": "2", "ConsumerGroups": [ { "Name": "cg1" } ] },
          { "Name": "eh2", "PartitionCount": 3, "ConsumerGroups": [] },
        ]
      }
    ],
    "LoggingConfig": { "Type": "File" }
  }
}"#;

/// A hub in a process, and the JSON line that it printed.
struct Namespace {
    process: Child,
    line: Value,
}

impl Namespace {
    fn start(config: &Path, arguments: &[&str]) -> Self {
        let mut command = catchwater(&["hub", "--json", "--listen", "127.0.0.1:0", "--config-json"]);
        let mut process = command.arg(config).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, line: serde_json::from_str(&line).unwrap() }
    }

    fn connection_string(&self) -> &str {
        self.line["connection_string"].as_str().unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Writes a `Config.json` into a folder.
fn write(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("Config.json");
    std::fs::write(&path, text).unwrap();
    path
}

/// Returns the exit code and the output of `hub` with these arguments; it has to end by itself.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["hub", "--listen", "127.0.0.1:0"], arguments].concat();
    let output = catchwater(&arguments).output().unwrap();
    (output.status.code(), output_text(&output))
}

#[test]
fn each_hub_of_a_config_json_is_written_and_read_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let namespace = Namespace::start(&write(folder.path(), CONFIG), &[]);
    let hubs = object!([
        { "name": "eh1", "partitions": 2, "consumer_groups": ["$Default", "cg1"] },
        { "name": "eh2", "partitions": 3, "consumer_groups": ["$Default"] },
    ]);
    assert_eq!(namespace.line["hubs"], hubs);
    let connection = namespace.connection_string();
    assert!(!connection.contains("EntityPath"), "the connection string of a namespace names no hub");

    let hub = ["--connection-string", connection, "--event-hub"];
    let send = ["send", "--json", "--generate", "small", "--events", "50"];
    assert_eq!(json(&[&send[..], &hub, &["eh2"]].concat())["events"], 50);
    for (name, group, events) in [("eh1", "cg1", 0), ("eh2", "$Default", 50)] {
        let lake = folder.path().join(name);
        let run = ["run", "--json", "--until-caught-up", "--lake", lake.to_str().unwrap()];
        let report = json(&[&run[..], &hub, &[name, "--consumer-group", group]].concat());
        assert_eq!(report["events"], events, "{name}");
    }
    let lake = folder.path().join("other");
    let run = ["run", "--until-caught-up", "--lake", lake.to_str().unwrap()];
    let output =
        catchwater(&[&run[..], &hub, &["eh2", "--consumer-group", "cg1"]].concat()).output().unwrap();
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("ConsumerGroups/cg1/Partitions/"), "{text}");
}

#[test]
fn config_json_with_one_hub_gives_its_connection_string() {
    let folder = tempfile::tempdir().unwrap();
    let text = CONFIG.replace(r#"{ "Name": "eh2", "PartitionCount": 3, "ConsumerGroups": [] },"#, "");
    assert_ne!(text, CONFIG);
    let namespace = Namespace::start(&write(folder.path(), &text), &[]);
    assert!(namespace.connection_string().ends_with(";EntityPath=eh1"));
}

#[test]
fn mistakes_in_files_and_options_end_with_the_code_for_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), CONFIG);
    let good = good.to_str().unwrap();
    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, CONFIG.replace(r#""PartitionCount": 3"#, r#""PartitionCount": 300"#)).unwrap();
    let missing = folder.path().join("missing.json");
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let running = Namespace::start(Path::new(good), &["--data", data]);
    for (arguments, expected) in [
        (
            &["--config-json", bad.to_str().unwrap()][..],
            "UserConfig.NamespaceConfig[0].Entities[1].PartitionCount: 300 is not a number of partitions",
        ),
        (&["--config-json", missing.to_str().unwrap()], "missing.json can't be read"),
        (&["--config-json", good, "--event-hub", "eh1"], "leave out --event-hub"),
        (&["--config-json", good, "--partitions", "2"], "leave out --event-hub, --partitions"),
        (&["--config-json", good, "--data", data], "another process uses the data folder"),
        (&["--event-hub", "a b"], "invalid name `a b` of an event hub"),
        (&["--consumer-group", "a/b"], "invalid name `a/b` of a consumer group"),
    ] {
        let (code, text) = refused(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    drop(running);
    let reopened = Namespace::start(Path::new(good), &["--data", data]);
    assert_eq!(reopened.line["hubs"].as_array().unwrap().len(), 2);
}

#[test]
fn python_sdk_sends_to_and_receives_from_each_hub() {
    let Some(interpreter) = python::interpreter() else { return };
    let folder = tempfile::tempdir().unwrap();
    let namespace = Namespace::start(&write(folder.path(), CONFIG), &[]);
    // The form of the official emulator's documentation.
    let connection = namespace.connection_string().replace("127.0.0.1", "localhost") + ";";
    let output =
        Command::new(interpreter).arg(python::script("namespace.py")).arg(connection).output().unwrap();
    assert!(output.status.success(), "{}", output_text(&output));
}
