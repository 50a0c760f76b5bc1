//! Delay from enqueued to readable, at a steady rate.
//!
//! A file is readable once it has its final name. On Linux that time is the change time of the inode: linking the name
//! is its last change, except for the unlinking of the draft right after it. The delay of a row is this time minus its
//! enqueued time.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use catchwater_benches::machine::on_cores;
use catchwater_benches::made::Made;
use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::hub::{Cores, Hub};
use super::program::Program;
use crate::bench::{Bench, scratch_folder};

/// A rate of events, and the maximum age of files.
struct Pace {
    name: &'static str,
    per_second: usize,
    max_age: &'static str,
}

/// Rates above 1,000 events per second, so that no file waits for its thousandth row.
const PACES: [Pace; 2] = [
    Pace { name: "5000 a second, files of 1 s", per_second: 5_000, max_age: "1s" },
    Pace { name: "10000 a second, files of 200 ms", per_second: 10_000, max_age: "200ms" },
];

/// Rows enqueued while the program starts do not count.
const WARM_UP: Duration = Duration::from_secs(2);

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    let program = Program::built()?;
    for pace in PACES {
        let group = format!("delay/{}", pace.name);
        if !bench.wants(&group) {
            continue;
        }
        let seconds = if bench.effort.quick { 5 } else { 20 };
        let mut delays = run(&program, &pace, Duration::from_secs(seconds))?;
        delays.sort_unstable();
        let at =
            |quantile: f64| Spread::exactly(delays[((delays.len() - 1) as f64 * quantile) as usize] as f64);
        let new = |name, value| Measurement::new(format!("{group}/{name}"), Unit::Milliseconds, value, 1);
        bench.add(vec![new("p50", at(0.5)), new("p99", at(0.99))])?;
    }
    Ok(())
}

/// Delays of all rows enqueued after the warm-up, in milliseconds.
fn run(program: &Program, pace: &Pace, length: Duration) -> io::Result<Vec<i64>> {
    let cores = Cores::of_machine(false)?;
    let hub = Hub::start(1, cores.hub)?;
    let lake = scratch_folder()?;
    let options = ["--max-age".to_owned(), pace.max_age.to_owned()];
    let began_ms = unix_ms();
    let child = program.start(&hub.connection_string(), lake.path(), &cores.program, &options)?;
    on_cores(&[cores.hub], || send(&hub, pace, WARM_UP + length))?;
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).map_err(io::Error::from)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let mut delays = Vec::new();
    // Files with rows of the last seconds may be closed by the end of the run and not by age.
    let counted = began_ms + WARM_UP.as_millis() as i64..began_ms + length.as_millis() as i64;
    for file in files(lake.path())? {
        let metadata = fs::metadata(&file)?;
        let named_ms = metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000;
        let rows = enqueued(&file)?;
        delays.extend(rows.into_iter().filter(|ms| counted.contains(ms)).map(|ms| named_ms - ms));
    }
    if delays.is_empty() {
        return Err(io::Error::other("no row became readable in time"));
    }
    Ok(delays)
}

/// Appends events at the given rate.
fn send(hub: &Hub, pace: &Pace, length: Duration) -> io::Result<()> {
    let made = Made { tables: 1, columns: 20, bytes: 3_000 };
    let bodies: Vec<Vec<u8>> = (0..1000)
        .map(|n| {
            let mut body = Vec::new();
            made.write(n, &mut body);
            body
        })
        .collect();
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < length {
        let due = (began.elapsed().as_secs_f64() * pace.per_second as f64) as usize;
        while sent < due {
            hub.append(sent, &bodies[sent % bodies.len()], "application/json")?;
            sent += 1;
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn unix_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_millis() as i64)
}

/// The Parquet files below a folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Enqueued time of each row of a file, in unix milliseconds.
fn enqueued(file: &Path) -> io::Result<Vec<i64>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?).map_err(io::Error::other)?;
    let column = ProjectionMask::columns(reader.parquet_schema(), ["_enqueued_time"]);
    let mut times = Vec::new();
    for batch in reader.with_projection(column).build().map_err(io::Error::other)? {
        let batch = batch.map_err(io::Error::other)?;
        let column = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        times.extend(column.values().iter().map(|micros| micros / 1000));
    }
    Ok(times)
}
