//! The faces: one command per file, what they share beside them.
//!
//! Owns: arguments, what is printed, exit codes. Does not own: any of the work.

/// Appends a line to a report.
macro_rules! say {
    ($report:expr) => { $report.push('\n') };
    ($report:expr, $($words:tt)*) => {{
        use std::fmt::Write as _;
        // A text takes every line.
        let _ = writeln!($report, $($words)*);
    }};
}

// Setup and teardown of every command.
mod process; // runtime, signals, end
mod exit; // exit codes
mod arguments;
mod logging;
mod output;
mod text; // causes and names, fit to be shown

// The commands.
mod options;
mod demo;
mod run;
mod hub;
mod send;
mod audit;
mod redrive;
mod sql;
mod schema;
mod progress;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Exit;
use process::{StopRequests, io_threads};

/// Dataverse events from an Azure Event Hub into a Parquet lake that DuckDB reads, each exactly once.
///
/// Begin with `catchwater demo`: it needs no cloud account. Every option can also be given as an environment
/// variable: `--lake` as `CATCHWATER_LAKE`; an empty variable counts as unset.
#[derive(Debug, Parser)]
#[command(name = "catchwater", version, max_term_width = 110, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows it all: a hub, events and the pipeline in one process, audited at the end
    Demo(demo::Options),
    /// Reads an event hub into a lake, until stopped or until caught up
    Run(run::Options),
    /// Serves an event hub on this machine, without a cloud account
    Hub(hub::Options),
    /// Sends events to an event hub: files, or generated ones
    Send(send::Options),
    /// Reads a lake back and proves it: each event once, no gaps, chains whole
    Audit(audit::Options),
    /// Parses quarantined bodies again and writes what is understood now into its tables, each event once
    Redrive(redrive::Options),
    /// Prints DuckDB views over a lake: history, latest state, quarantine
    Sql(sql::Options),
    /// Makes table metadata of bodies, and shows the types of a lake
    #[command(after_help = schema::ABOUT)]
    Schema(schema::Options),
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match arguments::parse(&arguments) {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    if let Err(error) = logging::start() {
        return process::fail(&error).into();
    }
    let threads = match cli.command {
        // The hub needs one as well.
        Command::Demo(_) => io_threads() + 1,
        _ => io_threads(),
    };
    process::run(threads, |stops| cli.command.run(stops)).into()
}

impl Command {
    async fn run(self, stops: StopRequests) -> anyhow::Result<Exit> {
        match self {
            Self::Demo(options) => Box::pin(demo::run(&options)).await,
            Self::Run(options) => Box::pin(run::run(&options, stops.subscribe())).await,
            Self::Hub(options) => Box::pin(hub::run(&options, stops.subscribe())).await,
            Self::Send(options) => Box::pin(send::run(&options)).await,
            Self::Audit(options) => Box::pin(audit::run(&options)).await,
            Self::Redrive(options) => Box::pin(redrive::run(&options)).await,
            Self::Sql(options) => Box::pin(sql::run(&options)).await,
            Self::Schema(options) => Box::pin(schema::run(&options)).await,
        }
    }
}
