//! The binary over each transport: TLS, in front of a hub in a process of its own.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, reason = "shared with unit tests")]
#[path = "support/fronts.rs"]
mod fronts;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use fronts::{Authority, Front, Kind};
use processes::{Hub, audit, catchwater, output_text};
use tempfile::TempDir;

/// A hub with events, an authority, and a folder for the lake.
struct Bed {
    hub: Hub,
    authority: Authority,
    folder: TempDir,
}

impl Bed {
    fn new(events: u64) -> Self {
        let hub = Hub::start(2);
        if events > 0 {
            hub.send("small", events, 1);
        }
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { hub, authority, folder }
    }

    fn front(&self, kind: Kind) -> Front {
        Front::start(kind, address_of(&self.hub.connection_string))
    }

    fn ca_file(&self) -> String {
        self.folder.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// Runs until caught up, or until the first connection fails.
    fn run(&self, connection_string: &str, options: &[&str], variables: &[(&str, &str)]) -> Ended {
        let lake = self.lake();
        let mut command = catchwater(&["run", "--json", "--until-caught-up"]);
        command.args(["--lake", lake.to_str().unwrap(), "--connection-string", connection_string]);
        let output = command.args(options).envs(variables.iter().copied()).output().unwrap();
        Ended { code: output.status.code(), text: output_text(&output) }
    }
}

struct Ended {
    code: Option<i32>,
    text: String,
}

impl Ended {
    #[track_caller]
    fn has(&self, code: i32, words: &[&str]) {
        let Self { code: ended, text } = self;
        assert_eq!(*ended, Some(code), "{text}");
        for word in words {
            assert!(text.contains(word), "{word:?} is missing in: {text}");
        }
    }
}

fn address_of(connection_string: &str) -> SocketAddr {
    let (_, rest) = connection_string.split_once("sb://").unwrap();
    rest.split(';').next().unwrap().parse().unwrap()
}

/// The connection string of a namespace: TLS.
fn namespace(host: &str, port: u16) -> String {
    format!(
        "Endpoint=sb://{host}:{port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;EntityPath=events"
    )
}

#[test]
fn run_over_tls_reads_every_event() {
    let bed = Bed::new(2_000);
    let front = bed.front(Kind::Tls(bed.authority.tls(&["localhost", "127.0.0.1"])));
    for host in ["localhost", "127.0.0.1"] {
        let to = namespace(host, front.address.port());
        bed.run(&to, &["--ca-file", &bed.ca_file()], &[]).has(0, &[]);
        bed.run(&to, &[], &[("CATCHWATER_CA_FILE", &bed.ca_file())]).has(0, &[]);
    }
    assert_eq!(audit(&bed.lake())["rows"], 2_000);
}

#[test]
fn certificates_that_are_not_accepted_end_with_the_reason() {
    let bed = Bed::new(0);
    let ca_file = bed.ca_file();
    let trusted = ["--ca-file", ca_file.as_str()];
    let of_other = bed.front(Kind::Tls(bed.authority.tls(&["other.example", "10.0.0.1"])));
    let expired = bed.front(Kind::Tls(bed.authority.expired_tls("localhost")));
    let unknown = bed.front(Kind::Tls(Authority::new().tls(&["localhost"])));
    let run = |front: &Front| bed.run(&namespace("localhost", front.address.port()), &trusted, &[]);
    run(&of_other).has(3, &["localhost", "it is for other.example, 10.0.0.1, not for localhost"]);
    run(&expired).has(3, &["localhost", "expired", "clock"]);
    run(&unknown).has(3, &["localhost", "issuer", "--ca-file"]);
    let without_file = bed.run(&namespace("localhost", unknown.address.port()), &[], &[]);
    without_file.has(3, &["localhost", "issuer", "--ca-file"]);
}

#[test]
fn hubs_that_cannot_be_reached_end_with_the_reason() {
    let bed = Bed::new(0);
    let plain = address_of(&bed.hub.connection_string).port();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let run = |to: &str| bed.run(to, &[], &[]);
    run(&namespace("localhost", plain)).has(3, &["TLS", "UseDevelopmentEmulator=true"]);
    run(&namespace("localhost", closed)).has(3, &[&format!("localhost:{closed}"), "--transport websocket"]);
    run(&namespace("does-not-exist.invalid", 5671)).has(3, &["does-not-exist.invalid", "resolve"]);
}

#[test]
fn mistakes_in_the_options_are_configuration_errors() {
    let bed = Bed::new(0);
    let empty = bed.folder.path().join("empty.pem");
    fs::write(&empty, "no certificate").unwrap();
    let to = namespace("localhost", 1);
    let run = |option: &str, value: &str| bed.run(&to, &[option, value], &[]);
    run("--ca-file", "/does/not/exist.pem").has(2, &["/does/not/exist.pem", "can't be read"]);
    run("--ca-file", empty.to_str().unwrap()).has(2, &["no certificate", "BEGIN CERTIFICATE"]);
}
