//! One hub, filled once, and several runs that each read all of it.

use std::io;

use catchwater::internals::generator::{Format, Generator, Size};
use catchwater_benches::bodies::{Bodies, SEED};
use catchwater_benches::clock::{cpu_time, timed};
use catchwater_benches::machine::on_cores;
use catchwater_benches::made::Made;
use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;
use catchwater_benches::yardstick::PlainTape;

use super::hub::{Cores, Hub};
use super::program::{Program, RunFigures};
use crate::bench::{Bench, scratch_folder};

/// Source of the events in the hub.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// Bodies of the generator.
    Generated(Size, Format),
    /// Bodies of chosen tables, columns and size.
    Made(Made),
}

/// A hub's contents, and the options of the runs that read it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    name: String,
    source: Source,
    events: usize,
    partitions: u32,
    all_cores: bool,
    lanes: Option<usize>,
}

/// Default number of partitions of a new hub.
const PARTITIONS: u32 = 4;
/// Number of bodies that the yardstick parses.
const SAMPLE: usize = 2_000;

impl Case {
    pub(super) fn new(name: &str, source: Source, events: usize) -> Self {
        Self { name: name.to_owned(), source, events, partitions: PARTITIONS, all_cores: false, lanes: None }
    }

    pub(super) fn with_partitions(self, partitions: u32) -> Self {
        Self { partitions, ..self }
    }

    pub(super) fn on_all_cores(self) -> Self {
        Self { all_cores: true, ..self }
    }

    pub(super) fn with_lanes(self, lanes: usize) -> Self {
        Self { lanes: Some(lanes), ..self }
    }

    pub(super) fn group(&self) -> String {
        let cores = if self.all_cores { "all cores" } else { "one core" };
        format!("end_to_end/{}/{cores}", self.name)
    }

    pub(super) fn run(&self, bench: &mut Bench, program: &Program) -> io::Result<()> {
        let events = bench.effort.events(self.events);
        let cores = Cores::of_machine(self.all_cores)?;
        let hub = Hub::start(self.partitions, cores.hub)?;
        let sample = self.fill(&hub, events)?;
        let mut rounds = Vec::new();
        for _ in 0..bench.effort.long_rounds() {
            rounds.push(self.round(program, &hub, &cores, &sample)?);
        }
        check(&rounds, events)?;
        bench.add(self.results(&rounds, events))
    }

    /// Fills the hub; returns the first bodies, as JSON, for the yardstick.
    fn fill(&self, hub: &Hub, events: usize) -> io::Result<Bodies> {
        let (size, format) = match self.source {
            Source::Generated(size, format) => (size, format),
            Source::Made(_) => (Size::Typical, Format::Json),
        };
        let mut generator = Generator::new(SEED, size).in_format(format);
        let (mut body, mut sample) = (Vec::new(), Bodies::default());
        for n in 0..events {
            body.clear();
            match self.source {
                Source::Made(made) => made.write(n, &mut body),
                Source::Generated(..) => _ = generator.next(&mut body),
            }
            hub.append(n, &body, format.content_type())?;
            if n < SAMPLE {
                sample.push(&body);
            }
        }
        match format {
            Format::Json => Ok(sample),
            Format::Xml => Ok(Bodies::generated(size, Format::Json, SAMPLE)),
        }
    }

    fn round(&self, program: &Program, hub: &Hub, cores: &Cores, sample: &Bodies) -> io::Result<Round> {
        let mut tape = PlainTape::default();
        tape.fill_all(sample);
        // The yardstick runs on the first core of the program.
        let (taped, ()) = on_cores(&cores.program[..1], || timed(|| tape.fill_all(sample)))?;
        let lake = scratch_folder()?;
        let options: Vec<String> =
            self.lanes.map(|lanes| vec!["--lanes".to_owned(), lanes.to_string()]).unwrap_or_default();
        let before = cpu_time()?;
        let figures = program.catch_up(&hub.connection_string(), lake.path(), &cores.program, &options)?;
        let hub_seconds = (cpu_time()?.saturating_sub(before)).as_secs_f64();
        let tape_micros = taped.as_secs_f64() / sample.count() as f64 * 1e6;
        Ok(Round { tape_micros, hub_seconds, figures })
    }

    fn results(&self, rounds: &[Round], events: usize) -> Vec<Measurement> {
        let group = self.group();
        let events = events as f64;
        let spread = |of: &dyn Fn(&Round) -> f64| Spread::of(rounds.iter().map(of));
        let body = rounds.first().map_or(0.0, |round| round.figures.bytes_in as f64 / events);
        let tape = format!("{group}/tape");
        let new =
            |name: &str, unit, value| Measurement::new(format!("{group}/{name}"), unit, value, rounds.len());
        let run_micros = |round: &Round| round.figures.cpu_seconds / events * 1e6;
        vec![
            new("tape", Unit::CpuMicros, spread(&|round| round.tape_micros)),
            new("run", Unit::CpuMicros, spread(&run_micros))
                .at_rate(body)
                .in_ratio_to(&tape, spread(&|round| run_micros(round) / round.tape_micros)),
            new("the hub beside it", Unit::CpuMicros, spread(&|round| round.hub_seconds / events * 1e6)),
            new("rate", Unit::EventsPerSecond, spread(&|round| events / round.figures.seconds)).at_rate(body),
            new("peak memory", Unit::Mebibytes, spread(&|round| round.figures.peak_kib as f64 / 1024.0)),
            new("on disk", Unit::BytesPerEvent, spread(&|round| round.figures.bytes_out as f64 / events)),
        ]
    }
}

struct Round {
    tape_micros: f64,
    hub_seconds: f64,
    figures: RunFigures,
}

fn check(rounds: &[Round], events: usize) -> io::Result<()> {
    match rounds.iter().find(|round| (round.figures.rows, round.figures.quarantined) != (events as u64, 0)) {
        None => Ok(()),
        Some(round) => Err(io::Error::other(format!("a run over {events} events has {:?}", round.figures))),
    }
}
