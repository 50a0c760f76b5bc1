//! `catchwater redrive` over a lake whose quarantine has bodies that this version understands.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::path::Path;
use std::process::Stdio;

use catchwater::internals::clock::UnixMillis;
use catchwater::internals::columns::{Catalog, ColumnType, Context, Rows, TableBuffer};
use catchwater::internals::event::{QUARANTINE, RawEvent, Reason, Reject};
use catchwater::internals::position::{PartitionId, SequenceNumber};
use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::first_start::FirstStart;
use catchwater_sinks::lake::records::{Origin, Records};
use catchwater_sinks::lake::schema::{Ensured, FileColumn, Schemas};
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::{ChunkWriter, FooterFacts, assemble, encode_row_group};
use catchwater_sinks::paths::{Date, Destination, SourceId};
use catchwater_sinks::store::{Store, StoreOptions};
use processes::{audit, catchwater, json, output_text};
use serde_json::{Value, json as object};

#[test]
fn concurrent_and_repeated_redrives_write_each_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    make_lake(&lake, &[update("account"), b"no event".to_vec(), update("contact"), update("account")]);
    let lake_text = lake.to_str().unwrap();
    let arguments = ["redrive", "--json", "--lake", lake_text];
    let report = |redriven: u64, rows: u64, tables: Value| {
        let files = 1;
        object!({"files": files, "examined": redriven + 1, "redriven": redriven, "rows": rows, "left": 1, "tables": tables})
    };
    let both = || object!({"account": 2, "contact": 1});

    let dry = json(&["redrive", "--json", "--dry-run", "--lake", lake_text]);
    assert_eq!(dry, report(3, 0, both()));
    assert!(!lake.join("account").exists(), "a dry run writes nothing");

    let start = || catchwater(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for redrive in [start(), start(), start()] {
        let output = redrive.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
    }
    let audited = audit(&lake);
    assert_eq!((&audited["events"], &audited["rows"]), (&object!(4), &object!(7)), "{audited}");
    assert_eq!((&audited["redriven"], &audited["unfinished_redrives"]), (&object!(3), &object!(0)));
    assert_eq!(audited["tables"]["account"]["rows"], 2);
    assert_eq!(audited["tables"]["_quarantine"]["rows"], 4);

    assert_eq!(json(&arguments), report(0, 0, object!({})));
    assert_eq!(audit(&lake), audited);
}

#[test]
fn redrive_of_a_missing_lake_is_a_usage_error() {
    let output = catchwater(&["redrive", "--lake", "missing/lake"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", output_text(&output));
    assert!(output_text(&output).contains("no lake at missing/lake"), "{}", output_text(&output));
}

#[test]
fn summary_lists_remaining_bodies_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    make_lake(&lake, &[update("account"), b"no event".to_vec()]);
    let output = catchwater(&["redrive", "--lake", lake.to_str().unwrap()]).output().unwrap();
    let text = output_text(&output);
    for words in ["account", "1 redriven", "1 stay: the body is not JSON", "2 bodies in 1 files"] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
}

fn update(table: &str) -> Vec<u8> {
    let id = "00000000-0000-0000-0000-000000000001";
    let target = object!({"LogicalName": table, "Id": id, "Attributes": [{"key": "name", "value": "a"}]});
    object!({
        "MessageName": "Update", "PrimaryEntityName": table, "PrimaryEntityId": id,
        "InputParameters": [{"key": "Target", "value": target}],
    })
    .to_string()
    .into_bytes()
}

/// Makes a lake as left by a run that understood none of these bodies.
fn make_lake(lake: &Path, bodies: &[Vec<u8>]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(lake.to_str().unwrap(), &StoreOptions::default()).unwrap();
        let records = Records::new(store.clone(), Backoff::for_store(0));
        let source = SourceId::new("orders", 1_763_800_000_000, 0);
        records
            .record_first_start(&source, FirstStart { partitions: vec![0], ..FirstStart::default() })
            .await
            .unwrap();
        let origin = Origin { first: Ordinal::new(0), routing_version: 1, namespace: "namespace".to_owned() };
        records.record_origin(&source, origin).await.unwrap();
        let destination = Destination { table: QUARANTINE.into(), date: Date::from_unix_ms(NOON), source };
        let facts = FooterFacts {
            lake: records.lake_id().await.unwrap(),
            rows: bodies.len() as u64,
            ..FooterFacts::sample(destination, 0, 0, bodies.len() as i64 - 1)
        };
        let Rows { batch, types } = quarantined(bodies);
        let mut schemas = Schemas::load(records).await.unwrap();
        let column =
            |column_type: ColumnType| FileColumn { type_name: column_type.name().to_owned(), ids: 1 };
        let columns = types.into_iter().map(|(name, column_type)| (name, column(column_type))).collect();
        let ensured = schemas.ensure(QUARANTINE, &columns).await.unwrap();
        let Ensured::Durable(schema) = ensured else { unreachable!("{ensured:?}") };
        let body = assemble(vec![encode_row_group(&batch, ChunkWriter::default()).unwrap()]).unwrap();
        let bytes = body.complete(&facts, |column| schema.ids(column)).unwrap();
        store.put(&facts.data_file(), bytes).await.unwrap();
    });
}

const NOON: i64 = 1_795_348_800_000;

fn quarantined(bodies: &[Vec<u8>]) -> Rows {
    let mut context = Context::new("orders".into(), Catalog::new());
    let mut buffer = TableBuffer::open(&mut context, QUARANTINE);
    for (place, body) in bodies.iter().enumerate() {
        let raw = RawEvent {
            body,
            sequence_number: SequenceNumber::new(place as i64),
            offset: "offset",
            enqueued_time: UnixMillis::new(NOON),
            content_type: "",
            encoded_properties: &[],
            size_exceeded: false,
            undecodable: None,
        };
        buffer.push_reject(&mut context, &Reject::new(Reason::Empty), &raw, "", PartitionId::new(0));
    }
    buffer.take(&mut context)
}
