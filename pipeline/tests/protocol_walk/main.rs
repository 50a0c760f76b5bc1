//! The commit protocol under random walks.
//!
//! Writers made of the real chain, skip rule, ledger, start rule, rules chain and recovery rule share one
//! partition's log and one lake with a network, a disk and operators that do their worst, in an order drawn
//! from a seed. After every step the invariants of `docs/EXACTLY_ONCE.md` are checked; at the end a fresh
//! writer runs until caught up, everything in flight lands, and they are checked once more. So that a walk
//! that finds nothing says something, each mistake of [`bug::Bug`] is planted in turn and has to be found.

mod bug; // mistakes that somebody could make
mod dice; // chance that can be played again
mod walk; // who does what next
mod world; // logs, lakes, records, checkpoints, a network; the invariants
mod writer; // a process made of the real protocol

use std::thread;

use bug::Bug;
use walk::walk;
use world::{Finding, Tally};

/// As many as the issue asks for.
const SEEDS: u64 = 10_000;

/// Within so many walks each planted mistake has to be found.
const SEEDS_PER_BUG: u64 = 2_000;

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
    is_not_vacuous(&walks);
}

/// Prints what happened in an average walk, and asserts that enough did.
fn is_not_vacuous(walks: &[Tally]) {
    assert_eq!(walks.len() as u64, SEEDS);
    let measures: [(&str, fn(&Tally) -> usize, f64); 17] = [
        ("steps", |walk| walk.steps, 150.0),
        ("files", |walk| walk.files, 8.0),
        ("names found taken", |walk| walk.collisions, 4.0),
        ("names lost to another", |walk| walk.lost_names, 2.0),
        ("crashes", |walk| walk.crashes, 3.0),
        ("late puts that landed", |walk| walk.late_landings, 1.0),
        ("late puts that were beaten", |walk| walk.late_and_beaten, 1.0),
        ("events skipped as there", |walk| walk.skipped, 5.0),
        ("stale listings", |walk| walk.stale_lists, 3.0),
        ("checkpoints", |walk| walk.checkpoints, 5.0),
        ("checkpoints lost or replaced", |walk| walk.lost_checkpoints, 0.5),
        ("ranges given up", |walk| walk.lost_ranges, 0.05),
        ("hubs created again", |walk| walk.new_hubs, 0.1),
        ("lakes changed", |walk| walk.new_lakes, 0.1),
        ("boundaries between rules", |walk| walk.boundaries, 0.1),
        ("power failures", |walk| walk.power_failures, 0.1),
        ("files gone with the power", |walk| walk.files_without_power, 0.02),
    ];
    let averages = measures.map(|(name, measure, at_least)| {
        let average = walks.iter().map(measure).sum::<usize>() as f64 / walks.len() as f64;
        println!("{average:8.2} {name}");
        (name, average, at_least)
    });
    for (name, average, at_least) in averages {
        assert!(average >= at_least, "{name}: {average} a walk is not enough to prove anything");
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
