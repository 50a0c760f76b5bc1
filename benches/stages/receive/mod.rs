//! The receive stage: events of a partition from the wire into `RawBatch`es, compared with fe2o3-amqp on the same
//! events.
//!
//! The sender is a hub on its own core with events encoded in advance. The CPU time of the receiving thread counts,
//! including its time in the kernel. "Over TLS" reads through a front that encrypts on the hub's core. "From memory"
//! decodes the recorded bytes of the link without a socket.

pub(crate) mod recording;
mod rival;

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use catchwater::internals::amqp::map::AmqpMap;
use catchwater::internals::budget::Budget;
use catchwater::internals::clock::SystemClock;
use catchwater::internals::event::RawBatch;
use catchwater::internals::eventhubs::{
    Client, ConnectionString, Distrust, HubAccess, PartitionReceiver, ReceiveOptions, Start,
};
use catchwater::internals::generator::{Format, Size};
use catchwater::internals::position::PartitionId;
use catchwater_benches::bodies::Bodies;
use catchwater_benches::clock::timed_thread;
use catchwater_benches::machine::on_cores;
use catchwater_benches::turns::Contender;
use tokio::runtime::Runtime;

use self::recording::Recording;
use self::rival::Rival;
use crate::bench::Bench;
use crate::end_to_end::hub::{Cores, Hub};
use crate::end_to_end::tls::TlsFront;

pub(crate) type Failure = Box<dyn std::error::Error>;

const FIRST: PartitionId = PartitionId::new(0);

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for (name, size, count) in
        [("small", Size::Small, 40_000), ("typical", Size::Typical, 20_000), ("large", Size::Large, 3_000)]
    {
        let group = format!("receive/{name}");
        if bench.wants(&group) {
            let bodies = Bodies::generated(size, Format::Json, bench.effort.events(count));
            measure(bench, &group, &bodies).map_err(|failure| io::Error::other(failure.to_string()))?;
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, group: &str, bodies: &Bodies) -> Result<(), Failure> {
    let cores = Cores::of_machine(false)?;
    let hub = Hub::start(1, cores.hub)?;
    for body in bodies.iter() {
        hub.append(0, body, Format::Json.content_type())?;
    }
    let front = TlsFront::start(&hub)?;
    on_cores(&cores.program, || -> io::Result<()> {
        let failed = |failure: Failure| io::Error::other(failure.to_string());
        let mut clients = Clients::connect(&hub, &front, bodies.count()).map_err(failed)?;
        check(bodies, &mut clients).map_err(failed)?;
        let Clients { rival, rival_over_tls, ours, ours_over_tls, recording } = &mut clients;
        let count = bodies.count();
        let mut contenders = [
            contender("fe2o3-amqp", || rival.read(count, |event| _ = black_box(event))),
            contender("fe2o3-amqp over TLS", || rival_over_tls.read(count, |event| _ = black_box(event))),
            contender("ours", || ours.read(count, |batch| _ = black_box(batch))),
            contender("ours over TLS", || ours_over_tls.read(count, |batch| _ = black_box(batch))),
            contender("ours from memory", || recording.replay(|batch| _ = black_box(batch))),
        ];
        bench.group(group, bodies.load(), &mut contenders)
    })?;
    Ok(())
}

/// The clients of a hub, connected, and the recording.
struct Clients {
    rival: Rival,
    rival_over_tls: Rival,
    ours: Ours,
    ours_over_tls: Ours,
    recording: Recording,
}

impl Clients {
    fn connect(hub: &Hub, front: &TlsFront, events: usize) -> Result<Self, Failure> {
        Ok(Self {
            rival: Rival::connect(hub)?,
            rival_over_tls: Rival::connect_over_tls(front)?,
            ours: Ours::connect(ConnectionString::parse(&hub.connection_string())?.into())?,
            ours_over_tls: Ours::connect(front.access()?)?,
            recording: Recording::of(hub, events)?,
        })
    }
}

/// Contender timed by the CPU time of this thread, which excludes the hub's thread.
fn contender<'a>(name: &str, mut round: impl FnMut() -> Result<(), Failure> + 'a) -> Contender<'a> {
    Contender::timing_itself(name, move || {
        let (time, read) = timed_thread(&mut round)?;
        read.map_err(|failure| io::Error::other(failure.to_string()))?;
        Ok(time)
    })
}

/// Checks the timed work: all read the same sequence numbers, offsets and bodies.
fn check(bodies: &Bodies, clients: &mut Clients) -> Result<(), Failure> {
    let count = bodies.count();
    let mut expected = Vec::new();
    clients.rival.read(count, |event| expected.push(event))?;
    assert!(expected.iter().map(|(_, _, body)| body.as_slice()).eq(bodies.iter()), "the rival's bodies");
    let mut seen = Vec::new();
    clients.rival_over_tls.read(count, |event| seen.push(event))?;
    assert!(seen == expected, "the rival over TLS differs from the rival over TCP");
    for (name, ours) in [("TCP", &mut clients.ours), ("TLS", &mut clients.ours_over_tls)] {
        seen.clear();
        ours.read(count, |batch| keep(batch, &mut seen))?;
        assert!(seen == expected, "ours over {name} differs from the rival");
    }
    seen.clear();
    clients.recording.replay(|batch| keep(batch, &mut seen))?;
    assert!(seen == expected, "ours from memory differs from the rival");
    Ok(())
}

fn keep(batch: &RawBatch, seen: &mut Vec<rival::Event>) {
    let mut properties = String::new();
    for event in batch.iter() {
        properties.clear();
        AmqpMap::new(event.encoded_properties).write_json(&mut properties);
        assert!(properties.contains("Claims/Organization"), "properties are read too");
        seen.push((event.sequence_number.get(), event.offset.to_owned(), event.body.to_vec()));
    }
}

/// Client of the product.
pub(super) struct Ours {
    runtime: Runtime,
    client: Client,
}

impl Ours {
    pub(super) fn connect(access: HubAccess) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(Client::connect(access, "bench", Arc::new(SystemClock)))?;
        Ok(Self { runtime, client })
    }

    pub(super) fn read(&mut self, count: usize, mut take: impl FnMut(&RawBatch)) -> Result<(), Failure> {
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
        distrust: Distrust::default(),
    };
    let budget = Budget::new(256 << 20);
    Ok(client.receive(FIRST, options, Arc::clone(&budget), 32 << 20).await?)
}
