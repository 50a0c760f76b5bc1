//! The official Python SDK against the emulator: it receives what it sent, from every start position.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "support/python.rs"]
mod python;

use std::process::{Command, Output};

use catchwater::internals::emulator::{Config, Emulator};
use catchwater::internals::position::PartitionId;
use tokio::task::spawn_blocking;

/// Runs a check of `tests/python/sdk.py` against a fresh hub and returns the hub.
async fn check(name: &str) -> Option<Emulator> {
    let interpreter = spawn_blocking(python::interpreter).await.unwrap()?;
    let hub = Emulator::start(Config::default()).await.unwrap();
    let mut command = Command::new(interpreter);
    command.arg(python::script("sdk.py")).args([name, &hub.connection_string()]);
    // The script blocks a thread of its own, because the hub runs on this one.
    let Output { status, stdout, stderr } = spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{name}: {status}\n{stdout}\n{stderr}");
    Some(hub)
}

#[tokio::test]
async fn sdk_receives_events_unchanged() {
    let Some(hub) = check("round_trip").await else { return };
    let events: u64 =
        (0..hub.partitions()).filter_map(|id| hub.partition(PartitionId::new(id))).map(|p| p.events).sum();
    assert_eq!(events, 137, "every event is in the hub once");
    hub.shutdown().await;
}

#[tokio::test]
async fn sdk_readers_start_at_the_requested_position() {
    check("positions").await;
}

#[tokio::test]
async fn wrong_key_is_an_authentication_error() {
    check("wrong_key").await;
}

#[tokio::test]
async fn higher_owner_level_displaces_a_reader() {
    check("owner_level").await;
}

#[tokio::test]
async fn too_large_event_is_refused() {
    check("too_large").await;
}
