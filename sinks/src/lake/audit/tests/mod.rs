//! Lakes with planted faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Field;
use bytes::Bytes;

use super::*;
use crate::lake::fixtures::{complete, id_of};
use crate::lake::schema::{Column, TableSchema};
use crate::parquet::{ChunkWriter, FooterFacts, Removed, RowColumns, encode_row_group};
use crate::paths::{self, Destination, GapCause};
use crate::store::Key;
use crate::store::faults::Faults;

mod events; // events, gaps and duplicates
mod files; // damaged, foreign and inconsistent files
mod records; // records and schemas
mod redrives; // redriven files and their plans

const COLUMN: &str = "_sequence_number";

const COLUMNS: RowColumns = RowColumns { ordinal: COLUMN, row_index: "_row_index" };

/// Column types of these tests: lake types have the names of Arrow types.
fn is_type(lake_type: &str, column: &Field) -> Option<bool> {
    (lake_type != "Unknown").then(|| column.data_type().to_string() == lake_type)
}

struct Lake {
    store: Store,
}

impl Lake {
    /// A lake without files; the origin of its source 0 is 0.
    async fn new() -> Self {
        let lake = Self { store: Store::in_memory() };
        lake.record(&paths::lake_record(), r#"{"id":"this lake","contract":2}"#).await;
        lake.record(&paths::origin(&source(0)), r#"{"first":0,"routing_version":1}"#).await;
        lake.record(&paths::first_start(&source(0)), r#"{"partitions":[0,1]}"#).await;
        lake
    }

    /// A lake without faults: rows 0 to 9 in two tables and two days.
    async fn whole() -> Self {
        let lake = Self::new().await;
        lake.file("account", "2026-11-22", 0, &[0, 2, 3]).await;
        lake.file("account", "2026-11-22", 4, &[4]).await;
        lake.file("account", "2026-11-22", 5, &[7, 9]).await;
        lake.file("account", "2026-11-23", 0, &[8]).await;
        lake.file("_messages", "2026-11-22", 0, &[1, 5, 6]).await;
        lake
    }

    async fn record(&self, path: &Key, text: &str) {
        self.store.put(path, Bytes::copy_from_slice(text.as_bytes())).await.unwrap();
    }

    async fn file(&self, table: &str, day: &str, continues_at: i64, ordinals: &[i64]) {
        let facts = facts(table, day, continues_at, ordinals);
        self.put(table, day, continues_at, written(&facts, ordinals)).await;
    }

    async fn put(&self, table: &str, day: &str, continues_at: i64, bytes: Bytes) {
        self.schema(table, 1, SCHEMA).await;
        self.store.put(&path(table, day, continues_at), bytes).await.unwrap();
    }

    async fn audit(&self, checkpoint: Option<i64>) -> Report {
        let checkpoints = checkpoint.map(|checkpoint| (source(0), Ordinal::new(checkpoint)));
        audit(&self.store, COLUMNS, is_type, &checkpoints.into_iter().collect()).await.unwrap()
    }

    async fn schema(&self, table: &str, version: u64, columns: &str) {
        let types: BTreeMap<String, String> = serde_json::from_str(&format!("{{{columns}}}")).unwrap();
        let column = |(name, type_name): (String, String)| {
            let ids = vec![id_of(&name).unwrap_or(100)];
            (name, Column { type_name, ids })
        };
        let columns = types.into_iter().map(column).collect();
        let schema = TableSchema { table: table.to_owned(), version, columns };
        self.record(&paths::schema(table, version), &serde_json::to_string(&schema).unwrap()).await;
    }
}

/// The columns of all files of these tests.
const SCHEMA: &str = r#""name":"Utf8","_sequence_number":"Int64","_row_index":"Int32""#;

fn source(partition: u32) -> SourceId {
    SourceId::new("hub", 1_763_800_000_000, partition)
}

fn path(table: &str, day: &str, continues_at: i64) -> Key {
    let destination = Destination { table: table.into(), date: day.parse().unwrap(), source: source(0) };
    paths::data_file(&destination, Ordinal::new(continues_at))
}

fn facts(table: &str, day: &str, continues_at: i64, ordinals: &[i64]) -> FooterFacts {
    let destination = Destination { table: table.into(), date: day.parse().unwrap(), source: source(0) };
    let (first, last) = (ordinals.first().copied().unwrap_or(0), ordinals.last().copied().unwrap_or(0));
    FooterFacts { rows: ordinals.len() as u64, ..FooterFacts::sample(destination, continues_at, first, last) }
}

/// A file with one row of each ordinal, two to a row group.
fn written(facts: &FooterFacts, ordinals: &[i64]) -> Bytes {
    let group = |ordinals: &[i64]| {
        let ordinals: ArrayRef = Arc::new(Int64Array::from(ordinals.to_vec()));
        let names: ArrayRef = Arc::new(StringArray::from(vec!["a name"; ordinals.len()]));
        encode_row_group(
            &RecordBatch::try_from_iter([("name", names), (COLUMN, ordinals)]).unwrap(),
            ChunkWriter::default(),
        )
        .unwrap()
    };
    complete(ordinals.chunks(2).map(group).collect(), facts)
}

/// Counts of events, rows, gaps, duplicates, broken chains and sequence numbers in flight.
fn counts(report: &Report) -> [u64; 6] {
    let Report { events, rows, gaps, duplicates, broken_chains, in_flight, .. } = *report;
    [events, rows, gaps, duplicates, broken_chains, in_flight]
}

/// Audits a lake with its checkpoint at 9. The counts are as expected, and the findings contain all of `words`.
async fn check(case: &str, lake: &Lake, expected: [u64; 6], words: &[&str]) {
    let report = lake.audit(Some(9)).await;
    assert_eq!(counts(&report), expected, "{case}: {:?}", report.findings);
    let faulty = expected[2] + expected[3] + expected[4] + report.schema_faults > 0;
    assert_eq!(report.is_clean(), !faulty, "{case}");
    assert_eq!(report.findings.is_empty(), !faulty, "{case}: {:?}", report.findings);
    let findings = report.findings.join("\n");
    for word in words {
        assert!(findings.contains(word), "{case}: {word:?} is not in {findings}");
    }
}

/// A file with these rows as (ordinal, row index), two to a row group.
fn written_rows(facts: &FooterFacts, rows: &[(i64, i32)]) -> Bytes {
    let group = |rows: &[(i64, i32)]| {
        let ordinals: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>());
        let indexes: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.1)).collect::<Int32Array>());
        let columns = [(COLUMN, ordinals), ("_row_index", indexes)];
        encode_row_group(&RecordBatch::try_from_iter(columns).unwrap(), ChunkWriter::default()).unwrap()
    };
    complete(rows.chunks(2).map(group).collect(), facts)
}

async fn remove(lake: &Lake, key: Key) {
    lake.store.remove(&key).await.unwrap();
}
