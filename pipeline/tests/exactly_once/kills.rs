//! Runs that are killed again and again, on a folder and on real object stores.
//!
//! `CATCHWATER_KILLS=50 cargo test -p catchwater --test exactly_once kills_on_azurite` kills fifty times.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use catchwater_sinks::store::{Key, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::processes::{Hub, catchwater, output_text};
use crate::python;
use crate::stores::{Server, StoreServer};

/// The variable with the number of kills.
const KILLS: &str = "CATCHWATER_KILLS";

/// Kills after which a run completes the lake, so that further kills meet a lake without a backlog.
const COMPLETED_AFTER: u64 = 5;

#[test]
fn kills_on_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("lake").to_str().unwrap().to_owned();
    kill_often(&Lake { address, folder, server: None }, 20, 400);
}

#[test]
fn kills_on_azurite() {
    kills_on(Server::Azurite);
}

#[test]
fn kills_on_s3() {
    kills_on(Server::SeaweedFS);
}

fn kills_on(server: Server) {
    let Some(server) = StoreServer::start(server) else { return };
    let (address, folder) = (server.lake("kills"), tempfile::tempdir().unwrap());
    kill_often(&Lake { address, folder, server: Some(server) }, 3, 1_500);
}

/// Kills runs within `longest_ms` after their start, `kills` times without a setting; then the lake is completed.
fn kill_often(lake: &Lake, kills: u64, longest_ms: u64) {
    let kills = std::env::var(KILLS).map_or(kills, |kills| kills.parse().unwrap());
    let hub = Hub::start(4);
    // Seeded, so that kills happen at the same times, as far as the scheduler allows.
    let mut random = fastrand::Rng::with_seed(20);
    let (mut sent, mut unfinished) = (0, 0);
    for round in 0..kills {
        sent += hub.send("mixed", 1500, round);
        // A short age makes the run commit files and checkpoints continuously, so that kills fall between them.
        let mut run = lake.run(&hub).args(["--max-age", "50ms"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.u64(..longest_ms)));
        unfinished += u64::from(run.try_wait().unwrap().is_none());
        run.kill().unwrap();
        run.wait().unwrap();
        lake.check_rows(None);
        if round % COMPLETED_AFTER == COMPLETED_AFTER - 1 {
            json(&lake.run(&hub).output().unwrap());
            lake.check_rows(Some(sent));
        }
    }
    assert!(unfinished > 0, "each of {kills} runs had ended before its kill");
    json(&lake.run(&hub).output().unwrap());
    lake.audit(sent);
    lake.check_rows(Some(sent));
    println!("{kills} kills, of them {unfinished} of a run at work: {sent} events once in {}", lake.address);
}

struct Lake {
    address: String,
    folder: TempDir,
    /// None for a folder.
    server: Option<StoreServer>,
}

impl Lake {
    fn run(&self, hub: &Hub) -> Command {
        let mut command = self.command(&["run", "--json", "--until-caught-up"]);
        command.args(["--connection-string", &hub.connection_string]);
        command
    }

    /// Checks that the lake has each event once and nothing is in flight.
    fn audit(&self, sent: u64) {
        let report = json(&self.command(&["audit", "--json"]).output().unwrap());
        for (key, expected) in [("events", sent), ("rows", sent), ("in_flight", 0), ("broken_chains", 0)] {
            assert_eq!(report[key], expected, "{key} in {report}");
        }
    }

    /// Counts rows and events with `DuckDB`, which is turned off together with Python.
    fn check_rows(&self, sent: Option<u64>) {
        let Some(interpreter) = python::interpreter() else { return };
        let mut command = Command::new(interpreter);
        command.arg(python::script("kills.py")).arg(self.copy()).args(sent.map(|sent| sent.to_string()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
    }

    /// The folder with the lake, or with a copy of its data files. A name has the same content for as long as the lake
    /// exists, so only new files are copied.
    fn copy(&self) -> PathBuf {
        let Some(server) = &self.server else { return self.address.clone().into() };
        let copy = self.folder.path().join("copy");
        let store = Store::open(&self.address, &server.options()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(copy_data_files(&store, &copy));
        copy
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = catchwater(arguments);
        command.args(["--lake", &self.address]).envs(self.server.iter().flat_map(StoreServer::variables));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

async fn copy_data_files(store: &Store, copy: &Path) {
    fs::create_dir_all(copy).unwrap();
    for object in store.list(&Key::default()).await.unwrap() {
        let path = copy.join(object.key.as_ref());
        if object.key.as_ref().ends_with(".cw.parquet") && !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, store.get(&object.key).await.unwrap().unwrap()).unwrap();
        }
    }
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{} {}", output.status, output_text(output));
    serde_json::from_slice(&output.stdout).unwrap()
}
