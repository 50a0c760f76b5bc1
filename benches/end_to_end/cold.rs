//! Cold start: from the start of the process to the first event that the hub sends, which follows the first credit.

use std::io;
use std::time::Instant;

use catchwater_benches::made::Made;
use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;

use super::hub::{Cores, Hub};
use super::program::Program;
use super::proxy::Proxy;
use crate::bench::{Bench, scratch_folder};

const NAME: &str = "cold start/4 partitions/to the first event sent";

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    let program = Program::built()?;
    if !bench.wants(NAME) {
        return Ok(());
    }
    let cores = Cores::of_machine(false)?;
    let hub = Hub::start(4, cores.hub)?;
    let made = Made { tables: 1, columns: 20, bytes: 50_000 };
    let mut body = Vec::new();
    for n in 0..40 {
        body.clear();
        made.write(n, &mut body);
        hub.append(n, &body, "application/json")?;
    }
    let rounds = bench.effort.rounds();
    let mut times = Vec::new();
    for _ in 0..rounds {
        let proxy = Proxy::start(hub.address())?;
        let through =
            hub.connection_string().replace(&hub.address().to_string(), &proxy.address().to_string());
        let lake = scratch_folder()?;
        let began = Instant::now();
        program.catch_up(&through, lake.path(), &cores.program, &[])?;
        let first = proxy.first_event().ok_or_else(|| io::Error::other("the proxy saw no event"))?;
        times.push(first.duration_since(began).as_secs_f64() * 1e3);
    }
    bench.add(vec![Measurement::new(NAME, Unit::Milliseconds, Spread::of(times), rounds)])
}
