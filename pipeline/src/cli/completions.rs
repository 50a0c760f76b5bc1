//! `catchwater completions`: a script that completes the command line in a shell, from its definition.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::exit::Exit;
use super::output::print;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(options: &Options, mut root: Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    generate(options.shell, &mut root, "catchwater", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
