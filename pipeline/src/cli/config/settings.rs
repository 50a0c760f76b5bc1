//! The options that are settings, by command.
//!
//! A setting is an option with an environment variable. The same words name it as option (`--max-age`), variable
//! (`CATCHWATER_MAX_AGE`) and key of the file (`max_age`). Other options (`--json`) are for the command line only.

use clap::{Arg, Command};

/// A setting of a command.
#[derive(Clone, Debug)]
pub(super) struct Setting<'a> {
    /// Its name in the file.
    pub(super) key: String,
    pub(super) arg: &'a Arg,
}

impl Setting<'_> {
    /// True if the whole value is a secret.
    pub(super) fn is_secret(&self) -> bool {
        is_secret(&self.key)
    }

    /// Its name in the environment.
    pub(super) fn variable(&self) -> String {
        variable(&self.key)
    }
}

/// The variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("CATCHWATER_{}", key.to_ascii_uppercase())
}

/// True if the whole value of a setting is a secret. Other values may hold one, such as the signature in an address.
fn is_secret(key: &str) -> bool {
    key == "connection_string"
}

/// The settings of a command itself, without those of its subcommands.
pub(super) fn settings_of(command: &Command) -> impl Iterator<Item = Setting<'_>> {
    let setting = |arg| Some(Setting { key: key_of(arg)?, arg });
    command.get_arguments().filter(|arg| arg.get_env().is_some()).filter_map(setting)
}

/// The key of an option; the option for the file itself has none.
fn key_of(arg: &Arg) -> Option<String> {
    Some(arg.get_long()?.replace('-', "_")).filter(|key| key != "config")
}

/// A command and its table in the file: `run`, `schema.show`; empty for options of all commands.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    pub(super) table: String,
    pub(super) command: &'a Command,
}

impl Scope<'_> {
    /// True if the keys at the top of the file apply to the command as well as those of its table.
    pub(super) fn takes_shared_keys(&self) -> bool {
        takes_shared_keys(&self.table)
    }

    /// The setting with this key.
    pub(super) fn setting(&self, key: &str) -> Option<Setting<'_>> {
        settings_of(self.command).find(|setting| setting.key == key)
    }
}

/// `demo` and `hub` have a hub of their own: the settings of a production lake must not apply to them.
pub(super) fn takes_shared_keys(table: &str) -> bool {
    !["demo", "hub"].contains(&table)
}

/// All commands below `root`, and `root` itself first.
pub(super) fn scopes(root: &Command) -> Vec<Scope<'_>> {
    let mut found = vec![Scope { table: String::new(), command: root }];
    let mut at = 0;
    while let Some(Scope { table, command }) = found.get(at).cloned() {
        let below = command.get_subcommands();
        found.extend(below.map(|command| Scope { table: table_below(&table, command.get_name()), command }));
        at += 1;
    }
    found
}

/// The table of a subcommand.
pub(super) fn table_below(table: &str, name: &str) -> String {
    if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") }
}

/// The most similar of some names, if one is similar.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Similarity at which clap suggests an option as well.
    const SIMILARITY_MIN: f64 = 0.7;
    let name = name.to_ascii_lowercase().replace('-', "_");
    let similarity = |known: &str| strsim::jaro(&name, known);
    known
        .map(|known| (similarity(known), known))
        .filter(|(similarity, _)| *similarity > SIMILARITY_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
