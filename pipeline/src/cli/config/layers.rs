//! The file's values as defaults of the options, below the environment and the command line.
//!
//! clap takes an option from the command line, else from its variable, else from its default. So the file replaces
//! defaults, and parsers, error texts and precedence are those of clap.

use std::ffi::OsStr;

use clap::Command;
use clap::builder::Resettable;

use super::file::{ConfigFile, texts};
use super::settings::{settings_of, table_below};

/// The command line with the values of the file as defaults, and without empty variables.
pub(in crate::cli) fn layered(root: Command, file: Option<&ConfigFile>) -> Command {
    let root = match file {
        Some(file) => with_defaults(root, "", file),
        None => root,
    };
    without_empty_variables(root)
}

/// The command line without its required options: the file may set them.
pub(in crate::cli) fn relaxed(command: Command) -> Command {
    command.mut_args(|arg| arg.required(false)).mut_subcommands(relaxed)
}

fn with_defaults(mut command: Command, table: &str, file: &ConfigFile) -> Command {
    let found: Vec<_> = settings_of(&command)
        .filter_map(|setting| Some((setting.arg.get_id().clone(), file.entry(table, &setting.key)?)))
        .collect();
    for (id, entry) in found {
        // clap keeps static texts; the file is read once in a process.
        let values: Vec<&'static str> =
            texts(&entry.value).into_iter().map(|text| &*String::leak(text)).collect();
        command = command.mut_arg(id, |arg| arg.required(false).default_values(values));
    }
    command.mut_subcommands(|below| {
        let table = table_below(table, below.get_name());
        with_defaults(below, &table, file)
    })
}

/// Ignores empty variables: a compose file turns `${X:-}` into one.
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|option| match option.get_env() {
            Some(name) if is_empty(name) => option.env(Resettable::Reset),
            // A secret may be in the wrong variable, and help output is often shared.
            _ => option.hide_env_values(true),
        })
        .mut_subcommands(without_empty_variables)
}
