//! Checkpoints in Azure are those of the official SDKs: consumers with the Python SDK and catchwater follow each other.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "support/node.rs"]
mod node;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/python.rs"]
mod python;
#[expect(clippy::panic, reason = "a server that does not start has to report the reason")]
#[path = "support/stores.rs"]
mod stores;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use catchwater::internals::clock::UnixMillis;
use catchwater::internals::emulator::{Config, Emulator, NewEvent};
use catchwater::internals::position::PartitionId;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use processes::{catchwater, output_text};
use stores::{Server, StoreServer};

/// A consumer stops, catchwater goes on after its checkpoint, and a consumer goes on after the one of catchwater.
#[tokio::test(flavor = "multi_thread")]
async fn consumers_follow_each_other_without_a_gap() {
    let Some(servers) = spawn_blocking(Servers::start).await.unwrap() else { return };
    let hub = hub(3, LONG_AGO).await;
    append(&hub, 0, 10);
    append(&hub, 1, 10);
    let connection = hub.connection_string();
    let handed_over = spawn_blocking(move || {
        let stopped = servers.python(&connection, &["consume", "4", "0"]);
        assert_eq!(stopped, json!({ "0": [0, 1, 2, 3] }));
        assert_eq!(servers.run(&connection, "lake", &[]), 6 + 10);
        // The number before the first event, for a partition without events.
        assert_eq!(servers.python(&connection, &["list"]), json!({ "0": 9, "1": 9, "2": -1 }));
        servers
    });
    let servers = handed_over.await.unwrap();
    append(&hub, 0, 3);
    append(&hub, 2, 2);
    let connection = hub.connection_string();
    let last = spawn_blocking(move || {
        let continued = servers.python(&connection, &["consume", "5"]);
        assert_eq!(continued, json!({ "0": [10, 11, 12], "2": [0, 1] }));
        // On a lake with an origin its own durable position decides.
        assert_eq!(servers.run(&connection, "lake", &[]), 5);
        servers.python(&connection, &["list"])
    });
    assert_eq!(last.await.unwrap(), json!({ "0": 12, "1": 9, "2": 1 }));
}

/// A checkpoint of an earlier hub of the same name, and one beside an explicit `--from`, are not the start of a lake.
#[tokio::test(flavor = "multi_thread")]
async fn only_checkpoints_of_this_hub_begin_a_lake() {
    let Some(servers) = spawn_blocking(Servers::start).await.unwrap() else { return };
    let in_an_hour = now() + Duration::from_hours(1);
    let mut servers = servers;
    for (lake, created_at, number, arguments, rows) in [
        ("counts", LONG_AGO, 3, &[][..], 6),
        ("explicit", LONG_AGO, 3, &["--from", "earliest"], 10),
        ("stale", in_an_hour, 3, &[], 10),
        ("ahead", LONG_AGO, 1000, &[], 10),
    ] {
        let hub = hub(1, created_at).await;
        append(&hub, 0, 10);
        let connection = hub.connection_string();
        let (used, read) = spawn_blocking(move || {
            servers.python(&connection, &["write", &json!({ "0": number }).to_string()]);
            let read = servers.run(&connection, lake, arguments);
            (servers, read)
        })
        .await
        .unwrap();
        assert_eq!(read, rows, "{lake}");
        servers = used;
    }
}

/// Azurite, and the Python SDK with its checkpoint store.
struct Servers {
    blobs: StoreServer,
    interpreter: PathBuf,
}

impl Servers {
    fn start() -> Option<Self> {
        let interpreter = python::interpreter_with("requirements-checkpoints.txt")?;
        Some(Self { blobs: StoreServer::start(Server::Azurite)?, interpreter })
    }

    /// Runs a command of `sdk_checkpoints.py`.
    fn python(&self, hub: &str, command: &[&str]) -> Value {
        let variables = self.blobs.variables();
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        let blobs = format!(
            "DefaultEndpointsProtocol=http;AccountName={};AccountKey={};BlobEndpoint={}",
            value("AZURE_STORAGE_ACCOUNT_NAME"),
            value("AZURE_STORAGE_ACCOUNT_KEY"),
            value("AZURE_STORAGE_ENDPOINT")
        );
        let mut script = Command::new(&self.interpreter);
        script.arg(python::script("sdk_checkpoints.py")).args([hub, &blobs]).args(command);
        let output = script.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", output_text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Reads a hub until caught up, audits the lake, and returns the number of rows. The state is the container, where
    /// the SDK has its checkpoints.
    fn run(&self, hub: &str, lake: &str, arguments: &[&str]) -> u64 {
        let (lake, state) = (self.blobs.lake(lake), self.blobs.lake(""));
        let stores = ["--json", "--lake", &lake, "--state", state.trim_end_matches('/')];
        let run =
            [&["run", "--until-caught-up", "--connection-string", hub], &stores[..], arguments].concat();
        let rows = self.json(&run)["rows"].as_u64().unwrap();
        let audited = self.json(&[&["audit"], &stores[..]].concat());
        for fault in ["gaps", "duplicates", "broken_chains", "in_flight"] {
            assert_eq!(audited[fault], 0, "{audited}");
        }
        rows
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = catchwater(arguments).envs(self.blobs.variables()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", output_text(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(text.lines().next_back().unwrap()).unwrap()
    }
}

async fn hub(partitions: u32, created_at: UnixMillis) -> Emulator {
    Emulator::start(Config { partitions, created_at: Some(created_at), ..Config::default() }).await.unwrap()
}

fn append(hub: &Emulator, partition: u32, events: usize) {
    let body = br#"{"MessageName":"Update","PrimaryEntityName":"account","InputParameters":[]}"#;
    for _ in 0..events {
        let event = NewEvent { body, ..NewEvent::default() };
        hub.append(PartitionId::new(partition), &event).unwrap();
    }
}

fn now() -> UnixMillis {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMillis::EPOCH + now
}

/// Before any checkpoint of this test.
const LONG_AGO: UnixMillis = UnixMillis::new(1_600_000_000_000);
