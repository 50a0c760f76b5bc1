//! The machine, the revision of the code, and pinning work to cores.

use std::fmt;
use std::fs;
use std::io;
use std::process::Command;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// The machine and the code of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Model name of the processor.
    pub processor: String,
    /// Number of cores that this process may use.
    pub cores: usize,
    /// Commit, followed by `+` if files differ from it.
    pub revision: String,
}

impl Machine {
    /// Describes this machine.
    pub fn this() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { processor: processor(), cores, revision: revision() }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} on {} cores of {}", self.revision, self.cores, self.processor)
    }
}

fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.to_owned())
}

fn revision() -> String {
    let output = Command::new("git").args(["describe", "--always", "--dirty=+"]).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.map_or_else(|| "unknown".to_owned(), |text| String::from_utf8_lossy(&text).trim().to_owned())
}

/// Cores that this thread may use.
///
/// # Errors
/// The system does not report them.
pub fn own_cores() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).map_err(io::Error::from)?;
    Ok((0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect())
}

/// Runs work on these cores only: this thread, and all threads and processes that the work starts.
///
/// # Errors
/// The system refuses the cores; errors of the work.
pub fn on_cores<R>(cores: &[usize], work: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    let before = sched_getaffinity(Pid::from_raw(0)).map_err(io::Error::from)?;
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core).map_err(io::Error::from)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).map_err(io::Error::from)?;
    let result = work();
    sched_setaffinity(Pid::from_raw(0), &before).map_err(io::Error::from)?;
    result
}
