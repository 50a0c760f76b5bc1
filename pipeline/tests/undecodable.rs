//! Messages that can't be decoded, from the hub through the real binary into the lake: they become rows of
//! `_quarantine` and do not stop the run.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "support/node.rs"]
mod node;
#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use catchwater::internals::amqp::encode::Encoder;
use catchwater::internals::amqp::sections::code;
use catchwater::internals::emulator::{Config, Emulator, NewEvent};
use catchwater::internals::position::PartitionId;
use catchwater_sinks::parquet;
use catchwater_sinks::paths;
use catchwater_sinks::store::{Store, StoreOptions};
use processes::{audit, json};
use serde_json::{Value, json as object};
use tokio::task::spawn_blocking;

const FIRST: PartitionId = PartitionId::new(0);

#[tokio::test(flavor = "multi_thread")]
async fn undecodable_messages_are_quarantined_with_their_bytes() {
    let hub = hub().await;
    let body = data(Some(&update("poison")));
    let footer = section(code::FOOTER, |out| out.map(|_| ()));
    let poison = [
        data(None),
        [&body[..], &footer, &body].concat(),
        [&body[..], &data(None)].concat(),
        [&body[..], &section(code::VALUE, |out| out.string("and a text"))].concat(),
        [&body[..], &section(code::HEADER, |out| out.list(|_| ()))].concat(),
    ];
    let good = || hub.append(FIRST, &NewEvent { body: &update("good"), ..NewEvent::default() }).unwrap();
    good();
    for message in &poison {
        hub.append_message(FIRST, message).unwrap();
        good();
    }
    let lake = tempfile::tempdir().unwrap();
    let report = run(&hub, lake.path()).await;
    assert_eq!(
        (&report["events"], &report["rows"], &report["quarantined"]),
        (&object!(11), &object!(11), &object!(5)),
        "{report}"
    );
    let rows = quarantine(lake.path()).await;
    let found: Vec<_> = rows.iter().map(|row| (row.sequence_number, row.reason.as_str())).collect();
    let why = "the AMQP message can't be decoded: ";
    let expected = [
        (1, "the value of a Data section is null instead of a binary"),
        (3, "a Data section after a footer"),
        (5, "the value of a Data section is null instead of a binary"),
        (7, "an AmqpValue section after a Data section"),
        (9, "a header after a Data section"),
    ]
    .map(|(number, reason)| (number, format!("{why}{reason}")));
    assert_eq!(found, expected.each_ref().map(|(number, reason)| (*number, reason.as_str())));
    for (row, sent) in rows.iter().zip(&poison) {
        assert!(row.body.ends_with(sent), "the bytes that were sent follow the annotations of the hub");
        assert!(row.enqueued_time > 0 && !row.offset.is_empty());
    }
    check_nothing_is_left(&hub, lake.path(), 6, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_with_broken_annotations_are_quarantined() {
    let hub = hub().await;
    let good = || hub.append(FIRST, &NewEvent { body: &update("good"), ..NewEvent::default() }).unwrap();
    let body = update("stamped");
    good();
    hub.append_verbatim(FIRST, &stamped(1, None, Some(TIME), &body)).unwrap();
    good();
    hub.append_verbatim(FIRST, &stamped(3, Some("3"), None, &body)).unwrap();
    hub.append_verbatim(FIRST, &stamped(4, Some("4"), Some(638_744_631_378_580_000), &body)).unwrap();
    // The checkpoint follows an event without an offset.
    hub.append_verbatim(FIRST, &stamped(5, None, None, &body)).unwrap();
    let lake = tempfile::tempdir().unwrap();
    let report = run(&hub, lake.path()).await;
    assert_eq!((&report["events"], &report["quarantined"]), (&object!(6), &object!(4)), "{report}");

    let rows = quarantine(lake.path()).await;
    let places: Vec<_> =
        rows.iter().map(|row| (row.sequence_number, row.offset.as_str(), row.enqueued_time)).collect();
    assert_eq!(places, [(1, "", TIME), (3, "3", 0), (4, "4", 0), (5, "", 0)]);
    let day = lake.path().join("_quarantine/enqueued_date=1970-01-01");
    assert_eq!(std::fs::read_dir(&day).unwrap().count(), 1, "{}", day.display());

    check_nothing_is_left(&hub, lake.path(), 2, 4).await;
    good();
    let report = run(&hub, lake.path()).await;
    assert_eq!((&report["events"], &report["quarantined"]), (&object!(1), &object!(0)), "{report}");
    assert_eq!(audited(lake.path()).await["events"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn undecodable_messages_of_another_library_are_quarantined() {
    let hub = hub().await;
    let port = hub.address().port().to_string();
    let sent = spawn_blocking(move || {
        let mut command = node::script("send.js")?;
        Some(command.args([&port, "RootManageSharedAccessKey", "SAS_KEY_VALUE"]).output().unwrap())
    });
    let Some(sent) = sent.await.unwrap() else { return };
    assert!(sent.status.success(), "{}", processes::output_text(&sent));
    let lake = tempfile::tempdir().unwrap();
    let report = run(&hub, lake.path()).await;
    assert_eq!((&report["events"], &report["quarantined"]), (&object!(5), &object!(2)), "{report}");
    let reasons: Vec<_> = quarantine(lake.path()).await.into_iter().map(|row| row.reason).collect();
    // The footer, which this library writes before the body, is not a fault.
    let expected = ["instead of a binary", "the body is not JSON"];
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.contains(expected), "{reason}");
    }
    check_nothing_is_left(&hub, lake.path(), 3, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_without_a_sequence_number_are_skipped() {
    let hub = hub().await;
    let good = || hub.append(FIRST, &NewEvent { body: &update("good"), ..NewEvent::default() }).unwrap();
    good();
    hub.append_verbatim(FIRST, &data(Some(&update("nowhere")))).unwrap();
    good();
    let lake = tempfile::tempdir().unwrap();
    let report = run(&hub, lake.path()).await;
    assert_eq!((&report["events"], &report["quarantined"]), (&object!(2), &object!(0)), "{report}");
}

/// Checks that nothing is read or written again, that the audit is clean, and that a redrive leaves these messages in
/// quarantine.
async fn check_nothing_is_left(hub: &Emulator, lake: &Path, accounts: u64, quarantined: u64) {
    let report = run(hub, lake).await;
    assert_eq!(report["events"], 0, "{report}");
    let report = audited(lake).await;
    for (table, rows) in [("account", accounts), ("_quarantine", quarantined)] {
        assert_eq!(report["tables"][table]["rows"], rows, "{report}");
    }
    let text = lake.to_str().unwrap().to_owned();
    let redriven = spawn_blocking(move || json(&["redrive", "--json", "--lake", &text])).await.unwrap();
    assert_eq!((&redriven["redriven"], &redriven["left"]), (&object!(0), &object!(quarantined)));
}

async fn hub() -> Emulator {
    Emulator::start(Config { partitions: 1, ..Config::default() }).await.unwrap()
}

async fn run(hub: &Emulator, lake: &Path) -> Value {
    let (to, lake) = (hub.connection_string(), lake.to_str().unwrap().to_owned());
    let run =
        move || json(&["run", "--json", "--until-caught-up", "--lake", &lake, "--connection-string", &to]);
    spawn_blocking(run).await.unwrap()
}

async fn audited(lake: &Path) -> Value {
    let lake = lake.to_owned();
    spawn_blocking(move || audit(&lake)).await.unwrap()
}

const TIME: i64 = 1_763_800_000_000;

fn update(name: &str) -> Vec<u8> {
    let id = "00000000-0000-0000-0000-000000000001";
    let target =
        object!({"LogicalName": "account", "Id": id, "Attributes": [{"key": "name", "value": name}]});
    object!({
        "MessageName": "Update", "PrimaryEntityName": "account", "PrimaryEntityId": id,
        "InputParameters": [{"key": "Target", "value": target}],
    })
    .to_string()
    .into_bytes()
}

fn section(code: u8, value: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new(&mut out).described(code, value);
    out
}

/// A Data section; `None` is null in it.
fn data(body: Option<&[u8]>) -> Vec<u8> {
    section(code::DATA, |out| out.option(body, Encoder::binary))
}

/// An event with the annotations of a hub; `None` leaves one out.
fn stamped(number: i64, offset: Option<&str>, time: Option<i64>, body: &[u8]) -> Vec<u8> {
    let annotations = section(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| {
            map.symbol("x-opt-sequence-number");
            map.long(number);
            if let Some(offset) = offset {
                map.symbol("x-opt-offset");
                map.string(offset);
            }
            if let Some(time) = time {
                map.symbol("x-opt-enqueued-time");
                map.timestamp(time);
            }
        });
    });
    [annotations, data(Some(body))].concat()
}

/// A row of `_quarantine`.
struct Row {
    sequence_number: i64,
    offset: String,
    enqueued_time: i64,
    reason: String,
    body: Vec<u8>,
}

/// All rows of the quarantine, in the order of their sequence numbers.
async fn quarantine(lake: &Path) -> Vec<Row> {
    let store = Store::open(lake.to_str().unwrap(), &StoreOptions::default()).unwrap();
    let files = store.list(&paths::table_folder(paths::QUARANTINE_TABLE)).await.unwrap();
    let columns = ["_sequence_number", "_offset", "_enqueued_time", "_reason", "_body"];
    let mut rows = Vec::new();
    for file in files {
        parquet::read_batches(&store, &file.key, &columns, 100, |batch| {
            let column = |name| batch.column_by_name(name);
            for row in 0..batch.num_rows() {
                let offset = column("_offset").filter(|offsets| offsets.is_valid(row));
                let times = column("_enqueued_time").unwrap().as_primitive::<TimestampMicrosecondType>();
                rows.push(Row {
                    sequence_number: column("_sequence_number")
                        .unwrap()
                        .as_primitive::<Int64Type>()
                        .value(row),
                    offset: offset
                        .map(|offsets| offsets.as_string::<i32>().value(row))
                        .unwrap_or_default()
                        .to_owned(),
                    enqueued_time: times.value(row) / 1000,
                    reason: column("_reason").unwrap().as_string::<i32>().value(row).to_owned(),
                    body: column("_body").unwrap().as_binary::<i32>().value(row).to_owned(),
                });
            }
            Ok::<(), parquet::Error>(())
        })
        .await
        .unwrap();
    }
    rows.sort_by_key(|row| row.sequence_number);
    rows
}
