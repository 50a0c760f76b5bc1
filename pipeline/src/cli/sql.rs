//! `catchwater sql`: DuckDB views over a lake.

use clap::Args;

use super::Exit;
use super::options::LakeOptions;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    lake: LakeOptions,
}

pub(super) fn main(options: Options) -> anyhow::Result<Exit> {
    let _ = options;
    Ok(Exit::Done)
}
