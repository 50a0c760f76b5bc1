//! The list of commands.
//!
//! Owns their names and descriptions in `--help`. Does not own their options, which are in the file of each command.

use std::path::PathBuf;

use catchwater_sinks::store::StoreOptions;
use clap::{CommandFactory, Parser, Subcommand};

use super::exit::{self, Exit};
use super::process::{StopRequests, io_threads};
use super::{audit, check, completions, config, demo, hub, man, redrive, run, schema, send, sql};

/// Dataverse events from an Azure Event Hub into a Parquet lake that DuckDB reads, each exactly once.
///
/// Start with `catchwater demo`: it needs no cloud account. Most options can also be set by an environment variable,
/// such as `--lake` by `CATCHWATER_LAKE`, or in the file of `--config`; an empty variable counts as unset.
/// `CATCHWATER_LOG` filters the log lines on standard error, for example `warn`.
#[derive(Debug, Parser)]
#[command(name = "catchwater", version, max_term_width = 110, after_help = exit::HELP)]
pub(super) struct Cli {
    /// TOML file with settings; options and environment variables win over it. `catchwater config example` prints one
    #[arg(long, global = true, env = "CATCHWATER_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Runs everything in one process: an event hub, generated events, the pipeline, and an audit at the end
    Demo(demo::Options),
    /// Reads an event hub into a lake, until stopped or caught up
    Run(run::Options),
    /// Checks what a run needs: configuration, hub, rights, clock, store. Prints what is wrong and how to mend it
    Check(check::Options),
    /// Serves an event hub on this machine, without a cloud account
    Hub(hub::Options),
    /// Sends events to an event hub, from files or generated
    Send(send::Options),
    /// Reads a lake back and checks it: each event once, no gaps, no missing files
    Audit(audit::Options),
    /// Parses quarantined bodies again and writes those that are understood now, each event once
    Redrive(redrive::Options),
    /// Prints DuckDB views over a lake: history, latest state, quarantine
    Sql(sql::Options),
    /// Shows the column types of a lake, and infers table metadata from bodies
    #[command(after_help = schema::ABOUT)]
    Schema(schema::Options),
    /// Shows the settings in force and where each comes from, or prints an example file
    Config(config::Options),
    /// Prints the completions of a shell
    Completions(completions::Options),
    /// Writes the man pages of all commands
    Man(man::Options),
}

impl Cli {
    /// Runs the command with the settings of cloud stores.
    pub(super) async fn run(self, store: StoreOptions, stops: StopRequests) -> anyhow::Result<Exit> {
        let store = &store;
        match self.command {
            Command::Demo(options) => Box::pin(demo::run(&options, store)).await,
            Command::Run(options) => Box::pin(run::run(&options, store, stops.subscribe())).await,
            Command::Check(options) => Box::pin(check::run(&options, store, stops.subscribe())).await,
            Command::Hub(options) => Box::pin(hub::run(&options, stops.subscribe())).await,
            Command::Send(options) => Box::pin(send::run(&options)).await,
            Command::Audit(options) => Box::pin(audit::run(&options, store)).await,
            Command::Redrive(options) => Box::pin(redrive::run(&options, store)).await,
            Command::Sql(options) => Box::pin(sql::run(&options, store)).await,
            Command::Schema(options) => Box::pin(schema::run(&options, store)).await,
            Command::Config(options) => config::run(&options, &Self::command(), self.config.as_deref()),
            Command::Completions(options) => completions::run(&options, Self::command()),
            Command::Man(options) => man::run(&options, Self::command()),
        }
    }
}

impl Command {
    /// The log filter of the command, where `CATCHWATER_LOG` does not set one.
    pub(super) fn log_filter(&self) -> &'static str {
        match self {
            // A newcomer reads its report; of the log only warnings matter, and the figures where no bars are drawn.
            Self::Demo(_) => "warn,catchwater::cli=info",
            // Its lines are the report; what is logged meanwhile is in them.
            Self::Check(_) => "error",
            _ => "warn,catchwater=info,catchwater_sinks=info",
        }
    }

    /// Worker threads of the runtime that the command needs.
    pub(super) fn io_threads(&self) -> usize {
        match self {
            // Its hub needs one as well.
            Self::Demo(_) => io_threads() + 1,
            _ => io_threads(),
        }
    }
}
