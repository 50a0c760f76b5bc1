//! Commands that read a lake back, on Azurite and on S3 servers, with DuckDB as the reader of the printed views.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "support/node.rs"]
mod node;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;
#[path = "support/python.rs"]
mod python;
#[allow(dead_code, clippy::panic, reason = "shared with tests of stores")]
#[path = "support/stores.rs"]
mod stores;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use processes::{Hub, catchwater, output_text};
use stores::{Server, StoreServer};

#[test]
fn lakes_on_azurite_are_read_back() {
    check_lake(Server::Azurite);
}

#[test]
fn lakes_on_seaweedfs_are_read_back() {
    check_lake(Server::SeaweedFS);
}

#[test]
fn lakes_on_moto_are_read_back() {
    check_lake(Server::Moto);
}

#[test]
fn steps_that_a_demo_prints_work_as_pasted() {
    for server in [Server::Azurite, Server::SeaweedFS] {
        let (Some(store), Some(duckdb)) = (Store::start(server), DuckDb::new()) else { return };
        let printed = store.succeed(&["demo", "--events", "300", "--lake", &store.server.lake("demo")]);
        let (_, steps) = printed.split_once("Query the lake with DuckDB:\n").unwrap();
        let output = duckdb.command("sh", &store).args(["-e", "-c", steps]).output().unwrap();
        let shown = output_text(&output);
        assert!(output.status.success() && shown.contains("newest"), "{steps}\n{shown}");
        store.check_secrets(&shown);
    }
}

#[test]
fn mistakes_of_azurite_have_their_code_and_remedy() {
    check_mistakes(Server::Azurite, "AZURE_STORAGE_ACCOUNT_KEY");
}

#[test]
fn mistakes_of_seaweedfs_have_their_code_and_remedy() {
    check_mistakes(Server::SeaweedFS, "AWS_SECRET_ACCESS_KEY");
}

/// Audits a lake with quarantined bodies, redrives it, and compares the counts with DuckDB's.
fn check_lake(server: Server) {
    let Some(store) = Store::start(server) else { return };
    let lake = store.server.lake("a/lake");
    let hub = Hub::start(2);
    assert_eq!(hub.send("mixed", 300, 1), 300);
    let broken = store.folder.path().join("broken.ndjson");
    fs::write(&broken, "one\ntwo\nthree\n").unwrap();
    let files = ["--files", broken.to_str().unwrap()];
    store.json(&[&["send", "--json", "--connection-string", &hub.connection_string][..], &files].concat());
    store.json(&hub.run_arguments(Path::new(&lake)));

    let report = store.json(&["audit", "--json", "--lake", &lake]);
    for (count, expected) in [("events", 303), ("gaps", 0), ("broken_chains", 0), ("schema_faults", 0)] {
        assert_eq!(report[count], expected, "{report}");
    }
    if server == Server::Azurite {
        let address = "abfss://lakes@devstoreaccount1.dfs.core.windows.net/a/lake";
        assert_eq!(store.json(&["audit", "--json", "--lake", address]), report);
    }
    let redriven = store.json(&["redrive", "--json", "--lake", &lake]);
    assert_eq!((&redriven["examined"], &redriven["left"]), (&3.into(), &3.into()), "{redriven}");
    let schemas = store.json(&["schema", "show", "--json", "--lake", &lake]);
    assert_eq!(schemas["tables"]["account"]["columns"]["_sequence_number"], "int64", "{schemas}");
    let views = store.folder.path().join("views.sql");
    fs::write(&views, store.succeed(&["sql", "--lake", &lake])).unwrap();
    let Some(duckdb) = DuckDb::new() else { return };
    let tables = report["tables"].as_object().unwrap();
    let counts = tables.keys().map(|table| format!("(SELECT count(*) FROM {table}) AS {table}"));
    let query = format!("SELECT {}", counts.collect::<Vec<_>>().join(", "));
    let counted = duckdb.query(&store, &views, &query);
    for (table, facts) in tables {
        assert_eq!(counted[table], facts["rows"], "{table}: {report}\n{counted}");
    }
    assert_eq!(duckdb.query(&store, &views, "SELECT count(*) AS gaps FROM gaps")["gaps"], 0);
}

/// Each mistake, with the exit code and a part of the message, for each command that reads a lake.
fn check_mistakes(server: Server, key: &str) {
    let Some(store) = Store::start(server) else { return };
    let lake = store.server.lake("lake");
    let nowhere = lake.replace("lakes", "nowhere");
    let wrong_key = [(key.to_owned(), "d3Jvbmcga2V5IGNBbkFyWQ==".to_owned())];
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let closed: Vec<_> =
        store.server.variables_at(closed).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for command in [&["audit"][..], &["sql"], &["redrive"], &["schema", "show"], &["demo", "--events", "9"]] {
        for (lake, variables, code, words) in [
            (&nowhere, &[][..], 7, "create the container or bucket"),
            (&lake, &wrong_key, 7, "mend the credential of the store"),
            (&lake, &closed, 3, "refused"),
            (&lake, &[], 2, "no lake at"),
        ] {
            // A demo creates its lake, and a run waits for its store for a minute.
            if command[0] == "demo" && code != 7 {
                continue;
            }
            let arguments = [command, &["--lake", lake]].concat();
            let mut attempt = store.command(&arguments);
            let output = attempt.envs(variables.iter().cloned()).output().unwrap();
            let shown = output_text(&output);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {shown}");
            assert!(shown.contains(words), "{arguments:?}: {shown}");
            store.check_secrets(&shown);
            assert!(!shown.contains(&wrong_key[0].1), "{arguments:?}: {shown}");
        }
    }
}

/// A server, and a folder for files of the test.
struct Store {
    server: StoreServer,
    folder: TempDir,
}

impl Store {
    fn start(server: Server) -> Option<Self> {
        Some(Self { server: StoreServer::start(server)?, folder: tempfile::tempdir().unwrap() })
    }

    /// The binary with the settings of the store, and with all log lines.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = catchwater(arguments);
        command.envs(self.server.variables()).env("CATCHWATER_LOG", "trace");
        command
    }

    /// Runs a command that succeeds; returns its standard output.
    fn succeed(&self, arguments: &[&str]) -> String {
        let output: Output = self.command(arguments).output().unwrap();
        let shown = output_text(&output);
        assert!(output.status.success(), "{arguments:?}: {shown}");
        self.check_secrets(&shown);
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(self.succeed(arguments).lines().next_back().unwrap()).unwrap()
    }

    /// Fails if a text has a credential of the store.
    fn check_secrets(&self, shown: &str) {
        let secret = |name: &str| ["AZURE_STORAGE_ACCOUNT_KEY", "AWS_SECRET_ACCESS_KEY"].contains(&name);
        for (name, value) in self.server.variables().into_iter().filter(|(name, _)| secret(name)) {
            assert!(!shown.contains(&value), "{name} is in:\n{shown}");
        }
    }
}

/// DuckDB's command line with a home that has its extensions.
struct DuckDb {
    programs: PathBuf,
    home: TempDir,
}

impl DuckDb {
    /// None if the Python tests are turned off.
    fn new() -> Option<Self> {
        let interpreter = python::interpreter_with("requirements-duckdb-cloud.txt")?;
        let home = tempfile::tempdir().unwrap();
        let programs = interpreter.parent().unwrap().to_owned();
        let find = "import glob, sysconfig; print(*glob.glob(sysconfig.get_path('purelib') + '/duckdb_extension_*/**/*.duckdb_extension', recursive=True), sep='\\n')";
        let found = Command::new(&interpreter).args(["-c", find]).output().unwrap();
        for extension in String::from_utf8(found.stdout).unwrap().lines() {
            let install = format!("INSTALL '{extension}'");
            let output = Command::new(programs.join("duckdb"))
                .args(["-c", &install])
                .env("HOME", home.path())
                .output()
                .unwrap();
            assert!(output.status.success(), "{install}: {}", output_text(&output));
        }
        Some(Self { programs, home })
    }

    /// A program that finds DuckDB, catchwater and the settings of the store.
    fn command(&self, program: &str, store: &Store) -> Command {
        let catchwater = Path::new(env!("CARGO_BIN_EXE_catchwater")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [self.programs.clone(), catchwater.to_owned()].into_iter();
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new(program);
        command.envs(store.server.variables()).env("HOME", self.home.path()).env("PATH", path);
        command.current_dir(store.folder.path());
        command
    }

    /// The first row of a query over printed views.
    fn query(&self, store: &Store, views: &Path, query: &str) -> Value {
        let mut duckdb = self.command(self.programs.join("duckdb").to_str().unwrap(), store);
        let output = duckdb.arg("-init").arg(views).args(["-json", "-c", query]).output().unwrap();
        let shown = output_text(&output);
        assert!(output.status.success(), "{query}: {shown}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let rows: Value = serde_json::from_str(printed.lines().next_back().unwrap()).unwrap();
        rows[0].clone()
    }
}
