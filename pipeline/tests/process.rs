//! The end of the process: signals, hung store calls, standard streams that can't be written, and exit codes, with the
//! real binary.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]
#![expect(clippy::panic, reason = "a test that can't go on has to report the reason")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use processes::{Hub, catchwater, output_text};

/// Documented upper bound on the time that a process takes to end.
const END_MAX: Duration = Duration::from_secs(15);

#[test]
fn failed_run_ends_while_a_store_call_hangs() {
    let (hub, lake) = lake(3, 50);
    let lake = lake.path();
    // The record of one partition is unreadable, and reading that of another never returns. That of the first partition
    // is read before any reader starts.
    let records = origins(lake);
    fs::write(&records[2], "{").unwrap();
    hang(&records[1]);
    let run = catchwater(&hub.run_arguments(lake)).stderr(Stdio::piped()).spawn().unwrap();
    let (status, text) = ended(run, END_MAX);
    assert_eq!(status.code(), Some(7), "{text}");
    assert!(text.contains("can't be parsed"), "{text}");
}

#[test]
fn hung_commands_end_at_the_first_signal() {
    let (_hub, lake) = lake(1, 50);
    let lake = lake.path();
    let record = lake.join("_catchwater/lake.json");
    let lake_text = lake.to_str().unwrap();
    for arguments in [&["audit"][..], &["redrive"], &["sql"], &["schema", "show"]] {
        for (name, code) in [("TERM", 143), ("INT", 130)] {
            hang(&record);
            let command = catchwater(arguments).args(["--lake", lake_text]).spawn().unwrap();
            wait_until_hung(&command);
            signal(&command, name);
            let (status, _) = ended(command, Duration::from_secs(5));
            assert_eq!(status.code(), Some(code), "{arguments:?} {name}");
        }
    }
}

#[test]
fn run_hung_before_reading_ends_as_drained_at_the_first_signal() {
    let (hub, lake) = lake(1, 50);
    hang(&lake.path().join("_catchwater/lake.json"));
    let run = catchwater(&hub.run_arguments(lake.path())).stdout(Stdio::piped()).spawn().unwrap();
    wait_until_hung(&run);
    signal(&run, "TERM");
    assert_eq!(ended(run, END_MAX).0.code(), Some(0));
}

#[test]
fn second_signal_ends_a_run_that_cannot_drain() {
    let (hub, lake) = lake(1, 50);
    // Options are read before there is anything to drain.
    let schema = lake.path().join("schema.json");
    hang(&schema);
    let mut arguments = hub.run_arguments(lake.path());
    arguments.extend(["--schema", schema.to_str().unwrap()]);
    let mut run = catchwater(&arguments).spawn().unwrap();
    wait_until_hung(&run);
    signal(&run, "TERM");
    thread::sleep(Duration::from_secs(1));
    assert_eq!(run.try_wait().unwrap(), None, "the first signal asks for a drain");
    signal(&run, "INT");
    assert_eq!(ended(run, Duration::from_secs(5)).0.code(), Some(130));
}

#[test]
fn hung_drain_ends_after_its_timeout() {
    let (hub, lake) = lake(1, 50);
    let schema = lake.path().join("schema.json");
    hang(&schema);
    let mut arguments = hub.run_arguments(lake.path());
    arguments.extend(["--schema", schema.to_str().unwrap()]);
    let run = catchwater(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    wait_until_hung(&run);
    signal(&run, "TERM");
    let (status, text) = ended(run, END_MAX);
    assert_eq!(status.code(), Some(143));
    assert!(text.contains("the drain did not end in time"), "{text}");
}

#[test]
fn demo_ends_with_the_error_of_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let lake = file.join("lake");
    let demo = catchwater(&["demo", "--events", "1000", "--json", "--lake", lake.to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (status, text) = ended(demo, END_MAX);
    assert_eq!(status.code(), Some(7), "{text}");
    assert!(text.contains("Not a directory"), "{text}");
}

/// Forms of a standard error that can't be written.
const UNWRITABLE: [&str; 3] = ["2>/dev/full", "2>&-", "2>broken pipe"];

#[test]
fn run_drains_with_an_unwritable_standard_error() {
    for log in UNWRITABLE {
        for name in ["TERM", "INT"] {
            let (hub, lake) = (Hub::start(2), tempfile::tempdir().unwrap());
            let sent = hub.send("small", 200, 1);
            let mut arguments = hub.run_arguments(lake.path());
            arguments.retain(|argument| *argument != "--until-caught-up");
            // Many log lines, none of which can be written.
            let mut run = with_unwritable_log(&arguments, log);
            let mut run = run.env("CATCHWATER_LOG", "trace").stdout(Stdio::piped()).spawn().unwrap();
            drop(run.stderr.take());
            wait_for(|| lake.path().join("_catchwater/origin").exists());
            signal(&run, name);
            let out = run.stdout.take().unwrap();
            let (status, _) = ended(run, END_MAX);
            assert_eq!(status.code(), Some(0), "{log} {name}");
            let first: serde_json::Value = serde_json::from_reader(out).unwrap();
            let second = hub.run(lake.path());
            let read = first["events"].as_u64().unwrap() + second["events"].as_u64().unwrap();
            assert!(read >= sent, "{log} {name}: {first} {second}");
            processes::audit(lake.path());
        }
    }
}

#[test]
fn exit_codes_are_the_same_with_an_unwritable_standard_error() {
    let (hub, lake) = lake(1, 50);
    let lake = lake.path();
    let damaged = tempfile::tempdir().unwrap();
    copy(lake, damaged.path());
    fs::write(damaged.path().join("_catchwater/lake.json"), "{").unwrap();
    let faulty = tempfile::tempdir().unwrap();
    copy(lake, faulty.path());
    fs::remove_file(data_files(faulty.path()).first().unwrap()).unwrap();
    let nowhere = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e;UseDevelopmentEmulator=true";
    let (lake, damaged, faulty) =
        (lake.to_str().unwrap(), damaged.path().to_str().unwrap(), faulty.path().to_str().unwrap());
    let absent = format!("{lake}/absent");
    let of = |lake| ["run", "--lake", lake, "--until-caught-up", "--retry-for", "0s", "--connection-string"];
    for (arguments, code) in [
        ([&of(lake)[..], &[hub.connection_string.as_str()]].concat(), 0),
        ([&of("az://a/b")[..], &[hub.connection_string.as_str()]].concat(), 2),
        ([&of(lake)[..], &["nonsense"]].concat(), 2),
        (vec!["run", "--no-such-option"], 2),
        (vec!["audit", "--lake", absent.as_str()], 2),
        ([&of(lake)[..], &[nowhere]].concat(), 3),
        (vec!["audit", "--lake", faulty], 5),
        ([&of(damaged)[..], &[hub.connection_string.as_str()]].concat(), 7),
        // An audit reports damage instead of failing.
        (vec!["audit", "--lake", damaged], 5),
        (vec!["redrive", "--lake", damaged], 7),
        (vec!["audit", "--lake", lake], 0),
    ] {
        let output = catchwater(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}", output_text(&output));
        for log in UNWRITABLE {
            let mut command = with_unwritable_log(&arguments, log);
            let mut command = command.env("CATCHWATER_LOG", "trace").stdout(Stdio::null()).spawn().unwrap();
            drop(command.stderr.take());
            assert_eq!(ended(command, END_MAX).0.code(), Some(code), "{arguments:?} {log}");
        }
    }
}

#[test]
fn run_ends_while_standard_error_is_a_full_pipe() {
    let (hub, lake) = lake(1, 50);
    let checkpoints = lake.path().join("_catchwater/checkpoints");
    let namespace = fs::read_dir(checkpoints).unwrap().next().unwrap().unwrap().path();
    let checkpoint = namespace.join("events/$default/0.json");
    fs::write(&checkpoint, "").unwrap();
    let warned = catchwater(&hub.run_arguments(lake.path())).output().unwrap();
    assert!(output_text(&warned).contains("unreadable checkpoint"), "{}", output_text(&warned));
    fs::write(&checkpoint, "").unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'x'; PIPE_BYTES]).unwrap();
    let mut command = catchwater(&hub.run_arguments(lake.path()));
    let run = command.stdout(Stdio::null()).stderr(writer).spawn().unwrap();
    assert_eq!(ended(run, END_MAX).0.code(), Some(0));
    drop(reader);
}

/// Capacity of a pipe on Linux.
const PIPE_BYTES: usize = 64 * 1024;

#[test]
fn unwritable_report_is_an_error_unless_the_pipe_is_closed() {
    let (hub, lake) = lake(1, 50);
    let lake = lake.path().to_str().unwrap();
    let connection = hub.connection_string.as_str();
    for arguments in [
        &["audit", "--lake", lake][..],
        &["audit", "--json", "--lake", lake],
        &["redrive", "--lake", lake],
        &["redrive", "--json", "--lake", lake],
        &["sql", "--lake", lake],
        &["schema", "show", "--lake", lake],
        &["schema", "show", "--json", "--lake", lake],
        &["run", "--until-caught-up", "--lake", lake, "--connection-string", connection],
        &["run", "--json", "--until-caught-up", "--lake", lake, "--connection-string", connection],
        &["send", "--generate", "small", "--events", "1", "--connection-string", connection],
        &["send", "--json", "--generate", "small", "--events", "1", "--connection-string", connection],
        &["hub", "--listen", "127.0.0.1:0"],
        &["--help"],
        &["run", "--help"],
        &["--version"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = catchwater(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{arguments:?}: {}", output_text(&output));
        let text = output_text(&output);
        assert!(text.contains("standard output") && text.contains("No space left"), "{arguments:?}: {text}");
        if arguments[0] == "hub" {
            continue;
        }
        let mut command =
            catchwater(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(command.stdout.take());
        let (status, text) = ended(command, END_MAX);
        assert_eq!((status.code(), text.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn empty_variables_count_as_unset() {
    let (hub, lake) = lake(1, 50);
    let lake = lake.path().to_str().unwrap();
    let connection = hub.connection_string.as_str();
    for (command, arguments) in [
        (&["run"][..], &["--until-caught-up", "--lake", lake, "--connection-string", connection][..]),
        (&["audit"], &["--lake", lake]),
        (&["redrive"], &["--lake", lake]),
        (&["sql"], &["--lake", lake]),
        (&["schema", "show"], &["--lake", lake]),
        (&["send"], &["--generate", "small", "--events", "1", "--connection-string", connection]),
        (&["demo"], &["--events", "10", "--lake", &format!("{lake}-demo")]),
    ] {
        let help = catchwater(command).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let variables: Vec<&str> =
            help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next()).collect();
        assert!(!variables.is_empty(), "{command:?}");
        let mut running = catchwater(command);
        running.args(arguments).env("CATCHWATER_LOG", "");
        for variable in variables {
            running.env(variable, "");
        }
        let output = running.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", output_text(&output));
    }
    fs::remove_dir_all(format!("{lake}-demo")).unwrap();

    let output = catchwater(&["audit"]).env("CATCHWATER_LAKE", "").output().unwrap();
    assert!(output_text(&output).contains("--lake <URL>"), "{}", output_text(&output));
    let output = catchwater(&["audit", "--lake", lake]).env("CATCHWATER_LOG", "warn,=[").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output_text(&output).contains("CATCHWATER_LOG can't be read"), "{}", output_text(&output));
    // A shell expands "$Default" to this.
    let arguments = ["run", "--lake", lake, "--connection-string", connection, "--consumer-group", ""];
    let output = catchwater(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output_text(&output).contains("single quotes"), "{}", output_text(&output));
}

#[test]
fn folders_that_cannot_be_tables_are_ignored() {
    let (hub, lake) = lake(1, 50);
    let lake = lake.path();
    // This file would stop recovery and be a fault for the audit if they entered these folders.
    let file = data_files(lake).into_iter().next().unwrap();
    let (day, name) = (file.parent().unwrap().file_name().unwrap(), file.file_name().unwrap());
    for folder in ["lost+found", ".snapshot", "_other", "Account"] {
        let day = lake.join(folder).join(day);
        fs::create_dir_all(&day).unwrap();
        fs::write(day.join(name), "no Parquet").unwrap();
    }
    let sent = hub.send("small", 10, 2);
    fs::remove_dir_all(lake.join("_catchwater/checkpoints")).unwrap();
    assert_eq!(hub.run(lake)["events"], sent);
    processes::audit(lake);
    for command in ["sql", "redrive"] {
        let output = catchwater(&[command, "--lake", lake.to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
        assert!(!output_text(&output).contains("lost+found"), "{}", output_text(&output));
    }
}

#[test]
fn stale_staging_files_are_removed_at_the_start() {
    let (hub, lake) = lake(1, 50);
    let file = data_files(lake.path()).into_iter().next().unwrap();
    let staging = |n: u32, age_minutes: u64| {
        let path = PathBuf::from(format!("{}#{n}", file.display()));
        fs::write(&path, "half").unwrap();
        let written = SystemTime::now() - Duration::from_mins(age_minutes);
        File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
        path
    };
    let (stale, young) = (staging(1, 61), staging(2, 58));
    let mut arguments = hub.run_arguments(lake.path());
    arguments.retain(|argument| *argument != "--until-caught-up");
    let run = catchwater(&arguments)
        .env("CATCHWATER_LOG", "info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(|| !stale.exists());
    signal(&run, "TERM");
    let (status, text) = ended(run, END_MAX);
    assert_eq!(status.code(), Some(0), "{text}");
    assert!(young.exists() && text.contains("stale staging files removed files=1"), "{text}");
}

#[test]
fn names_from_bodies_are_escaped() {
    let (hub, folder) = (Hub::start(1), tempfile::tempdir().unwrap());
    let bodies = folder.path().join("bodies.ndjson");
    let body = include_str!("data/oracle/json/m_create.json");
    let evil =
        body.replace(r#""PrimaryEntityName":"account""#, r#""PrimaryEntityName":"a\u001b[2J\nb\u202e""#);
    assert_ne!(body, evil);
    fs::write(&bodies, evil.replace('\n', "")).unwrap();
    let sent = ["send", "--files", bodies.to_str().unwrap(), "--connection-string", &hub.connection_string];
    assert!(catchwater(&sent).status().unwrap().success());
    let lake = folder.path().join("lake");
    let mut run = hub.run_arguments(&lake);
    run.retain(|argument| *argument != "--json");
    let lake = lake.to_str().unwrap();
    for arguments in [
        &run[..],
        &["audit", "--lake", lake],
        &["schema", "show", "--lake", lake],
        &["schema", "show", "--lake", lake, "--table", "other"],
    ] {
        let output = catchwater(arguments).env("CATCHWATER_LOG", "trace").output().unwrap();
        let text = output_text(&output);
        assert!(text.contains("a\\u{1b}[2J\\nb\\u{202e}"), "{arguments:?}: {text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{arguments:?}: {text}");
    }
}

#[test]
fn errors_show_each_cause_once() {
    let (hub, lake) = lake(1, 50);
    let record = lake.path().join("_catchwater/lake.json");
    fs::remove_file(&record).unwrap();
    std::os::unix::fs::symlink("lake.json", &record).unwrap();
    for arguments in
        [&hub.run_arguments(lake.path())[..], &["audit", "--lake", lake.path().to_str().unwrap()]]
    {
        let output = catchwater(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(7), "{text}");
        let error = text.lines().find(|line| line.starts_with("catchwater: ")).unwrap();
        assert_eq!(error.matches("lake.json").count(), 1, "{error}");
        assert!(error.ends_with(": Too many levels of symbolic links (os error 40)"), "{error}");
    }
}

#[test]
fn peer_without_amqp_is_distinguished_from_an_unreachable_one() {
    for (answer, code, word) in [
        (&b""[..], 3, "closed the connection during the handshake"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", 2, "does not open an AMQP connection"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer).unwrap();
            drop(stream.read(&mut [0; 8]));
        });
        let text = format!(
            "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e;UseDevelopmentEmulator=true"
        );
        let arguments = ["send", "--generate", "small", "--events", "1", "--connection-string", &text];
        let output = catchwater(&arguments).output().unwrap();
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(word) && !text.contains("could not reach"), "{text}");
    }
}

/// A hub with events, and a lake with all of them.
fn lake(partitions: u32, events: u64) -> (Hub, tempfile::TempDir) {
    let (hub, lake) = (Hub::start(partitions), tempfile::tempdir().unwrap());
    hub.send("small", events, 1);
    hub.run(lake.path());
    (hub, lake)
}

/// The origin records, in the order of the partitions.
fn origins(lake: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(lake.join("_catchwater/origin")).unwrap();
    let mut found: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(data_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from.join(".")).arg(to).status().unwrap().success());
}

/// Replaces a file by a pipe without a writer: opening it never returns, as on a file system that hangs.
fn hang(path: &Path) {
    drop(fs::remove_file(path));
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Waits until a thread of the process hangs on the pipe.
fn wait_until_hung(process: &Child) {
    let threads = format!("/proc/{}/task", process.id());
    wait_for(|| {
        let Ok(threads) = fs::read_dir(&threads) else { return false };
        let waits_for = |thread: PathBuf| fs::read_to_string(thread.join("wchan")).unwrap_or_default();
        threads.flatten().any(|thread| waits_for(thread.path()) == "wait_for_partner")
    });
}

/// A command whose standard error can't be written. The caller drops the pipe, if it is one.
fn with_unwritable_log(arguments: &[&str], log: &str) -> Command {
    let mut plain = catchwater(arguments);
    match log {
        "2>/dev/full" => {
            plain.stderr(File::options().write(true).open("/dev/full").unwrap());
        }
        "2>broken pipe" => {
            plain.stderr(Stdio::piped());
        }
        closed => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("exec \"$0\" \"$@\" {closed}")]).arg(plain.get_program());
            shell.args(plain.get_args()).stdin(Stdio::null());
            return shell;
        }
    }
    plain
}

/// Waits until the process has ended, or panics. Returns its standard error, if that is a pipe.
fn ended(mut child: Child, within: Duration) -> (ExitStatus, String) {
    let since = Instant::now();
    let text = child.stderr.take().map(|mut pipe| {
        thread::spawn(move || {
            let mut text = String::new();
            drop(pipe.read_to_string(&mut text));
            text
        })
    });
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status, text.map(|text| text.join().unwrap()).unwrap_or_default());
        }
        if since.elapsed() > within {
            drop(child.kill());
            panic!("still running after {within:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn wait_for(condition: impl Fn() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < Duration::from_secs(30), "the condition did not become true in time");
        thread::sleep(Duration::from_millis(10));
    }
}
