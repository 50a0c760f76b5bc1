//! The binary with each kind of credential, against a hub over TLS and token endpoints of this process.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "support/entra.rs"]
mod entra;
#[allow(dead_code, reason = "shared with unit tests")]
#[path = "support/fronts.rs"]
mod fronts;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use catchwater::internals::emulator::NewEvent;
use catchwater::internals::position::PartitionId;
use catchwater::{Emulator, EmulatorConfig};
use entra::{Entra, SECRET};
use fronts::{Authority, Front, Kind};
use processes::{audit, catchwater, output_text};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A hub behind TLS, a token endpoint behind TLS, and a folder.
struct Bed {
    runtime: Runtime,
    hub: Emulator,
    hub_front: Front,
    entra: Entra,
    entra_front: Front,
    folder: TempDir,
}

impl Bed {
    /// `life` is the life of tokens in seconds.
    fn new(life: u64) -> Self {
        let runtime = Runtime::new().unwrap();
        let config = EmulatorConfig { partitions: 2, accepts_entra: true, ..EmulatorConfig::default() };
        let hub = runtime.block_on(Emulator::start(config)).unwrap();
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let entra = Entra::start(life);
        let front = |to| Front::start(Kind::Tls(authority.tls(&["127.0.0.1"])), to);
        let (hub_front, entra_front) = (front(hub.address()), front(entra.address));
        Self { runtime, hub, hub_front, entra, entra_front, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A command with the hub's namespace and without an identity of this machine.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Self::bare(arguments);
        command.args(["--namespace", &self.hub_front.address.to_string(), "--event-hub", "events"]);
        command.arg("--ca-file").arg(self.path("ca.pem"));
        command.env("AZURE_AUTHORITY_HOST", format!("https://{}", self.entra_front.address));
        command
    }

    fn bare(arguments: &[&str]) -> Command {
        let mut command = catchwater(arguments);
        let names = std::env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| {
            ["AZURE_", "IDENTITY_", "MSI_"].iter().any(|it| name.to_string_lossy().starts_with(it))
        }) {
            command.env_remove(name);
        }
        // A proxy that does not exist: nothing on loopback may be sent to it.
        command.env("HTTPS_PROXY", "http://127.0.0.1:9").env("HTTP_PROXY", "http://127.0.0.1:9");
        command
    }

    /// The variables and options of the application with a secret.
    fn with_secret(mut command: Command, secret: &str) -> Command {
        command.envs([
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "app"),
            ("AZURE_CLIENT_SECRET", secret),
        ]);
        command
    }

    /// A program `az` on a path of its own that gives out a token of the endpoint, or fails.
    fn azure_cli(&self, script: &str) -> String {
        fs::create_dir_all(self.path("bin")).unwrap();
        let program = self.write("bin/az", &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap())
    }

    /// Checks a failed command.
    fn check_failure(&self, mut command: Command, code: i32, words: &[&str]) {
        let output = command.env("CATCHWATER_RETRY_FOR", "0s").output().unwrap();
        let text = self.checked(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        for word in words {
            assert!(text.contains(word), "{word} is missing:\n{text}");
        }
    }

    /// The outputs of a command, without secrets.
    fn checked(&self, output: &Output) -> String {
        let text = output_text(output);
        assert!(!text.contains("cAnArY") && !text.contains("eyJ"), "{text}");
        for token in self.entra.tokens() {
            assert!(!text.contains(&token), "{text}");
        }
        text
    }
}

/// Sends events and reads all events of the hub into a new lake, with the same credential.
fn check_round_trip(bed: &Bed, name: &str, change: &dyn Fn(Command) -> Command) {
    let tokens = bed.hub.tokens_accepted();
    let send = ["send", "--generate", "small", "--events", "20"];
    let output = change(bed.command(&send)).env("CATCHWATER_LOG", "trace").output().unwrap();
    assert!(output.status.success(), "{name}: {}", bed.checked(&output));
    let lake = bed.path(name);
    let run = ["run", "--json", "--until-caught-up", "--lake", lake.to_str().unwrap()];
    let ran = change(bed.command(&run)).env("CATCHWATER_LOG", "trace").output().unwrap();
    let text = bed.checked(&ran);
    assert!(ran.status.success(), "{name}: {text}");
    assert!(bed.hub.tokens_accepted() >= tokens + 2, "{name}");
    let events: u64 = (0..2).map(|id| bed.hub.partition(PartitionId::new(id)).unwrap().events).sum();
    assert_eq!(audit(&lake)["events"], events, "{name}");
    check_files(&lake, &bed.entra);
}

fn check_files(folder: &Path, entra: &Entra) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check_files(&path, entra);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for secret in entra.tokens().iter().map(String::as_str).chain([SECRET]) {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

#[test]
fn each_identity_brings_events_into_a_clean_lake() {
    let bed = Bed::new(3600);
    let file = bed.write("secret", &format!("{SECRET}\n"));
    let ids = |mut command: Command| {
        command.envs([("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "app")]);
        command
    };
    check_round_trip(&bed, "client-secret", &|command| Bed::with_secret(command, SECRET));
    check_round_trip(&bed, "client-secret-file", &|command| {
        let mut command = ids(command);
        command.args(["--client-secret-file", &file]);
        command
    });
    check_round_trip(&bed, "workload-identity", &|command| {
        let mut command = ids(command);
        command.env("AZURE_FEDERATED_TOKEN_FILE", &file);
        command
    });
    let scope = "scope=https%3A%2F%2Feventhubs.azure.net%2F.default";
    assert!(bed.entra.requests().iter().all(|request| request.contains(scope)));

    let endpoint = format!("http://{}/msi", bed.entra.address);
    let managed = |mut command: Command| {
        command.env("IDENTITY_ENDPOINT", &endpoint).env("IDENTITY_HEADER", SECRET);
        command
    };
    check_round_trip(&bed, "system-assigned", &managed);
    assert!(!bed.entra.requests().last().unwrap().contains("client_id"));
    check_round_trip(&bed, "user-assigned", &|command| {
        let mut command = managed(command);
        command.env("AZURE_CLIENT_ID", "identity").args(["--credential", "managed-identity"]);
        command
    });
    assert!(bed.entra.requests().last().unwrap().contains("client_id=identity"));

    let (token, expiry) = bed.entra.token();
    let answer = format!(r#"{{"accessToken":"{token}","expires_on":{expiry},"tokenType":"Bearer"}}"#);
    let path = bed.azure_cli(&format!("echo '{answer}'"));
    check_round_trip(&bed, "azure-cli", &|mut command| {
        command.env("PATH", &path);
        command
    });
}

#[test]
fn a_connection_string_is_read_from_a_file() {
    let bed = Bed::new(3600);
    let text = bed.hub.connection_string();
    let file = bed.write("connection", &format!("{text}\n"));
    let lake = bed.path("lake");
    append(&bed.hub, 3);
    let mut command = Bed::bare(&["run", "--until-caught-up", "--lake", lake.to_str().unwrap()]);
    let output = command.args(["--connection-string-file", &file]).output().unwrap();
    assert!(output.status.success(), "{}", output_text(&output));
    assert_eq!(audit(&lake)["events"], 3);
    // A mixture is not resolved in favour of one.
    let both = [
        "run",
        "--lake",
        "x",
        "--connection-string-file",
        &file,
        "--namespace",
        "ns",
        "--event-hub",
        "events",
    ];
    bed.check_failure(Bed::bare(&both), 2, &["more than one way to the hub"]);
    bed.check_failure(Bed::bare(&["run", "--lake", "x"]), 2, &["--connection-string-file", "--namespace"]);
    let secret_file =
        ["run", "--lake", "x", "--connection-string-file", &file, "--client-secret-file", SECRET];
    bed.check_failure(Bed::bare(&secret_file), 2, &["--client-secret-file"]);
    // The text in place of the file.
    bed.check_failure(
        Bed::bare(&["run", "--lake", "x", "--connection-string-file", &format!("{text}cAnArY")]),
        2,
        &["--connection-string-file can't be read"],
    );
}

#[test]
fn refused_identities_end_with_a_sentence_and_exit_code_2() {
    let bed = Bed::new(3600);
    let lake = bed.path("lake");
    let run = ["run", "--until-caught-up", "--lake", lake.to_str().unwrap()];
    let wrong = "cAnArY-wrong";
    bed.check_failure(Bed::with_secret(bed.command(&run), wrong), 2, &[
        "client secret of application app in tenant tenant: AADSTS7000215: Invalid client secret provided for app 'app'. Trace ID",
        "AZURE_CLIENT_SECRET or --client-secret-file",
    ]);
    let mut command = bed.command(&run);
    command.env("AZURE_CLIENT_SECRET", wrong).env("AZURE_CLIENT_ID", "app");
    bed.check_failure(command, 2, &["a client secret needs AZURE_TENANT_ID"]);
    let mut command = Bed::with_secret(bed.command(&run), "");
    command.args(["--client-secret-file", "cAnArY-not-a-file"]);
    bed.check_failure(command, 2, &["--client-secret-file can't be read"]);
    let mut command = bed.command(&run);
    command.env("PATH", bed.azure_cli("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1"));
    bed.check_failure(command, 2, &["AZURE_FEDERATED_TOKEN_FILE", "Please run 'az login'"]);
    let mut command = bed.command(&run);
    command.env("PATH", "/nonexistent").args(["--credential", "azure-cli"]);
    bed.check_failure(command, 2, &["az not found on PATH"]);
    let ready_made = "Endpoint=sb://127.0.0.1:1;UseDevelopmentEmulator=true;EntityPath=events;SharedAccessSignature=\
        SharedAccessSignature sr=sb%3A%2F%2Fx%2FRESOURCE&sig=cAnArY&skn=n&se=EXPIRY";
    for (resource, expiry, words) in [
        ("events", "1700000000", "the shared access signature expired at 2023-11-14T22:13:20Z"),
        (
            "other",
            "4000000000",
            "the shared access signature is for sb://x/other, not for sb://127.0.0.1/events",
        ),
    ] {
        let text = ready_made.replace("RESOURCE", resource).replace("EXPIRY", expiry);
        let mut command = Bed::bare(&run);
        command.args([
            "--connection-string-file",
            &bed.write("connection", &text.replace("127.0.0.1:1", &bed.hub.address().to_string())),
        ]);
        bed.check_failure(command, 2, &[words]);
    }
}

#[test]
fn an_unreachable_endpoint_ends_with_exit_code_3() {
    let bed = Bed::new(3600);
    let lake = bed.path("lake");
    let mut command = Bed::with_secret(
        bed.command(&["run", "--until-caught-up", "--lake", lake.to_str().unwrap()]),
        SECRET,
    );
    // The hub's port speaks TLS, but no HTTP; port 9 is closed.
    command.env("AZURE_AUTHORITY_HOST", "https://127.0.0.1:9");
    bed.check_failure(command, 3, &["client secret of application app", "AZURE_AUTHORITY_HOST"]);
}

#[test]
fn tokens_of_ten_seconds_are_renewed_without_losing_a_link() {
    let bed = Bed::new(10);
    let lake = bed.path("lake");
    let mut command =
        Bed::with_secret(bed.command(&["run", "--json", "--lake", lake.to_str().unwrap()]), SECRET);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // More than three lives: without renewals the links are detached three times.
    let (began, mut sent) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(32) {
        append(&bed.hub, 10);
        sent += 10;
        std::thread::sleep(Duration::from_millis(100));
    }
    let stopped = Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let output = run.wait_with_output().unwrap();
    let text = bed.checked(&output);
    assert!(output.status.success(), "{text}");
    assert!(bed.entra.tokens().len() >= 4, "{}", bed.entra.tokens().len());
    assert!(bed.hub.tokens_accepted() >= 4, "{}", bed.hub.tokens_accepted());
    assert_eq!(bed.hub.links_lapsed(), 0, "{text}");
    assert!(!text.contains("WARN"), "{text}");
    assert_eq!(audit(&lake)["events"], sent);
    drop(bed.runtime);
}

fn append(hub: &Emulator, events: u32) {
    for event in 0..events {
        let partition = PartitionId::new(event % hub.partitions());
        hub.append(partition, &NewEvent { body: b"{}", ..NewEvent::default() }).unwrap();
    }
}
