//! The tables of `docs/CONFIG.md`, from the definitions of the options.
//!
//! A test fails when they are stale, and writes them when `CATCHWATER_WRITE_DOCS` is set.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use catchwater_sinks::store::StoreOptions;
use clap::{Arg, CommandFactory};

use crate::cli::command::Cli;
use crate::cli::config::settings::{scopes, settings_of};
use crate::cli::config::store::FILE_SUFFIX;

#[test]
fn config_md_has_the_settings_of_this_version() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIG.md");
    let text = fs::read_to_string(&path).unwrap();
    let text = with_part(&text, "settings", &settings_table());
    let text = with_part(&text, "store", &store_table());
    if std::env::var_os("CATCHWATER_WRITE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == text,
        "docs/CONFIG.md is stale; write it again: CATCHWATER_WRITE_DOCS=1 cargo test -p catchwater --lib config_md"
    );
}

/// Replaces what is between `<!-- NAME -->` and `<!-- end of NAME -->`.
fn with_part(text: &str, name: &str, content: &str) -> String {
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&start).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{start}{content}{end}{after}")
}

fn settings_table() -> String {
    let root = Cli::command();
    let mut commands: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for scope in scopes(&root) {
        for setting in settings_of(scope.command).filter(|setting| !setting.arg.is_hide_set()) {
            let name = scope.table.replace('.', " ");
            let (default, mut help) = texts(setting.arg);
            if setting.is_secret() {
                help.push_str(" (a secret: not in the file)");
            }
            let row = (setting.key.clone(), default, help);
            commands.entry(row).or_default().push(format!("`{name}`"));
        }
    }
    let mut out = "| key | commands | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for ((key, default, help), commands) in commands {
        outln!(out, "| `{key}` | {} | {default} | {help} |", commands.join(", "));
    }
    out
}

fn store_table() -> String {
    let mut out = "| key | variable | meaning |\n| --- | --- | --- |\n".to_owned();
    for option in StoreOptions::documented() {
        let (name, variable) = (option.name, option.name.to_ascii_uppercase());
        let (suffix, kind) = if option.is_secret { (FILE_SUFFIX, "File with a secret: ") } else { ("", "") };
        outln!(out, "| `{name}{suffix}` | `{variable}` | {kind}{} |", cell(option.help));
    }
    out
}

/// Default and meaning. A default that is not a value is in the help: `[default: TEXT]`.
fn texts(arg: &Arg) -> (String, String) {
    let help = cell(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    let values: Vec<_> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if !arg.get_action().takes_values() {
        return ("`false`".to_owned(), help);
    }
    let in_help = help.split_once(" [default: ").and_then(|(before, rest)| {
        let (default, after) = rest.split_once(']')?;
        Some((default.to_owned(), format!("{before}{after}")))
    });
    in_help.unwrap_or_else(|| (values.join(", "), help))
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
