//! The command line and the environment, read into options.
//!
//! Owns three rules: an empty variable counts as unset for every option, `--help` never shows the value of a variable,
//! and an error about an argument never repeats a secret. Does not own the options.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use catchwater_sinks::store::Address;
use clap::builder::Resettable;
use clap::{Command, CommandFactory, FromArgMatches};

use super::command::Cli;
use super::exit::Exit;
use super::output::{print, write_stderr};
use super::process;
use super::text::masked;

/// Parses the arguments. Prints errors, `--help` and `--version` itself, and then returns the exit code.
pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, Exit> {
    let read = without_empty_variables(Cli::command())
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    read.map_err(|error| report(&error, arguments))
}

/// Ignores empty variables: a compose file turns `${X:-}` into one.
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|option| match option.get_env() {
            Some(name) if is_empty(name) => option.env(Resettable::Reset),
            // A secret may be in the wrong variable, and help output is often shared.
            _ => option.hide_env_values(true),
        })
        .mut_subcommands(without_empty_variables)
}

fn report(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let text = error.render();
    let has_colors = std::env::var_os("NO_COLOR").is_none();
    if error.use_stderr() {
        let colored = has_colors && io::stderr().is_terminal();
        let text = if colored { text.ansi().to_string() } else { text.to_string() };
        let variables =
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CATCHWATER_"));
        let given: Vec<OsString> =
            arguments.iter().cloned().chain(variables.map(|(_, value)| value)).collect();
        write_stderr(without_secrets(text, &given).as_bytes());
        return Exit::Configuration;
    }
    let colored = has_colors && io::stdout().is_terminal();
    let text = if colored { text.ansi().to_string() } else { text.to_string() };
    print(&text).map_or_else(|error| process::fail(&error), |()| Exit::Done)
}

/// Masks arguments and variables that hold a secret: the error about a connection string in a wrong place repeats it.
fn without_secrets(mut text: String, arguments: &[OsString]) -> String {
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let value =
            argument.strip_prefix("--").and_then(|option| option.split_once('=')).map(|(_, value)| value);
        for secret in [Some(&*argument), value].into_iter().flatten() {
            let shown = masked(&Address::from(secret).to_string()).into_owned();
            if shown != secret {
                text = text.replace(secret, &shown);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn errors_about_arguments_hide_secrets() {
        for argument in [
            "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=SECRET",
            "--lakes=az://u:SECRET@a/b?sig=SECRET",
            "az://a/b?sig=SECRET",
        ] {
            let arguments: Vec<OsString> =
                ["catchwater", "audit", "--lake", "x", argument].map(Into::into).into();
            let error = Cli::command().try_get_matches_from(&arguments).unwrap_err();
            let text = without_secrets(error.render().to_string(), &arguments);
            assert!(!text.contains("SECRET"), "{text}");
        }
    }
}
