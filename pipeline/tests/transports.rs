//! The binary over each transport: TLS, WebSocket and a proxy, in front of a hub in a process of its own.

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
        command.env("CATCHWATER_RETRY_FOR", "0s");
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
fn run_over_web_socket_reads_every_event() {
    let bed = Bed::new(2_000);
    let ca_file = bed.ca_file();
    let tls = Some(bed.authority.tls(&["localhost"]));
    let front = bed.front(Kind::WebSocket { tls, subprotocol: Some("AMQPWSB10") });
    let to = namespace("localhost", front.address.port());
    bed.run(&to, &["--transport", "websocket", "--ca-file", &ca_file], &[]).has(0, &["\"rows\":2000"]);
    assert_eq!(front.requests()[0], "GET /$servicebus/websocket AMQPWSB10");
    // An emulator has no TLS.
    let front = bed.front(Kind::WebSocket { tls: None, subprotocol: None });
    let hub = address_of(&bed.hub.connection_string).to_string();
    let to = bed.hub.connection_string.replace(&hub, &front.address.to_string());
    bed.run(&to, &[], &[("CATCHWATER_TRANSPORT", "websocket")]).has(0, &["\"rows\":0"]);
    assert_eq!(audit(&bed.lake())["rows"], 2_000);
}

#[test]
fn run_through_a_proxy_reads_every_event() {
    let bed = Bed::new(2_000);
    let ca_file = bed.ca_file();
    // Only the proxy knows the address of this host.
    let hub = bed.front(Kind::Tls(bed.authority.tls(&["hub.invalid"])));
    let proxy = Front::start(Kind::Proxy(Some("Basic dXNlcjpwQHNz")), hub.address);
    let url = format!("http://user:p%40ss@{}", proxy.address);
    let run = |options: &[&str], variables: &[(&str, &str)]| {
        let variables = [&[("CATCHWATER_CA_FILE", ca_file.as_str())], variables].concat();
        bed.run(&namespace("hub.invalid", 5671), options, &variables)
    };
    run(&["--proxy", &url], &[]).has(0, &["\"rows\":2000"]);
    run(&[], &[("HTTPS_PROXY", &url)]).has(0, &["\"rows\":0"]);
    run(&[], &[("CATCHWATER_PROXY", &url), ("NO_PROXY", "*")]).has(0, &["\"rows\":0"]);
    let used = proxy.requests();
    assert!(used.iter().all(|request| request == "CONNECT hub.invalid:5671 HTTP/1.1"), "{used:?}");

    run(&[], &[("HTTPS_PROXY", &url), ("NO_PROXY", "a,.invalid")]).has(3, &["resolve", "hub.invalid"]);
    run(&["--proxy", "none"], &[("HTTPS_PROXY", &url)]).has(3, &["resolve", "hub.invalid"]);
    run(&[], &[("HTTPS_PROXY", ""), ("https_proxy", "")]).has(3, &["resolve", "hub.invalid"]);
    assert_eq!(proxy.requests().len(), used.len(), "the proxy was used for an excepted host");
    // This machine is reached directly.
    assert_eq!(audit(&bed.lake())["rows"], 2_000);
    let bed = Bed::new(10);
    let to = bed.hub.connection_string.clone();
    bed.run(&to, &[], &[("HTTPS_PROXY", "http://proxy.invalid:1")]).has(0, &["\"rows\":10"]);
}

#[test]
fn proxies_that_refuse_end_with_the_reason() {
    let bed = Bed::new(0);
    let to = namespace("hub.invalid", 5671);
    let run = |proxy: SocketAddr| bed.run(&to, &["--proxy", &format!("http://{proxy}")], &[]);
    let authorizing = bed.front(Kind::Proxy(Some("Basic dXNlcjpwQHNz")));
    run(authorizing.address).has(3, &["407", "user name and password"]);
    let refusing = bed.front(Kind::Refusing("403 Forbidden"));
    run(refusing.address).has(3, &["403 Forbidden", "hub.invalid:5671", "--transport websocket"]);
    let emulator = address_of(&bed.hub.connection_string);
    run(emulator).has(3, &[&emulator.to_string(), "is it an HTTP proxy?"]);
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    run(closed).has(3, &[&closed.to_string(), "proxy", "--proxy none"]);
    let no_web_socket = bed.front(Kind::Refusing("404 Not Found"));
    let to = format!("{};UseDevelopmentEmulator=true", namespace("localhost", no_web_socket.address.port()));
    bed.run(&to, &["--transport", "websocket"], &[]).has(3, &["WebSocket", "404 Not Found"]);
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
    for proxy in ["http://u:s3cr3t@", "u:s3cr3t", "socks5://u:s3cr3t@p:1", "https://u:s3cr3t@p"] {
        let ended = run("--proxy", proxy);
        assert!(!ended.text.contains("s3cr3t"), "{}", ended.text);
        ended.has(2, &["--proxy", "http://"]);
    }
    let socks = [("ALL_PROXY", "socks5://u:s3cr3t@p:1")];
    let ended = bed.run(&namespace("hub.invalid", 5671), &[], &socks);
    assert!(!ended.text.contains("s3cr3t"), "{}", ended.text);
    ended.has(2, &["ALL_PROXY", "socks5", "--proxy none"]);
    run("--transport", "carrier-pigeon").has(2, &["amqp", "websocket"]);
}
