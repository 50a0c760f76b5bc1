//! What the benches share: bodies, and contenders timed in turn.
//!
//! Owns: how is measured (`README.md` says why so). Does not own: what is measured.

use std::io::{self, Write};

use catchwater::generator::{Generator, Size};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// Bodies of one size, one behind the other, as they lie in a batch.
#[derive(Clone, Debug)]
pub struct Bodies {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Bodies {
    /// `count` bodies of the generator; a seed gives the same ones.
    pub fn generated(seed: u64, size: Size, count: usize) -> Self {
        let mut generator = Generator::new(seed, size);
        let mut bodies = Self { bytes: Vec::new(), ends: Vec::new() };
        for _ in 0..count {
            generator.next(&mut bodies.bytes);
            bodies.ends.push(bodies.bytes.len());
        }
        bodies
    }

    /// The bodies, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| &self.bytes[begin..*end])
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Their bytes together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Something that does the work of a stage once over all bodies.
#[expect(missing_debug_implementations, reason = "a closure has no words")]
pub struct Contender<'a> {
    /// What the table calls it.
    pub name: &'a str,
    /// One round.
    pub round: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    /// Names a round.
    pub fn new(name: &'a str, round: impl FnMut() + 'a) -> Self {
        Self { name, round: Box::new(round) }
    }
}

/// Whose CPU time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpu {
    /// The whole process.
    Process,
    /// The thread that runs the rounds: what feeds it runs beside it.
    Thread,
}

/// Times contenders in turn, round by round, and prints a table: the first is the yardstick of the others.
///
/// # Errors
/// Those of `out`, and of a system that does not tell CPU time.
pub fn compare(
    out: &mut impl Write,
    title: &str,
    bodies: &Bodies,
    rounds: usize,
    contenders: &mut [Contender<'_>],
) -> io::Result<()> {
    compare_by(out, title, bodies, rounds, contenders, Cpu::Process)
}

/// As [`compare`], by the CPU time of `cpu`.
///
/// # Errors
/// As [`compare`].
pub fn compare_by(
    out: &mut impl Write,
    title: &str,
    bodies: &Bodies,
    rounds: usize,
    contenders: &mut [Contender<'_>],
    cpu: Cpu,
) -> io::Result<()> {
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let before = cpu_seconds(cpu)?;
            (contender.round)();
            // Round 0 warms caches and grows buffers.
            if round > 0 {
                times.push(cpu_seconds(cpu)? - before);
            }
        }
    }
    writeln!(out, "\n{title}: {} events, {} bytes each", bodies.count(), bodies.bytes() / bodies.count())?;
    writeln!(
        out,
        "{:<28}{:>12}{:>12}{:>10}{:>10}{:>10}",
        "", "k events/s", "best", "MB/s", "µs/event", "ratio"
    )?;
    for (contender, own) in contenders.iter().zip(&times) {
        let ratio = median(own.iter().zip(&times[0]).map(|(own, yardstick)| own / yardstick).collect());
        let (typical, best) = (median(own.clone()), own.iter().copied().fold(f64::INFINITY, f64::min));
        let (events, bytes) = (bodies.count() as f64, bodies.bytes() as f64);
        writeln!(
            out,
            "{:<28}{:>12.0}{:>12.0}{:>10.0}{:>10.3}{:>10.2}",
            contender.name,
            events / typical / 1e3,
            events / best / 1e3,
            bytes / typical / 1e6,
            typical / events * 1e6,
            ratio,
        )?;
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU time in seconds: what others on the machine do does not count.
fn cpu_seconds(cpu: Cpu) -> io::Result<f64> {
    let who = match cpu {
        Cpu::Process => UsageWho::RUSAGE_SELF,
        Cpu::Thread => UsageWho::RUSAGE_THREAD,
    };
    let usage = getrusage(who)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}
