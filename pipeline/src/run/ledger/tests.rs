//! Sequences of calls to a ledger, with the expected checkpoint after each.

use super::*;
use crate::clock::UnixMillis;
use crate::position::Offset;

/// A call to a ledger, by sequence numbers. [`START`] is the place before the first event of the run.
#[derive(Clone, Copy)]
enum Call {
    Closed(u64, i64),
    Advanced(i64),
    /// Processed, and the place before the oldest open row.
    AdvancedOpen(i64, i64),
    Durable(u64),
}
use Call::{Advanced, AdvancedOpen, Closed, Durable};

const START: i64 = -1;

fn at(sequence_number: i64) -> Position {
    Position {
        sequence_number: SequenceNumber::new(sequence_number),
        offset: Offset::new(format!("offset {sequence_number}")),
        enqueued_time: UnixMillis::new(1_000 * sequence_number),
    }
}

fn before(sequence_number: i64) -> Before {
    (sequence_number != START).then(|| at(sequence_number)).into()
}

fn apply(ledger: &mut Ledger, call: Call) -> Result<(), Violation> {
    match call {
        Closed(file, row) => ledger.closed(FileId::new(file), before(row)),
        Advanced(to) => ledger.advanced(at(to), None),
        AdvancedOpen(to, open) => ledger.advanced(at(to), Some(before(open))),
        Durable(file) => ledger.durable(FileId::new(file)),
    }
}

/// Applies calls and checks the checkpoint after each.
fn check(start: Option<i64>, calls: &[(Call, Option<i64>)]) {
    let mut ledger = Ledger::starting_after(start.map(at));
    assert_eq!(ledger.checkpoint(), start.map(at).as_ref());
    for (index, (call, expected)) in calls.iter().enumerate() {
        apply(&mut ledger, *call).unwrap();
        assert_eq!(ledger.checkpoint(), expected.map(at).as_ref(), "after call {index}");
    }
}

fn check_violation(start: Option<i64>, calls: &[Call], expected: Violation) {
    let mut ledger = Ledger::starting_after(start.map(at));
    let (last, calls) = calls.split_last().unwrap();
    for call in calls {
        apply(&mut ledger, *call).unwrap();
    }
    assert_eq!(apply(&mut ledger, *last), Err(expected));
}

#[test]
fn checkpoint_waits_for_the_oldest_row() {
    check(
        None,
        &[
            // Three events: 0 and 2 are open, 1 was in the lake already.
            (AdvancedOpen(2, START), None),
            // The file with 0 closes; 2 stays open in another destination.
            (Closed(1, START), None),
            (AdvancedOpen(3, 1), None),
            (Durable(1), Some(1)),
            // Files become durable out of order.
            (Closed(2, 1), Some(1)),
            (Closed(3, 4), Some(1)),
            (Advanced(9), Some(1)),
            (Durable(3), Some(1)),
            (Durable(2), Some(9)),
        ],
    );
}

#[test]
fn checkpoint_never_moves_below_its_start() {
    check(
        Some(40),
        &[
            (AdvancedOpen(45, START), Some(40)),
            (Closed(1, START), Some(40)),
            (Advanced(45), Some(40)),
            (Durable(1), Some(45)),
        ],
    );
}

#[test]
fn skipped_events_alone_move_the_checkpoint() {
    check(None, &[(Advanced(0), Some(0)), (Advanced(7), Some(7)), (AdvancedOpen(9, 7), Some(7))]);
}

#[test]
fn durable_file_waits_for_the_report_of_open_rows() {
    check(None, &[(Closed(1, START), None), (Durable(1), None), (AdvancedOpen(5, 3), Some(3))]);
}

#[test]
fn rejects_contradicting_calls() {
    let leads = |before: Option<i64>, checkpoint: i64| Violation::CheckpointLeads {
        before: before.map(SequenceNumber::new),
        checkpoint: Some(SequenceNumber::new(checkpoint)),
    };
    check_violation(None, &[Advanced(9), Closed(1, 8)], leads(Some(8), 9));
    check_violation(None, &[Advanced(9), Closed(1, START)], leads(None, 9));
    check_violation(Some(4), &[Advanced(9), AdvancedOpen(10, START)], leads(Some(4), 9));
    let back = Violation::WentBack { from: SequenceNumber::new(9), to: SequenceNumber::new(8) };
    check_violation(None, &[Advanced(9), Advanced(8)], back);
    check_violation(
        None,
        &[Closed(1, START), Closed(1, START)],
        Violation::ClosedTwice { file: FileId::new(1) },
    );
    check_violation(None, &[Closed(1, START), Durable(2)], Violation::NeverClosed { file: FileId::new(2) });
}

#[test]
fn undurable_counts_events_to_read_again() {
    let mut ledger = Ledger::starting_after(None);
    // The run began at the origin 100, without a checkpoint.
    let first = SequenceNumber::new(100);
    assert_eq!(ledger.undurable().events(first), 0);
    ledger.closed(FileId::new(1), Before::Start).unwrap();
    ledger.advanced(at(109), Some(Before::Event(at(104)))).unwrap();
    assert_eq!((ledger.undurable().files, ledger.undurable().events(first)), (1, 10));
    ledger.durable(FileId::new(1)).unwrap();
    assert_eq!((ledger.undurable().files, ledger.undurable().events(first)), (0, 5));
}
