//! The hub over each of its transports, as a process: TLS, WebSocket and both, with the client of the same binary.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use processes::{Hub, audit, catchwater, output_text};
use tempfile::TempDir;

/// Longer than any answer here takes, so that a missing one fails.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

fn text<'a>(hub: &'a Hub, name: &str) -> &'a str {
    hub.printed[name].as_str().unwrap()
}

/// Runs a command to its end; returns its exit code and both outputs.
fn ended(arguments: &[&str], options: &[&str]) -> (Option<i32>, String) {
    let output = catchwater(arguments).args(options).env("CATCHWATER_RETRY_FOR", "0s").output().unwrap();
    (output.status.code(), output_text(&output))
}

/// Sends 500 events and reads them into a lake, which is then exact.
#[track_caller]
fn send_and_run(connection_string: &str, options: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let to = ["--connection-string", connection_string];
    let sent = ended(&["send", "--json", "--generate", "small", "--events", "500"], &[&to, options].concat());
    assert_eq!(sent.0, Some(0), "{}", sent.1);
    let run = ["run", "--json", "--until", "caught-up", "--lake", lake.to_str().unwrap()];
    let run = ended(&run, &[&to, options].concat());
    assert_eq!(run.0, Some(0), "{}", run.1);
    assert_eq!(audit(&lake)["rows"], 500);
}

fn path_in(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

#[test]
fn send_and_run_over_tls_make_an_exact_lake() {
    let folder = tempfile::tempdir().unwrap();
    let ca = path_in(&folder, "ca.pem");
    let hub = Hub::start_with(&["--tls", "--ca-out", &ca]);
    let to = &hub.connection_string;
    assert!(to.starts_with("Endpoint=sb://localhost:") && !to.contains("UseDevelopmentEmulator"), "{to}");
    assert_eq!(text(&hub, "ca"), ca);
    send_and_run(to, &["--ca-file", &ca]);
    let by_address = to.replace("localhost", "127.0.0.1");
    let reached = ended(
        &["send", "--generate", "small", "--events", "1", "--connection-string", &by_address],
        &["--ca-file", &ca],
    );
    assert_eq!(reached.0, Some(0), "{}", reached.1);
}

#[test]
fn send_and_run_over_web_socket_make_an_exact_lake() {
    let hub = Hub::start_with(&["--websocket", "127.0.0.1:0"]);
    let url = text(&hub, "websocket");
    assert!(url.starts_with("ws://127.0.0.1:") && url.ends_with("/$servicebus/websocket"), "{url}");
    send_and_run(text(&hub, "websocket_connection_string"), &["--transport", "websocket"]);
}

#[test]
fn send_and_run_over_web_socket_in_tls_make_an_exact_lake() {
    // Without --ca-out and --data the certificate is in a temporary file.
    let hub = Hub::start_with(&["--tls", "--websocket", "127.0.0.1:0"]);
    assert!(text(&hub, "websocket").starts_with("wss://localhost:"));
    let options = ["--transport", "websocket", "--ca-file", text(&hub, "ca")];
    send_and_run(text(&hub, "websocket_connection_string"), &options);
}

#[test]
fn a_hub_with_a_data_folder_has_the_same_authority_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = path_in(&folder, "data");
    let start = || Hub::start_with(&["--tls", "--data", &data]);
    let hub = start();
    let file = text(&hub, "ca").to_owned();
    let first = fs::read_to_string(&file).unwrap();
    let key = Path::new(&data).join("_tls/authority.json");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    drop(hub);
    let hub = start();
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
    send_and_run(&hub.connection_string, &["--ca-file", &file]);
}

#[test]
fn a_client_that_does_not_trust_the_authority_ends_with_the_reason() {
    let hub = Hub::start_with(&["--tls"]);
    let other = Hub::start_with(&["--tls"]);
    let send =
        ["send", "--generate", "small", "--events", "1", "--connection-string", &hub.connection_string];
    for options in [&[][..], &["--ca-file", text(&other, "ca")]] {
        let (code, text) = ended(&send, options);
        assert_eq!(code, Some(3), "{text}");
        assert!(text.contains("issuer is not trusted") && text.contains("--ca-file"), "{text}");
    }
}

#[test]
fn a_client_without_tls_at_a_port_with_it_ends_at_once() {
    let hub = Hub::start_with(&["--tls"]);
    let plain = format!("{};UseDevelopmentEmulator=true", hub.connection_string);
    let (code, text) =
        ended(&["send", "--generate", "small", "--events", "1", "--connection-string", &plain], &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("requires TLS; leave UseDevelopmentEmulator out"), "{text}");
}

#[test]
fn health_is_answered_as_by_the_official_emulator() {
    let hub = Hub::start_with(&["--health", "127.0.0.1:0"]);
    let url = text(&hub, "health");
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/health").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"status":"healthy","message":"Service is healthy."}"#), "{answer}");
}

#[test]
fn an_address_in_use_is_a_configuration_error() {
    let hub = Hub::start_with(&["--health", "127.0.0.1:0", "--websocket", "127.0.0.1:0"]);
    let address = |name: &str| text(&hub, name).split('/').nth(2).unwrap().to_owned();
    for (option, taken) in [("--health", address("health")), ("--websocket", address("websocket"))] {
        let (code, text) = ended(&["hub", "--listen", "127.0.0.1:0"], &[option, &taken]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(&taken), "{text}");
    }
}
