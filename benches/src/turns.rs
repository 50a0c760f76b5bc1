//! Timing of contenders in turn, round by round: a slow minute of the machine affects all of them.

use std::io;
use std::time::Duration;

use crate::clock;
use crate::report::Measurement;
use crate::spread::Spread;

/// Code under measurement; all contenders of a group do the same work once per round.
#[expect(missing_debug_implementations, reason = "a closure is not printable")]
pub struct Contender<'a> {
    name: String,
    round: Box<dyn FnMut() -> io::Result<Duration> + 'a>,
}

impl<'a> Contender<'a> {
    /// Creates a contender; its CPU time is measured here.
    pub fn new(name: impl Into<String>, mut round: impl FnMut() + 'a) -> Self {
        Self::timing_itself(name, move || clock::timed(&mut round).map(|(time, ())| time))
    }

    /// Creates a contender whose rounds return their own time: of another process, or of a part of the round.
    pub fn timing_itself(name: impl Into<String>, round: impl FnMut() -> io::Result<Duration> + 'a) -> Self {
        Self { name: name.into(), round: Box::new(round) }
    }

    /// Runs each round twice and counts the second: a rival in another process evicts our data from the caches.
    #[must_use]
    pub fn warm(self) -> Self {
        let Self { name, mut round } = self;
        Self::timing_itself(name, move || round().and_then(|_| round()))
    }

    /// Name in the table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs one round.
    ///
    /// # Errors
    /// Errors of the round; the system does not report CPU time.
    pub fn run(&mut self) -> io::Result<Duration> {
        (self.round)()
    }
}

/// Data of one round.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Number of events.
    pub events: usize,
    /// Total size of their bodies, in bytes.
    pub bytes: usize,
}

/// Times all contenders, each once per round. The first is the yardstick of the others. Round 0 warms caches and grows
/// buffers and does not count.
///
/// # Errors
/// Errors of a round; the system does not report CPU time.
pub fn measure(
    group: &str,
    load: Load,
    rounds: usize,
    contenders: &mut [Contender<'_>],
) -> io::Result<Vec<Measurement>> {
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let time = contender.run()?.as_secs_f64();
            if round > 0 {
                times.push(time);
            }
        }
    }
    let name = |contender: &Contender<'_>| format!("{group}/{}", contender.name);
    let yardstick = contenders.first().map(name).unwrap_or_default();
    let measured = contenders.iter().zip(&times).map(|(contender, own)| {
        let per_event = Spread::of(own.iter().map(|time| time / load.events as f64 * 1e6));
        let measurement = Measurement::cpu(name(contender), per_event, own.len())
            .at_rate(load.bytes as f64 / load.events as f64);
        if name(contender) == yardstick {
            return measurement;
        }
        let ratios = own.iter().zip(&times[0]).map(|(own, yardstick)| own / yardstick);
        measurement.in_ratio_to(&yardstick, Spread::of(ratios))
    });
    Ok(measured.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_contender_counts_its_second_rounds() {
        let mut rounds = 0;
        let contender = Contender::timing_itself("a", || {
            rounds += 1;
            Ok(Duration::from_millis(rounds))
        });
        let load = Load { events: 1000, bytes: 4_000_000 };
        let measured = measure("stage/shape", load, 1, &mut [contender.warm()]).unwrap();
        assert_eq!((measured[0].value.median, measured[0].rounds), (4.0, 1));
    }

    #[test]
    fn contenders_take_turns_and_are_ratios_to_the_first() {
        let order = std::cell::RefCell::new(Vec::new());
        let takes = |name, ms| {
            let order = &order;
            Contender::timing_itself(name, move || {
                order.borrow_mut().push(name);
                Ok(Duration::from_millis(ms))
            })
        };
        let load = Load { events: 1000, bytes: 4_000_000 };
        let measured = measure("stage/shape", load, 2, &mut [takes("a", 4), takes("b", 8)]).unwrap();
        assert_eq!(*order.borrow(), ["a", "b", "a", "b", "a", "b"]);
        assert_eq!(measured[1].name, "stage/shape/b");
        assert_eq!((measured[1].value.median, measured[1].rounds), (8.0, 2));
        assert_eq!(measured[1].ratio.as_ref().map(|ratio| ratio.value.median), Some(2.0));
        assert_eq!(measured[0].ratio, None);
    }
}
