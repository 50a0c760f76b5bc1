//! A hub that goes away and comes back, with the real binary: a bounded run gives up, a service reads on.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::panic, reason = "a test that can't go on has to report the reason")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use processes::{audit, catchwater, json, output_text};

/// A hub on a fixed port that keeps its events in a folder.
struct Hub {
    process: Child,
    connection_string: String,
}

impl Hub {
    fn start(port: u16, data: &Path) -> Self {
        let (listen, data) = (format!("127.0.0.1:{port}"), data.to_str().unwrap());
        let mut process =
            catchwater(&["hub", "--listen", &listen, "--data", data, "--json", "--partitions", "2"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        Self { process, connection_string: object["connection_string"].as_str().unwrap().to_owned() }
    }

    fn send(&self, events: u64, seed: u64) -> u64 {
        let (events, seed) = (events.to_string(), seed.to_string());
        let connection = &self.connection_string;
        let generated = ["send", "--json", "--generate", "small", "--events", &events, "--seed", &seed];
        let sent = json(&[&generated[..], &["--connection-string", connection]].concat());
        sent["events"].as_u64().unwrap()
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A run without an end, and its log.
struct Service {
    process: Child,
    log: std::io::Lines<BufReader<std::process::ChildStderr>>,
    text: String,
}

impl Service {
    fn start(hub: &Hub, lake: &Path) -> Self {
        // It ends by itself if the test does not end it.
        let lake = lake.to_str().unwrap();
        let arguments = ["run", "--json", "--for", "2m", "--lake", lake, "--connection-string"];
        let mut command = catchwater(&[&arguments[..], &[&hub.connection_string]].concat());
        command.env("CATCHWATER_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, log, text: String::new() }
    }

    /// Reads the log until a text has come this often. A service that ends also ends its log.
    fn wait_for(&mut self, text: &str, count: usize) {
        let mut seen = 0;
        while seen < count {
            let Some(line) = self.log.next() else { panic!("the service has ended:\n{}", self.text) };
            let line = line.unwrap();
            seen += usize::from(line.contains(text));
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    /// Reads the rest of the log; returns exit code, report and log.
    fn end(mut self) -> (Option<i32>, serde_json::Value, String) {
        for line in self.log {
            self.text.push_str(&line.unwrap());
            self.text.push('\n');
        }
        let output = self.process.wait_with_output().unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), report, self.text)
    }
}

/// Reads everything that the hub has.
fn catch_up(hub: &Hub, lake: &Path) {
    let lake = lake.to_str().unwrap();
    let connection = &hub.connection_string;
    json(&["run", "--json", "--until-caught-up", "--lake", lake, "--connection-string", connection]);
}

fn terminate(service: &Service) {
    let id = service.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
}

#[test]
fn bounded_run_gives_up_after_its_limit() {
    let lake = tempfile::tempdir().unwrap();
    let connection = format!(
        "Endpoint=sb://127.0.0.1:{};SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e;UseDevelopmentEmulator=true",
        free_port()
    );
    let lake = lake.path().to_str().unwrap();
    for until in [&["--until-caught-up"][..], &[]] {
        let arguments =
            [&["run", "--retry-for", "2s", "--lake", lake], until, &["--connection-string", &connection]];
        let began = Instant::now();
        let output = catchwater(&arguments.concat()).output().unwrap();
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains("can't be reached; trying again"), "{text}");
        let elapsed = began.elapsed();
        assert!(elapsed > Duration::from_millis(500) && elapsed < Duration::from_secs(30), "{elapsed:?}");
    }
}

#[test]
fn service_reads_on_after_its_hub_was_killed_and_started_again() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let (data, lake): (PathBuf, PathBuf) = (folder.path().join("data"), folder.path().join("lake"));
    let hub = Hub::start(port, &data);
    let mut sent = hub.send(500, 1);
    let mut run = Service::start(&hub, &lake);
    run.wait_for("link attached", 2);
    hub.kill();
    // The service finds the port closed.
    run.wait_for("trying again", 4);
    let hub = Hub::start(port, &data);
    sent += hub.send(500, 2);
    run.wait_for("link attached", 2);
    terminate(&run);
    let (code, report, log) = run.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(report["links_lost"].as_u64() >= Some(2), "{report}\n{log}");
    catch_up(&hub, &lake);
    assert_eq!(audit(&lake)["events"], sent);
}

#[test]
fn hub_that_was_created_again_ends_the_run_and_is_another_source() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let lake = folder.path().join("lake");
    let hub = Hub::start(port, &folder.path().join("first"));
    let first = hub.send(300, 1);
    catch_up(&hub, &lake);
    let mut run = Service::start(&hub, &lake);
    run.wait_for("link attached", 2);
    hub.kill();
    let hub = Hub::start(port, &folder.path().join("second"));
    let second = hub.send(200, 2);
    let (code, _, log) = run.end();
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("deleted and created again"), "{log}");
    catch_up(&hub, &lake);
    assert_eq!(audit(&lake)["events"], first + second);
}
