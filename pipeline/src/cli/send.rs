//! `catchwater send`: sends events to an event hub, from files or generated.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::exit::{Exit, Usage};
use super::hub_options::HubOptions;
use super::output::{print, print_json};
use super::report::{Stopwatch, size};
use crate::clock::SystemClock;
use crate::eventhubs::{Client, HubAccess, Sender};
use crate::generator::{Files, Format, Generator, Size};
use crate::position::PartitionId;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    hub: HubOptions,
    #[command(flatten)]
    source: Source,
    /// Number of events [default: each file or line once; 1000 generated events]. If there are fewer files or lines,
    /// they are sent again
    #[arg(long, env = "CATCHWATER_EVENTS", value_name = "N")]
    events: Option<u64>,
    /// Events per second [default: as many as the hub accepts]
    #[arg(long, env = "CATCHWATER_RATE", value_name = "R")]
    rate: Option<u32>,
    /// Seed of the generated events: the same seed makes the same bytes
    #[arg(long, env = "CATCHWATER_SEED", default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Format of the generated events: a seed makes the same events in both
    #[arg(long, env = "CATCHWATER_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    format: BodyFormat,
    /// Send to this partition only [default: the hub spreads batches over all partitions]
    #[arg(long, env = "CATCHWATER_PARTITION", value_name = "N")]
    partition: Option<u32>,
    /// Print one JSON object at the end instead of the summary
    #[arg(long)]
    json: bool,
}

/// The source of the events: one of the two.
#[derive(Debug, Args)]
struct Source {
    /// Send each file of a folder, in the order of names, or each line of an .ndjson file, without changing a byte
    #[arg(long, env = "CATCHWATER_FILES", value_name = "DIR|FILE.ndjson")]
    files: Option<PathBuf>,
    /// Generate events: small (about 1.6 KB), typical (3 KB), large (20 KB), or mixed (70, 27 and 3 % of these)
    #[arg(long, env = "CATCHWATER_GENERATE", value_name = "SIZE")]
    generate: Option<GeneratedSize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum GeneratedSize {
    Small,
    Typical,
    Large,
    Mixed,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum BodyFormat {
    #[default]
    Json,
    Xml,
}

/// The last line of `send --json`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct SendReport {
    pub(super) events: u64,
    pub(super) bytes: u64,
    pub(super) seconds: f64,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<Exit> {
    let watch = Stopwatch::start();
    let connection = options.hub.access()?;
    let bodies = Bodies::of(options)?;
    let partition = options.partition.map(PartitionId::new);
    let mut report = send(connection, partition, bodies, options.rate).await?;
    report.seconds = watch.seconds();
    if options.json {
        print_json(&report)?;
    } else {
        let SendReport { events, bytes, seconds } = report;
        print(&format!("{events} events sent, {} in {seconds:.1} s\n", size(bytes)))?;
    }
    Ok(Exit::Done)
}

/// Sends all bodies in their order, one batch at a time.
pub(super) async fn send(
    access: HubAccess,
    partition: Option<PartitionId>,
    mut bodies: Bodies,
    rate: Option<u32>,
) -> anyhow::Result<SendReport> {
    let client = Client::connect(access, "catchwater-send", Arc::new(SystemClock)).await?;
    let mut sender = client.sender(partition).await?;
    let mut pace = rate.map(Pace::new);
    let mut report = SendReport::default();
    let mut chunk = Chunk::default();
    while bodies.fill(&mut chunk, pace.as_ref().map_or(CHUNK_EVENTS, Pace::chunk))? {
        let sent = send_chunk(&mut sender, &chunk).await?;
        report.events += sent.events;
        report.bytes += sent.bytes;
        if let Some(pace) = &mut pace {
            pace.wait(sent.events).await;
        }
    }
    sender.close().await?;
    client.close().await;
    Ok(report)
}

/// A source of bodies.
#[derive(Debug)]
pub(super) enum Bodies {
    Files(Box<Files>),
    Generated { generator: Box<Generator>, content_type: &'static str, left: u64 },
}

impl Bodies {
    pub(super) fn generated(size: GeneratedSize, format: BodyFormat, seed: u64, events: u64) -> Self {
        let size = match size {
            GeneratedSize::Small => Size::Small,
            GeneratedSize::Typical => Size::Typical,
            GeneratedSize::Large => Size::Large,
            GeneratedSize::Mixed => Size::Mixed,
        };
        let format = match format {
            BodyFormat::Json => Format::Json,
            BodyFormat::Xml => Format::Xml,
        };
        let generator = Box::new(Generator::new(seed, size).in_format(format));
        Self::Generated { generator, content_type: format.content_type(), left: events }
    }

    fn of(options: &Options) -> anyhow::Result<Self> {
        match (&options.source.files, options.source.generate) {
            (Some(_), Some(_)) => Err(usage(
                "two sources of events: give one of --files and --generate; variables CATCHWATER_FILES and \
                 CATCHWATER_GENERATE and the file of --config count too",
            )),
            (None, None) => Err(usage(
                "no source of events: give --files DIR or --generate SIZE (small, typical, large, mixed)",
            )),
            (Some(path), None) => {
                let files = Files::open(path, options.events);
                Ok(Self::Files(Box::new(files.with_context(|| format!("read {}", path.display()))?)))
            }
            (None, Some(size)) => {
                let events = options.events.unwrap_or(GENERATED_EVENTS);
                Ok(Self::generated(size, options.format, options.seed, events))
            }
        }
    }

    /// Fills the chunk with the next events, `events` at most; returns false at the end.
    fn fill(&mut self, chunk: &mut Chunk, events: usize) -> anyhow::Result<bool> {
        chunk.clear();
        while chunk.spans.len() < events && chunk.bytes.len() < CHUNK_BYTES {
            let start = chunk.bytes.len();
            let content_type = match self {
                Self::Files(files) => match files.next().transpose()? {
                    Some(sample) => {
                        chunk.bytes.extend_from_slice(&sample.body);
                        sample.content_type
                    }
                    None => break,
                },
                Self::Generated { left: 0, .. } => break,
                Self::Generated { generator, content_type, left } => {
                    *left -= 1;
                    generator.next(&mut chunk.bytes);
                    content_type
                }
            };
            chunk.spans.push((start, chunk.bytes.len(), content_type));
        }
        Ok(!chunk.spans.is_empty())
    }
}

fn usage(text: &str) -> anyhow::Error {
    Usage(text.to_owned()).into()
}

/// Default number of generated events.
const GENERATED_EVENTS: u64 = 1000;
/// Upper bound on events per call of the sender: enough to fill a batch.
const CHUNK_EVENTS: usize = 512;
/// Upper bound on bytes per call of the sender: about a batch.
const CHUNK_BYTES: usize = 768 << 10;

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    spans: Vec<(usize, usize, &'static str)>,
}

impl Chunk {
    fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }
}

async fn send_chunk(sender: &mut Sender, chunk: &Chunk) -> anyhow::Result<crate::eventhubs::Sent> {
    let events =
        chunk.spans.iter().map(|(start, end, content_type)| (&chunk.bytes[*start..*end], *content_type));
    Ok(sender.send_batch(events).await?)
}

/// Limits the rate: waits until the events sent so far are due.
#[derive(Debug)]
struct Pace {
    per_second: u32,
    began: tokio::time::Instant,
    sent: u64,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), began: tokio::time::Instant::now(), sent: 0 }
    }

    /// Events per call at ten calls a second, so that events keep arriving evenly.
    fn chunk(&self) -> usize {
        (self.per_second as usize / 10).clamp(1, CHUNK_EVENTS)
    }

    async fn wait(&mut self, sent: u64) {
        self.sent += sent;
        let due = self.began + Duration::from_secs_f64(self.sent as f64 / f64::from(self.per_second));
        tokio::time::sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_events_have_the_content_type_of_their_format() {
        for (format, first, expected) in
            [(BodyFormat::Json, b'{', "application/json"), (BodyFormat::Xml, b'<', "application/xml")]
        {
            let mut chunk = Chunk::default();
            let mut bodies = Bodies::generated(GeneratedSize::Small, format, 1, 3);
            assert!(bodies.fill(&mut chunk, 100).unwrap());
            assert_eq!(chunk.spans.len(), 3);
            for (start, _, content_type) in &chunk.spans {
                assert_eq!((chunk.bytes[*start], *content_type), (first, expected));
            }
        }
    }
}
