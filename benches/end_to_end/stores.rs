//! Runs into object stores, in turn with runs into a local folder.
//!
//! Owns: the ratios of a store to the folder. Does not own: the servers, which are started by hand; `STORES` has the
//! addresses, and the variables of `object_store` have endpoints and keys.

use std::env;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use catchwater_benches::machine::own_cores;
use catchwater_benches::made::Made;
use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;

use super::hub::Hub;
use super::program::{Program, RunFigures};
use crate::bench::{Bench, scratch_folder};

/// Environment variable with the addresses of lakes, separated by commas: `az://lake/bench,s3://lake/bench`.
const STORES: &str = "CATCHWATER_BENCH_STORES";

const GROUP: &str = "stores/32 partitions of 10 tables";

const PARTITIONS: u32 = 32;
const EVENTS: usize = 200_000;

/// A place for lakes, and the figures of its runs.
struct Place {
    name: String,
    /// None for a folder.
    address: Option<String>,
    figures: Vec<RunFigures>,
}

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    if !bench.wants(GROUP) {
        return Ok(());
    }
    let addresses = env::var(STORES).unwrap_or_default();
    if addresses.is_empty() {
        return bench.add_absent(format!("{GROUP}: {STORES} has no address"));
    }
    let program = Program::built()?;
    let events = bench.effort.events(EVENTS);
    let hub = fill(events)?;
    let mut places = vec![Place { name: "folder".to_owned(), address: None, figures: Vec::new() }];
    places.extend(addresses.split(',').map(Place::store));
    for round in 0..bench.effort.long_rounds() {
        for place in &mut places {
            place.run(&program, &hub, round, events)?;
        }
    }
    let folder = places[0].figures.clone();
    bench.add(places.iter().flat_map(|place| place.results(&folder, events as f64)).collect())
}

/// A hub on the last core, with events of 3 kB.
fn fill(events: usize) -> io::Result<Hub> {
    let hub = Hub::start(PARTITIONS, own_cores()?.last().copied().unwrap_or_default())?;
    let made = Made { tables: 10, columns: 20, bytes: 3_000 };
    let mut body = Vec::new();
    for n in 0..events {
        body.clear();
        made.write(n, &mut body);
        hub.append(n, &body, "application/json")?;
    }
    Ok(hub)
}

impl Place {
    fn store(address: &str) -> Self {
        let scheme = address.split("://").next().unwrap_or(address);
        Self { name: scheme.to_owned(), address: Some(address.to_owned()), figures: Vec::new() }
    }

    /// Runs on all cores into a new lake.
    fn run(&mut self, program: &Program, hub: &Hub, round: usize, events: usize) -> io::Result<()> {
        let (folder, cores) = (scratch_folder()?, own_cores()?);
        let lake = match &self.address {
            None => folder.path().to_owned(),
            Some(address) => Path::new(address).join(format!("{}-{round}", now_seconds()?)),
        };
        let figures = program.catch_up(&hub.connection_string(), &lake, &cores, &[])?;
        if (figures.rows, figures.quarantined) != (events as u64, 0) {
            return Err(io::Error::other(format!(
                "{}: a run over {events} events has {figures:?}",
                self.name
            )));
        }
        self.figures.push(figures);
        Ok(())
    }

    /// The ratios are to the folder's run of the same round.
    fn results(&self, folder: &[RunFigures], events: f64) -> Vec<Measurement> {
        let rounds = self.figures.len();
        let new = |name: &str, unit, of: &dyn Fn(&RunFigures) -> f64| {
            let value = Spread::of(self.figures.iter().map(of));
            Measurement::new(format!("{GROUP}/{}/{name}", self.name), unit, value, rounds)
        };
        let to_folder = |measured: Measurement, name: &str, of: &dyn Fn(&RunFigures) -> f64| {
            let ratios = self.figures.iter().zip(folder).map(|(own, folder)| of(own) / of(folder));
            measured.in_ratio_to(&format!("{GROUP}/folder/{name}"), Spread::of(ratios))
        };
        let cpu = |run: &RunFigures| run.cpu_seconds / events * 1e6;
        let time = |run: &RunFigures| run.seconds * 1e3;
        let mut results = vec![
            new("run", Unit::CpuMicros, &cpu),
            new("time", Unit::Milliseconds, &time),
            new("rate", Unit::EventsPerSecond, &|run| events / run.seconds),
            new("peak memory", Unit::Mebibytes, &|run| run.peak_kib as f64 / 1024.0),
        ];
        if self.address.is_some() {
            results[0] = to_folder(results[0].clone(), "run", &cpu);
            results[1] = to_folder(results[1].clone(), "time", &time);
        }
        results
    }
}

/// Distinguishes the lakes of one bench from those of the one before: a store keeps them.
fn now_seconds() -> io::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    Ok(since.as_secs())
}
