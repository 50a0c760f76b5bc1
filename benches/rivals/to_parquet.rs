//! Writing Parquet: bodies of one table → a file with zstd level 1, on one core.
//!
//! Ours starts with bodies in memory, rivals start with a file in the page cache. DuckDB first compares the contents of
//! the files. `duckdb-typed` writes the columns that ours writes, and `duckdb-text` keeps attributes as JSON. polars
//! and pyarrow can't read a list of values of mixed kinds, so they only write the facts of the event.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use catchwater::internals::generator::{Format, Generator, Size};
use catchwater::internals::parse::{ParentContext, Parser};
use catchwater_benches::bodies::{Bodies, SEED};
use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::external::External;
use super::{python, script};
use crate::bench::{Bench, scratch_folder};
use crate::stages::rows::{Rows, file_of};
use crate::stages::whole;

const WAYS: [&str; 4] = ["duckdb-typed", "duckdb-text", "polars", "pyarrow"];
/// Number of bodies, about 60 MB.
const EVENTS: usize = 20_000;
const GROUP: &str = "rivals/to_parquet/typical";

/// Figures about the contents of files, and their size in bytes.
#[derive(Debug, Deserialize)]
struct Answer {
    answer: Map<String, Value>,
    bytes: u64,
}

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    if !bench.wants(GROUP) {
        return Ok(());
    }
    let python = match python() {
        Ok(python) => python,
        Err(absent) => return bench.add_absent(absent),
    };
    let bodies = accounts(bench.effort.events(EVENTS));
    let folder = scratch_folder()?;
    let source = folder.path().join("bodies.ndjson");
    fs::write(&source, bodies.lines())?;
    let files = our_files(&bodies, folder.path())?;
    let ours = run(Command::new(&python).arg(script("lake.py")).arg("answer").args(&files))?;
    let ours: Answer = serde_json::from_slice(&ours)?;
    let mut contenders = vec![whole::contender(&bodies)];
    let again = folder.path().join("again.parquet");
    let again = run(Command::new(&python).arg(script("lake.py")).arg("again").arg(again).args(&files))?;
    let mut sizes = vec![
        size("ours", ours.bytes, &bodies),
        // Separates the size of our additional columns from the effect of the encoder.
        size("ours, written again by duckdb", serde_json::from_slice(&again)?, &bodies),
    ];
    for way in WAYS {
        let out = folder.path().join(way).with_extension("parquet");
        let rival =
            External::start(Command::new(&python).arg(script("lake.py")).arg(way).arg(&source).arg(&out))?;
        let theirs: Answer = serde_json::from_str(&rival.answer)?;
        agree(way, &theirs, &ours)?;
        sizes.push(size(way, theirs.bytes, &bodies));
        contenders.push(rival.contender(way));
    }
    bench.group(GROUP, bodies.load(), &mut contenders)?;
    bench.add(sizes)
}

/// Generates typical events about accounts.
fn accounts(count: usize) -> Bodies {
    let mut generator = Generator::new(SEED, Size::Typical).in_format(Format::Json);
    let mut bodies = Bodies::default();
    let mut body = Vec::new();
    while bodies.count() < count {
        body.clear();
        if generator.next(&mut body).table == "account" {
            bodies.push(&body);
        }
    }
    bodies
}

fn our_files(bodies: &Bodies, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let batches = Rows::new().batches(&mut Parser::new(ParentContext::Drop), bodies)?;
    let mut files = Vec::new();
    for (number, batch) in batches.iter().enumerate() {
        files.push(folder.join(format!("ours-{number}.parquet")));
        fs::write(&files[number], file_of(batch).map_err(io::Error::other)?)?;
    }
    Ok(files)
}

/// Runs a program and returns its standard output.
fn run(command: &mut Command) -> io::Result<Vec<u8>> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(output.stdout)
}

/// Checks that a rival's contents equal ours.
fn agree(way: &str, theirs: &Answer, ours: &Answer) -> io::Result<()> {
    for (name, value) in &theirs.answer {
        if ours.answer.get(name) != Some(value) {
            return Err(io::Error::other(format!("{way} wrote {theirs:?}, ours wrote {ours:?}")));
        }
    }
    Ok(())
}

fn size(way: &str, bytes: u64, bodies: &Bodies) -> Measurement {
    let per_event = Spread::exactly(bytes as f64 / bodies.count() as f64);
    Measurement::new(format!("{GROUP}/size of {way}"), Unit::BytesPerEvent, per_event, 1)
}
