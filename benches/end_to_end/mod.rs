//! End to end: a hub on one core, `catchwater run` as a process on another, a lake on the local disk.
//!
//! Owns: the cases. Each run is checked: as many rows as events, and none in quarantine.

pub(super) mod hub; // a hub in this process, filled before a run
pub(super) mod tls; // TLS in front of it
mod program; // `catchwater run` as a process
mod case; // one hub, several runs
pub(super) mod stores; // runs into object stores
pub(super) mod delay; // delay from enqueued to readable
pub(super) mod cold; // time from the start to the first event
mod proxy; // detects when a hub begins to send events

use std::io;

use catchwater::internals::generator::{Format, Size};
use catchwater_benches::made::Made;

use self::case::{Case, Source};
use self::program::Program;
use crate::bench::Bench;

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    let program = Program::built()?;
    for case in cases() {
        if bench.wants(&case.group())
            && let Err(error) = case.run(bench, &program)
        {
            bench.failed(&case.group(), &error)?;
        }
    }
    Ok(())
}

fn cases() -> Vec<Case> {
    let mut cases = sizes();
    cases.extend(spread());
    cases.extend(growth());
    cases
}

/// Each size on one core, and some on all cores, one of which the hub shares.
///
/// A million small and typical events: starting the process and touching its memory take a third of a second, so
/// shorter runs would mostly measure the start.
fn sizes() -> Vec<Case> {
    let json = |name, size, events| {
        Case::new(&format!("size/{name}/json"), Source::Generated(size, Format::Json), events)
    };
    let xml = Source::Generated(Size::Typical, Format::Xml);
    vec![
        json("small", Size::Small, 1_000_000),
        json("typical", Size::Typical, 1_000_000),
        json("large", Size::Large, 30_000),
        json("mixed", Size::Mixed, 200_000),
        Case::new("size/typical/xml", xml, 50_000),
        json("small", Size::Small, 1_000_000).on_all_cores(),
        json("typical", Size::Typical, 1_000_000).on_all_cores(),
    ]
}

/// The same bytes spread over more partitions and more tables.
fn spread() -> Vec<Case> {
    let typical = Source::Generated(Size::Typical, Format::Json);
    let partitions =
        |count| Case::new(&format!("partitions/{count}"), typical, 100_000).with_partitions(count);
    let tables = |tables| {
        let source = Source::Made(Made { tables, columns: 20, bytes: 3_000 });
        Case::new(&format!("tables/{tables}"), source, 100_000)
    };
    let both = Source::Made(Made { tables: 10, columns: 20, bytes: 3_000 });
    vec![
        partitions(1),
        partitions(4),
        partitions(32),
        tables(1),
        tables(10),
        tables(50),
        Case::new("32 partitions of 10 tables", both, 200_000).with_partitions(32).on_all_cores(),
    ]
}

/// Dimensions over which the cost of an event or of a byte should stay flat.
fn growth() -> Vec<Case> {
    let typical = Source::Generated(Size::Typical, Format::Json);
    let lanes = |lanes| {
        Case::new(&format!("lanes/{lanes}"), typical, 100_000)
            .with_partitions(8)
            .with_lanes(lanes)
            .on_all_cores()
    };
    let columns = |columns, events| {
        let source = Source::Made(Made { tables: 1, columns, bytes: 1_500 + columns * 52 });
        Case::new(&format!("columns/{columns}"), source, events)
    };
    let bytes = |name: &str, bytes, events| {
        let source = Source::Made(Made { tables: 1, columns: 3, bytes });
        Case::new(&format!("body/{name}"), source, events)
    };
    let mut cases: Vec<Case> = [1, 2, 4, 8].map(lanes).into();
    cases.extend([columns(1, 100_000), columns(10, 100_000), columns(100, 30_000), columns(1000, 4_000)]);
    cases.extend([
        bytes("1 KB", 1_400, 100_000),
        bytes("10 KB", 10_000, 30_000),
        bytes("100 KB", 100_000, 4_000),
        bytes("1 MB", 1_000_000, 400),
    ]);
    cases
}
