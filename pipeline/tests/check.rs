//! `catchwater check` with the real binary: each mistake has a line with its remedy, and a run that the same mistake
//! stops prints the same words.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::panic, reason = "a test that can't go on has to report the reason")]

#[allow(dead_code, reason = "shared with unit tests")]
#[path = "support/fronts.rs"]
mod fronts;
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
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use catchwater::internals::budget::Budget;
use catchwater::internals::clock::SystemClock;
use catchwater::internals::emulator::{Config, Emulator, HubConfig, NewEvent, Reason};
use catchwater::internals::eventhubs::{Client, ConnectionString, Distrust, ReceiveOptions, Start};
use catchwater::internals::position::PartitionId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use fronts::{Authority, Front, Kind};
use processes::{catchwater, output_text};
use stores::{Server, StoreServer};

/// A hub with one partition and one consumer group, and a folder.
struct Bed {
    runtime: tokio::runtime::Runtime,
    hub: Emulator,
    folder: TempDir,
}

impl Bed {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let events = HubConfig {
            name: "events".to_owned(),
            partitions: Some(1),
            consumer_groups: Some(vec!["known".to_owned()]),
        };
        let config = Config { hubs: vec![events], ..Config::default() };
        let hub = runtime.block_on(Emulator::start(config)).unwrap();
        Self { runtime, hub, folder: tempfile::tempdir().unwrap() }
    }

    /// A hub with an event, which a run attaches for.
    fn with_event() -> Self {
        let bed = Self::new();
        bed.append();
        bed
    }

    fn append(&self) {
        self.hub.append(PartitionId::new(0), &NewEvent { body: b"{}", ..NewEvent::default() }).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn address(&self) -> SocketAddr {
        let connection = self.hub.connection_string();
        connection.split_once("sb://").unwrap().1.split(';').next().unwrap().parse().unwrap()
    }

    /// Runs the command with the hub and a new folder as its lake, which `options` may replace.
    fn output(&self, command: &[&str], options: &[&str], variables: &[(&str, String)]) -> Output {
        let has = |option: &str| options.contains(&option);
        let (connection, lake) = (self.hub.connection_string(), self.path("lake"));
        let mut process = catchwater(command);
        if !has("--connection-string") {
            process.args(["--connection-string", &connection]);
        }
        if !has("--lake") {
            process.args(["--lake", &lake]);
        }
        process.args(options).env("CATCHWATER_RETRY_FOR", "0s").envs(variables.iter().cloned());
        process.output().unwrap()
    }

    fn check(&self, options: &[&str], variables: &[(&str, String)]) -> Checked {
        Checked::of(&self.output(&["check", "--json"], options, variables))
    }

    /// Both commands end with the code; a line of the first and the error of the second have the words.
    #[track_caller]
    fn mistake(&self, options: &[&str], variables: &[(&str, String)], expected: &Mistake<'_>) -> String {
        let Mistake { check, code, words } = expected;
        let checked = self.check(options, variables);
        let detail = checked.failed(check);
        let run = self.output(&["run", "--until-caught-up"], options, variables);
        let text = output_text(&run);
        assert_eq!((checked.code, run.status.code()), (Some(*code), Some(*code)), "{}\n{text}", checked.text);
        for word in *words {
            assert!(detail.contains(word) && text.contains(word), "{word:?} is missing:\n{detail}\n{text}");
        }
        if !check.starts_with("lake") && !check.starts_with("state") {
            assert!(text.contains(&detail), "{detail}\n{text}");
        }
        detail
    }
}

/// A mistake as both commands report it.
struct Mistake<'a> {
    check: &'a str,
    code: i32,
    words: &'a [&'a str],
}

const fn mistake<'a>(check: &'a str, code: i32, words: &'a [&'a str]) -> Mistake<'a> {
    Mistake { check, code, words }
}

/// The report of a check.
struct Checked {
    code: Option<i32>,
    text: String,
    lines: Vec<Value>,
}

impl Checked {
    fn of(output: &Output) -> Self {
        let lines = String::from_utf8(output.stdout.clone()).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { code: output.status.code(), text: output_text(output), lines }
    }

    fn line(&self, check: &str) -> &Value {
        let found = self.lines.iter().find(|line| line["check"] == check);
        found.unwrap_or_else(|| panic!("no line {check}:\n{}", self.text))
    }

    /// The text of a check, which is the first that failed.
    fn failed(&self, check: &str) -> String {
        let first = self.lines.iter().find(|line| line["result"] == "failed");
        let first = first.unwrap_or_else(|| panic!("no check failed:\n{}", self.text));
        assert_eq!(first["check"], check, "{}", self.text);
        first["detail"].as_str().unwrap().to_owned()
    }

    fn results(&self, result: &str) -> Vec<&str> {
        let lines = self.lines.iter().filter(|line| line["result"] == result);
        lines.map(|line| line["check"].as_str().unwrap()).collect()
    }
}

/// The connection string of a namespace: TLS.
fn namespace(host: &str, port: u16) -> String {
    format!(
        "Endpoint=sb://{host}:{port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;EntityPath=events"
    )
}

fn closed_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn everything_right_is_ok_and_leaves_nothing() {
    let bed = Bed::new();
    let group = ["--consumer-group", "known"];
    let checked = bed.check(&group, &[]);
    assert_eq!(checked.code, Some(0), "{}", checked.text);
    assert_eq!(checked.results("note"), ["clock"], "{}", checked.text);
    assert_eq!(checked.results("failed").len() + checked.results("skipped").len(), 0, "{}", checked.text);
    for check in ["name resolution", "token", "right to Listen", "consumer group", "lake conditional put"] {
        assert_eq!(checked.line(check)["result"], "ok", "{}", checked.text);
    }
    assert_eq!(fs::read_dir(bed.folder.path()).unwrap().count(), 0, "the folder of the lake is left");

    bed.append();
    let output = bed.output(&["check"], &[&group[..], &["--state", &bed.path("state")]].concat(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.starts_with("ok  ")), "{text}");
    assert!(text.contains("state conditional put"), "{text}");
    assert_eq!(fs::read_dir(bed.folder.path()).unwrap().count(), 0, "a folder is left");
}

#[test]
fn mistakes_on_the_way_to_the_hub() {
    let bed = Bed::new();
    let plain = bed.address().port();
    let closed = closed_port();
    let untrusted = Front::start(Kind::Tls(Authority::new().tls(&["localhost"])), bed.address());
    for (connection, expected) in [
        (namespace("does-not-exist.invalid", 5671), mistake("name resolution", 3, &["spelled right"])),
        (namespace("localhost", closed), mistake("port", 3, &["--transport websocket"])),
        (namespace("localhost", plain), mistake("TLS", 3, &["UseDevelopmentEmulator=true"])),
        (namespace("localhost", untrusted.address.port()), mistake("TLS", 3, &["issuer", "--ca-file"])),
    ] {
        bed.mistake(&["--connection-string", &connection], &[], &expected);
    }
}

#[test]
fn mistakes_in_credential_and_names() {
    let bed = Bed::with_event();
    let right = bed.hub.connection_string();
    let (endpoint, _) = right.split_once(";SharedAccessKeyName").unwrap();
    let expired = format!(
        "{endpoint};SharedAccessSignature=SharedAccessSignature sr=sb%3A%2F%2F127.0.0.1%2Fevents&sig=x&se=1&skn=n;\
         UseDevelopmentEmulator=true;EntityPath=events"
    );
    for (connection, expected) in [
        (right.replace("SAS_KEY_VALUE", "OTHER"), mistake("token", 2, &["InvalidSignature", "right Listen"])),
        (expired, mistake("token", 2, &["expired at 1970", "make a new one"])),
        (right.replace("EntityPath=events", "EntityPath=other"), mistake("event hub", 2, &["--event-hub"])),
        (right.replace(";EntityPath=events", ""), mistake("configuration", 2, &["--event-hub NAME"])),
    ] {
        bed.mistake(&["--connection-string", &connection], &[], &expected);
    }
    let group = mistake("consumer group", 2, &["not be found", "--consumer-group"]);
    bed.mistake(&["--consumer-group", "missing"], &[], &group);
}

#[test]
fn key_without_the_right_to_listen() {
    let bed = Bed::with_event();
    let text = "Unauthorized access. 'Listen' claim(s) are required to perform this operation.";
    bed.hub.faults().refuse_links(u32::MAX, &Reason::new("amqp:unauthorized-access", text));
    bed.mistake(&[], &[], &mistake("right to Listen", 2, &["'Listen' claim(s)", "has the right Listen"]));
}

#[test]
fn mistakes_in_addresses_and_folders() {
    let bed = Bed::new();
    fs::write(bed.path("file"), "").unwrap();
    let below = bed.path("file/lake");
    bed.mistake(&["--lake", &below], &[], &mistake("lake address", 7, &["file/lake", "Not a directory"]));
    let state = mistake("state address", 2, &["bogus:// is not the address of a store", "az://container"]);
    bed.mistake(&["--state", "bogus://x"], &[], &state);
    let none = mistake("lake address", 2, &["names no container or bucket"]);
    bed.mistake(&["--lake", "az://"], &[], &none);
}

#[test]
fn unreachable_store() {
    let bed = Bed::new();
    let variables = s3_at(&format!("127.0.0.1:{}", closed_port()));
    let expected = mistake("lake reachable", 3, &["Connection refused"]);
    bed.mistake(&["--lake", "s3://bucket/lake"], &variables, &expected);
}

fn s3_at(address: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", "id".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "key".to_owned()),
        ("AWS_ENDPOINT", format!("http://{address}")),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ]
}

#[test]
fn azure_container_and_key() {
    let Some(server) = StoreServer::start(Server::Azurite) else { return };
    let bed = Bed::new();
    let (lake, mut variables) = (server.lake("check"), server.variables());
    let checked = bed.check(&["--lake", &lake, "--consumer-group", "known"], &variables);
    assert_eq!(checked.code, Some(0), "{}", checked.text);
    assert_eq!(checked.line("clock")["result"], "ok", "{}", checked.text);
    let container = mistake("lake container", 7, &["ContainerNotFound", "create the container"]);
    bed.mistake(&["--lake", "az://missing/lake"], &variables, &container);
    for (name, value) in &mut variables {
        if *name == "AZURE_STORAGE_ACCOUNT_KEY" {
            *value = "d3Jvbmc=".to_owned();
        }
    }
    bed.mistake(&["--lake", &lake], &variables, &mistake("lake list", 7, &["mend the credential"]));
}

#[test]
fn s3_bucket_and_key() {
    let Some(server) = StoreServer::start(Server::SeaweedFS) else { return };
    let bed = Bed::new();
    let (lake, mut variables) = (server.lake("check"), server.variables());
    let checked = bed.check(&["--lake", &lake, "--consumer-group", "known"], &variables);
    assert_eq!(checked.code, Some(0), "{}", checked.text);
    let bucket = mistake("lake container", 7, &["NoSuchBucket", "create the container or bucket"]);
    bed.mistake(&["--lake", "s3://missing/lake"], &variables, &bucket);
    for (name, value) in &mut variables {
        if *name == "AWS_SECRET_ACCESS_KEY" {
            *value = "wrong".to_owned();
        }
    }
    bed.mistake(&["--lake", &lake], &variables, &mistake("lake list", 7, &["mend the credential"]));
}

#[test]
fn running_service_is_not_displaced() {
    let bed = Bed::new();
    let connection: ConnectionString = ConnectionString::parse(&bed.hub.connection_string()).unwrap();
    bed.runtime.block_on(async {
        let client = Client::connect(connection, "service", Arc::new(SystemClock)).await.unwrap();
        let options = ReceiveOptions {
            consumer_group: "known".to_owned(),
            start: Start::Earliest,
            owner_level: Some(0),
            name: "service".to_owned(),
            distrust: Distrust::default(),
        };
        let partition = PartitionId::new(0);
        let mut service = client.receive(partition, options, Budget::new(1 << 20), 1 << 16).await.unwrap();
        let checked = tokio::task::block_in_place(|| bed.check(&["--consumer-group", "known"], &[]));
        assert_eq!(checked.code, Some(0), "{}", checked.text);
        let listen = checked.line("right to Listen")["detail"].as_str().unwrap();
        assert!(listen.contains("another run reads"), "{listen}");
        bed.append();
        assert_eq!(service.next_batch().await.unwrap().len(), 1);
    });
}

/// A listener that never accepts: the system completes the handshake, and nothing answers.
fn silent() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

#[test]
fn silent_hub_and_silent_store_end_within_thirty_seconds() {
    let (bed, silent) = (Bed::new(), silent());
    let address = silent.local_addr().unwrap();
    let tls = namespace("127.0.0.1", address.port());
    let plain = format!("{tls};UseDevelopmentEmulator=true");
    let variables = s3_at(&address.to_string());
    thread::scope(|scope| {
        for (connection, check) in [(&tls, "TLS"), (&plain, "AMQP")] {
            let (bed, variables) = (&bed, &variables);
            scope.spawn(move || {
                let began = Instant::now();
                let lake = ["--connection-string", connection, "--lake", "s3://bucket/lake"];
                let checked = bed.check(&lake, variables);
                assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
                assert_eq!(checked.code, Some(3), "{}", checked.text);
                checked.failed(check);
                assert_eq!(checked.line("lake reachable")["result"], "failed", "{}", checked.text);
                assert_eq!(checked.line("consumer group")["detail"], format!("needs {check}"));
            });
        }
    });
}

#[test]
fn interrupted_check_leaves_nothing() {
    let (bed, silent) = (Bed::new(), silent());
    let hub = format!(
        "{};UseDevelopmentEmulator=true",
        namespace("127.0.0.1", silent.local_addr().unwrap().port())
    );
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let lake = bed.path("lake");
        let mut command = catchwater(&["check", "--connection-string", &hub, "--lake", &lake]);
        let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        // The check has begun.
        let _held = silent.accept().unwrap();
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", output_text(&output));
        assert!(output_text(&output).contains("interrupted"), "{}", output_text(&output));
        assert!(!Path::new(&lake).exists());
    }
}
