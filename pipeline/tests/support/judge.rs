//! The hub `tests/node/judge.js` in a process of its own, and the lake that is read from it.
//!
//! Owns: the bodies, the hub's process, its ports and counts, a service that reads it, and the comparison of the lake with
//! what the hub sent. Does not own: certificates and proxies (`fronts`).

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use catchwater::internals::generator::{Generator, Size};
use serde_json::{Value, json};

use super::bed::Bed;
use super::node;
use super::processes::{self, catchwater};

/// Different bodies that the hub sends.
const BODIES: usize = 300;

/// A hub, until it is dropped.
pub(crate) struct Judge {
    process: Child,
    output: BufReader<ChildStdout>,
    ports: Value,
    partitions: u64,
    first: u64,
    events: u64,
    bodies: PathBuf,
}

impl Judge {
    /// Starts a hub with `events` in each partition; `more` changes its configuration (see `judge.js`). None if the tests with
    /// Node.js are turned off.
    pub(crate) fn start(bed: &Bed, events: u64, more: &Value) -> Option<Self> {
        let bodies = bed.folder.path().join("bodies.ndjson");
        write_bodies(&bodies);
        let mut configuration = json!({
            "hub": "events", "key_name": KEY_NAME, "key": KEY, "partitions": 2, "first": 0, "bodies": bodies,
            "at_start": events, "events": events, "listen": ["plain"],
        });
        configuration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let [partitions, first] = ["partitions", "first"].map(|name| configuration[name].as_u64().unwrap());
        let mut command = node::script("judge.js")?;
        command.arg(configuration.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let ports = read_object(&mut output);
        Some(Self { process, output, ports, partitions, first, events, bodies })
    }

    pub(crate) fn port(&self, transport: &str) -> u16 {
        self.ports[transport].as_u64().unwrap().try_into().unwrap()
    }

    /// The connection string with a signature that lapses, instead of a key.
    pub(crate) fn with_signature(&self) -> String {
        let signature = self.ports["signature"].as_str().unwrap();
        format!(
            "Endpoint=sb://localhost:{};SharedAccessSignature={signature};UseDevelopmentEmulator=true;EntityPath=events",
            self.port("plain")
        )
    }

    /// All events that the hub will have had.
    pub(crate) fn total(&self) -> u64 {
        self.partitions * self.events
    }

    /// Audits the lake and compares it with what the hub sent.
    pub(crate) fn check(&self, bed: &Bed) {
        let views = bed.views();
        let script = format!("judged.py {} {} {}", self.partitions, self.first, self.events);
        bed.check(&script, &[&views, &self.bodies]);
    }

    /// Ends the hub and returns its counts; panics if it saw a violation of the protocol.
    pub(crate) fn end(mut self) -> Value {
        self.process.stdin.take().unwrap().flush().unwrap();
        let counts = read_object(&mut self.output);
        assert_eq!(counts["problems"], json!([]), "{counts}");
        counts
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The connection string with the key of the hub; `emulator` for one without TLS.
pub(crate) fn connection_string(port: u16, emulator: bool) -> String {
    let development = if emulator { "UseDevelopmentEmulator=true;" } else { "" };
    format!(
        "Endpoint=sb://localhost:{port};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY};{development}EntityPath=events"
    )
}

/// Runs a service until the hub has sent all events, asks it to drain, and lets a bounded run read the rest. Returns the
/// report of the service.
///
/// # Panics
/// With the log if the service ends by itself or fails, or if the hub has not sent all events within its limit.
#[cfg(unix)]
pub(crate) fn serve(bed: &Bed, hub: &mut Judge) -> Value {
    let to = connection_string(hub.port("plain"), true);
    let lake = bed.lake.to_str().unwrap();
    let arguments = ["run", "--json", "--lanes", "1", "--lake", lake, "--connection-string", &to];
    // A file: the log may be longer than a pipe takes.
    let log = bed.folder.path().join("log");
    let service = catchwater(&arguments)
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let sent = read_object(&mut hub.output);
    // It may have ended.
    drop(Command::new("kill").args(["-TERM", &service.id().to_string()]).status());
    let output = service.wait_with_output().unwrap();
    let log = fs::read_to_string(&log).unwrap();
    assert!(output.status.success(), "{}\n{log}", output.status);
    assert_eq!(sent["all_sent"], true, "{sent}\n{log}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Events that were on their way when the service was asked to end.
    let rest = processes::json(&[&arguments[..], &["--until-caught-up"]].concat());
    let rows = |report: &Value| report["rows"].as_u64().unwrap();
    assert_eq!(rows(&report) + rows(&rest), hub.total(), "{report} {rest}\n{log}");
    report
}

fn write_bodies(path: &PathBuf) {
    let mut generator = Generator::new(16, Size::Small);
    let mut bodies = Vec::new();
    for _ in 0..BODIES {
        generator.next(&mut bodies);
        bodies.push(b'\n');
    }
    fs::write(path, bodies).unwrap();
}

fn read_object(output: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

const KEY_NAME: &str = "listen";
const KEY: &str = "a2V5IG9mIHRoZSBqdWRnZQ==";
