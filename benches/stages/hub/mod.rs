//! The hub's own speed: CPU time of the hub per event that it sends to a reader, or receives from a publisher.
//!
//! The hub has its own core, and its clients share the first one. The CPU time of all threads except the client's
//! counts, including their time in the kernel. Rates are those of the pair: the slower of both decides.

mod publisher;

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use catchwater::internals::eventhubs::ConnectionString;
use catchwater::internals::generator::{Format, Size};
use catchwater_benches::bodies::Bodies;
use catchwater_benches::clock::{timed, timed_thread};
use catchwater_benches::machine::on_cores;
use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;
use catchwater_benches::turns::Contender;

use self::publisher::{Delivery, Publisher};
use super::receive::{Failure, Ours};
use crate::bench::{Bench, scratch_folder};
use crate::end_to_end::hub::{Cores, Hub};

/// Number of events in a batch, which has to fit one frame.
const BATCH_EVENTS: usize = 15;

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for (name, size, count) in [("small", Size::Small, 40_000), ("typical", Size::Typical, 20_000)] {
        let group = format!("hub/{name}");
        if bench.wants(&group) {
            let bodies = Bodies::generated(size, Format::Json, bench.effort.events(count));
            measure(bench, &group, &bodies)?;
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, group: &str, bodies: &Bodies) -> io::Result<()> {
    let cores = Cores::of_machine(false)?;
    let hub = Hub::start(1, cores.hub)?;
    for body in bodies.iter() {
        hub.append(0, body, Format::Json.content_type())?;
    }
    let content_type = Format::Json.content_type();
    let singles: Vec<_> = bodies.iter().map(|body| Delivery::event(body, content_type)).collect();
    let all: Vec<&[u8]> = bodies.iter().collect();
    let batches: Vec<_> = all
        .chunks(BATCH_EVENTS)
        .map(|bodies| Delivery::batch(bodies.iter().copied(), content_type))
        .collect();
    let mut rates: [Vec<f64>; 4] = Default::default();
    let [sent, received, in_batches, on_disk] = &mut rates;
    let events = bodies.count();
    on_cores(&cores.program, || {
        let mut reader = reader(&hub).map_err(|failure| io::Error::other(failure.to_string()))?;
        let mut read = || {
            let read = reader.read(events, |batch| _ = black_box(batch));
            read.map_err(|failure| io::Error::other(failure.to_string()))
        };
        let mut contenders = [
            contender("sends", events, sent, || hub_time(&mut read)),
            contender("receives events", events, received, || publish(&cores, &singles, false)),
            contender("receives batches", events, in_batches, || publish(&cores, &batches, false)),
            contender("receives batches on disk", events, on_disk, || publish(&cores, &batches, true)),
        ];
        bench.group(group, bodies.load(), &mut contenders)
    })?;
    let names = ["sends", "receives events", "receives batches", "receives batches on disk"];
    let measured = names.iter().zip(rates).map(|(name, rates)| {
        // The first round warms caches.
        let rates = &rates[1.min(rates.len())..];
        let value = Spread::of(rates.iter().copied());
        Measurement::new(format!("{group}/{name}/rate"), Unit::EventsPerSecond, value, rates.len())
            .at_rate(bodies.bytes() as f64 / events as f64)
    });
    bench.add(measured.collect())
}

fn reader(hub: &Hub) -> Result<Ours, Failure> {
    Ours::connect(ConnectionString::parse(&hub.connection_string())?.into())
}

/// Contender whose rounds return the CPU time of the hub and the wall-clock time.
fn contender<'a>(
    name: &str,
    events: usize,
    rates: &'a mut Vec<f64>,
    mut round: impl FnMut() -> io::Result<(Duration, Duration)> + 'a,
) -> Contender<'a> {
    Contender::timing_itself(name, move || {
        let (hub, wall) = round()?;
        rates.push(events as f64 / wall.as_secs_f64());
        Ok(hub)
    })
}

/// Sends to an empty hub, so that memory does not grow from round to round.
fn publish(cores: &Cores, deliveries: &[Delivery], on_disk: bool) -> io::Result<(Duration, Duration)> {
    let folder = if on_disk { Some(scratch_folder()?) } else { None };
    let hub = Hub::start_in(1, cores.hub, folder.as_ref().map(|folder| folder.path().to_owned()))?;
    let mut publisher = Publisher::connect(hub.address(), "0")?;
    hub_time(|| publisher.send(deliveries))
}

/// CPU time of the other threads, and the wall-clock time, of a round on this thread.
fn hub_time(round: impl FnOnce() -> io::Result<()>) -> io::Result<(Duration, Duration)> {
    let start = Instant::now();
    let (all, own) = timed(|| timed_thread(round))?;
    let wall = start.elapsed();
    let (own, outcome) = own?;
    outcome?;
    Ok((all.saturating_sub(own), wall))
}
