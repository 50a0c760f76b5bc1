//! Instructions per event, counted by callgrind: the load of the machine does not change them.
//!
//! The program runs itself twice under valgrind with different numbers of rounds; the difference excludes the setup.
//! Valgrind supports AVX2 and not AVX-512, so run-time detection chooses the AVX2 code.

use std::env;
use std::io;
use std::process::Command;

use catchwater_benches::effort::QUICK;
use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;

use crate::bench::Bench;

/// Measured contenders. An unknown name is an error.
const COUNTED: &[&str] = &[
    "parse/small/json/tape",
    "parse/small/json/ours",
    "parse/typical/json/tape",
    "parse/typical/json/tape and walk",
    "parse/typical/json/ours",
    "parse/large/json/ours",
    "parse/typical/xml/ours",
    "columns/small/json/columns",
    "columns/typical/json/columns",
    "columns/large/json/columns",
    "encode/typical/json/row groups",
    "whole/small/json/ours",
    "whole/typical/json/ours",
];

/// Rounds of the two runs. The first round grows the buffers.
const ROUNDS: [u64; 2] = [2, 4];

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    let wanted: Vec<_> = COUNTED
        .iter()
        .map(|counted| (counted, format!("instructions/{counted}")))
        .filter(|(_, name)| bench.wants(name))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        return bench.add_absent("instruction counts: valgrind is not installed");
    }
    for (counted, name) in wanted {
        let [few, many] = [instructions(counted, ROUNDS[0])?, instructions(counted, ROUNDS[1])?];
        let per_round = many.instructions.saturating_sub(few.instructions) / (ROUNDS[1] - ROUNDS[0]);
        let per_event = Spread::exactly(per_round as f64 / many.events as f64);
        bench.add(vec![Measurement::new(name, Unit::Instructions, per_event, 1)])?;
    }
    Ok(())
}

struct Counted {
    instructions: u64,
    /// Events of one round.
    events: u64,
}

fn instructions(contender: &str, rounds: u64) -> io::Result<Counted> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["--count", contender, &rounds.to_string()])
        // Under valgrind a run takes about 50 times as long.
        .env(QUICK, "1")
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    let events = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
    let instructions = log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match (instructions, events) {
        (Some(instructions), Some(events)) => Ok(Counted { instructions, events }),
        _ => Err(io::Error::other(format!("callgrind printed no count for {contender}: {log}"))),
    }
}
