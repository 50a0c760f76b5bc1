//! Files and waits for the tests of this folder.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use bytes::Bytes;

use super::backoff::Backoff;
use super::paths::{Destination, Ordinal, SourceId};
use crate::parquet::{FooterFacts, assemble, encode_row_group};

/// Five attempts without a pause: tests don't sleep.
pub(super) fn impatient() -> Backoff {
    Backoff { first: Duration::ZERO, longest: Duration::ZERO, attempts_max: 5, seed: 0 }
}

pub(super) fn source(partition: u32) -> SourceId {
    SourceId::new("orders.hub", 1_763_800_000_000, partition)
}

pub(super) fn destination(table: &str, day: &str) -> Destination {
    Destination { table: table.into(), date: day.parse().unwrap(), source: source(7) }
}

/// The facts of a file that holds the first and the last ordinal and nothing between.
pub(super) fn facts(destination: &Destination, continues_at: i64, first: i64, last: i64) -> FooterFacts {
    FooterFacts {
        lake: "this lake".into(),
        table: destination.table.to_string(),
        date: destination.date,
        source: destination.source.clone(),
        continues_at: Ordinal(continues_at),
        first: Ordinal(first),
        last: Ordinal(last),
        rows: if first == last { 1 } else { 2 },
        routing_version: 1,
        writer: "a writer".into(),
        durable: None,
    }
}

/// The bytes of that file.
pub(super) fn written(facts: &FooterFacts) -> Bytes {
    let ordinals = if facts.rows == 1 { vec![facts.first.0] } else { vec![facts.first.0, facts.last.0] };
    let column: ArrayRef = Arc::new(Int64Array::from(ordinals));
    let batch = RecordBatch::try_from_iter([("_sequence_number", column)]).unwrap();
    assemble(vec![encode_row_group(&batch).unwrap()], facts).unwrap()
}
