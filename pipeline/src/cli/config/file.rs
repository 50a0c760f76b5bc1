//! The configuration file: read, each entry checked against the definitions of the options.
//!
//! Owns: which keys and values are refused, and in which words. Does not own: precedence (`layers`).

use std::any::TypeId;
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use catchwater_sinks::store::{Address, StoreOptions};
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::document::{Document, Entry, Value};
use super::settings::{self, Scope, Setting, nearest, scopes};
use super::store;
use crate::cli::exit::Usage;
use crate::cli::text::without_secrets;

/// A file whose entries are all known and valid.
#[derive(Debug)]
pub(in crate::cli) struct ConfigFile {
    pub(super) path: PathBuf,
    entries: Vec<Entry>,
    store: StoreOptions,
}

impl ConfigFile {
    /// Reads a file for the commands below `root`.
    ///
    /// # Errors
    /// The first entry that no command has or takes, with its line and a remedy.
    pub(in crate::cli) fn read(path: &Path, root: &Command) -> Result<Self, Usage> {
        let text = fs::read_to_string(path).map_err(|error| {
            Usage(format!("the configuration file {} can't be read: {error}", path.display()))
        })?;
        Self::parse(path, &text, root)
    }

    pub(super) fn parse(path: &Path, text: &str, root: &Command) -> Result<Self, Usage> {
        let at = |line: usize| move |why: String| Usage(format!("{}:{line}: {why}", path.display()));
        let document = Document::parse(text).map_err(|error| at(error.line)(error.cause))?;
        let scopes = scopes(root);
        for (table, line) in &document.tables {
            check_table(table, &scopes).map_err(at(*line))?;
        }
        let mut options = StoreOptions::default();
        for entry in &document.entries {
            if entry.table == store::TABLE {
                options = store::add(options, entry).map_err(at(entry.line))?;
            } else {
                check(entry, &scopes).map_err(at(entry.line))?;
            }
        }
        Ok(Self { path: path.to_owned(), entries: document.entries, store: options })
    }

    /// The entry that sets a key of a command: in the command's table, else at the top. `check` takes what `run` takes.
    pub(super) fn entry(&self, table: &str, key: &str) -> Option<&Entry> {
        let find = |table: &str| self.entries.iter().find(|entry| entry.table == table && entry.key == key);
        let of_run = || (table == "check").then(|| find("run")).flatten();
        find(table).or_else(of_run).or_else(|| settings::takes_shared_keys(table).then(|| find("")).flatten())
    }

    /// The entry that sets a setting of cloud stores.
    pub(super) fn store_entry(&self, name: &str) -> Option<&Entry> {
        let sets = |key: &str| key == name || store::secret_of_file(key) == Some(name);
        self.entries.iter().find(|entry| entry.table == store::TABLE && sets(&entry.key))
    }

    /// The settings of cloud stores.
    pub(in crate::cli) fn store(&self) -> &StoreOptions {
        &self.store
    }
}

fn check_table(table: &str, scopes: &[Scope<'_>]) -> Result<(), String> {
    let known = || scopes.iter().map(|scope| scope.table.as_str()).chain([store::TABLE]).skip(1);
    if known().any(|known| known == table) {
        return Ok(());
    }
    let remedy = nearest(table, known()).map_or_else(
        || "a table has the name of a command, or is [store]".to_owned(),
        |near| format!("did you mean [{near}]?"),
    );
    Err(format!("unknown table [{table}]; {remedy}"))
}

/// Checks an entry against each command that takes it.
fn check(entry: &Entry, scopes: &[Scope<'_>]) -> Result<(), String> {
    let takes = |scope: &&Scope<'_>| {
        scope.table == entry.table || entry.table.is_empty() && scope.takes_shared_keys()
    };
    let mut is_known = false;
    for setting in scopes.iter().filter(takes).filter_map(|scope| scope.setting(&entry.key)) {
        is_known = true;
        check_secret(entry, &setting)?;
        check_value(entry, setting.arg)?;
    }
    if is_known { Ok(()) } else { Err(unknown(entry, scopes)) }
}

fn unknown(entry: &Entry, scopes: &[Scope<'_>]) -> String {
    let Entry { key, table, .. } = entry;
    let place = if table.is_empty() { String::new() } else { format!(" of [{table}]") };
    let keys = |scopes: &mut dyn Iterator<Item = &Scope<'_>>| -> Vec<String> {
        scopes.flat_map(|scope| settings::settings_of(scope.command).map(|setting| setting.key)).collect()
    };
    let homes: Vec<String> = scopes
        .iter()
        .filter(|scope| scope.setting(key).is_some())
        .map(|scope| format!("[{}]", scope.table))
        .collect();
    let here = keys(&mut scopes.iter().filter(|scope| table.is_empty() || scope.table == *table));
    let remedy = if store::keys().any(|known| known == *key) || StoreOptions::is_secret(key) {
        format!("it belongs in the table [{}]", store::TABLE)
    } else if !homes.is_empty() && table.is_empty() {
        format!("it belongs in the table {}", homes.join(" or "))
    } else if !homes.is_empty() {
        format!("it is a setting of {}", homes.join(", "))
    } else {
        nearest(key, here.iter().map(String::as_str))
            .map_or_else(|| "docs/CONFIG.md lists them".to_owned(), |near| format!("did you mean {near}?"))
    };
    format!("unknown setting {key}{place}; {remedy}")
}

fn check_secret(entry: &Entry, setting: &Setting<'_>) -> Result<(), String> {
    let (key, variable) = (&entry.key, setting.variable());
    if setting.is_secret() {
        return Err(format!(
            "{key} is a secret, which does not belong in this file; write {key}_file = \"FILE\", or set {variable} in the \
             environment"
        ));
    }
    if texts(&entry.value).iter().any(|text| without_secrets(text) != *text) {
        return Err(format!(
            "the value of {key} holds a secret, which does not belong in this file; set {variable} in the environment"
        ));
    }
    Ok(())
}

/// Checks the type of a value, and the value by the parser of its option.
fn check_value(entry: &Entry, arg: &Arg) -> Result<(), String> {
    let key = &entry.key;
    let is_switch = !arg.get_action().takes_values();
    match &entry.value {
        Value::Switch(_) if is_switch => return Ok(()),
        _ if is_switch => return Err(format!("{key} is a switch; write true or false")),
        Value::Switch(_) => return Err(format!("{key} is not a switch; write {}", form(arg))),
        Value::Number(_) if is_text(arg) => return Err(format!("{key} is a text; put it in quotes")),
        Value::List(_) if !takes_list(arg) => return Err(format!("{key} takes one value, not a list")),
        Value::Nested => return Err(format!("{key} takes texts, not lists or tables")),
        Value::Text(_) | Value::Number(_) | Value::List(_) => {}
    }
    let parser = Command::new("value").no_binary_name(true).arg(
        // Only the parser of the value is of interest.
        arg.clone().required(false).env(Resettable::Reset),
    );
    let option = arg.get_long().unwrap_or_default();
    for text in texts(&entry.value) {
        let parsed = parser.clone().try_get_matches_from([format!("--{option}={text}")]);
        parsed.map_err(|error| format!("{key} = {text:?}: {}", cause(&error, arg)))?;
    }
    Ok(())
}

/// The texts that the value's parser gets.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text) | Value::Number(text) => vec![text.clone()],
        Value::Switch(on) => vec![on.to_string()],
        Value::List(texts) => texts.clone(),
        Value::Nested => Vec::new(),
    }
}

fn is_text(arg: &Arg) -> bool {
    let kind = arg.get_value_parser().type_id();
    [TypeId::of::<String>(), TypeId::of::<PathBuf>(), TypeId::of::<Address>()]
        .iter()
        .any(|text| kind == *text)
}

fn takes_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// The form of a value, as `--help` shows it.
fn form(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.iter().map(clap::builder::Str::as_str).collect::<Vec<_>>().join(" ")
}

/// The cause in an error about one value, without the usage of the command line.
fn cause(error: &clap::Error, arg: &Arg) -> String {
    if let Some(source) = error.source() {
        return source.to_string();
    }
    match (error.kind(), error.get(ContextKind::ValidValue)) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(valid))) if !valid.is_empty() => {
            format!("write one of {}", valid.join(", "))
        }
        _ => format!("write {}", form(arg)),
    }
}
