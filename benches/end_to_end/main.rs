//! The whole way: a hub in this process, AMQP over the loopback, the pipeline, Parquet in memory.
//!
//! The hub is filled first and has a runtime of its own; then one run reads it until it is caught up. What is timed is
//! checked: as many rows as events, none in quarantine.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use catchwater::clock::SystemClock;
use catchwater::emulator::{self, Emulator, NewEvent};
use catchwater::eventhubs::ConnectionString;
use catchwater::generator::{Generator, Size};
use catchwater::metrics::Metrics;
use catchwater::parse::ParentContext;
use catchwater::position::PartitionId;
use catchwater::run::{Config, Drain, Summary, run};

const SEED: u64 = 20_260_105;
const PARTITIONS: u32 = 8;
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:<10}{:>10}{:>14}{:>10}{:>12}{:>16}",
        "size", "events", "events/s", "MB/s", "files", "bytes/event out"
    )?;
    for (name, size, events) in [
        ("small", Size::Small, 100_000),
        ("typical", Size::Typical, 60_000),
        ("large", Size::Large, 10_000),
        ("mixed", Size::Mixed, 80_000),
    ] {
        let hub = Hub::filled(size, events)?;
        let mut rounds = (0..ROUNDS).map(|_| hub.read()).collect::<Result<Vec<_>, _>>()?;
        rounds.sort_by_key(|(time, _)| *time);
        let (time, summary) = &rounds[ROUNDS / 2];
        assert_eq!((summary.rows, summary.quarantined), (events, 0), "what is timed is right");
        let seconds = time.as_secs_f64();
        writeln!(
            out,
            "{name:<10}{events:>10}{:>14.0}{:>10.0}{:>12}{:>16.0}",
            events as f64 / seconds,
            summary.bytes_in as f64 / seconds / 1e6,
            summary.files,
            summary.bytes_out as f64 / events as f64
        )?;
    }
    Ok(())
}

/// A hub that holds what is to be read, and the runtime it lives on.
struct Hub {
    emulator: Emulator,
    _runtime: tokio::runtime::Runtime,
    reading: tokio::runtime::Runtime,
}

impl Hub {
    fn filled(size: Size, events: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let config = emulator::Config { partitions: PARTITIONS, ..emulator::Config::default() };
        let emulator = runtime.block_on(Emulator::start(config))?;
        let mut generator = Generator::new(SEED, size);
        let mut body = Vec::new();
        for n in 0..events {
            body.clear();
            generator.next(&mut body);
            let event = NewEvent {
                body: &body,
                content_type: Some("application/json"),
                properties: &[],
                partition_key: None,
            };
            emulator.append(PartitionId((n % u64::from(PARTITIONS)) as u32), &event)?;
        }
        let reading = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { emulator, _runtime: runtime, reading })
    }

    /// Reads all of it into a new lake in memory.
    fn read(&self) -> Result<(Duration, Summary), Box<dyn std::error::Error>> {
        let config = Config {
            connection_string: ConnectionString::parse(&self.emulator.connection_string())?,
            consumer_group: "$Default".to_owned(),
            lake: "memory://".to_owned(),
            state: Some("memory://".to_owned()),
            until_caught_up: true,
            accept_loss: false,
            parent_context: ParentContext::Drop,
            metadata: None,
            max_age: Duration::from_mins(10),
            budget_bytes: 256 << 20,
            lanes: Some(1),
            owner_level: 0,
        };
        let began = Instant::now();
        let summary = self.reading.block_on(run(
            config,
            Drain::default(),
            Arc::new(Metrics::default()),
            Arc::new(SystemClock),
        ))?;
        Ok((began.elapsed(), summary))
    }
}
