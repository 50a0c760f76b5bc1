//! Lakes made by hand, with each fault planted.

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
use crate::store::faults::Faults;

const COLUMN: &str = "_sequence_number";

const COLUMNS: RowColumns = RowColumns { ordinal: COLUMN, row_index: "_row_index" };

/// Lake types of these tests are Arrow's own names.
fn is_type(lake_type: &str, column: &Field) -> Option<bool> {
    (lake_type != "Unknown").then(|| column.data_type().to_string() == lake_type)
}

struct Lake {
    store: Store,
}

impl Lake {
    /// A lake whose source 0 begins at 0.
    async fn new() -> Self {
        let lake = Self { store: Store::open("memory://").unwrap() };
        lake.record(&paths::lake_record(), r#"{"id":"this lake","contract":2}"#).await;
        lake.record(&paths::origin(&source(0)), r#"{"first":0,"routing_version":1}"#).await;
        lake.record(&paths::first_start(&source(0)), r#"{"partitions":[0,1]}"#).await;
        lake
    }

    /// A lake with two tables and two days, without a fault: places 0 to 9, and 10 in a part of a chain.
    async fn whole() -> Self {
        let lake = Self::new().await;
        lake.file("account", "2026-11-22", 0, &[0, 2, 3]).await;
        lake.file("account", "2026-11-22", 4, &[4]).await;
        lake.file("account", "2026-11-22", 5, &[7, 9]).await;
        lake.file("account", "2026-11-23", 0, &[8]).await;
        lake.file("_messages", "2026-11-22", 0, &[1, 5, 6]).await;
        lake
    }

    async fn record(&self, path: &object_store::path::Path, text: &str) {
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

/// The columns of all files below.
const SCHEMA: &str = r#""name":"Utf8","_sequence_number":"Int64","_row_index":"Int32""#;

fn source(partition: u32) -> SourceId {
    SourceId::new("hub", 1_763_800_000_000, partition)
}

fn path(table: &str, day: &str, continues_at: i64) -> object_store::path::Path {
    let destination = Destination { table: table.into(), date: day.parse().unwrap(), source: source(0) };
    paths::data_file(&destination, Ordinal::new(continues_at))
}

fn facts(table: &str, day: &str, continues_at: i64, ordinals: &[i64]) -> FooterFacts {
    let destination = Destination { table: table.into(), date: day.parse().unwrap(), source: source(0) };
    let (first, last) = (ordinals.first().copied().unwrap_or(0), ordinals.last().copied().unwrap_or(0));
    FooterFacts { rows: ordinals.len() as u64, ..FooterFacts::sample(destination, continues_at, first, last) }
}

/// A file with a row group for each two rows.
fn written(facts: &FooterFacts, ordinals: &[i64]) -> Bytes {
    let group = |ordinals: &[i64]| {
        let places: ArrayRef = Arc::new(Int64Array::from(ordinals.to_vec()));
        let names: ArrayRef = Arc::new(StringArray::from(vec!["a name"; ordinals.len()]));
        encode_row_group(
            &RecordBatch::try_from_iter([("name", names), (COLUMN, places)]).unwrap(),
            ChunkWriter::default(),
        )
        .unwrap()
    };
    complete(ordinals.chunks(2).map(group).collect(), facts)
}

/// Counts of events, rows, gaps, duplicates, broken chains and places in flight.
fn counts(report: &Report) -> [u64; 6] {
    let Report { events, rows, gaps, duplicates, broken_chains, in_flight, .. } = *report;
    [events, rows, gaps, duplicates, broken_chains, in_flight]
}

/// Audits a lake with the checkpoint at 9; every fault has a finding that holds each of `words`.
async fn check(case: &str, lake: &Lake, expected: [u64; 6], words: &[&str]) {
    let report = lake.audit(Some(9)).await;
    assert_eq!(counts(&report), expected, "{case}: {:?}", report.findings);
    let faulty = expected[2] + expected[3] + expected[4] + report.schema_faults > 0;
    assert_eq!(report.is_clean(), !faulty, "{case}");
    assert_eq!(report.findings.is_empty(), !faulty, "{case}: {:?}", report.findings);
    let said = report.findings.join("\n");
    for word in words {
        assert!(said.contains(word), "{case}: {word:?} is not in {said}");
    }
}

#[tokio::test]
async fn a_whole_lake_is_clean() {
    let lake = Lake::whole().await;
    check("whole", &lake, [10, 10, 0, 0, 0, 0], &[]).await;

    let report = lake.audit(Some(9)).await;
    let table = |name: &str| report.tables[name].clone();
    assert_eq!((table("account").rows, table("account").files), (7, 4));
    assert_eq!((table("_messages").rows, table("_messages").files), (3, 1));
    assert!(table("account").bytes > 4 * table("_messages").bytes / 2);
    let source = &report.sources[&source(0)];
    assert_eq!(
        (source.first, source.last, source.events),
        (Some(Ordinal::new(0)), Some(Ordinal::new(9)), 10)
    );
}

#[tokio::test]
async fn an_empty_lake_is_clean() {
    let lake = Lake { store: Store::open("memory://").unwrap() };
    assert_eq!(lake.audit(None).await, Report::default());
    let lake = Lake::new().await;
    assert_eq!(counts(&lake.audit(None).await), [0; 6]);
    assert_eq!(counts(&lake.audit(Some(-1)).await), [0; 6]);
}

#[tokio::test]
async fn what_is_missing_counts_by_the_checkpoint() {
    let lake = Lake::new().await;
    lake.file("account", "2026-11-22", 0, &[2, 3, 7, 12]).await;
    // checkpoint, gaps, in flight
    let cases = [
        (None, 0, 9),
        (Some(-1), 0, 9),
        (Some(0), 1, 8),
        (Some(5), 4, 5),
        (Some(12), 9, 0),
        (Some(20), 17, 0),
    ];
    for (checkpoint, gaps, in_flight) in cases {
        let report = lake.audit(checkpoint).await;
        assert_eq!(counts(&report), [4, 4, gaps, 0, 0, in_flight], "{checkpoint:?}");
        assert_eq!(report.findings.len(), usize::from(gaps > 0), "{:?}", report.findings);
    }
}

/// A lake with places 2, 3 and 8, the file of the last put when everything up to `durable` was durable.
async fn with_proof(durable: i64) -> Lake {
    let lake = Lake::new().await;
    lake.file("contact", "2026-11-22", 0, &[2, 3]).await;
    let facts =
        FooterFacts { durable: Some(Ordinal::new(durable)), ..facts("account", "2026-11-22", 0, &[8]) };
    lake.put("account", "2026-11-22", 0, written(&facts, &[8])).await;
    lake
}

#[tokio::test]
async fn without_a_checkpoint_files_prove_what_is_missing() {
    let lake = with_proof(5).await;
    let cases = [(None, 4, 2), (Some(2), 4, 2), (Some(5), 4, 2), (Some(6), 5, 1)];
    for (checkpoint, gaps, in_flight) in cases {
        let report = lake.audit(checkpoint).await;
        assert_eq!(counts(&report), [3, 3, gaps, 0, 0, in_flight], "{checkpoint:?}: {:?}", report.findings);
    }
    let report = lake.audit(None).await;
    assert!(
        report.findings[0].contains("4 places up to where files prove that all was durable, 5 have no row")
    );
    // Its own row is not below it.
    let lake = with_proof(8).await;
    assert_eq!(counts(&lake.audit(None).await), [3, 3, 0, 0, 1, 6]);
}

/// Tables are listed one after the other, and a writer is at work.
#[tokio::test]
async fn file_that_came_after_its_table_was_listed_is_no_gap() {
    let mut lake = with_proof(7).await;
    lake.file("contact", "2026-11-22", 4, &[4, 5, 6, 7]).await;
    lake.file("phonecall", "2026-11-22", 0, &[0, 1]).await;
    let faults = Faults::new();
    lake.store = lake.store.with_faults(&faults);
    faults.hide_from_next_listing("00000000000000000004.cw.parquet");
    faults.hide_from_next_listing("phonecall");
    let report = lake.audit(None).await;
    assert_eq!(counts(&report), [9, 9, 0, 0, 0, 0], "{:?}", report.findings);
    assert_eq!((report.tables["contact"].rows, report.tables["phonecall"].files), (6, 1));
}

#[tokio::test]
async fn what_was_given_up_is_no_gap() {
    let lake = Lake::new().await;
    lake.record(&paths::origin(&source(0)), r#"{"first":100}"#).await;
    lake.file("account", "2026-11-22", 0, &[102, 103, 107, 112]).await;
    lake.record(&paths::lost(&source(0), Ordinal::new(100)), r#"{"from":100,"to":101}"#).await;
    lake.record(&paths::lost(&source(0), Ordinal::new(104)), r#"{"from":104,"to":107}"#).await;
    lake.record(&paths::lost(&source(0), Ordinal::new(105)), r#"{"from":105,"to":105}"#).await;
    lake.record(&paths::lost(&source(1), Ordinal::new(108)), r#"{"from":108,"to":111}"#).await;
    // Missing are 108 to 111.
    assert_eq!(counts(&lake.audit(Some(109)).await), [4, 4, 2, 0, 0, 2]);
    lake.record(&paths::lost(&source(0), Ordinal::new(108)), r#"{"from":108,"to":5000000000}"#).await;
    assert_eq!(counts(&lake.audit(Some(109)).await), [4, 4, 0, 0, 0, 0]);
}

/// Accepted gaps are a figure of their own, and not a fault.
#[tokio::test]
async fn accepted_gaps_are_counted_apart() {
    let lake = Lake::new().await;
    lake.file("account", "2026-11-22", 0, &[0, 3, 4, 9]).await;
    let accept = async |cause, from: i64, ranges: &str| {
        lake.record(
            &paths::gap_record(cause, &source(0), Ordinal::new(from)),
            &format!(r#"{{"ranges":[{ranges}]}}"#),
        )
        .await;
    };
    check("nothing accepted", &lake, [4, 4, 6, 0, 0, 0], &["the first is 1"]).await;
    accept(GapCause::NotSent, 1, r#"{"from":1,"to":2},{"from":6,"to":6}"#).await;
    check("some accepted", &lake, [4, 4, 3, 0, 0, 0], &["3 places", "the first is 5"]).await;
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.accepted_gaps, report.accepted_ranges), (3, 2));
    // A number that has a row, one of another cause too, one that was given up.
    accept(GapCause::Unreadable, 4, r#"{"from":4,"to":6},{"from":8,"to":8}"#).await;
    lake.record(&paths::lost(&source(0), Ordinal::new(7)), r#"{"from":7,"to":8}"#).await;
    check("all accepted or given up", &lake, [4, 4, 0, 0, 0, 0], &[]).await;
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.accepted_gaps, report.accepted_ranges), (4, 2));
    assert_eq!(report.sources[&source(0)].accepted_gaps, 4);
    // Above the checkpoint they are not in flight either.
    assert_eq!(counts(&lake.audit(Some(3)).await), [4, 4, 0, 0, 0, 0]);

    accept(GapCause::NotSent, 20, r#"{"from":21,"to":22}"#).await;
    check("not its own name", &lake, [4, 4, 0, 0, 1, 0], &["gaps/hub-1763800000000-p0000-20.json"]).await;
    lake.record(&paths::gap_record(GapCause::Unreadable, &source(0), Ordinal::new(30)), "").await;
    check("empty", &lake, [4, 4, 0, 0, 2, 0], &["-30.json can't be understood"]).await;
}

#[tokio::test]
async fn rows_twice_are_found_across_tables_and_days() {
    for (table, day) in [("contact", "2026-11-22"), ("account", "2026-11-24"), ("_quarantine", "2026-11-22")]
    {
        let lake = Lake::whole().await;
        lake.file(table, day, 0, &[3, 8, 10]).await;
        let file = path(table, day, 0).to_string();
        // Files are read in the order of their names: the one that is read later is named.
        let report = lake.audit(Some(9)).await;
        assert_eq!(counts(&report), [11, 13, 0, 2, 0, 0], "{table}");
        let said = report.findings.join("\n");
        assert!(said.contains(&file) || table == "_quarantine", "{said}");
    }
}

/// A file with a row group for each two rows, as (place, index).
fn written_rows(facts: &FooterFacts, rows: &[(i64, i32)]) -> Bytes {
    let group = |rows: &[(i64, i32)]| {
        let places: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>());
        let indexes: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.1)).collect::<Int32Array>());
        let columns = [(COLUMN, places), ("_row_index", indexes)];
        encode_row_group(&RecordBatch::try_from_iter(columns).unwrap(), ChunkWriter::default()).unwrap()
    };
    complete(rows.chunks(2).map(group).collect(), facts)
}

#[tokio::test]
async fn an_event_may_have_several_rows() {
    type Rows<'a> = &'a [(i64, i32)];
    // rows of 7 and 9, rows of the lake, duplicates, what is said
    let cases: [(Rows, u64, u64, &str); 8] = [
        (&[(7, 0), (9, 0)], 10, 0, ""),
        (&[(7, 0), (7, 1), (7, 2), (9, 0), (9, 1)], 13, 0, ""),
        (&[(7, 0), (7, 0), (9, 0)], 11, 1, "the row of 7 follows one that is not below it"),
        (&[(7, 0), (7, 1), (7, 1), (9, 0)], 12, 1, "row 1 of 7 stands where its row 2 should"),
        (&[(7, 0), (7, 1), (7, 0), (7, 1), (9, 0)], 13, 2, "the row of 7 follows one that is not below it"),
        (&[(7, 0), (9, 0), (7, 1), (9, 1)], 12, 2, "the row of 7 follows one that is not below it"),
        (&[(7, 0), (9, 1)], 10, 0, "row 1 of 9 stands where its row 0 should"),
        (&[(7, 0), (7, 2), (9, 0)], 11, 0, "row 2 of 7 stands where its row 1 should"),
    ];
    for (rows, all, duplicates, words) in cases {
        let lake = Lake::whole().await;
        let facts = FooterFacts { rows: rows.len() as u64, ..facts("account", "2026-11-22", 5, &[7, 9]) };
        lake.put("account", "2026-11-22", 5, written_rows(&facts, rows)).await;
        let broken = u64::from(!words.is_empty());
        check(words, &lake, [10, all, 0, duplicates, broken, 0], &[words]).await;
    }
}

#[tokio::test]
async fn an_event_in_two_files_is_found_whatever_its_rows() {
    let lake = Lake::whole().await;
    let facts = FooterFacts { rows: 3, ..facts("contact", "2026-11-22", 0, &[3]) };
    lake.put("contact", "2026-11-22", 0, written_rows(&facts, &[(3, 0), (3, 1), (3, 2)])).await;
    check("3 again", &lake, [10, 13, 0, 1, 0, 0], &["1 of its places", "contact/"]).await;
}

/// A whole lake with 10 to 14 in quarantine; 11 and 13 are redriven to accounts, 12 to contacts.
async fn redriven() -> Lake {
    let lake = Lake::whole().await;
    lake.file("_quarantine", DAY, 0, &[10, 11, 12, 13, 14]).await;
    lake.plan(1, r#"{"account":[11,13],"contact":[12]}"#).await;
    lake.redriven("account", 1, &[11, 13]).await;
    lake.redriven("contact", 1, &[12]).await;
    lake
}

const DAY: &str = "2026-11-22";

fn quarantine_file() -> paths::DataFileName {
    paths::parse_data_file(&path("_quarantine", DAY, 0)).unwrap()
}

fn redriven_path(table: &str, n: u64) -> object_store::path::Path {
    paths::redriven_file(table, &quarantine_file(), n)
}

impl Lake {
    async fn plan(&self, n: u64, rows: &str) {
        let file = path("_quarantine", DAY, 0);
        let text = format!(r#"{{"quarantine":"{file}","n":{n},"routing_version":2,"rows":{rows}}}"#);
        self.record(&paths::redrive_plan(&quarantine_file(), n), &text).await;
    }

    async fn redriven(&self, table: &str, n: u64, ordinals: &[i64]) {
        let bytes = written(&facts(table, DAY, 0, ordinals), ordinals);
        self.schema(table, 1, SCHEMA).await;
        self.store.put(&redriven_path(table, n), bytes).await.unwrap();
    }
}

#[tokio::test]
async fn an_event_that_was_redriven_counts_once() {
    let lake = redriven().await;
    check("redriven", &lake, [15, 18, 0, 0, 0, 0], &[]).await;
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.redriven, report.unfinished_redrives), (3, 0));
    assert_eq!((report.tables["account"].rows, report.tables["account"].files), (9, 5));
    assert_eq!((report.tables["contact"].rows, report.tables["_quarantine"].rows), (1, 5));

    lake.plan(2, r#"{"account":[10],"lead":[14]}"#).await;
    lake.redriven("account", 2, &[10]).await;
    check("half of a second plan", &lake, [15, 19, 0, 0, 0, 0], &[]).await;
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.redriven, report.unfinished_redrives), (4, 1));

    let facts = FooterFacts { rows: 3, ..facts("lead", DAY, 0, &[14]) };
    let rows = written_rows(&facts, &[(14, 0), (14, 1), (14, 2)]);
    lake.store.put(&redriven_path("lead", 2), rows).await.unwrap();
    check("an event of three rows", &lake, [15, 22, 0, 0, 0, 0], &[]).await;
    assert_eq!(lake.audit(Some(9)).await.unfinished_redrives, 0);
}

/// A file that was put while the listing ran is found by its plan.
#[tokio::test]
async fn a_stale_listing_hides_no_redriven_file() {
    let mut lake = redriven().await;
    let faults = Faults::new();
    lake.store = lake.store.with_faults(&faults);
    faults.hide_from_listings("-r1.cw.parquet");
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.redriven, report.unfinished_redrives, report.rows), (3, 0, 18));
    faults.show_in_listings();
    faults.hide_from_listings("redrive");
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.redriven, report.unfinished_redrives, report.rows), (3, 0, 18));
}

#[tokio::test]
async fn faults_of_a_redrive_are_found() {
    let lake = redriven().await;
    remove(&lake, paths::redrive_plan(&quarantine_file(), 1)).await;
    check("no plan", &lake, [15, 18, 0, 0, 2, 0], &["-r1.cw.parquet: it has no plan"]).await;

    let lake = redriven().await;
    lake.redriven("account", 1, &[11, 12, 13]).await;
    let words = ["1 of its places are not in its plan, first 12", "were redriven elsewhere too, first 12"];
    check("more than the plan", &lake, [15, 19, 0, 1, 1, 0], &words).await;

    let lake = redriven().await;
    lake.redriven("account", 1, &[13]).await;
    check("less than the plan", &lake, [15, 17, 0, 0, 1, 0], &["plan's places are not in it, first 11"])
        .await;

    let lake = redriven().await;
    lake.redriven("lead", 1, &[14]).await;
    check("no table of the plan", &lake, [15, 19, 0, 0, 1, 0], &["lead/", "not in its plan, first 14"]).await;

    let lake = redriven().await;
    lake.plan(2, r#"{"lead":[13,14]}"#).await;
    lake.redriven("lead", 2, &[13, 14]).await;
    check("in two plans", &lake, [15, 20, 0, 1, 0, 0], &["lead/", "redriven elsewhere too, first 13"]).await;

    let lake = redriven().await;
    lake.plan(2, r#"{"lead":[14,15]}"#).await;
    lake.redriven("lead", 2, &[14, 15]).await;
    check("not in quarantine", &lake, [16, 20, 0, 0, 1, 0], &["1 of its places are not in _quarantine"])
        .await;

    let lake = redriven().await;
    lake.plan(2, r#"{"lead":[9,14]}"#).await;
    lake.redriven("lead", 2, &[9, 14]).await;
    check("in a table, not in quarantine", &lake, [15, 20, 0, 1, 1, 0], &["first 9"]).await;

    let lake = redriven().await;
    lake.file("lead", DAY, 0, &[12]).await;
    check("in an ordinary file too", &lake, [15, 19, 0, 1, 0, 0], &["first is 12"]).await;

    let lake = redriven().await;
    lake.store
        .put(&redriven_path("contact", 1), written(&facts("lead", DAY, 0, &[12]), &[12]))
        .await
        .unwrap();
    check("another's footer", &lake, [15, 18, 0, 0, 2, 0], &["its footer says table \"lead\""]).await;

    let lake = redriven().await;
    lake.store.put(&redriven_path("contact", 1), Bytes::from_static(b"no Parquet")).await.unwrap();
    check("unreadable", &lake, [15, 17, 0, 0, 1, 0], &["contact/"]).await;

    let lake = redriven().await;
    lake.plan(2, r#"{"account":[]}"#).await;
    check("an empty plan", &lake, [15, 18, 0, 0, 1, 0], &["its rows don't rise"]).await;

    let lake = redriven().await;
    remove(&lake, path("_quarantine", DAY, 0)).await;
    let gone = lake.audit(Some(9)).await;
    assert_eq!((gone.broken_chains, gone.is_clean()), (1, false), "{:?}", gone.findings);
}

#[tokio::test]
async fn a_broken_link_is_found() {
    let day = "2026-11-22";
    let lake = Lake::whole().await;
    let without = |continues_at| remove(&lake, path("account", day, continues_at));
    without(4).await;
    check(
        "a file in the middle is gone",
        &lake,
        [9, 9, 1, 0, 1, 0],
        &["0005.cw.parquet should continue at 4"],
    )
    .await;
    without(0).await;
    let first = ["0005.cw.parquet is the first of its chain and should continue at 0", "first is 0"];
    check("the first is gone", &lake, [6, 6, 4, 0, 1, 0], &first).await;

    let lake = Lake::whole().await;
    lake.file("account", day, 3, &[3]).await;
    check("a file is there twice", &lake, [10, 11, 0, 1, 1, 0], &["0003.cw.parquet should continue at 4"])
        .await;

    let lake = Lake::whole().await;
    lake.file("account", day, 11, &[12]).await;
    check("a link skips a place", &lake, [11, 11, 0, 0, 1, 2], &["should continue at 10, where"]).await;
}

async fn remove(lake: &Lake, path: object_store::path::Path) {
    use futures::StreamExt;
    let mut objects = None;
    let _ = lake.store.decorated(|inner| {
        objects = Some(Arc::clone(&inner));
        inner
    });
    let paths = futures::stream::iter([Ok(path)]).boxed();
    objects.unwrap().delete_stream(paths).collect::<Vec<_>>().await.remove(0).unwrap();
}

#[tokio::test]
async fn a_file_that_contradicts_itself_is_found() {
    let day = "2026-11-22";
    let ordinals = [7, 9];
    let facts = || facts("account", day, 5, &ordinals);
    let with = |change: &dyn Fn(&mut FooterFacts)| {
        let mut facts = facts();
        change(&mut facts);
        written(&facts, &ordinals)
    };
    let cases: [(&str, Bytes, &str); 12] = [
        (
            "table",
            with(&|facts| facts.destination.table = "contact".into()),
            r#"its footer says table "contact""#,
        ),
        (
            "day",
            with(&|facts| facts.destination.date = "2026-11-21".parse().unwrap()),
            "its footer says day 2026-11-21",
        ),
        (
            "source",
            with(&|facts| facts.destination.source = source(3)),
            "its footer says source hub-1763800000000-p0003",
        ),
        (
            "place",
            with(&|facts| facts.continues_at = Ordinal::new(6)),
            "its footer says that it continues at 6",
        ),
        ("first", with(&|facts| facts.first = Ordinal::new(6)), "rows of 7 to 9, its footer says 6 to 9"),
        ("last", with(&|facts| facts.last = Ordinal::new(8)), "rows of 7 to 9, its footer says 7 to 8"),
        ("count", with(&|facts| facts.rows = 3), "it has 2 rows, its footer says 3"),
        ("lake", with(&|facts| facts.lake = "other".into()), r#"is of another lake, "other""#),
        ("order", written(&facts(), &[7, 8, 8, 9]), "the row of 8 follows one that is not below it"),
        ("order", written(&facts(), &[7, 9, 8, 9]), "the row of 8 follows one that is not below it"),
        ("empty", written(&facts(), &[]), "it has no rows"),
        ("below", written(&tests::facts("account", day, 5, &[4, 9]), &[4, 9]), "its first row is of 4"),
    ];
    for (case, bytes, words) in cases {
        let lake = Lake::whole().await;
        lake.put("account", day, 5, bytes).await;
        let report = lake.audit(Some(9)).await;
        assert_eq!(report.broken_chains, 1, "{case}: {:?}", report.findings);
        let said = report.findings.join("\n");
        assert!(said.contains(words) && said.contains("0005.cw.parquet"), "{case}: {said}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_stops_nothing() {
    let day = "2026-11-22";
    let whole = written(&facts("account", day, 4, &[4]), &[4]);
    let mut flipped = whole.to_vec();
    flipped[4..page_bytes(&whole)].fill(0xff);
    let other: ArrayRef = Arc::new(StringArray::from(vec!["4"]));
    let text =
        encode_row_group(&RecordBatch::try_from_iter([(COLUMN, other)]).unwrap(), ChunkWriter::default())
            .unwrap();
    let null: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(4)]));
    let null =
        encode_row_group(&RecordBatch::try_from_iter([(COLUMN, null)]).unwrap(), ChunkWriter::default())
            .unwrap();
    let of = |group| complete(vec![group], &facts("account", day, 4, &[4]));
    let cases = [
        ("empty", Bytes::new()),
        ("no Parquet", Bytes::from_static(b"not a file of rows at all")),
        ("cut", whole.slice(..whole.len() / 2)),
        ("flipped", flipped.into()),
        ("text", of(text)),
        ("null", of(null)),
    ];
    for (case, bytes) in cases {
        let lake = Lake::whole().await;
        lake.put("account", day, 4, bytes).await;
        check(case, &lake, [9, 9, 1, 0, 1, 0], &["0004.cw.parquet", "the first is 4"]).await;
    }
}

#[tokio::test]
async fn what_readers_meet_and_is_ours_not_is_found() {
    let cases = [
        ("account/enqueued_date=2026-11-22/mine.cw.parquet", 1, 0),
        ("account/enqueued_date=2026-11-22/mine.parquet", 0, 1),
        ("account/more.cw.parquet", 0, 1),
        (
            "account/enqueued_date=2026-11-22/deeper/hub-1763800000000-p0000-00000000000000000010.cw.parquet",
            0,
            1,
        ),
        ("account/enqueued_date=2026-11-22/hub-1763800000000-p0000-10.cw.parquet", 1, 0),
        ("account/enqueued_date=2026-11-22/README.md", 0, 0),
        ("_catchwater/copy.cw.parquet", 0, 0),
        ("_catchwater/start/note.json", 0, 0),
        ("account/_delta_log/00000000000000000010.checkpoint.parquet", 0, 0),
        (
            "account/_compacted/enqueued_date=2026-11-22/hub-1763800000000-p0000-00000000000000000000.cw.parquet",
            0,
            0,
        ),
    ];
    for (name, broken, foreign) in cases {
        let lake = Lake::whole().await;
        lake.record(&object_store::path::Path::parse(name).unwrap(), "").await;
        let words: &[&str] = if broken > 0 { &[name] } else { &[] };
        check(name, &lake, [10, 10, 0, 0, broken, 0], words).await;
        let report = lake.audit(None).await;
        assert_eq!(report.foreign_files, foreign, "{name}");
        assert_eq!(report.first_foreign_file.as_deref(), (foreign > 0).then_some(name));
    }
}

#[tokio::test]
async fn records_that_are_missing_or_wrong_are_found() {
    let lake = Lake::whole().await;
    remove(&lake, paths::origin(&source(0))).await;
    check("no origin", &lake, [10, 10, 0, 0, 1, 0], &["has rows and no origin record"]).await;

    let lake = Lake::whole().await;
    lake.record(&paths::origin(&source(0)), r#"{"first":2}"#).await;
    check("rows below the origin", &lake, [10, 10, 0, 0, 1, 0], &["has a row of 0, below its origin 2"])
        .await;

    let lake = Lake::whole().await;
    remove(&lake, paths::first_start(&source(0))).await;
    check("no first start", &lake, [10, 10, 0, 0, 1, 0], &["start/hub-1763800000000.json is missing"]).await;

    let lake = Lake::whole().await;
    lake.record(&paths::lost(&source(0), Ordinal::new(3)), "{").await;
    check("half a record", &lake, [10, 10, 0, 0, 1, 0], &["-3.json can't be understood"]).await;

    let lake = Lake { store: Store::open("memory://").unwrap() };
    check("nothing but a checkpoint", &lake, [0, 0, 0, 0, 1, 0], &["checkpoint at 9"]).await;
    let lake = Lake::new().await;
    check("an origin and a checkpoint", &lake, [0, 0, 10, 0, 0, 0], &["10 places"]).await;
}

/// A file that was put while the listing ran may be left out of it although the next is in.
#[tokio::test]
async fn a_stale_listing_is_no_broken_chain() {
    let mut lake = Lake::whole().await;
    let faults = Faults::new();
    lake.store = lake.store.with_faults(&faults);
    faults.hide_from_listings("00000000000000000004.cw.parquet");
    faults
        .hide_from_listings("account/enqueued_date=2026-11-22/hub-1763800000000-p0000-00000000000000000000");
    check("stale", &lake, [10, 10, 0, 0, 0, 0], &[]).await;
}

#[tokio::test]
async fn sources_are_judged_apart() {
    let lake = Lake::whole().await;
    lake.record(&paths::origin(&source(1)), r#"{"first":4000000000000}"#).await;
    let ordinals = [4_000_000_000_000, 4_000_000_000_001, 4_000_000_000_005];
    let mut facts = facts("account", "2026-11-22", 0, &ordinals);
    facts.destination.source = source(1);
    lake.store.put(&facts.data_file(), written(&facts, &ordinals)).await.unwrap();
    let checkpoints = [(source(0), Ordinal::new(9)), (source(1), Ordinal::new(4_000_000_000_002))].into();
    let report = audit(&lake.store, COLUMNS, is_type, &checkpoints).await.unwrap();
    assert_eq!(counts(&report), [13, 13, 1, 0, 0, 2], "{:?}", report.findings);
    assert_eq!((report.sources[&source(0)].gaps, report.sources[&source(1)].gaps), (0, 1));
}

/// A later version removes rows on purpose and leaves the file in its chain.
#[tokio::test]
async fn rows_that_were_removed_on_purpose_are_no_gaps() {
    let lake = Lake::whole().await;
    let day = "2026-11-22";
    let removed = Some(Removed { rows: 1, reason: "forgotten".to_owned() });
    let emptied = FooterFacts { rows: 0, removed, ..facts("account", day, 4, &[4]) };
    lake.put("account", day, 4, written(&emptied, &[])).await;
    check("emptied", &lake, [9, 9, 0, 0, 0, 0], &[]).await;
    // A file that has no rows and does not say so is a fault.
    let unsaid = FooterFacts { removed: None, ..emptied };
    lake.put("account", day, 4, written(&unsaid, &[])).await;
    check("unsaid", &lake, [9, 9, 1, 0, 1, 0], &["it has no rows", "the first is 4"]).await;
}

#[tokio::test]
async fn findings_have_an_end() {
    let lake = Lake::new().await;
    for n in 0..60 {
        lake.record(
            &object_store::path::Path::from(format!("account/enqueued_date=2026-11-22/{n}.cw.parquet")),
            "",
        )
        .await;
    }
    let report = lake.audit(None).await;
    assert_eq!((report.broken_chains, report.findings.len()), (60, report::MAX_FINDINGS + 1));
    assert_eq!(report.findings.last().unwrap(), "and 10 more");
}

/// Audits a lake; it has so many schema faults, with a finding that holds each of `words`, and no other fault.
async fn check_schema(case: &str, lake: &Lake, faults: u64, words: &[&str]) {
    let report = lake.audit(Some(9)).await;
    assert_eq!(counts(&report), [10, 10, 0, 0, 0, 0], "{case}: {:?}", report.findings);
    assert_eq!(report.schema_faults, faults, "{case}: {:?}", report.findings);
    assert_eq!((report.is_clean(), report.findings.len() as u64), (faults == 0, faults), "{case}");
    let said = report.findings.join("\n");
    for word in words {
        assert!(said.contains(word), "{case}: {word:?} is not in {said}");
    }
}

#[tokio::test]
async fn columns_that_contradict_their_schema_are_found() {
    let lake = Lake::whole().await;
    check_schema("whole", &lake, 0, &[]).await;

    lake.schema("account", 2, &format!(r#"{SCHEMA},"more":"Utf8""#)).await;
    check_schema("a later version", &lake, 0, &[]).await;

    lake.schema("account", 1, r#""name":"Utf8""#).await;
    lake.schema("account", 2, r#""name":"Utf8""#).await;
    let words = [
        "column \"_sequence_number\" (and in 3 more files) is in no schema of table \"account\" up to version 2",
    ];
    check_schema("a column of no schema", &lake, 1, &words).await;

    lake.schema("account", 2, SCHEMA).await;
    let record = paths::schema("account", 2);
    let other = lake.store.get(&record).await.unwrap().unwrap();
    let other = String::from_utf8(other.to_vec()).unwrap().replace("[4]", "[5]");
    lake.record(&record, &other).await;
    let words = ["account/2.json changes column \"name\"", "a column keeps its type and field ids"];
    check_schema("a column with another field id", &lake, 1, &words).await;
    lake.record(&paths::schema("account", 1), &other.replace("\"version\":2", "\"version\":1")).await;
    let words =
        ["column \"name\" (and in 3 more files) has field ids [4], in the schema of table \"account\" [5]"];
    check_schema("files with another field id", &lake, 1, &words).await;

    lake.schema("account", 1, r#""name":"Int32","_sequence_number":"Int64""#).await;
    lake.schema("account", 2, r#""name":"Int32","_sequence_number":"Int64""#).await;
    let words = ["column \"name\"", "is of type Utf8, in the schema of table \"account\" it is \"Int32\""];
    check_schema("a column of another type", &lake, 1, &words).await;

    lake.schema("account", 1, &SCHEMA.replace("Utf8", "Unknown")).await;
    lake.schema("account", 2, &SCHEMA.replace("Utf8", "Unknown")).await;
    let words = ["column \"name\"", "is \"Unknown\" in the schema", "does not know"];
    check_schema("a column of a type that this version does not know", &lake, 1, &words).await;
}

#[tokio::test]
async fn broken_schema_chains_are_found() {
    let lake = Lake::whole().await;
    remove(&lake, paths::schema("_messages", 1)).await;
    check_schema("no record", &lake, 1, &["table \"_messages\" has 1 files and no schema record"]).await;

    let lake = Lake::whole().await;
    lake.schema("account", 4, SCHEMA).await;
    let words = ["account/2.json is missing: version 4 is there", "account/3.json is missing"];
    check_schema("a hole", &lake, 2, &words).await;

    let lake = Lake::whole().await;
    lake.schema("account", 2, &format!(r#"{},"more":"Utf8""#, SCHEMA.replace("Utf8", "Int64"))).await;
    let words = ["account/2.json changes column \"name\" from \"Utf8\" to \"Int64\""];
    check_schema("a column of two types", &lake, 1, &words).await;

    let lake = Lake::whole().await;
    lake.schema("account", 2, r#""name":"Utf8","_sequence_number":"Int64""#).await;
    check_schema("a column is gone", &lake, 1, &["takes column \"_row_index\" back"]).await;

    let lake = Lake::whole().await;
    lake.record(&paths::schema("account", 2), r#"{"table":"contact","version":2,"columns":{}}"#).await;
    check_schema("another table's", &lake, 1, &["says that it is version 2 of table \"contact\""]).await;

    let lake = Lake::whole().await;
    lake.record(&paths::schema("account", 1), "").await;
    let report = lake.audit(Some(9)).await;
    assert!(report.broken_chains == 1 && report.findings[0].contains("account/1.json can't be understood"));
}

#[tokio::test]
async fn lake_without_its_identity_is_found() {
    let lake = Lake::whole().await;
    remove(&lake, paths::lake_record()).await;
    let words = ["data files without an identity", r#"its content is {"id":"this lake","contract":2}"#];
    check("gone", &lake, [10, 10, 0, 0, 1, 0], &words).await;
    lake.record(&paths::lake_record(), r#"{"id":"this lake","contract":"2"}"#).await;
    check("no version", &lake, [10, 10, 0, 0, 2, 0], &["lake.json can't be understood", words[1]]).await;
    lake.record(&paths::lake_record(), "").await;
    check("empty", &lake, [10, 10, 0, 0, 2, 0], &["lake.json can't be understood", words[1]]).await;
}

/// Where the pages of a file without bloom filters end.
fn page_bytes(file: &[u8]) -> usize {
    let end = file.len() - 8;
    end - u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize
}

/// Any byte of any page is covered, and what is not is known: bloom filters and the footer.
#[tokio::test]
async fn flipped_byte_of_a_page_is_found() {
    let day = "2026-11-22";
    let ordinals: Vec<i64> = (4..40).collect();
    let facts = facts("account", day, 4, &ordinals);
    let whole = written(&facts, &ordinals);
    let lake = Lake::new().await;
    lake.file("account", day, 0, &[0, 1, 2, 3]).await;
    lake.put("account", day, 4, whole.clone()).await;
    assert!(lake.audit(Some(39)).await.is_clean());
    assert!(page_bytes(&whole) > 1_000);
    for at in 4..page_bytes(&whole) {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1 << (at % 8);
        lake.put("account", day, 4, flipped.into()).await;
        let report = lake.audit(Some(39)).await;
        let said = report.findings.join("\n");
        assert!(!report.is_clean(), "byte {at}");
        let named = ["column \"name\": row group", "column \"_sequence_number\": row group"];
        assert!(said.contains("0004.cw.parquet") && said.contains("is damaged"), "byte {at}: {said}");
        assert!(named.iter().any(|column| said.contains(column)), "byte {at}: {said}");
    }
}

/// Another program may keep the footer's entry: what it wrote is told by its name, and by pages without checksums.
#[tokio::test]
async fn rows_that_another_program_wrote_are_found() {
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::WriterProperties;

    let (day, ordinals) = ("2026-11-22", [4]);
    let facts = serde_json::to_string(&facts("account", day, 4, &ordinals)).unwrap();
    let places: ArrayRef = Arc::new(Int64Array::from(ordinals.to_vec()));
    let batch = RecordBatch::try_from_iter([(COLUMN, places)]).unwrap();
    let rewritten = |program: &str| {
        let entry = KeyValue::new(crate::parquet::FACTS_KEY.to_owned(), facts.clone());
        let properties = WriterProperties::builder()
            .set_created_by(program.to_owned())
            .set_key_value_metadata(Some(vec![entry]))
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        Bytes::from(writer.into_inner().unwrap())
    };
    let cases = [
        (
            "parquet-cpp-arrow version 22.0.0",
            [10, 10, 0, 0, 1, 0],
            "was written by parquet-cpp-arrow version 22.0.0, not by catchwater",
        ),
        // Pages that can't be trusted are not decoded: their rows count as missing.
        ("catchwater version 0.1.0", [9, 9, 1, 0, 1, 0], "its footer does not match its checksum"),
    ];
    for (program, expected, words) in cases {
        let lake = Lake::whole().await;
        lake.put("account", day, 4, rewritten(program)).await;
        check(program, &lake, expected, &[words, "0004.cw.parquet"]).await;
    }
}

#[tokio::test]
async fn records_that_would_stop_a_run_are_found() {
    for (path, words) in [
        (paths::first_start(&source(0)), "start/hub-1763800000000.json can't be understood"),
        (paths::rules(&source(0), 1), "-p0000-1.json can't be understood"),
    ] {
        let lake = Lake::whole().await;
        lake.store.put(&path, Bytes::new()).await.unwrap();
        check(words, &lake, [10, 10, 0, 0, 1, 0], &[words]).await;
    }
}
