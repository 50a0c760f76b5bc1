//! The commit protocol under random walks.
//!
//! Writers made of the real chain, skip rule, ledger, start rule, rules chain and recovery rule share one partition's
//! log and one lake. Network, disk and operators fail in an order drawn from a seed. The invariants of
//! `docs/EXACTLY_ONCE.md` are checked whenever something changes. At the end a fresh writer runs until caught up, all
//! puts in flight arrive, and the invariants are checked again. Each mistake of [`bug::Bug`] is planted in turn and has
//! to be found: this shows that the walks can find one.

mod bug; // mistakes that are planted
mod dice; // random choices that a seed repeats
mod setup; // events that a walk may have, and counts of those it had
mod walk; // the order of steps
mod simulation; // logs, lakes, records, checkpoints; the invariants
mod link; // the link of a writer to the hub, and its loss
mod writer; // a process that runs the real protocol
mod network; // outcomes of requests

use std::thread;

use bug::Bug;
use setup::Tally;
use simulation::Finding;
use walk::walk;

/// Walks without a planted bug: about two seconds.
const SEEDS: u64 = 10_000;

/// Upper bound on the walks that find a planted bug.
const SEEDS_PER_BUG: u64 = 10_000;

#[test]
fn walks_find_nothing_in_the_protocol() {
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let budget = |number: u64| {
        move || {
            let seeds = (0..SEEDS).skip(number as usize).step_by(threads as usize);
            seeds
                .map(|seed| walk(None, seed).unwrap_or_else(|finding| panic!("seed {seed}: {finding:?}")))
                .collect()
        }
    };
    let walks: Vec<Tally> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(budget(number))).collect();
        running
            .into_iter()
            .flat_map(|walks: thread::ScopedJoinHandle<'_, Vec<Tally>>| walks.join().unwrap())
            .collect()
    });
    assert_eq!(walks.len() as u64, SEEDS);
    for Measure { what, of, at_least } in MEASURES {
        let average = walks.iter().map(of).sum::<usize>() as f64 / walks.len() as f64;
        println!("{average:8.2} {what}");
        assert!(average >= at_least, "{average} {what} a walk, at least {at_least} are needed");
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

/// Lower bound on the average count of something in a walk: walks in which it does not happen prove nothing.
struct Measure {
    what: &'static str,
    of: fn(&Tally) -> usize,
    at_least: f64,
}

const MEASURES: [Measure; 30] = [
    Measure { what: "steps", of: |walk| walk.steps, at_least: 150.0 },
    Measure { what: "files", of: |walk| walk.files, at_least: 8.0 },
    Measure { what: "conflicts at a put", of: |walk| walk.conflicts, at_least: 4.0 },
    Measure { what: "conflicts that end a run", of: |walk| walk.runs_ended_by_conflict, at_least: 2.0 },
    Measure { what: "crashes", of: |walk| walk.crashes, at_least: 3.0 },
    Measure { what: "late puts that created a file", of: |walk| walk.late_commits, at_least: 1.0 },
    Measure { what: "late puts that found a conflict", of: |walk| walk.late_conflicts, at_least: 1.0 },
    Measure { what: "events skipped because of their rows", of: |walk| walk.skipped, at_least: 5.0 },
    Measure { what: "stale listings", of: |walk| walk.stale_lists, at_least: 3.0 },
    Measure { what: "checkpoints", of: |walk| walk.checkpoints, at_least: 5.0 },
    Measure { what: "checkpoints lost or replaced", of: |walk| walk.lost_checkpoints, at_least: 0.5 },
    Measure { what: "ranges given up", of: |walk| walk.lost_ranges, at_least: 0.05 },
    Measure { what: "hubs created again", of: |walk| walk.new_hubs, at_least: 0.1 },
    Measure { what: "lakes changed", of: |walk| walk.new_lakes, at_least: 0.1 },
    Measure { what: "boundaries between rules", of: |walk| walk.boundaries, at_least: 0.1 },
    Measure { what: "power failures", of: |walk| walk.power_failures, at_least: 0.1 },
    Measure {
        what: "files lost in power failures",
        of: |walk| walk.files_lost_in_power_failures,
        at_least: 0.02,
    },
    Measure { what: "lakes restored from a copy", of: |walk| walk.restored_lakes, at_least: 0.1 },
    Measure { what: "checkpoints contradicted by rows", of: |walk| walk.refused_checkpoints, at_least: 0.02 },
    Measure { what: "hubs that restart their numbers", of: |walk| walk.renumbered_hubs, at_least: 0.1 },
    Measure { what: "starts that consulted the rows", of: |walk| walk.rows_asked, at_least: 1.0 },
    Measure { what: "starts by a footer alone", of: |walk| walk.starts_by_footer, at_least: 0.1 },
    Measure { what: "gaps recorded", of: |walk| walk.gaps, at_least: 0.5 },
    Measure { what: "boundaries on a busy hub", of: |walk| walk.boundaries_on_a_busy_hub, at_least: 0.02 },
    Measure { what: "links lost", of: |walk| walk.disconnects, at_least: 3.0 },
    Measure { what: "events received in vain", of: |walk| walk.received_in_vain, at_least: 0.5 },
    Measure {
        what: "links attached again with open rows",
        of: |walk| walk.reattaches_with_open_rows,
        at_least: 0.5,
    },
    Measure {
        what: "links attached again to a new hub",
        of: |walk| walk.reattaches_to_new_hubs,
        at_least: 0.1,
    },
    Measure {
        what: "links attached again after new rules",
        of: |walk| walk.reattaches_after_new_rules,
        at_least: 0.005,
    },
    Measure {
        what: "links attached again to a hub that restarts its numbers",
        of: |walk| walk.reattaches_to_renumbered_hubs,
        at_least: 0.05,
    },
];
