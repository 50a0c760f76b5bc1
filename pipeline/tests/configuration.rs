//! Settings from the file, the environment and the command line, with the real binary.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::fs;
use std::path::Path;
use std::process::Command;

use processes::{Hub, catchwater, json, output_text};
use serde_json::{Value, json as object};

/// Runs a command with a file, environment variables and options; returns exit code and output.
fn with_file(file: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = catchwater(arguments);
    let output = command.env("CATCHWATER_CONFIG", file).envs(variables.iter().copied()).output().unwrap();
    (output.status.code(), output_text(&output))
}

fn setting<'a>(report: &'a Value, list: &str, name: &str) -> &'a Value {
    report[list].as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap()
}

#[test]
fn file_alone_runs_a_service_and_its_audit() {
    let (hub, folder) = (Hub::start(2), tempfile::tempdir().unwrap());
    hub.send("small", 200, 1);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("hub.txt"), &hub.connection_string).unwrap();
    let text = format!(
        "lake = '{}'\nconnection_string_file = '{}'\n[run]\nuntil = 'caught-up'\nbudget = '64MiB'\nmax_age = 60\n",
        path("lake"),
        path("hub.txt")
    );
    fs::write(path("c.toml"), text).unwrap();
    let run = json(&["run", "--json", "--config", &path("c.toml")]);
    assert_eq!(run["events"], 200, "{run}");
    let audit = json(&["--config", &path("c.toml"), "audit", "--json"]);
    assert_eq!((&audit["events"], &audit["gaps"]), (&object!(200), &object!(0)), "{audit}");
}

#[test]
fn options_win_over_variables_and_variables_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    let text = "lake = 'file'\n[run]\nmax_age = '1m'\nbudget = '32MiB'\nlanes = 1\naccept_loss = true\n\
                [store]\naws_region = 'file'\naws_endpoint = 'https://file'\n";
    fs::write(&file, text).unwrap();
    let variables = [
        ("CATCHWATER_MAX_AGE", "2m"),
        ("CATCHWATER_BUDGET", "48MiB"),
        ("CATCHWATER_LANES", ""),
        ("CATCHWATER_ACCEPT_LOSS", "no"),
        ("AWS_REGION", "environment"),
        ("AWS_ENDPOINT", ""),
    ];
    let (code, text) =
        with_file(&file, &variables, &["config", "show", "--json", "run", "--budget", "64MiB"]);
    assert_eq!(code, Some(0), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    let from_file = |line: u64| object!({"kind": "file", "file": file.to_str().unwrap(), "line": line});
    let from = |variable: &str| object!({"kind": "environment", "variable": variable});
    for (list, name, value, origin) in [
        ("settings", "lake", object!("file"), from_file(1)),
        ("settings", "max_age", object!("2m"), from("CATCHWATER_MAX_AGE")),
        ("settings", "budget", object!("64MiB"), object!({"kind": "flag"})),
        ("settings", "lanes", object!("1"), from_file(5)),
        ("settings", "accept_loss", object!("no"), from("CATCHWATER_ACCEPT_LOSS")),
        ("settings", "reread", object!("false"), object!({"kind": "default"})),
        ("settings", "retry_for", object!("5m"), object!({"kind": "default"})),
        ("settings", "state", Value::Null, object!({"kind": "unset"})),
        ("store", "aws_region", object!("environment"), from("AWS_REGION")),
        ("store", "aws_endpoint", object!("https://file"), from_file(9)),
    ] {
        let shown = setting(&report, list, name);
        assert_eq!((&shown["value"], &shown["origin"]), (&value, &origin), "{name}");
    }
    // The same for people.
    let (_, text) = with_file(&file, &variables, &["config", "show"]);
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("lake = \"file\"").ends_with(&format!("# {}:1", file.display())), "{text}");
    assert!(line("budget = \"48MiB\"").ends_with("# environment variable CATCHWATER_BUDGET"), "{text}");
    assert!(line("# state").ends_with("# not set"), "{text}");
}

#[test]
fn mistakes_end_with_exit_code_2_and_help_ignores_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    fs::write(&file, "lake = 'x'\nlanse = 3\n").unwrap();
    for arguments in [&["run"][..], &["audit"], &["config", "show"], &["config", "show", "audit"]] {
        let (code, text) = with_file(&file, &[], arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("c.toml:2: unknown setting lanse; did you mean lanes?"), "{text}");
    }
    for arguments in [&["run", "--help"][..], &["--version"], &["help", "audit"]] {
        assert_eq!(with_file(&file, &[], arguments).0, Some(0));
    }
    let (code, text) = with_file(&folder.path().join("missing"), &[], &["audit"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("missing can't be read: No such file"), "{text}");
    // Options that belong together are checked over all three layers.
    fs::write(&file, "[send]\nfiles = 'x'\n[hub]\nca_out = 'x'\n").unwrap();
    for (arguments, expected) in [
        (&["send", "--connection-string", CONNECTION, "--generate", "small"][..], "two sources of events"),
        (&["hub"], "add --tls"),
        (&["audit"], "--lake <URL>"),
    ] {
        let (code, text) = with_file(&file, &[], arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

const CONNECTION: &str = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e;UseDevelopmentEmulator=true";

#[test]
fn example_is_a_valid_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    let example = catchwater(&["config", "example"]).output().unwrap();
    fs::write(&file, &example.stdout).unwrap();
    let (code, text) = with_file(&file, &[], &["config", "show", "audit"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("lake = \"az://raw/dataverse\""), "{text}");
}

#[test]
fn completions_and_man_pages_have_every_command_and_option() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("bash");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = catchwater(&["completions", shell]).output().unwrap();
        let text = output_text(&output);
        for word in ["consumer-group", "redrive", "--config"] {
            let word = if shell == "fish" { word.trim_start_matches('-') } else { word };
            assert!(output.status.success() && text.contains(word), "{shell} lacks {word}: {text}");
        }
        if shell == "bash" {
            fs::write(&script, &output.stdout).unwrap();
        }
    }
    let complete = "source \"$0\"; COMP_WORDS=(catchwater run --consumer-g); COMP_CWORD=2; \
                    _catchwater catchwater --consumer-g run; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", complete]).arg(&script).output().unwrap();
    assert_eq!(output_text(&output).trim(), "--consumer-group");

    let pages = folder.path().join("man/man1");
    let output = catchwater(&["man", "--out", pages.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", output_text(&output));
    for (page, word) in [
        ("catchwater.1", "catchwater\\-audit(1)"),
        ("catchwater-run.1", "consumer\\-group"),
        ("catchwater-schema-show.1", "Show only this table"),
        ("catchwater-config-show.1", "json"),
    ] {
        let text = fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(word), "{page} lacks {word}: {text}");
    }
}
