//! Receiving: CPU time of each client to read all partitions of a filled hub over TCP and over TLS, and to read one
//! partition from memory, where the hub's bytes are replayed without a socket.
//!
//! The hub is in this process, on its own core, as is the front that encrypts. Our client runs on this thread, whose CPU time counts; a rival is a
//! process.

use std::hint::black_box;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use catchwater::internals::budget::Budget;
use catchwater::internals::clock::SystemClock;
use catchwater::internals::event::RawBatch;
use catchwater::internals::eventhubs::{
    Client, ConnectionString, Distrust, HubAccess, ReceiveOptions, Start,
};
use catchwater::internals::generator::{Format, Generator, Size};
use catchwater::internals::position::PartitionId;
use catchwater_benches::bodies::SEED;
use catchwater_benches::clock::timed_thread;
use catchwater_benches::machine::on_cores;
use catchwater_benches::turns::{Contender, Load};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};

use super::checksum::Checksum;
use super::external::External;
use super::{program, python, script};
use crate::bench::Bench;
use crate::end_to_end::hub::{Cores, Hub};
use crate::end_to_end::tls::TlsFront;
use crate::stages;
use crate::stages::receive::recording::Recording;

const PARTITIONS: u32 = 4;
const EVENTS: usize = 40_000;

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for (name, size) in [("small", Size::Small), ("typical", Size::Typical)] {
        let group = format!("rivals/receive/{name}");
        if bench.wants(&group) {
            over_sockets(bench, &group, size)?;
        }
        let group = format!("rivals/receive from memory/{name}");
        if bench.wants(&group) {
            from_memory(bench, &group, size)?;
        }
    }
    Ok(())
}

fn over_sockets(bench: &mut Bench, group: &str, size: Size) -> io::Result<()> {
    let cores = Cores::of_machine(false)?;
    let hub = Hub::start(PARTITIONS, cores.hub)?;
    let front = TlsFront::start(&hub)?;
    let load = fill(&hub, size, bench.effort.events(EVENTS))?;
    let plain = ConnectionString::parse(&hub.connection_string()).map_err(io::Error::other)?;
    let (ours_plain, checksum) = ours("ours", plain.into(), load)?;
    let (ours_over_tls, checksum_over_tls) = ours("ours over TLS", front.access()?, load)?;
    if checksum_over_tls.0 != checksum.0 {
        return Err(io::Error::other(format!(
            "ours read {checksum_over_tls:?} over TLS, {checksum:?} over TCP"
        )));
    }
    let mut contenders = vec![ours_plain, ours_over_tls];
    let proton_over_tls = proton(front.host_and_port(), PARTITIONS, load).map(|mut command| {
        command.arg("tls").arg(front.ca_file());
        command
    });
    for (name, rival) in [
        ("qpid-proton C++", proton(hub.address().to_string(), PARTITIONS, load)),
        ("qpid-proton C++ over TLS", proton_over_tls),
        ("official Python SDK", sdk(&hub, load)),
    ] {
        contenders.extend(started(bench, name, rival, &cores, checksum)?);
    }
    on_cores(&cores.program, || bench.group(group, load, &mut contenders))
}

fn from_memory(bench: &mut Bench, group: &str, size: Size) -> io::Result<()> {
    let cores = Cores::of_machine(false)?;
    let hub = Hub::start(1, cores.hub)?;
    let load = fill(&hub, size, bench.effort.events(EVENTS))?;
    let failed = |failure: stages::receive::Failure| io::Error::other(failure.to_string());
    let recording = Recording::of(&hub, load.events).map_err(failed)?;
    let play = |look: &mut dyn FnMut(&RawBatch)| recording.replay(look).map_err(failed);
    let mut checksum = Checksum::default();
    play(&mut |batch| checksum.batch(batch))?;
    let mut contenders = vec![Contender::timing_itself("ours", || {
        let (time, played) = timed_thread(|| play(&mut |batch| _ = black_box(batch)))?;
        played.map(|()| time)
    })];
    let rival = proton(hub.address().to_string(), 1, load).map(|mut command| {
        command.arg("memory");
        command
    });
    contenders.extend(started(bench, "qpid-proton C++", rival, &cores, checksum)?);
    on_cores(&cores.program, || bench.group(group, load, &mut contenders))
}

/// Starts a rival and checks its checksum; `None` if it is absent.
fn started(
    bench: &mut Bench,
    name: &str,
    rival: Result<Command, String>,
    cores: &Cores,
    expected: Checksum,
) -> io::Result<Option<Contender<'static>>> {
    let mut command = match rival {
        Ok(command) => command,
        Err(absent) => return bench.add_absent(absent).map(|()| None),
    };
    let rival = on_cores(&cores.program, || External::start(&mut command))?;
    if rival.answer != expected.0.to_string() {
        return Err(io::Error::other(format!("{name} read {}, ours read {expected:?}", rival.answer)));
    }
    Ok(Some(rival.contender(name)))
}

fn fill(hub: &Hub, size: Size, events: usize) -> io::Result<Load> {
    let mut generator = Generator::new(SEED, size);
    let (mut body, mut bytes) = (Vec::new(), 0);
    for n in 0..events {
        body.clear();
        generator.next(&mut body);
        bytes += body.len();
        hub.append(n, &body, Format::Json.content_type())?;
    }
    Ok(Load { events, bytes })
}

fn proton(address: String, partitions: u32, load: Load) -> Result<Command, String> {
    let mut command = Command::new(program("proton")?);
    command.args([address, "events".into(), partitions.to_string(), load.events.to_string()]);
    // Name and key of the emulator.
    command.args(["RootManageSharedAccessKey", "SAS_KEY_VALUE"]);
    Ok(command)
}

fn sdk(hub: &Hub, load: Load) -> Result<Command, String> {
    let mut command = Command::new(python()?);
    command.arg(script("sdk.py")).arg(hub.connection_string());
    command.args([PARTITIONS.to_string(), load.events.to_string()]);
    Ok(command)
}

fn ours(name: &str, access: HubAccess, load: Load) -> io::Result<(Contender<'static>, Checksum)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let read = move |look: fn(&mut Checksum, &RawBatch)| {
        runtime
            .block_on(LocalSet::new().run_until(read_all(&access, load.events, look)))
            .map_err(io::Error::other)
    };
    let checksum = read(Checksum::batch)?;
    let contender = Contender::timing_itself(name, move || -> io::Result<Duration> {
        let (time, checksum) = timed_thread(|| read(|_, batch| _ = black_box(batch)))?;
        checksum.map(|_| time)
    });
    Ok((contender, checksum))
}

/// Reads a number of events from all partitions; `look` adds them to the checksum.
async fn read_all(
    access: &HubAccess,
    events: usize,
    look: fn(&mut Checksum, &RawBatch),
) -> Result<Checksum, catchwater::internals::eventhubs::Error> {
    let client = Client::connect(access.clone(), "bench", Arc::new(SystemClock)).await?;
    let mut reading = JoinSet::new();
    for partition in 0..PARTITIONS {
        let options = ReceiveOptions {
            consumer_group: "$Default".to_owned(),
            start: Start::Earliest,
            owner_level: None,
            name: "bench".to_owned(),
            distrust: Distrust::default(),
        };
        let budget = Budget::new(64 << 20);
        let mut receiver = client.receive(PartitionId::new(partition), options, budget, 16 << 20).await?;
        let own =
            events / PARTITIONS as usize + usize::from((partition as usize) < events % PARTITIONS as usize);
        reading.spawn_local(async move {
            let (mut seen, mut checksum) = (0, Checksum::default());
            while seen < own {
                let batch = receiver.next_batch().await?;
                seen += batch.len();
                look(&mut checksum, &batch);
            }
            receiver.close().await.map(|()| checksum)
        });
    }
    let mut checksum = Checksum::default();
    while let Some(read) = reading.join_next().await {
        // A task that panics has printed its message.
        checksum.join(read.unwrap_or_else(|_| Ok(Checksum::default()))?);
    }
    client.close().await;
    Ok(checksum)
}
