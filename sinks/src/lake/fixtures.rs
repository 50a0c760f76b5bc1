//! Files and waits for the tests of this folder.

#![allow(clippy::unwrap_used, reason = "a file that can't be made has to fail its test")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use bytes::Bytes;

use crate::backoff::Backoff;
use crate::parquet::{ChunkWriter, FooterFacts, RowGroup, assemble, encode_row_group};
use crate::paths::{Destination, SourceId};

/// Five attempts without a pause: tests don't sleep.
pub(super) fn fast_backoff() -> Backoff {
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
    FooterFacts::sample(destination.clone(), continues_at, first, last)
}

/// The bytes of that file.
pub(super) fn written(facts: &FooterFacts) -> Bytes {
    let ordinals =
        if facts.rows == 1 { vec![facts.first.get()] } else { vec![facts.first.get(), facts.last.get()] };
    let column: ArrayRef = Arc::new(Int64Array::from(ordinals));
    let batch = RecordBatch::try_from_iter([("_sequence_number", column)]).unwrap();
    complete(vec![encode_row_group(&batch, ChunkWriter::default()).unwrap()], facts)
}

/// A whole file, whose columns are numbered by [`id_of`].
pub(crate) fn complete(groups: Vec<RowGroup>, facts: &FooterFacts) -> Bytes {
    let body = assemble(groups).unwrap();
    let ids: HashMap<String, Vec<i32>> = body
        .field_id_counts()
        .into_iter()
        .zip(0..)
        .map(|((name, count), at)| {
            let first = id_of(&name).unwrap_or(100 * (at + 1));
            (name, (first..).take(count).collect())
        })
        .collect();
    body.complete(facts, |name| ids.get(name).map(Vec::as_slice)).unwrap()
}

/// The field id of a column that several tests have.
pub(crate) fn id_of(column: &str) -> Option<i32> {
    ["_sequence_number", "_row_index", "name"]
        .into_iter()
        .zip(2..)
        .find(|(name, _)| *name == column)
        .map(|(_, id)| id)
}
