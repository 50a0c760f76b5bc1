//! The receive stage: events of a partition from the wire into `RawBatch`es, beside fe2o3-amqp on the same events.
//!
//! The sender is the hub of the package on a thread and a runtime of its own, its events encoded beforehand; what counts is
//! the CPU time of the receiving thread alone, kernel included. From memory, the recorded bytes of the same link go
//! through the same decoding without a socket.

mod recording;
mod rival;

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;

use catchwater::budget::Share;
use catchwater::emulator::{self, Emulator, NewEvent};
use catchwater::event::RawBatch;
use catchwater::eventhubs::{Client, ConnectionString, PartitionReceiver, ReceiveOptions, Start};
use catchwater::generator::Size;
use catchwater::position::PartitionId;
use catchwater_benches::{Bodies, Contender, Cpu, compare_by};
use tokio::runtime::Runtime;

use self::recording::Recording;
use self::rival::Rival;

type Failure = Box<dyn std::error::Error>;

const SEED: u64 = 20_260_105;
const ROUNDS: usize = 11;
const FIRST: PartitionId = PartitionId(0);

fn main() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (title, size, count) in
        [("small", Size::Small, 40_000), ("typical", Size::Typical, 20_000), ("large", Size::Large, 3_000)]
    {
        let bodies = Bodies::generated(SEED, size, count);
        let hub = Hub::filled(&bodies)?;
        let mut rival = Rival::connect(&hub)?;
        let mut ours = Ours::connect(&hub)?;
        let recording = Recording::of(&hub, bodies.count())?;
        check(&bodies, &mut rival, &mut ours, &recording)?;
        let mut contenders = [
            Contender::new("fe2o3-amqp, TCP", || _ = black_box(rival.read(bodies.count(), |_| ()))),
            Contender::new("ours, TCP", || _ = black_box(ours.read(bodies.count(), |_| ()))),
            Contender::new("ours, from memory", || _ = black_box(recording.replay(|_| ()))),
        ];
        compare_by(&mut out, title, &bodies, ROUNDS, &mut contenders, Cpu::Thread)?;
    }
    out.flush()?;
    Ok(())
}

/// What is timed is right: all three give the same bodies at the same places.
fn check(bodies: &Bodies, rival: &mut Rival, ours: &mut Ours, recording: &Recording) -> Result<(), Failure> {
    let mut expected = Vec::new();
    rival.read(bodies.count(), |event| expected.push(event))?;
    assert!(expected.iter().map(|(_, _, body)| body.as_slice()).eq(bodies.iter()), "the rival's bodies");
    let mut ours_seen = Vec::new();
    let keep = |batch: &RawBatch, seen: &mut Vec<_>| {
        for event in batch.iter() {
            assert!(event.properties.contains("Claims/Organization"), "properties are read too");
            seen.push((event.sequence_number.0, event.offset.to_owned(), event.body.to_vec()));
        }
    };
    ours.read(bodies.count(), |batch| keep(batch, &mut ours_seen))?;
    assert!(ours_seen == expected, "ours over TCP differs from the rival");
    let mut replayed = Vec::new();
    recording.replay(|batch| keep(batch, &mut replayed))?;
    assert!(replayed == expected, "ours from memory differs from the rival");
    Ok(())
}

/// A hub that holds what is to be read, on a thread of its own.
struct Hub {
    emulator: Emulator,
    _runtime: Runtime,
}

impl Hub {
    fn filled(bodies: &Bodies) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let config = emulator::Config { partitions: 1, ..emulator::Config::default() };
        let emulator = runtime.block_on(Emulator::start(config))?;
        for body in bodies.iter() {
            emulator.append(FIRST, &NewEvent { body, properties: PROPERTIES, ..NEW })?;
        }
        Ok(Self { emulator, _runtime: runtime })
    }
}

const NEW: NewEvent<'_> =
    NewEvent { body: &[], content_type: Some("application/json"), properties: &[], partition_key: None };

/// What Dataverse says beside a body.
const PROPERTIES: &[(&str, &str)] = &[
    ("http://schemas.microsoft.com/xrm/2011/Claims/Organization", "contoso.crm4.dynamics.com"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/User", "5d5e2b0e-4ac9-4a9c-b0a5-6b7d9e2f1c3a"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/InitiatingUser", "5d5e2b0e-4ac9-4a9c-b0a5-6b7d9e2f1c3a"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/EntityLogicalName", "account"),
    ("http://schemas.microsoft.com/xrm/2011/Claims/RequestName", "Update"),
];

/// The product's own receiver.
struct Ours {
    runtime: Runtime,
    client: Client,
}

impl Ours {
    fn connect(hub: &Hub) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let text = ConnectionString::parse(&hub.emulator.connection_string())?;
        let client = runtime.block_on(Client::connect(&text, "bench"))?;
        Ok(Self { runtime, client })
    }

    fn read(&mut self, count: usize, mut take: impl FnMut(&RawBatch)) -> Result<(), Failure> {
        self.runtime.block_on(async {
            let mut receiver = attach(&self.client).await?;
            let mut read = 0;
            while read < count {
                let batch = receiver.next_batch().await?;
                read += batch.len();
                take(&batch);
            }
            receiver.close().await?;
            Ok(())
        })
    }
}

async fn attach(client: &Client) -> Result<PartitionReceiver, Failure> {
    let options = ReceiveOptions {
        consumer_group: "$Default".to_owned(),
        start: Start::Earliest,
        owner_level: None,
        name: "bench".to_owned(),
    };
    let share = Share::new(256 << 20);
    Ok(client.receive(FIRST, options, Arc::clone(&share), 32 << 20).await?)
}
