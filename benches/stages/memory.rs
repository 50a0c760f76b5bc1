//! Memory bandwidth during the run, as context for the other figures.

use std::io;

use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;
use catchwater_benches::yardstick::memcpy_gb_per_s;

use crate::bench::Bench;

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    let rounds = bench.effort.rounds();
    let figures = (0..rounds).map(|_| memcpy_gb_per_s()).collect::<Result<Vec<_>, _>>()?;
    let copied = Spread::of(figures);
    bench.add(vec![Measurement::new("memory/copy of 8 MiB", Unit::GigabytesPerSecond, copied, rounds)])
}
