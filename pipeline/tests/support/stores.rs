//! Object stores as processes on loopback: Azurite, SeaweedFS and moto.
//!
//! Owns: starting one with a port and a data folder of its own, its container or bucket, and its end with the test. Does
//! not own: its packages (`node`, `python`).

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catchwater_sinks::store::StoreOptions;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tempfile::TempDir;

use super::{node, python};

/// A server that tests store lakes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Microsoft's emulator of Azure Blob Storage.
    Azurite,
    /// An S3 server that stores objects on disk. It verifies signatures.
    SeaweedFS,
    /// An S3 server in memory. It accepts any signature.
    Moto,
}

impl Server {
    #[allow(dead_code, reason = "not every test runs on each server")]
    pub(crate) const ALL: [Self; 3] = [Self::Azurite, Self::SeaweedFS, Self::Moto];

    /// The server's command, without its ports; none when tests with its packages are turned off.
    fn command(self) -> Option<Command> {
        if self == Self::Azurite {
            let mut command = Command::new("node");
            command.arg(node::packages("azurite")?.join("azurite/dist/src/blob/main.js"));
            return Some(command);
        }
        let interpreter = python::interpreter_with("requirements-stores.txt")?;
        let name = if self == Self::Moto { "moto_server" } else { "weed" };
        Some(Command::new(interpreter.with_file_name(name).with_extension(std::env::consts::EXE_EXTENSION)))
    }
}

/// A running server, until it is dropped.
#[derive(Debug)]
pub(crate) struct StoreServer {
    server: Server,
    /// The address to connect to.
    pub(crate) address: SocketAddr,
    _process: Process,
    _data: TempDir,
}

impl StoreServer {
    /// Starts a server with an empty container or bucket; none when tests with its packages are turned off.
    ///
    /// # Panics
    /// With the server's output if it is not ready within a minute.
    pub(crate) fn start(server: Server) -> Option<Self> {
        // A port that was free a moment ago may be taken: then the server ends at once.
        let mut last = String::new();
        for _ in 0..5 {
            match Self::attempt(server)? {
                Ok(started) => return Some(started),
                Err(output) => last = output,
            }
        }
        panic!("{server:?} ended at each of five starts:\n{last}");
    }

    /// The address of a new lake.
    pub(crate) fn lake(&self, folder: &str) -> String {
        let scheme = if self.server == Server::Azurite { "az" } else { "s3" };
        format!("{scheme}://{CONTAINER}/{folder}")
    }

    /// The environment variables with which catchwater finds the server.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables_at(self.address)
    }

    /// The same for a proxy in front of the server.
    pub(crate) fn variables_at(&self, address: SocketAddr) -> Vec<(&'static str, String)> {
        match self.server {
            Server::Azurite => vec![
                ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.into()),
                ("AZURE_STORAGE_ACCOUNT_KEY", AZURITE_KEY.into()),
                ("AZURE_STORAGE_ENDPOINT", format!("http://{address}/{ACCOUNT}")),
                ("AZURE_ALLOW_HTTP", "true".into()),
            ],
            Server::SeaweedFS | Server::Moto => vec![
                ("AWS_ACCESS_KEY_ID", S3_KEY_ID.into()),
                ("AWS_SECRET_ACCESS_KEY", S3_KEY.into()),
                ("AWS_ENDPOINT", format!("http://{address}")),
                ("AWS_REGION", "us-east-1".into()),
                ("AWS_ALLOW_HTTP", "true".into()),
            ],
        }
    }

    /// The same variables as the settings of a store.
    #[allow(dead_code, reason = "tests of the binary set variables")]
    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions::from_variables(self.variables().into_iter().map(|(name, value)| (name.into(), value)))
    }

    /// Starts the server once; the inner error is the output of a server that ended.
    fn attempt(server: Server) -> Option<Result<Self, String>> {
        let data = tempfile::tempdir().unwrap();
        let mut command = server.command()?;
        let mut ports = None;
        match server {
            Server::Azurite => azurite(&mut command, data.path()),
            Server::SeaweedFS => ports = Some(seaweed(&mut command, data.path())),
            Server::Moto => drop(command.args(["--host", "127.0.0.1", "--port", "0"])),
        }
        let log = data.path().join("output");
        let output = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let mut process = Process(command.current_dir(data.path()).spawn().unwrap());
        let began = Instant::now();
        loop {
            let output = fs::read_to_string(&log).unwrap();
            if let Some(address) = ready(server, ports, &output) {
                return Some(Ok(Self { server, address, _process: process, _data: data }));
            }
            if process.0.try_wait().unwrap().is_some() {
                return Some(Err(end_of(&fs::read_to_string(&log).unwrap()).to_owned()));
            }
            assert!(
                began.elapsed() < START_TIMEOUT,
                "{server:?} is not ready after a minute:\n{}",
                end_of(&output)
            );
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

/// The ports of a server that can't choose one by itself.
#[derive(Clone, Copy, Debug)]
struct Ports {
    s3: u16,
    filer: u16,
}

fn azurite(command: &mut Command, data: &Path) {
    command.args([
        "--blobPort",
        "0",
        "--silent",
        "--disableTelemetry",
        "--skipApiVersionCheck",
        "--location",
    ]);
    command.arg(data);
}

/// SeaweedFS takes no port 0: each of its four parts gets two free ports.
fn seaweed(command: &mut Command, data: &Path) -> Ports {
    let identity = serde_json::json!({ "identities": [{
        "name": "catchwater", "actions": ["Read", "Write", "List"],
        "credentials": [{ "accessKey": S3_KEY_ID, "secretKey": S3_KEY }],
    }] });
    fs::write(data.join("s3.json"), identity.to_string()).unwrap();
    // All are bound at once, so that they differ.
    let listeners: [_; 8] = std::array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
    let names =
        ["master", "volume", "filer", "s3"].map(|part| [format!("{part}.port"), format!("{part}.port.grpc")]);
    command.args(["-logtostderr=true", "server", "-s3", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
    command.args(names.as_flattened().iter().zip(ports).map(|(name, port)| format!("-{name}={port}")));
    command.args(["-s3.config=s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
    command.args(["-master.electionTimeout=1s", "-master.volumeSizeLimitMB=64", "-volume.max=16"]);
    command.args(["-volume.minFreeSpace=0", "-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"]);
    Ports { s3: ports[6], filer: ports[4] }
}

/// The address of a server that listens and has its container; none while it starts.
fn ready(server: Server, ports: Option<Ports>, output: &str) -> Option<SocketAddr> {
    let after = |text: &str| {
        let (_, rest) = output.split_once(text)?;
        rest.split_once('\n')?.0.trim().parse::<SocketAddr>().ok()
    };
    let (address, status) = match server {
        Server::Azurite => {
            let address = after("listens on http://")?;
            (address, create_container(address))
        }
        Server::Moto => {
            let address = after("Running on http://")?;
            (address, request(address, "PUT", &format!("/{CONTAINER}"), &[]))
        }
        Server::SeaweedFS => {
            let ports = ports?;
            let filer = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.filer));
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.s3));
            let created = request(filer, "POST", &format!("/buckets/{CONTAINER}/"), &[]);
            // The S3 part starts last.
            let healthy = request(address, "GET", "/healthz", &[]);
            (address, created.and(healthy))
        }
    };
    matches!(status, Ok(200..300 | CONFLICT)).then_some(address)
}

/// The last lines of a server's output.
fn end_of(output: &str) -> &str {
    let lines = output.rmatch_indices('\n');
    lines.take(LINES_SHOWN).last().map_or(output, |(at, _)| &output[at..])
}

/// Creates the container, with the account's key.
/// <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>
fn create_container(address: SocketAddr) -> io::Result<u16> {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let path = format!("/{ACCOUNT}/{CONTAINER}");
    let signed = format!(
        "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-12-02\n/{ACCOUNT}{path}\nrestype:container"
    );
    let key = BASE64_STANDARD.decode(AZURITE_KEY).unwrap();
    let mut hmac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    hmac.update(signed.as_bytes());
    let signature = BASE64_STANDARD.encode(hmac.finalize().into_bytes());
    let headers = [
        ("x-ms-date", date.as_str()),
        ("x-ms-version", "2021-12-02"),
        ("Authorization", &format!("SharedKey {ACCOUNT}:{signature}")),
    ];
    request(address, "PUT", &format!("{path}?restype=container"), &headers)
}

/// Sends a request without a body; returns the status of the answer.
fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> io::Result<u16> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let status = answer.get(9..12).and_then(|status| str::from_utf8(status).ok()?.parse().ok());
    status.ok_or_else(|| io::Error::other("the answer has no status"))
}

/// A process that ends on drop, and so with a test that panics.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The name of the container or bucket.
const CONTAINER: &str = "lakes";

/// Azurite's account, and its key that Microsoft has published.
const ACCOUNT: &str = "devstoreaccount1";
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const S3_KEY_ID: &str = "CATCHWATER";
const S3_KEY: &str = "key-of-the-tests";

/// The status of a container that exists: from an earlier attempt, while another part of the server started.
const CONFLICT: u16 = 409;

/// Time limit of a start; SeaweedFS elects its master first.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Lines of output in a panic.
const LINES_SHOWN: usize = 30;

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Time limit of an answer while a server starts.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
