//! The faults of `catchwater hub --fault` as a user meets them: the real hub and the real run, each in its process, and
//! the lake afterwards.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Output, Stdio};
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

use catchwater::internals::emulator::{Config, Emulator, NewEvent, fault_help};
use catchwater::internals::generator::{Generator, Size};
use catchwater::internals::position::PartitionId;
use processes::{audit, catchwater, output_text};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Events of each test: several turns of each link.
const EVENTS: u64 = 600;

/// A hub with faults, in a process of its own.
struct Hub {
    process: Child,
    connection_string: String,
    health: Option<String>,
    log: Option<JoinHandle<String>>,
    folder: TempDir,
}

impl Hub {
    fn start(faults: &[&str]) -> Self {
        Self::start_with(&[], faults)
    }

    fn start_with(options: &[&str], faults: &[&str]) -> Self {
        let mut command = catchwater(&["hub", "--listen", "127.0.0.1:0", "--json", "--partitions", "2"]);
        command.args(options);
        for fault in faults {
            command.args(["--fault", fault]);
        }
        command.env("CATCHWATER_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let log = read_all(process.stderr.take().unwrap());
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let object: Value = serde_json::from_str(&line).unwrap();
        let connection_string = object["connection_string"].as_str().unwrap().to_owned();
        let health = object["health"].as_str().map(str::to_owned);
        Self { process, connection_string, health, log: Some(log), folder: tempfile::tempdir().unwrap() }
    }

    /// Posts a text to the hub's control interface; returns status and answer.
    fn post(&self, body: &str, headers: &str) -> (u16, String) {
        let url = self.health.as_deref().unwrap();
        let address = url.trim_start_matches("http://").split('/').next().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        let request = format!(
            "POST /faults HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
    }

    fn send(&self, events: u64) -> Output {
        let events = events.to_string();
        let generated = ["send", "--json", "--generate", "small", "--events", &events];
        let connection = ["--connection-string", &self.connection_string];
        catchwater(&[&generated[..], &connection].concat()).output().unwrap()
    }

    fn run(&self, options: &[&str]) -> Output {
        run(&self.connection_string, &self.folder, options)
    }

    fn audit(&self) -> Value {
        audit(&self.folder.path().join("lake"))
    }

    /// Stops the hub and returns its log.
    fn end(mut self) -> String {
        self.process.kill().unwrap();
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A hub in this process, which changes between two runs.
struct Changed {
    runtime: Runtime,
    emulator: Emulator,
    folder: TempDir,
}

impl Changed {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = Config { partitions: 2, ..Config::default() };
        let emulator = runtime.block_on(Emulator::start(config)).unwrap();
        Self { runtime, emulator, folder: tempfile::tempdir().unwrap() }
    }

    /// Appends events to all partitions in turn.
    fn append(&self, events: u64) {
        let mut generator = Generator::new(1, Size::Small);
        let mut body = Vec::new();
        for number in 0..events {
            body.clear();
            generator.next(&mut body);
            let partition = PartitionId::new(number as u32 % self.emulator.partitions());
            self.emulator.append(partition, &NewEvent { body: &body, ..NewEvent::default() }).unwrap();
        }
    }

    fn inject(&self, fault: &str) {
        let _on_the_runtime = self.runtime.enter();
        self.emulator.inject(&fault.parse().unwrap()).unwrap();
    }

    fn run(&self, options: &[&str]) -> Output {
        run(&self.emulator.connection_string(), &self.folder, options)
    }

    fn audit(&self) -> Value {
        audit(&self.folder.path().join("lake"))
    }
}

/// A run that ends once it has caught up, with more options.
fn run(connection_string: &str, folder: &TempDir, options: &[&str]) -> Output {
    let lake = folder.path().join("lake");
    let lake = ["run", "--json", "--until-caught-up", "--lake", lake.to_str().unwrap()];
    let connection = ["--connection-string", connection_string];
    catchwater(&[&lake[..], &connection, options].concat()).output().unwrap()
}

fn read_all(mut stream: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
}

#[track_caller]
fn report_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", output_text(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs all cases on a few threads: some of them wait for seconds.
fn for_each(cases: &[&'static str], check: impl Fn(&'static str) + Sync) {
    let cases = Mutex::new(VecDeque::from(cases.to_vec()));
    let next = || cases.lock().unwrap().pop_front();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = next() {
                    check(case);
                }
            });
        }
    });
}

#[test]
fn lake_is_exact_after_every_fault_that_loses_nothing() {
    let faults = [
        "detach,every=150",
        "end,every=150",
        "close,every=150",
        "drop,every=150",
        "reset,every=150",
        "random=7,every=60",
        "busy=links,after=100,for=1s detach,after=100",
        "detach=com.microsoft:server-busy,after=100",
        "close=com.microsoft:server-busy,after=100",
        "slow=2000",
        "slow=20ms",
        "stall,after=100,for=2s",
        "unsettled",
        "token-life=1s slow=100",
        "amqp-value",
        "amqp-value=string",
        "data-sections",
        "annotations",
        "add-partitions=2",
    ];
    for_each(&faults, |fault| {
        let faults: Vec<&str> = fault.split(' ').collect();
        let hub = Hub::start(&faults);
        let sent = hub.send(EVENTS);
        assert!(sent.status.success(), "{fault}: {}", output_text(&sent));
        let report = report_of(&hub.run(&[]));
        assert_eq!(
            (&report["rows"], &report["quarantined"]),
            (&EVENTS.into(), &0.into()),
            "{fault}: {report}"
        );
        assert_eq!(hub.audit()["events"], EVENTS, "{fault}");
        let log = hub.end();
        for kind in faults.iter().map(|fault| fault.split(['=', ',']).next().unwrap()) {
            let is_injected = |line: &str| {
                let is_kind = kind == "random" || line.contains(&format!("fault=\"{kind}\""));
                line.contains("fault injected") && is_kind
            };
            assert!(log.lines().any(is_injected), "{fault}: {log}");
        }
    });
}

#[test]
fn several_faults_at_once_leave_the_lake_exact() {
    let faults = ["random=3,every=50", "unsettled", "data-sections=5", "annotations", "slow=4000"];
    let hub = Hub::start(&faults);
    assert!(hub.send(2 * EVENTS).status.success());
    let report = report_of(&hub.run(&[]));
    assert!(report["links_lost"].as_u64() >= Some(5), "{report}");
    assert_eq!(hub.audit()["events"], 2 * EVENTS);
}

#[test]
fn sequence_bodies_are_quarantined_as_they_came() {
    let hub = Hub::start(&["amqp-sequence"]);
    assert!(hub.send(EVENTS).status.success());
    let report = report_of(&hub.run(&[]));
    assert_eq!(report["quarantined"], EVENTS, "{report}");
    assert_eq!(hub.audit()["events"], EVENTS);
}

#[test]
fn stolen_partition_ends_the_run_and_the_next_one_goes_on() {
    let hub = Hub::start(&["steal,after=100"]);
    assert!(hub.send(EVENTS).status.success());
    let output = hub.run(&[]);
    assert_eq!(output.status.code(), Some(6), "{}", output_text(&output));
    assert!(
        output_text(&output).contains("New receiver 'thief' with higher epoch"),
        "{}",
        output_text(&output)
    );
    report_of(&hub.run(&[]));
    assert_eq!(hub.audit()["events"], EVENTS);
}

#[test]
fn purged_and_renumbered_events_are_a_lost_position() {
    for fault in ["retention=10", "renumber"] {
        let hub = Changed::start();
        hub.append(EVENTS);
        report_of(&hub.run(&[]));
        hub.append(EVENTS);
        hub.inject(fault);
        hub.append(20);
        let lost = hub.run(&[]);
        assert_eq!(lost.status.code(), Some(4), "{fault}: {}", output_text(&lost));
    }
}

#[test]
fn hub_that_is_created_again_is_another_source() {
    let hub = Changed::start();
    hub.append(EVENTS);
    report_of(&hub.run(&[]));
    hub.inject("recreate");
    hub.append(20);
    assert_eq!(report_of(&hub.run(&[]))["rows"], 20);
    assert_eq!(hub.audit()["events"], EVENTS + 20);
}

#[test]
fn added_partitions_are_read_from_their_first_event() {
    let hub = Changed::start();
    hub.append(EVENTS);
    report_of(&hub.run(&[]));
    hub.inject("add-partitions=2");
    assert_eq!(hub.emulator.partitions(), 4);
    hub.append(EVENTS);
    assert_eq!(report_of(&hub.run(&[]))["rows"], EVENTS);
    assert_eq!(hub.audit()["events"], 2 * EVENTS);
}

#[test]
fn faults_are_posted_to_a_running_hub() {
    let hub = Hub::start_with(&["--health", "127.0.0.1:0"], &[]);
    assert!(hub.send(EVENTS).status.success());
    let (status, text) = hub.post("detach,every=100\nunsettled\n", "");
    assert_eq!(status, 200, "{text}");
    let expected = "detach,every=100: a reader's link is detached with this error, after 100 events and each 100 more.\n";
    assert!(text.starts_with(expected), "{text}");
    let report = report_of(&hub.run(&[]));
    assert!(report["links_lost"].as_u64() >= Some(3), "{report}");
    assert_eq!(hub.audit()["events"], EVENTS);
    for (body, headers, expected, words) in [
        ("detach,each=5s", "", 400, "at `each=5s` (character 8): this key does not exist"),
        ("add-partitions=1024", "", 400, "a hub has at most 1024 partitions, not 1026"),
        ("detach,hub=orders", "", 400, "does not have a hub `orders`"),
        ("", "", 400, "write one a line"),
        ("drop", "Origin: http://example.com\r\n", 403, "not injected for web pages"),
    ] {
        let (status, text) = hub.post(body, headers);
        assert!(status == expected && text.contains(words), "{body}: {status} {text}");
    }
}

#[test]
fn documented_faults_are_those_of_the_code() {
    let document = std::fs::read_to_string("../docs/HUB.md").unwrap();
    assert!(
        document.contains(&format!("```text\n{}```", fault_help())),
        "copy it from `catchwater hub --fault help`"
    );
}

#[test]
fn wrong_fault_is_refused_with_place_remedy_and_example() {
    let output =
        catchwater(&["hub", "--listen", "127.0.0.1:0", "--fault", "detach,each=5s"]).output().unwrap();
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for words in ["at `each=5s` (character 8)", "write one of after, at, every", "detach,every=5s,times=3"] {
        assert!(text.contains(words), "{text}");
    }
    let output =
        catchwater(&["hub", "--listen", "127.0.0.1:0", "--fault", "detach,hub=orders"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", output_text(&output));
}

#[test]
fn help_prints_every_kind_and_three_examples() {
    let help = catchwater(&["hub", "--fault", "help"]).output().unwrap();
    assert!(help.status.success());
    assert_eq!(output_text(&help), fault_help());
    let help = output_text(&catchwater(&["hub", "--help"]).output().unwrap());
    for example in ["detach,every=5s", "busy,at=10s,for=4s", "retention=100,after=5000"] {
        assert!(help.contains(example), "{help}");
    }
}
