//! `catchwater config`: the settings in force, and where each comes from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use catchwater_sinks::store::StoreOptions;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Subcommand};
use serde::Serialize;

use super::file::ConfigFile;
use super::layers::{layered, relaxed};
use super::settings::{Setting, settings_of, table_below};
use super::store;
use crate::cli::exit::{Exit, Usage};
use crate::cli::output::{print, print_json};
use crate::cli::text::{escaped, without_secrets};
use crate::eventhubs::Proxy;

/// Settings come from the command line, from environment variables and from one TOML file (`--config FILE`), in this
/// order. docs/CONFIG.md describes all of them.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Prints the settings in force for a command, and where each comes from; secrets are masked
    Show(Show),
    /// Prints a file with comments to start from
    Example,
}

#[derive(Debug, Args)]
struct Show {
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
    /// Command, with its options if any: `config show run --max-age 5m` [default: run]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command_line: Vec<OsString>,
}

/// The example file, as it lies in the repository.
const EXAMPLE: &str = include_str!("../../../../deploy/catchwater.example.toml");

/// Runs the command. `root` is the definition of the whole command line, `config` the file that was given before the
/// command.
pub(in crate::cli) fn run(options: &Options, root: &Command, config: Option<&Path>) -> anyhow::Result<Exit> {
    let show = match &options.action {
        Action::Show(show) => show,
        Action::Example => {
            print(EXAMPLE)?;
            return Ok(Exit::Done);
        }
    };
    let report = Report::read(&show.command_line, root, config)?;
    if show.json {
        print_json(&report)?;
    } else {
        print(&report.text())?;
    }
    Ok(Exit::Done)
}

/// The settings of a command.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    command: String,
    file: Option<PathBuf>,
    settings: Vec<Shown>,
    store: Vec<Shown>,
}

/// A setting in force.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Shown {
    name: String,
    /// Masked where it is a secret; null if it is not set.
    value: Option<String>,
    origin: Origin,
}

/// The place of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Origin {
    Flag,
    Environment { variable: String },
    File { file: PathBuf, line: usize },
    Default,
    Unset,
}

impl Report {
    /// Reads settings as the command line would, which need not be complete.
    pub(super) fn read(
        command_line: &[OsString],
        root: &Command,
        config: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let line = whole_line(command_line, config);
        let parse = |file: Option<&ConfigFile>| {
            let matches = relaxed(layered(root.clone(), file)).try_get_matches_from(&line);
            matches.map_err(|error| Usage(summary(&error, command_line)))
        };
        let path = parse(None)?.get_one::<PathBuf>("config").cloned();
        let file = path.as_deref().map(|path| ConfigFile::read(path, root)).transpose()?;
        let (mut table, mut command) = (String::new(), root);
        let matches = parse(file.as_ref())?;
        let mut matches = &matches;
        let mut settings = Vec::new();
        while let Some((name, below)) = matches.subcommand() {
            table = table_below(&table, name);
            let Some(found) = command.find_subcommand(name) else { break };
            (command, matches) = (found, below);
            let shown = |setting| shown(&setting, matches, &table, file.as_ref());
            settings.extend(settings_of(command).filter(|setting| !setting.arg.is_hide_set()).map(shown));
        }
        Ok(Self {
            command: table.replace('.', " "),
            store: store_settings(file.as_ref()),
            file: path,
            settings,
        })
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let file = self.file.as_ref().map_or_else(
            || "without a file (--config FILE)".to_owned(),
            |file| format!("with the file {}", escaped(&file.to_string_lossy())),
        );
        outln!(out, "# catchwater {}, {file}", self.command);
        section(&mut out, &self.settings);
        if !self.store.is_empty() {
            outln!(out, "\n[{}]", store::TABLE);
            section(&mut out, &self.store);
        }
        out
    }
}

fn section(out: &mut String, settings: &[Shown]) {
    let line = |Shown { name, value, .. }: &Shown| match value {
        Some(value) => format!("{name} = {value:?}"),
        None => format!("# {name}"),
    };
    let width = settings.iter().map(|setting| line(setting).chars().count()).max().unwrap_or_default();
    for setting in settings {
        outln!(out, "{:<width$}  # {}", line(setting), setting.origin);
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => out.write_str("flag"),
            Self::Environment { variable } => write!(out, "environment variable {variable}"),
            Self::File { file, line } => write!(out, "{}:{line}", escaped(&file.to_string_lossy())),
            Self::Default => out.write_str("default"),
            Self::Unset => out.write_str("not set"),
        }
    }
}

/// The command line with the program's name and the file, as clap takes it.
fn whole_line(command_line: &[OsString], config: Option<&Path>) -> Vec<OsString> {
    let mut line = vec![OsString::from("catchwater")];
    if let Some(config) = config {
        line.extend([OsString::from("--config"), config.into()]);
    }
    if command_line.is_empty() {
        line.push("run".into());
    }
    line.extend_from_slice(command_line);
    line
}

/// The first line of an error of clap; the rest is the usage of the command.
fn summary(error: &clap::Error, command_line: &[OsString]) -> String {
    let text = error.to_string();
    let mut first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    for word in command_line {
        let word = word.to_string_lossy();
        first = first.replace(&*word, &without_secrets(&word));
    }
    first
}

fn shown(setting: &Setting<'_>, matches: &ArgMatches, table: &str, file: Option<&ConfigFile>) -> Shown {
    let id = setting.arg.get_id().as_str();
    let from_file = || file.and_then(|file| Some((file, file.entry(table, &setting.key)?)));
    let origin = match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Origin::Flag,
        Some(ValueSource::EnvVariable) => Origin::Environment { variable: setting.variable() },
        Some(_) => from_file().map_or(Origin::Default, |(file, entry)| Origin::File {
            file: file.path.clone(),
            line: entry.line,
        }),
        None => Origin::Unset,
    };
    let values = matches.get_raw(id).map(|values| {
        values.map(|value| masked_value(setting, &value.to_string_lossy())).collect::<Vec<_>>().join(",")
    });
    Shown { name: setting.key.clone(), value: values, origin }
}

/// A value without its secrets.
fn masked_value(setting: &Setting<'_>, value: &str) -> String {
    match setting.key.as_str() {
        _ if setting.is_secret() => MASK.to_owned(),
        // A proxy may have a password in any form that its parser refuses later.
        "proxy" => match Proxy::parse(value) {
            Ok(Proxy::Url(proxy)) => proxy.to_string(),
            Ok(_) => value.to_owned(),
            Err(_) => MASK.to_owned(),
        },
        _ => without_secrets(value),
    }
}

/// Shown in place of a secret.
const MASK: &str = "…";

/// The settings of cloud stores that are set.
fn store_settings(file: Option<&ConfigFile>) -> Vec<Shown> {
    let environment = StoreOptions::from_environment();
    let defaults = file.map(|file| file.store().clone()).unwrap_or_default();
    let is_in_environment = |name: &str| environment.iter().any(|(set, _)| set == name);
    let shown = |(name, value): (&str, &str)| {
        let entry = file.and_then(|file| Some((file, file.store_entry(name)?)));
        let origin = match entry {
            Some((file, entry)) if !is_in_environment(name) => {
                Origin::File { file: file.path.clone(), line: entry.line }
            }
            _ => Origin::Environment { variable: store_variable(name) },
        };
        let value = if StoreOptions::is_secret(name) { MASK.to_owned() } else { without_secrets(value) };
        Shown { name: name.to_owned(), value: Some(value), origin }
    };
    environment.clone().or(&defaults).iter().map(shown).collect()
}

/// The variable of the environment that sets a setting of cloud stores.
fn store_variable(name: &str) -> String {
    let sets = |variable: &String| {
        let alone = StoreOptions::from_variables([(variable.clone(), "x".to_owned())]);
        alone.iter().any(|(set, _)| set == name)
    };
    let names = std::env::vars_os().filter_map(|(variable, _)| variable.into_string().ok());
    names.into_iter().find(sets).unwrap_or_else(|| name.to_ascii_uppercase())
}
