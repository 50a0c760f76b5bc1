//! The faces: one command per file, what they share beside them.
//!
//! Owns: arguments, what is printed, exit codes. Does not own: any of the work.

/// Says a line on standard output. Who closed it has seen enough: `catchwater run | head -1`.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

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

/// Dataverse events from an Azure Event Hub into a Parquet lake that DuckDB reads, each exactly once.
///
/// Begin with `catchwater demo`: it needs no cloud account. Every option can also be given as an environment
/// variable: `--lake` as `CATCHWATER_LAKE`.
#[derive(Debug, Parser)]
#[command(name = "catchwater", version, max_term_width = 110, after_help = EXIT_CODES)]
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

const EXIT_CODES: &str = "Exit codes: 0 done, 2 usage or configuration, 3 could not reach, 4 position lost, \
                          5 audit found a fault, 6 lost its partitions to another run";

/// Parses the arguments, runs the command, tells what went wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging();
    let done = match cli.command {
        Command::Demo(options) => demo::main(&options),
        Command::Run(options) => run::main(&options),
        Command::Hub(options) => hub::main(&options),
        Command::Send(options) => send::main(&options),
        Command::Audit(options) => audit::main(&options),
        Command::Redrive(options) => redrive::main(&options),
        Command::Sql(options) => sql::main(&options),
        Command::Schema(options) => schema::main(&options),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = Exit::of(&error);
            eprintln!("catchwater: {error:#}");
            exit.into()
        }
    }
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Internal = 1,
    Configuration = 2,
    Unreachable = 3,
    PositionLost = 4,
    AuditFault = 5,
    OwnershipLost = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A mistake in what was asked for: exit 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

impl Exit {
    fn of(error: &anyhow::Error) -> Self {
        use crate::columns::MetadataError;
        use crate::eventhubs::ConnectionStringError;
        use crate::generator::FilesError;
        for cause in error.chain() {
            if cause.is::<Usage>()
                || cause.is::<ConnectionStringError>()
                || cause.is::<FilesError>()
                || cause.is::<MetadataError>()
            {
                return Self::Configuration;
            }
            if let Some(run) = cause.downcast_ref::<crate::run::Error>() {
                return Self::of_kind(run.kind());
            }
            if let Some(redrive) = cause.downcast_ref::<crate::run::redrive::Error>() {
                return Self::of_kind(redrive.kind());
            }
            if let Some(hub) = cause.downcast_ref::<crate::eventhubs::Error>() {
                return Self::of_kind(crate::run::kind_of_hub(hub));
            }
            if cause.is::<catchwater_sinks::store::Error>() || cause.is::<std::io::Error>() {
                return Self::Unreachable;
            }
        }
        Self::Internal
    }

    fn of_kind(kind: crate::run::Kind) -> Self {
        use crate::run::Kind;
        match kind {
            Kind::Configuration => Self::Configuration,
            Kind::Unreachable => Self::Unreachable,
            Kind::PositionLost => Self::PositionLost,
            Kind::OwnershipLost => Self::OwnershipLost,
            Kind::Internal => Self::Internal,
        }
    }
}

/// Log lines go to stderr; `CATCHWATER_LOG` sets what is logged (`info` when not said).
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CATCHWATER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,catchwater=info,catchwater_sinks=info"));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        .with_target(false)
        .init();
}

/// The runtime for I/O: `threads` workers.
fn runtime(threads: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .thread_name("io")
        .enable_all()
        .build()?)
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
