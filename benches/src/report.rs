//! Results: one table on stdout, one JSON file.
//!
//! Owns: their form, which `README.md` documents. Does not own: comparing two of them (`comparison`).

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::spread::Spread;

/// The version of the JSON's form.
const SCHEMA: u32 = 1;

/// Results of one run of the benches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    schema: u32,
    /// The machine.
    pub machine: Machine,
    /// True for a quick look.
    pub quick: bool,
    /// Benches that could not be measured, and why.
    pub absent: Vec<String>,
    /// Results in the order of measuring.
    pub results: Vec<Measurement>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// A path: bench, shape or case, contender or measure.
    pub name: String,
    /// Of the value.
    pub unit: Unit,
    /// Rounds it comes from.
    pub rounds: usize,
    /// It.
    pub value: Spread,
    /// The same as bytes of bodies a second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mb_per_s: Option<f64>,
    /// The median of the rounds' own ratios to the yardstick of the same round.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ratio: Option<Ratio>,
}

/// A value as a multiple of another's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The name of the other.
    pub to: String,
    /// The ratio.
    #[serde(flatten)]
    pub value: Spread,
}

/// Unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// CPU time an event.
    #[serde(rename = "CPU µs/event")]
    CpuMicros,
    /// By the clock on the wall.
    #[serde(rename = "events/s")]
    EventsPerSecond,
    /// Of files.
    #[serde(rename = "bytes/event")]
    BytesPerEvent,
    /// Executed, as callgrind counts them.
    #[serde(rename = "instructions/event")]
    Instructions,
    /// Of memory, at its peak.
    #[serde(rename = "MiB")]
    Mebibytes,
    /// By the clock on the wall.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Of a copy in memory.
    #[serde(rename = "GB/s")]
    GigabytesPerSecond,
}

impl Unit {
    /// As the table and the JSON spell it.
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

    /// True if more is better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::EventsPerSecond | Self::GigabytesPerSecond)
    }

    /// True if the same program gives the same figure, to a fraction of a percent.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::BytesPerEvent | Self::Instructions)
    }
}

impl Measurement {
    /// A figure.
    pub fn new(name: impl Into<String>, unit: Unit, value: Spread, rounds: usize) -> Self {
        Self { name: name.into(), unit, rounds, value, mb_per_s: None, ratio: None }
    }

    /// CPU time an event, in microseconds.
    pub fn cpu(name: impl Into<String>, value: Spread, rounds: usize) -> Self {
        Self::new(name, Unit::CpuMicros, value, rounds)
    }

    /// The same figure, with the rate in bytes for bodies of this size.
    #[must_use]
    pub fn at_rate(self, bytes_per_event: f64) -> Self {
        let mb_per_s = match self.unit {
            Unit::EventsPerSecond => self.value.median * bytes_per_event / 1e6,
            _ => bytes_per_event / self.value.median,
        };
        Self { mb_per_s: Some(mb_per_s), ..self }
    }

    /// The same figure, as a multiple of another.
    #[must_use]
    pub fn in_ratio_to(self, to: &str, value: Spread) -> Self {
        Self { ratio: Some(Ratio { to: to.to_owned(), value }), ..self }
    }
}

impl Report {
    /// An empty report of this machine.
    pub fn new(machine: Machine, quick: bool) -> Self {
        Self { schema: SCHEMA, machine, quick, absent: Vec::new(), results: Vec::new() }
    }

    /// Writes the head of the table.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn head(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.machine)?;
        if self.quick {
            writeln!(out, "A quick look: too few rounds for the record.")?;
        }
        writeln!(
            out,
            "{:<66}{:>11}{:>22} {:<19}{:>8}{:>8}{:>16} of",
            "", "median", "quartiles", "unit", "MB/s", "ratio", "quartiles"
        )
    }

    /// Adds results, and writes their lines of the table.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn add(&mut self, out: &mut impl Write, results: Vec<Measurement>) -> io::Result<()> {
        for result in &results {
            writeln!(out, "{}", result.line())?;
        }
        out.flush()?;
        self.results.extend(results);
        Ok(())
    }

    /// Adds and prints something that could not be measured.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn lacks(&mut self, out: &mut impl Write, what: String) -> io::Result<()> {
        if !self.absent.contains(&what) {
            writeln!(out, "absent: {what}")?;
            self.absent.push(what);
        }
        Ok(())
    }

    /// Reads a report.
    ///
    /// # Errors
    /// A file that can't be read or is none; one of another form.
    pub fn read(path: &Path) -> io::Result<Self> {
        let report: Self = serde_json::from_slice(&fs::read(path)?)?;
        if report.schema == SCHEMA {
            return Ok(report);
        }
        Err(io::Error::other(format!("{} has the form {}, not {SCHEMA}", path.display(), report.schema)))
    }

    /// Writes the report; an existing one is kept beside it as `.before.json`.
    ///
    /// # Errors
    /// A folder that can't be written.
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

/// A number with the digits that mean something.
fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        middle if middle >= 100.0 => format!("{value:.1}"),
        middle if middle >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
