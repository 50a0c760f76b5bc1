//! Context of a bench: the command line, and the destination of results.
//!
//! Arguments are prefixes of bench names. `--count NAME ROUNDS` only runs that number of rounds of one contender, for
//! a profiler that counts from outside.

use std::env;
use std::io::{self, Stdout, Write};
use std::path::{Path, PathBuf};

use catchwater_benches::effort::Effort;
use catchwater_benches::machine::Machine;
use catchwater_benches::report::{Measurement, Report};
use catchwater_benches::turns::{Contender, Load, measure};

/// Requested benches, and the report that they write to.
pub(super) struct Bench {
    /// Rounds and amount of data.
    pub(super) effort: Effort,
    filters: Vec<String>,
    count: Option<Count>,
    failed: bool,
    report: Report,
    out: Stdout,
}

/// Arguments of `--count`.
struct Count {
    name: String,
    rounds: usize,
}

impl Bench {
    pub(super) fn from_args() -> io::Result<Self> {
        // Cargo adds `--bench`.
        let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
        let effort = Effort::from_env();
        let mut bench = Self {
            effort,
            filters: args.clone(),
            count: None,
            failed: false,
            report: Report::new(Machine::this(), effort.quick),
            out: io::stdout(),
        };
        if let [option, name, rounds] = args.as_slice()
            && option == "--count"
        {
            let rounds = rounds.parse().map_err(io::Error::other)?;
            bench.filters = vec![name.clone()];
            bench.count = Some(Count { name: name.clone(), rounds });
            return Ok(bench);
        }
        bench.report.head(&mut bench.out)?;
        Ok(bench)
    }

    /// True if a bench or a group is requested.
    pub(super) fn wants(&self, name: &str) -> bool {
        let begins = |filter: &String| filter.starts_with(name) || name.starts_with(filter.as_str());
        self.filters.is_empty() || self.filters.iter().any(begins)
    }

    /// Measures the contenders of a group, in turn.
    pub(super) fn group(
        &mut self,
        name: &str,
        load: Load,
        contenders: &mut [Contender<'_>],
    ) -> io::Result<()> {
        let Some(Count { name: counted, rounds }) = &self.count else {
            let results = measure(name, load, self.effort.rounds(), contenders)?;
            return self.report.add(&mut self.out, results);
        };
        let is_counted = |contender: &&mut Contender<'_>| format!("{name}/{}", contender.name()) == *counted;
        if let Some(contender) = contenders.iter_mut().find(is_counted) {
            for _ in 0..*rounds {
                contender.run()?;
            }
            writeln!(self.out, "{}", load.events)?;
        }
        Ok(())
    }

    /// Adds results that were measured outside a group.
    pub(super) fn add(&mut self, results: Vec<Measurement>) -> io::Result<()> {
        if self.count.is_some() {
            return Ok(());
        }
        self.report.add(&mut self.out, results)
    }

    /// Reports a bench that can't run on this machine.
    pub(super) fn add_absent(&mut self, what: impl Into<String>) -> io::Result<()> {
        if self.count.is_some() {
            return Ok(());
        }
        self.report.add_absent(&mut self.out, what.into())
    }

    /// Records a failure: the other benches continue, and the exit code is 1.
    pub(super) fn failed(&mut self, name: &str, error: &io::Error) -> io::Result<()> {
        self.failed = true;
        self.add_absent(format!("{name}: {error}"))
    }

    /// Writes the JSON file and prints its path.
    pub(super) fn finish(self) -> io::Result<()> {
        if self.count.is_some() {
            return if self.failed {
                Err(io::Error::other("the contender of --count failed"))
            } else {
                Ok(())
            };
        }
        let name = if self.filters.is_empty() { "all".to_owned() } else { self.filters.join("+") };
        let path = target()?.join("benches").join(name.replace('/', "-")).with_extension("json");
        self.report.write(&path)?;
        let mut out = self.out;
        writeln!(out, "{}", path.display())?;
        if self.failed {
            Err(io::Error::other("some benches failed; the table lists them as absent"))
        } else {
            Ok(())
        }
    }
}

/// Cargo's target folder, which contains this program.
pub(super) fn target() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(3).map(Path::to_owned);
    target
        .ok_or_else(|| io::Error::other("this program is not in a target folder; start it with cargo bench"))
}

/// Temporary folder on the disk of the target folder.
pub(super) fn scratch_folder() -> io::Result<tempfile::TempDir> {
    let parent = target()?.join("benches");
    std::fs::create_dir_all(&parent)?;
    tempfile::Builder::new().prefix("scratch-").tempdir_in(parent)
}
