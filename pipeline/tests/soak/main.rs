//! Soaks: services read while faults strike, and at the end the lake is exact.
//!
//! One service reads from a hub built on rhea (`tests/node/judge.js`), two that displace each other read from our own.
//! `CATCHWATER_SOAK_SECONDS` is the time of each; without it both take about 10 seconds, side by side. `.ci/run` sets
//! 60, so that there are five seconds between two faults.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "a soak reports the faults that it had")]

#[allow(dead_code, reason = "shared with tests that check in other ways")]
#[path = "../support/bed.rs"]
mod bed;
#[allow(dead_code, reason = "shared with tests of the transports")]
#[path = "../support/judge.rs"]
mod judge;
#[path = "../support/node.rs"]
mod node;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "../support/processes.rs"]
mod processes;
#[path = "../support/python.rs"]
mod python;

#[cfg(target_os = "linux")]
mod faults; // random faults of our hub
#[cfg(target_os = "linux")]
mod memory; // memory of the processes over time
#[cfg(target_os = "linux")]
mod plan; // rates and intervals by the length of the soak
#[cfg(target_os = "linux")]
mod run; // one run that is displaced, killed and stopped
#[cfg(target_os = "linux")]
mod two_runs; // two of them on one hub and one lake

use std::env;

use bed::Bed;
use judge::{Judge, serve};
use serde_json::json;

#[test]
fn service_reads_every_event_once_for_as_long_as_asked() {
    let Some(bed) = Bed::new("lake") else { return };
    let seconds = seconds();
    let kinds = ["reset", "detach", "close", "session-end", "busy", "lapse", "stall"];
    let more = json!({
        "partitions": PARTITIONS, "at_start": 0, "rate": RATE / PARTITIONS,
        "repeated": {"every": seconds * 1_000 / FAULTS, "kinds": kinds, "seed": 16},
        "limit": seconds + GRACE,
    });
    let Some(mut hub) = Judge::start(&bed, seconds * RATE / PARTITIONS, &more) else { return };
    let report = serve(&bed, &mut hub);
    hub.check(&bed);
    let counts = hub.end();
    println!("{report}\n{counts}");
    assert!(report["links_lost"].as_u64() > Some(0), "{report} {counts}");
    let faults = counts["faults"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
    // A busy hub takes four seconds of a short soak, in which no other fault strikes.
    assert!(faults.sum::<u64>() >= FAULTS / 4, "{counts}");
}

/// Seconds that a soak sends events.
pub(crate) fn seconds() -> u64 {
    env::var("CATCHWATER_SOAK_SECONDS").map_or(SECONDS, |text| text.parse().unwrap())
}

/// Time without a setting.
const SECONDS: u64 = 10;
/// Events per second, of all partitions: twice what a throughput unit takes in.
const RATE: u64 = 2_000;
const PARTITIONS: u64 = 4;
/// Faults in all: one each five seconds of a minute.
const FAULTS: u64 = 12;
/// Seconds in which a busy machine sends what is left after the last event.
const GRACE: u64 = 60;
