//! Every row of the error table, with the real binary: the hub produces the condition, and the lake is exact afterwards.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::collections::VecDeque;
use std::process::Output;
use std::sync::Mutex;
use std::thread;

use catchwater::internals::emulator::{Config, Emulator, Fault, NewEvent, Reason};
use catchwater::internals::eventhubs::{CONDITIONS, ErrorKind, Recovery, Row};
use catchwater::internals::generator::{Generator, Size};
use catchwater::internals::position::PartitionId;
use serde_json::Value;

use processes::{audit, catchwater, output_text};

const EVENTS: u64 = 300;

/// The place where the hub states a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It detaches a link that has delivered events.
    Detach,
    /// It ends the session of such a link.
    EndSession,
    /// It closes the connection.
    Close,
    /// It refuses the first link.
    Attach,
}

/// A hub with events in two partitions.
struct Hub {
    runtime: tokio::runtime::Runtime,
    emulator: Emulator,
}

impl Hub {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let config = Config { partitions: 2, ..Config::default() };
        let emulator = runtime.block_on(Emulator::start(config)).unwrap();
        let mut generator = Generator::new(1, Size::Small);
        let mut body = Vec::new();
        for number in 0..EVENTS {
            body.clear();
            generator.next(&mut body);
            let event = NewEvent { body: &body, ..NewEvent::default() };
            emulator.append(PartitionId::new((number % 2) as u32), &event).unwrap();
        }
        Self { runtime, emulator }
    }

    fn run(&self, lake: &str) -> Output {
        let connection = self.emulator.connection_string();
        let arguments =
            ["run", "--json", "--until-caught-up", "--lake", lake, "--connection-string", &connection];
        catchwater(&arguments).output().unwrap()
    }
}

/// The condition's text as the service words it, so far as the table looks at it.
fn reason(row: &Row) -> Reason {
    let text = match row.texts.first() {
        Some(part) => format!("The {part} '7' is invalid. The last one in the system is '3'."),
        None => "The service reports a fault.".to_owned(),
    };
    Reason::new(row.condition, &text)
}

/// The exit code of a bounded run.
fn exit_code(row: &Row, place: Place) -> i32 {
    match (row.recovery, row.kind) {
        // Without an event, the position of the first link is the one that the start has found.
        (Recovery::FindPosition, _) if place == Place::Attach => 4,
        (
            Recovery::Reattach
            | Recovery::Reconnect
            | Recovery::Wait(_)
            | Recovery::RenewToken
            | Recovery::FindPosition,
            _,
        ) => 0,
        (Recovery::HandBack, _) => 6,
        (_, ErrorKind::NotFound | ErrorKind::Unauthorized) => 2,
        _ => 7,
    }
}

fn check(row: &Row, place: Place) {
    let case = format!("{} {:?} {place:?}", row.condition, row.texts);
    let (hub, folder) = (Hub::start(), tempfile::tempdir().unwrap());
    let lake = folder.path().join("lake");
    let lake_text = lake.to_str().unwrap();
    let faults = hub.emulator.faults();
    match place {
        Place::Detach => faults.inject_after(40, Fault::Detach(reason(row))),
        Place::EndSession => faults.inject_after(40, Fault::EndSession(reason(row))),
        Place::Close => faults.inject_after(40, Fault::Close(reason(row))),
        Place::Attach => faults.refuse_links(1, &reason(row)),
    }
    let output = hub.run(lake_text);
    let text = output_text(&output);
    let expected = exit_code(row, place);
    assert_eq!(output.status.code(), Some(expected), "{case}\n{text}");
    assert!(!faults.is_pending(), "{case}: the fault has not happened");
    // People find the condition and the tracking id in the log or in the error.
    assert!(text.contains(row.condition) && text.contains("TrackingId:2f6e-fault"), "{case}\n{text}");
    if expected == 0 {
        let line = String::from_utf8(output.stdout).unwrap();
        let report: Value = serde_json::from_str(line.lines().next_back().unwrap()).unwrap();
        assert!(report["links_lost"].as_u64() >= Some(1), "{case}\n{text}");
    } else {
        let again = hub.run(lake_text);
        assert_eq!(again.status.code(), Some(0), "{case}\n{}", output_text(&again));
    }
    assert_eq!(audit(&lake)["events"], EVENTS, "{case}");
    hub.runtime.shutdown_background();
}

/// Runs all cases on a few threads: some of them wait for seconds.
fn check_all(cases: Vec<(&'static Row, Place)>) {
    let cases = Mutex::new(VecDeque::from(cases));
    let next = || cases.lock().unwrap().pop_front();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some((row, place)) = next() {
                    check(row, place);
                }
            });
        }
    });
}

#[test]
fn lake_is_exact_after_every_condition_on_a_link() {
    check_all(CONDITIONS.iter().map(|row| (row, Place::Detach)).collect());
}

#[test]
fn lake_is_exact_after_every_condition_at_an_attach() {
    check_all(CONDITIONS.iter().map(|row| (row, Place::Attach)).collect());
}

#[test]
fn lake_is_exact_after_conditions_of_sessions_and_connections() {
    let passing = CONDITIONS.iter().filter(|row| row.kind == ErrorKind::Transient);
    check_all(passing.flat_map(|row| [(row, Place::EndSession), (row, Place::Close)]).collect());
}

#[test]
fn token_that_is_refused_twice_ends_the_run() {
    let (hub, folder) = (Hub::start(), tempfile::tempdir().unwrap());
    let lake = folder.path().join("lake");
    hub.emulator.faults().refuse_links(100, &Reason::new("amqp:unauthorized-access", "Unauthorized access."));
    let output = hub.run(lake.to_str().unwrap());
    assert_eq!(output.status.code(), Some(2), "{}", output_text(&output));
    hub.runtime.shutdown_background();
}

#[test]
fn dropped_connections_leave_the_lake_exact() {
    for fault in [Fault::Drop, Fault::DropInFrame] {
        let (hub, folder) = (Hub::start(), tempfile::tempdir().unwrap());
        let lake = folder.path().join("lake");
        hub.emulator.faults().inject_after(70, fault.clone());
        let output = hub.run(lake.to_str().unwrap());
        assert_eq!(output.status.code(), Some(0), "{fault:?}\n{}", output_text(&output));
        assert_eq!(audit(&lake)["events"], EVENTS, "{fault:?}");
        hub.runtime.shutdown_background();
    }
}
