//! The command line: one command per file, and what they share.
//!
//! Owns: arguments, what is printed, exit codes. Does not own: any of the work.

/// Appends a line to a report.
macro_rules! outln {
    ($report:expr) => { $report.push('\n') };
    ($report:expr, $($words:tt)*) => {{
        use std::fmt::Write as _;
        // Writing to a `String` does not fail.
        let _ = writeln!($report, $($words)*);
    }};
}

mod command; // the list of commands
mod process; // runtime, signals, the end of the process
mod exit; // exit codes
mod arguments; // command line, environment and file, read into a command
mod config; // the configuration file; `catchwater config`
mod logging; // log lines on standard error
mod output; // the only writer to standard output and standard error
mod text; // error chains and names, fit to be shown

mod options; // options that several commands share
mod transport_options; // certificates, WebSocket, proxy
mod positions; // options for where reading begins and ends
mod hub_options; // the event hub, its credential and the way to it
mod demo; // `catchwater demo`
mod run; // `catchwater run`
mod file_limit; // open files of this process
mod check; // `catchwater check`
mod fault_options; // the faults of `catchwater hub`
mod hubs; // the event hubs that `catchwater hub` serves
mod hub_ports; // its addresses, TLS, WebSocket, health
mod hub; // `catchwater hub`
mod send; // `catchwater send`
mod audit; // `catchwater audit`
mod redrive; // `catchwater redrive`
mod sql; // `catchwater sql`
mod schema; // `catchwater schema`
mod completions; // `catchwater completions`
mod man; // `catchwater man`
mod progress; // progress bars or log lines while a run goes on
mod report; // summaries of runs

use std::process::ExitCode;

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let (cli, store) = match arguments::parse(&arguments) {
        Ok(parsed) => parsed,
        Err(exit) => return exit.into(),
    };
    if let Err(error) = logging::start(cli.command.log_filter()) {
        return process::fail(&error).into();
    }
    process::run(cli.command.io_threads(), |stops| cli.run(store, stops)).into()
}
