//! `catchwater man`: man pages of all commands, from the definition of the command line.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command};

use super::exit::Exit;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Folder for the pages: one for each command, `catchwater-run.1`
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(options: &Options, root: Command) -> anyhow::Result<Exit> {
    let written =
        fs::create_dir_all(&options.out).and_then(|()| clap_mangen::generate_to(root, &options.out));
    written.with_context(|| format!("write man pages into {}", options.out.display()))?;
    Ok(Exit::Done)
}
