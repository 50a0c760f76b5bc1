//! Settings from a file: one TOML file below the environment and the command line.
//!
//! Owns: which options are settings, the form of the file, and its values as defaults of the options. Does not own: the
//! options, which are in the file of each command, and their parsers.
//!
//! The command line's definition is the only list of settings: a new option with an environment variable is a key of the
//! file, a line of `config show` and of `docs/CONFIG.md` without further code.

mod settings; // the options that are settings, by command
mod document; // TOML text into entries with their lines
mod store; // the table [store]
mod file; // the file: read, each entry checked against the definitions
mod layers; // the file's values as defaults of the options
mod show; // `catchwater config`

pub(super) use self::file::ConfigFile;
pub(super) use self::layers::{layered, relaxed};
pub(super) use self::show::{Options, run};

#[cfg(test)]
mod tests;
