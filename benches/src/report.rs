//! Results: a table on stdout and a JSON file.
//!
//! Owns: their form, documented in `README.md`. Does not own: comparing two reports (`comparison`).

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::spread::Spread;

/// Version of the JSON form.
const SCHEMA: u32 = 1;

/// Results of one run of the benches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    schema: u32,
    /// Machine and code.
    pub machine: Machine,
    /// True for a quick run, which is not for the record.
    pub quick: bool,
    /// Benches that did not run, and the reasons.
    pub absent: Vec<String>,
    /// Results, in the order of measuring.
    pub results: Vec<Measurement>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Path of the figure: bench, shape or case, contender or measure.
    pub name: String,
    /// Unit of the value.
    pub unit: Unit,
    /// Number of rounds behind the value.
    pub rounds: usize,
    /// Median and quartiles.
    pub value: Spread,
    /// The same figure in megabytes of bodies per second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mb_per_s: Option<f64>,
    /// Ratio to the yardstick, computed round by round.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ratio: Option<Ratio>,
}

/// A figure as a multiple of another figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Name of the other figure.
    pub to: String,
    /// Median and quartiles of the ratio.
    #[serde(flatten)]
    pub value: Spread,
}

/// Unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// CPU time per event.
    #[serde(rename = "CPU µs/event")]
    CpuMicros,
    /// Events per second of wall-clock time.
    #[serde(rename = "events/s")]
    EventsPerSecond,
    /// Size of files per event.
    #[serde(rename = "bytes/event")]
    BytesPerEvent,
    /// Executed instructions per event, counted by callgrind.
    #[serde(rename = "instructions/event")]
    Instructions,
    /// Peak memory.
    #[serde(rename = "MiB")]
    Mebibytes,
    /// Wall-clock time.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Memory bandwidth of a copy.
    #[serde(rename = "GB/s")]
    GigabytesPerSecond,
}

impl Unit {
    /// Name in the table and in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::CpuMicros => "CPU µs/event",
            Self::EventsPerSecond => "events/s",
            Self::BytesPerEvent => "bytes/event",
            Self::Instructions => "instructions/event",
            Self::Mebibytes => "MiB",
            Self::Milliseconds => "ms",
            Self::GigabytesPerSecond => "GB/s",
        }
    }

    /// True if a higher figure is better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::EventsPerSecond | Self::GigabytesPerSecond)
    }

    /// True if runs of the same program differ by less than a percent.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::BytesPerEvent | Self::Instructions)
    }
}

impl Measurement {
    /// Creates a figure without rate and ratio.
    pub fn new(name: impl Into<String>, unit: Unit, value: Spread, rounds: usize) -> Self {
        Self { name: name.into(), unit, rounds, value, mb_per_s: None, ratio: None }
    }

    /// Creates a figure of CPU time per event, in microseconds.
    pub fn cpu(name: impl Into<String>, value: Spread, rounds: usize) -> Self {
        Self::new(name, Unit::CpuMicros, value, rounds)
    }

    /// Adds the rate in bytes, for bodies of this size.
    #[must_use]
    pub fn at_rate(self, bytes_per_event: f64) -> Self {
        let mb_per_s = match self.unit {
            Unit::EventsPerSecond => self.value.median * bytes_per_event / 1e6,
            _ => bytes_per_event / self.value.median,
        };
        Self { mb_per_s: Some(mb_per_s), ..self }
    }

    /// Adds the ratio to another figure.
    #[must_use]
    pub fn in_ratio_to(self, to: &str, value: Spread) -> Self {
        Self { ratio: Some(Ratio { to: to.to_owned(), value }), ..self }
    }
}

impl Report {
    /// Creates an empty report.
    pub fn new(machine: Machine, quick: bool) -> Self {
        Self { schema: SCHEMA, machine, quick, absent: Vec::new(), results: Vec::new() }
    }

    /// Writes the head of the table.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn head(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.machine)?;
        if self.quick {
            writeln!(out, "Quick run: too few rounds for the record.")?;
        }
        writeln!(
            out,
            "{:<66}{:>11}{:>22} {:<19}{:>8}{:>8}{:>16} of",
            "", "median", "quartiles", "unit", "MB/s", "ratio", "quartiles"
        )
    }

    /// Adds results and writes their lines of the table.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn add(&mut self, out: &mut impl Write, results: Vec<Measurement>) -> io::Result<()> {
        for result in &results {
            writeln!(out, "{}", result.line())?;
        }
        out.flush()?;
        self.results.extend(results);
        Ok(())
    }

    /// Adds a bench that did not run, and prints its line.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn add_absent(&mut self, out: &mut impl Write, what: String) -> io::Result<()> {
        if !self.absent.contains(&what) {
            writeln!(out, "absent: {what}")?;
            self.absent.push(what);
        }
        Ok(())
    }

    /// Reads a report.
    ///
    /// # Errors
    /// The file can't be read, is not a report, or has another version of the form.
    pub fn read(path: &Path) -> io::Result<Self> {
        let report: Self = serde_json::from_slice(&fs::read(path)?)?;
        if report.schema == SCHEMA {
            return Ok(report);
        }
        Err(io::Error::other(format!(
            "{} has version {} of the form, not {SCHEMA}: run the benches again",
            path.display(),
            report.schema
        )))
    }

    /// Writes the report; an existing one is kept beside it as `.before.json`.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if path.exists() {
            fs::rename(path, path.with_extension("before.json"))?;
        }
        fs::write(path, serde_json::to_vec_pretty(self)?)
    }
}

impl Measurement {
    fn line(&self) -> String {
        let Spread { median, low, high } = self.value;
        let quartiles = format!("{} – {}", short(low), short(high));
        let rate = self.mb_per_s.map_or_else(String::new, |rate| format!("{rate:.0}"));
        let line = format!(
            "{:<66}{:>11}{quartiles:>22} {:<19}{rate:>8}",
            self.name,
            short(median),
            self.unit.name()
        );
        match &self.ratio {
            None => line.trim_end().to_owned(),
            Some(Ratio { to, value }) => {
                let quartiles = format!("{:.2} – {:.2}", value.low, value.high);
                let own = to.rsplit('/').next().unwrap_or(to);
                format!("{line}{:>8.2}{quartiles:>16} {own}", value.median)
            }
        }
    }
}

/// Formats a number with its significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        middle if middle >= 100.0 => format!("{value:.1}"),
        middle if middle >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
