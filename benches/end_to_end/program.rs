//! `catchwater run` as a process: started on chosen cores, measured by its report and `/proc`.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use catchwater_benches::machine::on_cores;
use serde::Deserialize;

use crate::bench::target;

/// Environment variable with the path of another program to measure, for example an older version.
const PROGRAM: &str = "CATCHWATER_BENCH_PROGRAM";

/// Path of the measured program.
pub(crate) struct Program(PathBuf);

/// Figures of a run: the last line of `run --json`, and the peak memory.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct RunFigures {
    pub(crate) rows: u64,
    pub(crate) quarantined: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    /// Peak memory in KiB, from `/proc`. The peak in the program's report starts with that of its parent process, which
    /// holds a full hub.
    #[serde(skip)]
    pub(crate) peak_kib: u64,
}

impl Program {
    /// The program that the environment names, or the product in its release build.
    pub(crate) fn built() -> io::Result<Self> {
        if let Some(path) = env::var_os(PROGRAM) {
            return Ok(Self(path.into()));
        }
        let target = target()?;
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--release",
                "-p",
                "catchwater",
                "--bin",
                "catchwater",
                "--target-dir",
            ])
            .arg(&target)
            .status()?;
        if !status.success() {
            return Err(io::Error::other("cargo can't build the product: see its errors above"));
        }
        Ok(Self(target.join("release").join(if cfg!(windows) { "catchwater.exe" } else { "catchwater" })))
    }

    /// Starts `run` on these cores.
    pub(crate) fn start(
        &self,
        hub: &str,
        lake: &Path,
        cores: &[usize],
        options: &[String],
    ) -> io::Result<Child> {
        on_cores(cores, || {
            Command::new(&self.0)
                .args(["run", "--json", "--connection-string", hub, "--lake"])
                .arg(lake)
                .args(options)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        })
    }

    /// Runs until all events of the hub are committed.
    pub(crate) fn catch_up(
        &self,
        hub: &str,
        lake: &Path,
        cores: &[usize],
        options: &[String],
    ) -> io::Result<RunFigures> {
        let mut all = vec!["--until-caught-up".to_owned()];
        all.extend_from_slice(options);
        let mut child = self.start(hub, lake, cores, &all)?;
        let peak_kib = peak_until_end(&mut child)?;
        Ok(RunFigures { peak_kib, ..figures_of(&child.wait_with_output()?)? })
    }
}

/// Waits for a program to end; returns its peak memory in KiB.
fn peak_until_end(child: &mut Child) -> io::Result<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = now.unwrap_or(0).max(peak);
        sleep(Duration::from_millis(10));
    }
    Ok(peak)
}

fn figures_of(output: &Output) -> io::Result<RunFigures> {
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("catchwater run: {}: {errors}", output.status)));
    }
    let report = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(report.lines().last().unwrap_or_default()).map_err(io::Error::other)
}
