//! Lakes with bodies in quarantine: redriven concurrently, interrupted at every put, and by newer rules.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use catchwater_sinks::lake::audit::{self, audit};
use catchwater_sinks::lake::first_start::FirstStart;
use catchwater_sinks::lake::records::Origin;
use catchwater_sinks::lake::schema;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::{self, ChunkWriter, FooterFacts, RowColumns};
use catchwater_sinks::paths::{Date, Destination, SourceId};
use catchwater_sinks::store::faults::{Faults, PutFault};

use super::*;
use crate::clock::UnixMillis;
use crate::columns::{Context, ROW_INDEX, Rows, SEQUENCE_NUMBER, TableBuffer, column_may_be};
use crate::event::{ChangeEvent, QUARANTINE, RawEvent, Reason, Reject};
use crate::position::{PartitionId, SequenceNumber};
use crate::run::Kind;
use crate::run::footer::file_columns;

const NOON: i64 = 1_795_348_800_000;

/// The parser, restricted to some tables.
struct TestRules {
    parser: Parser,
    version: u32,
    tables: &'static [&'static str],
}

impl Rules for TestRules {
    fn version(&self) -> u32 {
        self.version
    }

    fn parse<'a>(&'a mut self, body: &'a [u8]) -> Result<ChangeEvent<'a>, Reject> {
        let event = self.parser.parse(body)?;
        if self.tables.contains(&event.table.name()) {
            Ok(event)
        } else {
            Err(Reject::new(Reason::BinaryXml))
        }
    }
}

fn rules(version: u32, tables: &'static [&'static str]) -> TestRules {
    TestRules { parser: Parser::new(ParentContext::Drop), version, tables }
}

const ALL: &[&str] = &["account", "contact", "lead"];

/// An update that sets one attribute.
fn body(table: &str, attribute: &str, value: &str) -> Vec<u8> {
    let id = "00000000-0000-0000-0000-000000000001";
    format!(
        r#"{{"MessageName":"Update","PrimaryEntityName":"{table}","PrimaryEntityId":"{id}","InputParameters":[{{
        "key":"Target","value":{{"__type":"Entity:http://schemas.microsoft.com/xrm/2011/Contracts",
        "Attributes":[{{"key":"{attribute}","value":{value}}}],"Id":"{id}","LogicalName":"{table}"}}}}]}}"#
    )
    .into_bytes()
}

struct Lake {
    store: Store,
}

impl Lake {
    /// A lake whose only source begins at 0 and has these bodies in quarantine, from 0 on.
    async fn new(bodies: &[Vec<u8>]) -> Self {
        let lake = Self { store: Store::in_memory() };
        let records = Records::new(lake.store.clone(), no_backoff());
        records
            .record_first_start(&source(), FirstStart { partitions: vec![0], ..FirstStart::default() })
            .await
            .unwrap();
        let origin = Origin { first: Ordinal::new(0), routing_version: 1, namespace: "ns".to_owned() };
        records.record_origin(&source(), origin).await.unwrap();
        lake.quarantine(0, bodies).await;
        lake
    }

    /// Adds a quarantine file.
    async fn quarantine(&self, continues_at: i64, bodies: &[Vec<u8>]) {
        self.quarantine_for(&Reject::new(Reason::BinaryXml), continues_at, bodies).await;
    }

    /// Adds a quarantine file of bodies with this reject.
    async fn quarantine_for(&self, reject: &Reject, continues_at: i64, bodies: &[Vec<u8>]) {
        let mut context = Context::new("Orders".into(), Catalog::new());
        let mut buffer = TableBuffer::open(&mut context, QUARANTINE);
        for (at, body) in bodies.iter().enumerate() {
            let place = continues_at + at as i64;
            let offset = format!("offset {place}");
            let properties = if place == 0 { r#"{"x-MessageMaxSizeExceeded":true}"# } else { "" };
            let raw = RawEvent {
                body,
                sequence_number: SequenceNumber::new(place),
                offset: &offset,
                enqueued_time: UnixMillis::new(NOON + place),
                content_type: "application/json",
                encoded_properties: &[],
                size_exceeded: false,
                undecodable: None,
            };
            buffer.push_reject(&mut context, reject, &raw, properties, PartitionId::new(7));
        }
        let Rows { batch, types } = buffer.take(&mut context);
        let mut schemas =
            schema::Schemas::load(Records::new(self.store.clone(), no_backoff())).await.unwrap();
        let body =
            parquet::assemble(vec![parquet::encode_row_group(&batch, ChunkWriter::default()).unwrap()])
                .unwrap();
        let file_columns = file_columns(types, &body);
        let ensured = schemas.ensure(QUARANTINE, &file_columns).await.unwrap();
        let schema::Ensured::Durable(schema) = ensured else { panic!("{ensured:?}") };
        let destination =
            Destination { table: QUARANTINE.into(), date: Date::from_unix_ms(NOON), source: source() };
        let last = continues_at + bodies.len() as i64 - 1;
        let facts = FooterFacts {
            lake: Records::new(self.store.clone(), no_backoff()).lake_id().await.unwrap(),
            rows: bodies.len() as u64,
            ..FooterFacts::sample(destination, continues_at, continues_at, last)
        };
        let bytes = body.complete(&facts, |column| schema.ids(column)).unwrap();
        self.store.put(&file(continues_at).path(), bytes).await.unwrap();
    }

    /// Five bodies: two accounts, two contacts, and one that no rules accept.
    async fn five() -> Self {
        let bodies = [
            body("account", "name", "\"a\""),
            body("contact", "lastname", "\"b\""),
            b"<Envelope/>".to_vec(),
            body("account", "name", "\"c\""),
            body("contact", "lastname", "\"d\""),
        ];
        Self::new(&bodies).await
    }

    async fn redrive(&self, rules: TestRules) -> Result<Report, Error> {
        redrive_with(self.store.clone(), rules).await
    }

    /// Asserts that an audit is clean, and returns (events, redriven, unfinished).
    async fn assert_clean(&self, case: &str) -> (u64, u64, u64) {
        let report = self.audit().await;
        assert!(report.is_clean(), "{case}: {:?}", report.findings);
        (report.events, report.redriven, report.unfinished_redrives)
    }

    async fn audit(&self) -> audit::Report {
        let columns = RowColumns { ordinal: SEQUENCE_NUMBER, row_index: ROW_INDEX };
        audit(&self.store, columns, column_may_be, &[(source(), Ordinal::new(4))].into()).await.unwrap()
    }
}

async fn redrive_with(store: Store, rules: TestRules) -> Result<Report, Error> {
    redrive_by(
        store,
        Settings {
            backoff: no_backoff(),
            group_bytes: 1,
            chunk_writer: ChunkWriter::default(),
            dry_run: false,
        },
        rules,
    )
    .await
}

fn no_backoff() -> Backoff {
    Backoff { first: Duration::ZERO, longest: Duration::ZERO, attempts_max: 5, seed: 0 }
}

fn source() -> SourceId {
    SourceId::new("orders", 1_763_800_000_000, 7)
}

fn file(continues_at: i64) -> DataFileName {
    let destination =
        Destination { table: QUARANTINE.into(), date: Date::from_unix_ms(NOON), source: source() };
    paths::parse_data_file(&paths::data_file(&destination, Ordinal::new(continues_at))).unwrap()
}

/// Events by table of a report.
fn tables(report: &Report) -> Vec<(&str, u64)> {
    report.tables.iter().map(|(table, events)| (table.as_str(), *events)).collect()
}

/// Counters of a report: files, examined, redriven, rows, left.
fn counters(report: &Report) -> [u64; 5] {
    [report.files, report.examined, report.redriven, report.rows, report.left]
}

#[tokio::test]
async fn understood_bodies_enter_their_tables_once() {
    let lake = Lake::five().await;
    lake.quarantine(5, &[body("lead", "subject", "\"e\"")]).await;
    let report = lake.redrive(rules(2, ALL)).await.unwrap();
    assert_eq!(counters(&report), [2, 6, 5, 5, 1]);
    assert_eq!(tables(&report), [("account", 2), ("contact", 2), ("lead", 1)]);
    assert_eq!(report.reasons.values().sum::<u64>(), 1);
    assert_eq!(lake.assert_clean("once").await, (6, 5, 0));

    let again = lake.redrive(rules(2, ALL)).await.unwrap();
    assert_eq!((counters(&again), again.tables.len()), ([2, 1, 0, 0, 1], 0));
    assert_eq!(lake.assert_clean("twice").await, (6, 5, 0));
}

#[tokio::test]
async fn undecodable_messages_stay_in_quarantine() {
    let lake = Lake::five().await;
    let reject = Reject::at(Reason::Undecodable("bytes that are not a section".to_owned()), 7);
    lake.quarantine_for(&reject, 5, &[body("account", "name", "\"e\"")]).await;
    for (redriven, examined) in [(4, 6), (0, 2)] {
        let report = lake.redrive(rules(2, ALL)).await.unwrap();
        assert_eq!((report.redriven, report.examined, report.left), (redriven, examined, 2));
        let reason = "the AMQP message can't be decoded: bytes that are not a section";
        assert_eq!(report.reasons.get(reason), Some(&1), "{:?}", report.reasons);
    }
    assert_eq!(lake.assert_clean("the message stays").await, (6, 4, 0));
}

#[tokio::test]
async fn rows_keep_the_position_of_their_events() {
    let lake = Lake::five().await;
    lake.redrive(rules(2, ALL)).await.unwrap();
    let mut rows = Vec::new();
    let columns = ["_sequence_number", "_offset", "_hub", "name", "_truncated"];
    let path = paths::redriven_file("account", &file(0), 1);
    let read = parquet::read_batches(&lake.store, &path, &columns, 100, |batch| {
        let text = |name: &str, row| batch[name].as_string::<i32>().value(row).to_owned();
        for row in 0..batch.num_rows() {
            let place = batch["_sequence_number"].as_primitive::<Int64Type>().value(row);
            let truncated = batch["_truncated"].as_boolean();
            let truncated = arrow::array::Array::is_valid(truncated, row) && truncated.value(row);
            rows.push((place, text("_offset", row), text("_hub", row), text("name", row), truncated));
        }
        Ok::<(), parquet::Error>(())
    });
    let facts = read.await.unwrap().unwrap();
    let row = |place, offset: &str, name: &str, truncated| {
        (place, offset.to_owned(), "Orders".to_owned(), name.to_owned(), truncated)
    };
    assert_eq!(rows, [row(0, "offset 0", "a", true), row(3, "offset 3", "c", false)]);
    assert_eq!(
        (facts.first, facts.last, facts.rows, facts.routing_version),
        (Ordinal::new(0), Ordinal::new(3), 2, 2)
    );
}

#[tokio::test]
async fn dry_run_only_reports() {
    let lake = Lake::five().await;
    let settings = Settings {
        backoff: no_backoff(),
        group_bytes: 1,
        chunk_writer: ChunkWriter::default(),
        dry_run: true,
    };
    let faults = Faults::new();
    let report = redrive_by(lake.store.with_faults(&faults), settings, rules(2, ALL)).await.unwrap();
    assert_eq!((counters(&report), tables(&report)), ([1, 5, 4, 0, 1], vec![("account", 2), ("contact", 2)]));
    assert_eq!(faults.puts(), Vec::<String>::new());
    assert_eq!(counters(&lake.redrive(rules(2, ALL)).await.unwrap()), [1, 5, 4, 4, 1]);
}

#[tokio::test]
async fn newer_rules_plan_what_older_ones_left() {
    let lake = Lake::five().await;
    for (version, known, expected, left) in [
        (2, &[] as &[&str], vec![], 5),
        (3, &["contact"], vec![("contact", 2)], 3),
        (3, &["contact"], vec![], 3),
        (4, ALL, vec![("account", 2)], 1),
        (5, ALL, vec![], 1),
    ] {
        let report = lake.redrive(rules(version, known)).await.unwrap();
        assert_eq!((tables(&report), report.left), (expected, left), "version {version}");
    }
    assert_eq!(lake.assert_clean("newer rules").await, (5, 4, 0));
    let plans = Records::new(lake.store.clone(), no_backoff()).redrive_plans(&file(0)).await.unwrap();
    assert_eq!(plans.iter().map(|plan| plan.routing_version).collect::<Vec<_>>(), [3, 4]);
}

/// Fails a redrive at each of its puts in turn.
#[tokio::test]
async fn interrupted_redrive_is_finished_by_the_next() {
    let faults = Faults::new();
    redrive_with(Lake::five().await.store.with_faults(&faults), rules(2, ALL)).await.unwrap();
    let puts = faults.puts();
    assert_eq!(puts.len(), 5, "a plan, two schemas, two files: {puts:?}");
    assert!(
        puts[0].contains("redrive") && puts[1].contains("schema") && puts[2].contains("-r1."),
        "{puts:?}"
    );
    for put in &puts {
        let lake = Lake::five().await;
        let faults = Faults::new();
        faults.next_put(put, PutFault::Denied);
        redrive_with(lake.store.with_faults(&faults), rules(2, ALL)).await.unwrap_err();
        let (events, redriven, unfinished) = lake.assert_clean(put).await;
        assert_eq!(events, 5);
        assert_eq!(unfinished, u64::from(*put != puts[0]), "{put}: {redriven} were redriven");
        let report = lake.redrive(rules(2, ALL)).await.unwrap();
        assert_eq!(report.redriven + redriven, 4, "{put}");
        assert_eq!(lake.assert_clean(put).await, (5, 4, 0));
    }
}

#[tokio::test]
async fn concurrent_redrives_write_each_event_once() {
    let put_faults = [PutFault::RequestLost, PutFault::ResponseLost, PutFault::DeliveredLate];
    for part in ["redrive/", "schema/", "-r1.cw.parquet", "contact"] {
        for one in put_faults {
            for other in put_faults {
                let lake = Lake::five().await;
                let (first, second) = (Faults::new(), Faults::new());
                first.next_put(part, one);
                first.next_put("account", other);
                second.next_put(part, other);
                second.lose_next_read("-r1");
                let (ours, theirs) = tokio::join!(
                    redrive_with(lake.store.with_faults(&first), rules(2, ALL)),
                    redrive_with(lake.store.with_faults(&second), rules(2, ALL)),
                );
                let case = format!("{part} {one:?} {other:?}");
                ours.unwrap();
                theirs.unwrap();
                let landed = first.deliver_late().await + second.deliver_late().await;
                assert_eq!(landed, 0, "{case}");
                assert_eq!(lake.assert_clean(&case).await, (5, 4, 0), "{case}");
            }
        }
    }
}

/// Another redrive records its plan between this one's survey and plan. Both plans are carried out.
#[tokio::test]
async fn second_redrive_carries_out_the_recorded_plan() {
    let lake = Lake::five().await;
    let faults = Faults::new();
    faults.next_put("redrive/", PutFault::Held);
    let ours = tokio::spawn(redrive_with(lake.store.with_faults(&faults), rules(2, ALL)));
    until_held(&faults).await;
    let theirs = Plan::next(&file(0), &[], 2, [(Ordinal::new(1), "contact".to_owned())]).unwrap();
    Records::new(lake.store.clone(), no_backoff()).plan_redrive(&file(0), theirs).await.unwrap();
    faults.release();
    let report = ours.await.unwrap().unwrap();
    assert_eq!((counters(&report), tables(&report)), ([1, 5, 4, 4, 1], vec![("account", 2), ("contact", 2)]));
    assert_eq!(lake.assert_clean("two plans").await, (5, 4, 0));
    let paths = lake.store.list(&paths::table_folder("contact")).await.unwrap();
    assert_eq!(paths.len(), 2, "{paths:?}");
}

async fn until_held(faults: &Faults) {
    for _ in 0..10_000 {
        if faults.held() > 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("no put was held");
}

#[tokio::test]
async fn other_rules_refuse_an_unfinished_plan() {
    let lake = Lake::five().await;
    lake.quarantine(5, &[body("lead", "subject", "\"e\"")]).await;
    let faults = Faults::new();
    faults.next_put("contact/", PutFault::Denied);
    faults.next_put("contact/", PutFault::Denied);
    redrive_with(lake.store.with_faults(&faults), rules(2, ALL)).await.unwrap_err();
    let refused = lake.redrive(rules(3, ALL)).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("version 2") && text.contains("version 3") && text.contains("-1.json"), "{text}");
    assert_eq!(refused.kind(), Kind::Configuration);
    // The other quarantine file was redriven.
    assert!(lake.assert_clean("refused").await.1 >= 1);
    lake.redrive(rules(2, ALL)).await.unwrap();
    assert_eq!(lake.assert_clean("finished").await, (6, 5, 0));
    assert_eq!(counters(&lake.redrive(rules(3, ALL)).await.unwrap()), [2, 1, 0, 0, 1]);
}

#[tokio::test]
async fn plan_that_contradicts_its_rules_is_an_error() {
    let records = |lake: &Lake| Records::new(lake.store.clone(), no_backoff());
    for (place, table, words) in [
        (0, "lead", "sends the event 0 to \"lead\""),
        (2, "account", "sends the event 2"),
        (9, "account", "names rows"),
    ] {
        let lake = Lake::five().await;
        let plan = Plan::next(&file(0), &[], 2, [(Ordinal::new(place), table.to_owned())]).unwrap();
        records(&lake).plan_redrive(&file(0), plan).await.unwrap();
        let error = lake.redrive(rules(2, ALL)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// Each row becomes a row group of its own.
#[tokio::test]
async fn integers_and_decimals_of_a_column_share_one_redriven_file() {
    let values = ["5", "5000000000", "1.5", "7"];
    let bodies: Vec<Vec<u8>> = values.iter().map(|value| body("account", "new_number", value)).collect();
    let lake = Lake::new(&bodies).await;
    lake.quarantine(4, &bodies[..1]).await;
    assert_eq!(counters(&lake.redrive(rules(2, ALL)).await.unwrap()), [2, 5, 5, 5, 0]);
    assert_eq!(lake.assert_clean("wide").await, (5, 5, 0));
}

/// Another writer records another type for a column while the first rows of its table are in flight.
#[tokio::test]
async fn type_recorded_first_in_the_lake_wins() {
    let lake = Lake::five().await;
    let faults = Faults::new();
    faults.next_put("schema/account", PutFault::Held);
    let ours = tokio::spawn(redrive_with(lake.store.with_faults(&faults), rules(2, ALL)));
    until_held(&faults).await;
    let schemas = schema::Schemas::load(Records::new(lake.store.clone(), no_backoff())).await;
    let column = schema::FileColumn { type_name: "number".to_owned(), ids: 1 };
    let columns = BTreeMap::from([("name".to_owned(), column)]);
    schemas.unwrap().ensure("account", &columns).await.unwrap();
    faults.release();
    assert_eq!(counters(&ours.await.unwrap().unwrap()), [1, 5, 4, 4, 1]);
    assert_eq!(lake.assert_clean("types").await, (5, 4, 0));
    let schemas = schema::Schemas::load(Records::new(lake.store.clone(), no_backoff())).await.unwrap();
    assert_eq!(schemas.table("account").unwrap().columns["name"].type_name, "number");
}

#[tokio::test]
async fn unreadable_quarantine_file_is_named_in_the_error() {
    let lake = Lake::five().await;
    lake.store
        .put(&file(0).path(), Bytes::from_static(b"not a Parquet file, but long enough"))
        .await
        .unwrap();
    let error = lake.redrive(rules(2, ALL)).await.unwrap_err();
    let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    assert!(text.contains("_quarantine/") && text.contains("00000.cw.parquet"), "{text}");
}

#[tokio::test]
async fn lake_without_quarantine_has_nothing_to_redrive() {
    let lake = Lake { store: Store::in_memory() };
    assert_eq!(lake.redrive(rules(2, ALL)).await.unwrap(), Report::default());
}

#[tokio::test]
async fn redrives_with_the_parser() {
    let lake = Lake::five().await;
    let report =
        redrive(lake.store.clone(), ParentContext::Drop, ChunkWriter::default(), false).await.unwrap();
    assert_eq!(tables(&report), [("account", 2), ("contact", 2)]);
    assert_eq!(lake.assert_clean("parser").await, (5, 4, 0));
}
