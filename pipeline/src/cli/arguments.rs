//! The command line, the environment and the file, read into options.
//!
//! Owns: `--help` does not depend on the file, and an error about an argument never repeats a secret. Does not own the
//! options, or the order of the three (`config`).

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use catchwater_sinks::store::StoreOptions;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::command::Cli;
use super::config::{ConfigFile, layered, relaxed};
use super::exit::Exit;
use super::output::{print, write_stderr};
use super::process;
use super::text::without_secrets;

/// Parses the arguments; returns the settings of cloud stores as well. Prints errors, `--help` and `--version` itself,
/// and then returns the exit code.
pub(super) fn parse(arguments: &[OsString]) -> Result<(Cli, StoreOptions), Exit> {
    let report = |error: clap::Error| report(&error, arguments);
    // Command line and environment alone: they name the file, and `--help` ends here.
    let named = relaxed(layered(Cli::command(), None)).try_get_matches_from(arguments).map_err(report)?;
    let file = read_file(&named).map_err(|error| process::fail(&error))?;
    let matches = layered(Cli::command(), file.as_ref()).try_get_matches_from(arguments).map_err(report)?;
    let cli = Cli::from_arg_matches(&matches).map_err(report)?;
    let store = file.map(|file| file.store().clone()).unwrap_or_default();
    Ok((cli, StoreOptions::from_environment().or(&store)))
}

fn read_file(matches: &ArgMatches) -> anyhow::Result<Option<ConfigFile>> {
    let path = matches.get_one::<PathBuf>("config");
    Ok(path.map(|path| ConfigFile::read(path, &Cli::command())).transpose()?)
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
        write_stderr(without_given_secrets(text, &given).as_bytes());
        return Exit::Configuration;
    }
    let colored = has_colors && io::stdout().is_terminal();
    let text = if colored { text.ansi().to_string() } else { text.to_string() };
    print(&text).map_or_else(|error| process::fail(&error), |()| Exit::Done)
}

/// Masks arguments and variables that hold a secret: the error about a connection string in a wrong place repeats it.
fn without_given_secrets(mut text: String, arguments: &[OsString]) -> String {
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let value =
            argument.strip_prefix("--").and_then(|option| option.split_once('=')).map(|(_, value)| value);
        for secret in [Some(&*argument), value].into_iter().flatten() {
            let shown = without_secrets(secret);
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
            let text = without_given_secrets(error.render().to_string(), &arguments);
            assert!(!text.contains("SECRET"), "{text}");
        }
    }
}
