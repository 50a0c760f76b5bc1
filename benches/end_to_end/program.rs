//! `catchwater run`, from outside: started on chosen cores, asked what it took.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use catchwater_benches::machine::on_cores;
use serde::Deserialize;

use crate::bench::target;

/// The variable that names another program to measure, say an older one.
const PROGRAM: &str = "CATCHWATER_BENCH_PROGRAM";

/// The program that is measured.
pub(crate) struct Program(PathBuf);

/// The last line of `run --json`, as far as it counts here.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Ran {
    pub(crate) rows: u64,
    pub(crate) quarantined: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_bytes: u64,
}

impl Program {
    /// The one that the environment names, or the product, built as it is shipped.
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
            return Err(io::Error::other("the product does not build"));
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

    /// Reads all that the hub has.
    pub(crate) fn catch_up(
        &self,
        hub: &str,
        lake: &Path,
        cores: &[usize],
        options: &[String],
    ) -> io::Result<Ran> {
        let mut all = vec!["--until-caught-up".to_owned()];
        all.extend_from_slice(options);
        ran(&self.start(hub, lake, cores, &all)?.wait_with_output()?)
    }
}

fn ran(output: &Output) -> io::Result<Ran> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("catchwater run: {}: {said}", output.status)));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(said.lines().last().unwrap_or_default()).map_err(io::Error::other)
}
