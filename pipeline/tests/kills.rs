//! Each event is in the lake once after kill -9 at any point, on a folder and on real object stores.
//!
//! `CATCHWATER_KILLS` is the number of cycles on each store; without it there are 3. One store:
//! `CATCHWATER_KILLS=50 cargo test -p catchwater --test kills azurite -- --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "a long test reports its cycles")]

#[path = "support/node.rs"]
mod node;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/python.rs"]
mod python;
#[allow(dead_code, clippy::panic, reason = "shared with tests of stores without a binary")]
#[path = "support/stores.rs"]
mod stores;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use catchwater_sinks::store::{Key, Store, StoreOptions};
use processes::{Hub, catchwater, output_text};
use stores::{Server, StoreServer};

#[test]
fn folder_lake_is_exact_after_kills() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").to_str().unwrap().to_owned();
    kill_runs(&Lake { address: lake, variables: Vec::new(), longest_run: Duration::from_millis(400) });
}

#[test]
fn azurite_lake_is_exact_after_kills() {
    kill_runs_on(Server::Azurite);
}

#[test]
fn s3_lake_is_exact_after_kills() {
    kill_runs_on(Server::SeaweedFS);
}

/// Cycles without `CATCHWATER_KILLS`.
const CYCLES: u64 = 3;

/// Partitions of the hub.
const PARTITIONS: u32 = 4;

/// A lake, and the variables with which its store is found.
struct Lake {
    address: String,
    variables: Vec<(&'static str, String)>,
    /// Upper bound of the time before a kill: a run has read all events by then, and put its first files.
    longest_run: Duration,
}

fn kill_runs_on(server: Server) {
    let Some(running) = StoreServer::start(server) else { return };
    kill_runs(&Lake {
        address: running.lake("killed"),
        variables: running.variables(),
        longest_run: Duration::from_millis(1500),
    });
}

/// Each cycle sends events, kills one to three runs, lets one run end, and counts the events in the lake.
fn kill_runs(lake: &Lake) {
    let Some(interpreter) = python::interpreter() else { return };
    let cycles = env::var("CATCHWATER_KILLS").map_or(CYCLES, |text| text.parse().unwrap());
    let (hub, began) = (Hub::start(PARTITIONS), Instant::now());
    // Seeded, so that kills happen at the same times, as far as the scheduler allows.
    let mut random = fastrand::Rng::with_seed(18);
    let (mut sent, mut kills) = (0, 0);
    for cycle in 0..cycles {
        sent += hub.send("mixed", random.u64(200..800), cycle);
        for _ in 0..random.u64(1..=3) {
            let run_time = random.u64(..lake.longest_run.as_millis() as u64);
            lake.kill_run(&hub, Duration::from_millis(run_time));
            kills += 1;
        }
        lake.run(&hub);
        lake.check(&interpreter, sent, cycle);
    }
    let seconds = began.elapsed().as_secs();
    println!("{}: {cycles} cycles, {kills} kills, {sent} events, each once, {seconds} s", lake.address);
}

impl Lake {
    fn kill_run(&self, hub: &Hub, run_time: Duration) {
        // A short age makes the run commit files and checkpoints continuously, so that kills fall between them.
        let mut run = self.command(hub, &["--max-age", "50ms"]);
        let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(run_time);
        run.kill().unwrap();
        run.wait().unwrap();
    }

    fn run(&self, hub: &Hub) {
        let output = self.command(hub, &["--until", "caught-up", "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
    }

    fn command(&self, hub: &Hub, more: &[&str]) -> Command {
        let mut command = catchwater(&["run", "--lake", &self.address]);
        command.args(["--connection-string", &hub.connection_string]).args(more);
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command
    }

    /// DuckDB finds each event once; the audit finds no fault, at the end of the first and of every tenth cycle.
    fn check(&self, interpreter: &Path, events: u64, cycle: u64) {
        let copied = tempfile::tempdir().unwrap();
        let files = self.files(copied.path());
        let mut count = Command::new(interpreter);
        count.arg(python::script("each_event_once.py")).arg(&files).arg(events.to_string());
        let output = count.output().unwrap();
        assert!(output.status.success(), "cycle {cycle}: {}", output_text(&output));
        if cycle % 10 == 0 {
            let mut audit = catchwater(&["audit", "--json", "--lake", &self.address]);
            let output =
                audit.envs(self.variables.iter().map(|(name, value)| (*name, value))).output().unwrap();
            assert!(output.status.success(), "cycle {cycle}: {}", output_text(&output));
        }
    }

    /// The folder of the lake, or a copy of its data files in `folder`.
    fn files(&self, folder: &Path) -> PathBuf {
        if self.variables.is_empty() {
            return self.address.as_str().into();
        }
        let variables = self.variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let store = Store::open(self.address.as_str(), &StoreOptions::from_variables(variables)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let objects = store.list(&Key::default()).await.unwrap();
            for object in objects.iter().filter(|object| object.key.as_ref().ends_with(".cw.parquet")) {
                let file = folder.join(object.key.as_ref());
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, store.get(&object.key).await.unwrap().unwrap()).unwrap();
            }
        });
        folder.to_owned()
    }
}
