//! Each event is in the lake once, although the processes that write it are killed, paused, resumed and drained.
//!
//! Tests the rules of `docs/EXACTLY_ONCE.md` with the real binary.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "a suite of kills reports its figures")]

mod kills;
#[path = "../support/node.rs"]
mod node;
#[expect(clippy::panic, reason = "a test that can't go on has to report the reason")]
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/python.rs"]
mod python;
#[allow(dead_code, clippy::panic, reason = "shared with tests of stores")]
#[path = "../support/stores.rs"]
mod stores;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use processes::{Hub, audit, catchwater, json, output_text};
use serde_json::Value;

#[test]
fn only_new_events_are_added() {
    let (hub, folder) = (Hub::start(4), tempfile::tempdir().unwrap());
    let lake = folder.path().join("lake");
    let sent = hub.send("mixed", 2000, 1);
    check_run(&hub.run(&lake), sent);
    check_run(&hub.run(&lake), 0);
    let more = hub.send("mixed", 500, 2);
    check_run(&hub.run(&lake), more);
    check_lake(&lake, sent + more);
}

#[test]
fn events_are_read_once_without_checkpoints() {
    let (hub, folder) = (Hub::start(2), tempfile::tempdir().unwrap());
    let lake = folder.path().join("lake");
    let sent = hub.send("small", 1000, 1);
    check_run(&hub.run(&lake), sent);
    std::fs::remove_dir_all(lake.join("_catchwater/checkpoints")).unwrap();
    let more = hub.send("small", 100, 2);
    check_run(&hub.run(&lake), more);
    check_lake(&lake, sent + more);
}

/// Someone has edited or merged the checkpoint: the offset is not that of the sequence number.
#[test]
fn checkpoint_with_a_wrong_offset_loses_no_event() {
    let (hub, folder) = (Hub::start(1), tempfile::tempdir().unwrap());
    let [lake, other] = ["lake", "other"].map(|name| folder.path().join(name));
    let checkpoint = |lake: &Path| -> std::path::PathBuf {
        let mut found = lake.join("_catchwater/checkpoints");
        while found.is_dir() {
            found = std::fs::read_dir(&found).unwrap().next().unwrap().unwrap().path();
        }
        found
    };
    let read =
        |lake: &Path| -> Value { serde_json::from_slice(&std::fs::read(checkpoint(lake)).unwrap()).unwrap() };
    let mut sent = hub.send("small", 100, 1);
    hub.run(&lake);
    let earlier = read(&lake)["offset"].clone();
    for round in 0..3 {
        sent += hub.send("small", 50, 10 + round);
        if round < 2 {
            hub.run(&other);
        }
        // Round 0: an offset among the events to read; 1: at their end, so that nothing arrives; 2: among events
        // already read.
        sent += if round == 1 { 0 } else { hub.send("small", 50, 20 + round) };
        let mut edited = read(&lake);
        edited["offset"] = if round < 2 { read(&other)["offset"].clone() } else { earlier.clone() };
        std::fs::write(checkpoint(&lake), edited.to_string()).unwrap();
        let mut arguments = hub.run_arguments(&lake);
        arguments.extend(["--idle-timeout", "1s"]);
        let report = json(&arguments);
        assert!(report.get("accepted_gaps").is_none() && report["caught_up"] == true, "{report}");
        check_lake(&lake, sent);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn resumed_writer_duplicates_no_event() {
    let (hub, folder) = (Hub::start(1), tempfile::tempdir().unwrap());
    let lake = folder.path().join("lake");
    let mut sent = hub.send("mixed", 3000, 1);
    let mut first = start(&hub, &lake, &["--max-age", "1h"]);
    wait_for_reader(&lake);
    // The first run is paused with rows in memory, and the second takes over its partitions.
    signal(&first, "STOP");
    sent += hub.send("mixed", 3000, 2);
    hub.run(&lake);
    check_lake(&lake, sent);
    // Then the first run resumes and drains.
    signal(&first, "CONT");
    signal(&first, "TERM");
    let ended = first.wait().unwrap();
    assert!(matches!(ended.code(), Some(0 | 6)), "{ended}");
    sent += hub.send("mixed", 500, 3);
    hub.run(&lake);
    check_lake(&lake, sent);
}

#[test]
fn concurrent_runs_write_each_event_once() {
    let (hub, folder) = (Hub::start(2), tempfile::tempdir().unwrap());
    let lake = folder.path().join("lake");
    let mut sent = hub.send("mixed", 2000, 1);
    let runs = [start(&hub, &lake, &["--max-age", "50ms"]), start(&hub, &lake, &["--max-age", "50ms"])];
    sent += hub.send("mixed", 2000, 2);
    // The run that attached last owns a partition. The other ends with code 6, unless both have caught up.
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 6)), "{}\n{}", output.status, output_text(&output));
    }
    hub.run(&lake);
    check_lake(&lake, sent);
}

#[cfg(unix)]
#[test]
fn drain_makes_events_in_flight_durable() {
    let (hub, folder) = (Hub::start(4), tempfile::tempdir().unwrap());
    let sent = hub.send("mixed", 5000, 1);
    for name in ["TERM", "INT"] {
        let lake = folder.path().join(name);
        let arguments = [
            "run",
            "--json",
            "--lake",
            lake.to_str().unwrap(),
            "--connection-string",
            &hub.connection_string,
        ];
        let run = catchwater(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        wait_for_reader(&lake);
        let asked = Instant::now();
        signal(&run, name);
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        assert!(asked.elapsed() < Duration::from_secs(11), "a drain takes ten seconds at most");
        audit(&lake);
        hub.run(&lake);
        check_lake(&lake, sent);
    }
}

#[test]
fn recreated_hub_is_read_as_a_new_log() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let first = Hub::start(1);
    let sent = first.send("small", 50, 1);
    first.run(&lake);
    drop(first);
    let second = Hub::start(1);
    let more = second.send("small", 30, 2);
    check_run(&second.run(&lake), more);
    check_lake(&lake, sent + more);
}

fn check_run(report: &Value, events: u64) {
    assert_eq!(
        (report["events"].as_u64(), report["rows"].as_u64()),
        (Some(events), Some(events)),
        "{report}"
    );
}

fn check_lake(lake: &Path, events: u64) {
    let report = audit(lake);
    assert_eq!(
        (report["events"].as_u64(), report["rows"].as_u64()),
        (Some(events), Some(events)),
        "{report}"
    );
}

fn start(hub: &Hub, lake: &Path, more: &[&str]) -> Child {
    let mut arguments = hub.run_arguments(lake);
    arguments.extend(more);
    catchwater(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until a run has recorded the origin of its first partition; from then on it reads.
fn wait_for_reader(lake: &Path) {
    let began = Instant::now();
    while !lake.join("_catchwater/origin").exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the run has not started to read");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
fn signal(process: &Child, name: &str) {
    let killed =
        std::process::Command::new("kill").args([format!("-{name}"), process.id().to_string()]).status();
    assert!(killed.unwrap().success());
}

#[test]
fn json_reports_have_their_keys() {
    let (hub, folder) = (Hub::start(1), tempfile::tempdir().unwrap());
    let lake = folder.path().join("lake");
    hub.send("small", 10, 1);
    let run = hub.run(&lake);
    for key in [
        "events",
        "rows",
        "quarantined",
        "tables",
        "files",
        "bytes_in",
        "bytes_out",
        "seconds",
        "cpu_seconds",
        "peak_rss_bytes",
    ] {
        assert!(run[key].is_number(), "{key} in {run}");
    }
    let audit = json(&["audit", "--json", "--lake", lake.to_str().unwrap()]);
    for (name, table) in audit["tables"].as_object().unwrap() {
        for key in ["rows", "files", "bytes"] {
            assert!(table[key].as_u64() > Some(0), "{key} of {name} in {audit}");
        }
    }
}
