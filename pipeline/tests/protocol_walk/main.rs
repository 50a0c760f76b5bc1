//! The commit protocol under random walks.
//!
//! Writers made of the real chain, skip rule, ledger, start rule, rules chain and recovery rule share one
//! partition's log and one lake with a network, a disk and operators that do their worst, in an order drawn
//! from a seed. After every step the invariants of `docs/EXACTLY_ONCE.md` are checked; at the end a fresh
//! writer runs until caught up, everything in flight lands, and they are checked once more. So that a walk
//! that finds nothing says something, each mistake of [`bug::Bug`] is planted in turn and has to be found.

mod bug; // mistakes that somebody could make
mod dice; // chance that can be played again
mod setup; // what a walk may bring, and what it did bring
mod walk; // who does what next
mod world; // logs, lakes, records, checkpoints, a network; the invariants
mod writer; // a process made of the real protocol
mod network; // what becomes of a request

use std::thread;

use bug::Bug;
use setup::Tally;
use walk::walk;
use world::Finding;

/// Two seconds of walks.
const SEEDS: u64 = 10_000;

/// Within so many walks each planted mistake has to be found.
const SEEDS_PER_BUG: u64 = 10_000;

#[test]
fn walks_find_nothing_in_the_protocol() {
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let share = |number: u64| {
        move || {
            let seeds = (0..SEEDS).skip(number as usize).step_by(threads as usize);
            seeds
                .map(|seed| walk(None, seed).unwrap_or_else(|finding| panic!("seed {seed}: {finding:?}")))
                .collect()
        }
    };
    let walks: Vec<Tally> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(share(number))).collect();
        running
            .into_iter()
            .flat_map(|walks: thread::ScopedJoinHandle<'_, Vec<Tally>>| walks.join().unwrap())
            .collect()
    });
    assert_eq!(walks.len() as u64, SEEDS);
    for Measure { what, of, at_least } in MEASURES {
        let average = walks.iter().map(of).sum::<usize>() as f64 / walks.len() as f64;
        println!("{average:8.2} {what}");
        assert!(average >= at_least, "{average} {what} in a walk are not enough to prove anything");
    }
}

#[test]
fn walks_find_every_planted_bug() {
    for bug in Bug::ALL {
        let found =
            (0..SEEDS_PER_BUG).find_map(|seed| walk(Some(bug), seed).err().map(|found| (seed, found)));
        let Some((seed, Finding { invariant, what })) = found else {
            panic!("{bug:?} was not found in {SEEDS_PER_BUG} walks");
        };
        println!("{bug:?}: {invariant} in walk {seed}: {what}");
    }
}

/// What has to happen in an average walk, so that finding nothing says something.
struct Measure {
    what: &'static str,
    of: fn(&Tally) -> usize,
    at_least: f64,
}

const MEASURES: [Measure; 24] = [
    Measure { what: "steps", of: |walk| walk.steps, at_least: 150.0 },
    Measure { what: "files", of: |walk| walk.files, at_least: 8.0 },
    Measure { what: "names found taken", of: |walk| walk.collisions, at_least: 4.0 },
    Measure { what: "names lost to another", of: |walk| walk.lost_names, at_least: 2.0 },
    Measure { what: "crashes", of: |walk| walk.crashes, at_least: 3.0 },
    Measure { what: "late puts that landed", of: |walk| walk.late_landings, at_least: 1.0 },
    Measure { what: "late puts that were beaten", of: |walk| walk.late_and_beaten, at_least: 1.0 },
    Measure { what: "events skipped as there", of: |walk| walk.skipped, at_least: 5.0 },
    Measure { what: "stale listings", of: |walk| walk.stale_lists, at_least: 3.0 },
    Measure { what: "checkpoints", of: |walk| walk.checkpoints, at_least: 5.0 },
    Measure { what: "checkpoints lost or replaced", of: |walk| walk.lost_checkpoints, at_least: 0.5 },
    Measure { what: "ranges given up", of: |walk| walk.lost_ranges, at_least: 0.05 },
    Measure { what: "hubs created again", of: |walk| walk.new_hubs, at_least: 0.1 },
    Measure { what: "lakes changed", of: |walk| walk.new_lakes, at_least: 0.1 },
    Measure { what: "boundaries between rules", of: |walk| walk.boundaries, at_least: 0.1 },
    Measure { what: "power failures", of: |walk| walk.power_failures, at_least: 0.1 },
    Measure { what: "files gone with the power", of: |walk| walk.files_without_power, at_least: 0.02 },
    Measure { what: "lakes restored from a copy", of: |walk| walk.restored_lakes, at_least: 0.1 },
    Measure { what: "checkpoints refused by rows", of: |walk| walk.refused_checkpoints, at_least: 0.02 },
    Measure { what: "hubs that count anew", of: |walk| walk.renumbered_hubs, at_least: 0.1 },
    Measure { what: "starts that asked the rows", of: |walk| walk.rows_asked, at_least: 1.0 },
    Measure { what: "starts behind a footer only", of: |walk| walk.starts_by_footer, at_least: 0.1 },
    Measure { what: "gaps recorded", of: |walk| walk.gaps, at_least: 0.5 },
    Measure { what: "boundaries on a busy hub", of: |walk| walk.boundaries_on_a_busy_hub, at_least: 0.02 },
];
