//! A lane with a clock that tests move: which files it closes, and the progress it reports.

use std::collections::BTreeMap;
use std::time::Duration;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use bytes::Bytes;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::{Body, ChunkWriter, FooterFacts};
use catchwater_sinks::paths::{Date, Destination, SourceId};

use super::*;
use crate::amqp::encode::Encoder;
use crate::budget::Budget;
use crate::clock::UnixMillis;
use crate::columns::{Catalog, QuarantinedRows};
use crate::event::{EventHead, QUARANTINE, RawBatchBuilder};
use crate::generator::{Generator, Size};
use crate::metrics::Counter;
use crate::parse::{ParentContext, ROUTING_VERSION};
use crate::run::ledger::{Before, FileId, Ledger};

const START: StartId = StartId { partition: PartitionId::new(7), attempt: 1 };
const NOON: UnixMillis = UnixMillis::new(1_795_435_200_000);
const HOUR: Duration = Duration::from_hours(1);

/// A lane, its input and its output. The clock only moves when a test moves it.
struct Fixture {
    lane: Lane,
    budget: Arc<Budget>,
    metrics: Arc<Metrics>,
    generator: Generator,
    now: UnixMillis,
    next: i64,
    /// Encoded application properties of every event.
    properties: Vec<u8>,
    out: Vec<LaneOutput>,
}

impl Fixture {
    fn new(rules: RollRules, budget: u64) -> Self {
        let (lane_budget, metrics) = (LaneBudget::new(budget), Arc::new(Metrics::default()));
        let budget = Arc::clone(&lane_budget.lane);
        let facts = RunFacts {
            lake: "lake".to_owned(),
            writer: "test".to_owned(),
            routing_version: ROUTING_VERSION,
            chunk_writer: ChunkWriter::default(),
        };
        let context = columns::Context::new(Arc::from("events"), Catalog::new());
        let parser = Parser::new(ParentContext::Drop);
        let metrics_too = Arc::clone(&metrics);
        let lane =
            Lane::new(Deps { parser, context, rules, facts, budget: lane_budget, metrics: metrics_too });
        let generator = Generator::new(7, Size::Small);
        let (properties, out) = (Vec::new(), Vec::new());
        let mut fixture = Self { lane, budget, metrics, generator, now: NOON, next: 0, properties, out };
        fixture.begin(vec![]);
        fixture
    }

    fn begin(&mut self, covered: Vec<(Destination, Ordinal)>) {
        self.on(LaneInput::Begin { start: START, source: source(), covered });
    }

    fn on(&mut self, input: LaneInput) {
        self.lane.process(input, self.now, &mut self.out).unwrap();
    }

    /// Sends events with these bodies, enqueued now.
    fn send<B: AsRef<[u8]>>(&mut self, bodies: &[B]) {
        let mut batch = RawBatchBuilder::new(START.partition, self.budget.charge(0));
        let last_enqueued = Some(SequenceNumber::new(self.next + bodies.len() as i64 - 1));
        for body in bodies {
            let offset = (self.next * 100).to_string();
            let head = EventHead {
                sequence_number: SequenceNumber::new(self.next),
                offset: &offset,
                enqueued_time: self.now,
                content_type: "application/json",
                encoded_properties: &self.properties,
                size_exceeded: false,
                undecodable: None,
                last_enqueued,
            };
            batch.push_event(&head, [body.as_ref()]);
            self.next += 1;
        }
        self.on(LaneInput::Events { start: START, batch: batch.build() });
    }

    fn send_generated(&mut self, events: usize) {
        for _ in 0..events.div_ceil(100) {
            let bodies: Vec<Vec<u8>> = (0..events.min(100))
                .map(|_| {
                    let mut body = Vec::new();
                    self.generator.next(&mut body);
                    body
                })
                .collect();
            self.send(&bodies);
        }
    }

    fn wait(&mut self, by: Duration) {
        self.now = self.now + by;
        self.lane.tick(self.now, &mut self.out).unwrap();
    }

    /// Files closed since the last call, as `table first..=last (rows)`, and the last reported position with the event
    /// before the oldest open row (-1: the start).
    fn take_output(&mut self) -> (Vec<String>, Option<(i64, Option<i64>)>) {
        let mut files = Vec::new();
        let mut advanced = None;
        for output in self.out.drain(..) {
            match output {
                LaneOutput::Closed(file) => {
                    let facts = file.facts;
                    files.push(format!(
                        "{} {}..={} ({})",
                        facts.destination.table, facts.first, facts.last, facts.rows
                    ));
                }
                LaneOutput::Advanced { processed, oldest_open, .. } => {
                    let open = oldest_open.map(|before| match before {
                        Before::Start => -1,
                        Before::Event(position) => position.sequence_number.get(),
                    });
                    advanced = Some((processed.sequence_number.get(), open));
                }
            }
        }
        (files, advanced)
    }
}

fn rules() -> RollRules {
    RollRules {
        file_bytes: 64 << 20,
        group_bytes: 16 << 20,
        max_age: Duration::from_secs(10),
        small_max_age: HOUR,
        small_rows: 3,
        events_behind_max: 300_000,
        idle_time: Duration::from_hours(2),
    }
}

fn source() -> SourceId {
    SourceId::new("events", NOON.get(), START.partition.get())
}

fn destination(table: &str) -> Destination {
    Destination { table: Arc::from(table), date: Date::from_unix_ms(NOON.get()), source: source() }
}

fn update(table: &str) -> String {
    format!(
        r#"{{"MessageName":"Update","PrimaryEntityName":"{table}","InputParameters":[{{"key":"Target","value":{{"__type":"Entity:x","Attributes":[{{"key":"n","value":1}}]}}}}]}}"#
    )
}

/// An `UpdateMultiple` with `targets` records.
fn update_multiple(table: &str, targets: usize) -> String {
    let record = r#"{"Attributes":[{"key":"n","value":1}]}"#;
    let records = vec![record; targets].join(",");
    format!(
        r#"{{"MessageName":"UpdateMultiple","PrimaryEntityName":"{table}","InputParameters":[{{"key":"Targets","value":[{records}]}}]}}"#
    )
}

fn check(lane: &mut Fixture, files: &[&str], advanced: Option<(i64, Option<i64>)>) {
    assert_eq!(lane.take_output(), (files.iter().map(|&file| file.to_owned()).collect(), advanced));
}

#[test]
fn small_files_stay_open_longer() {
    let mut lane = Fixture::new(rules(), 64 << 20);
    lane.send(&[update("a"), update("b"), update("a"), update("a")]);
    check(&mut lane, &[], Some((3, Some(-1))));
    lane.wait(Duration::from_secs(10));
    check(&mut lane, &["a 0..=3 (3)"], Some((3, Some(0))));
    lane.wait(HOUR);
    check(&mut lane, &["b 1..=1 (1)"], Some((3, None)));
}

#[test]
fn closes_files_too_far_behind_their_partition() {
    let mut lane = Fixture::new(RollRules { events_behind_max: 4, ..rules() }, 64 << 20);
    lane.send(&[update("a"), update("b"), update("b"), update("b")]);
    check(&mut lane, &[], Some((3, Some(-1))));
    lane.send(&[update("b")]);
    check(&mut lane, &["a 0..=0 (1)"], Some((4, Some(0))));
}

#[test]
fn idle_caught_up_partition_closes_all_files() {
    let mut lane =
        Fixture::new(RollRules { idle_time: Duration::from_mins(1), max_age: HOUR, ..rules() }, 64 << 20);
    lane.send(&[update("a"), update("b")]);
    lane.wait(Duration::from_millis(59_999));
    check(&mut lane, &[], Some((1, Some(-1))));
    lane.wait(Duration::from_millis(1));
    check(&mut lane, &["a 0..=0 (1)", "b 1..=1 (1)"], Some((1, None)));
}

/// The last event of an idle partition is checkpointed as soon as the closed files are durable, with or without rows.
#[test]
fn idle_partition_has_its_checkpoint_at_the_last_event() {
    let idle = || RollRules { idle_time: Duration::from_mins(1), max_age: HOUR, ..rules() };
    let skipped = || vec![(destination("b"), Ordinal::new(1))];
    for (last, covered) in [
        (update("b"), vec![]),
        (update("b"), skipped()),
        ("not json".to_owned(), vec![]),
        (update_multiple("b", 0), vec![]),
    ] {
        let mut lane = Fixture::new(idle(), 64 << 20);
        lane.begin(covered.clone());
        lane.send(&[update("a"), last.clone()]);
        lane.wait(Duration::from_mins(1));
        let mut ledger = Ledger::starting_after(None);
        let mut files = 0;
        for output in lane.out.drain(..) {
            match output {
                LaneOutput::Closed(file) => {
                    ledger.closed(FileId::new(files), file.before).unwrap();
                    files += 1;
                }
                LaneOutput::Advanced { processed, oldest_open, .. } => {
                    ledger.advanced(processed, oldest_open).unwrap();
                }
            }
        }
        (0..files).for_each(|file| ledger.durable(FileId::new(file)).unwrap());
        let checkpoint = ledger.checkpoint().map(|at| at.sequence_number.get());
        assert_eq!(checkpoint, Some(1), "{last} {covered:?}");
    }
}

#[test]
fn closes_full_files() {
    let small = RollRules { group_bytes: 256 << 10, file_bytes: 40 << 10, ..rules() };
    let mut lane = Fixture::new(small, 64 << 20);
    lane.send_generated(3000);
    let (files, _) = lane.take_output();
    assert!(files.len() > 3, "{files:?}");
}

#[test]
fn exhausted_budget_closes_the_largest_files_first() {
    let mut lane = Fixture::new(rules(), 1 << 20);
    let fat = update("fat").replace(r#""value":1"#, &format!(r#""value":"{}""#, "x".repeat(200_000)));
    lane.send(&[update("thin")]);
    for _ in 0..9 {
        lane.send(&[&fat]);
    }
    let (files, advanced) = lane.take_output();
    assert!(!files.is_empty() && files.iter().all(|file| file.starts_with("fat")), "{files:?}");
    assert_eq!(advanced, Some((9, Some(-1))), "the thin file is still open");
    assert!(lane.budget.available() > 0, "{}", lane.budget.available());
}

#[test]
fn end_closes_all_files_and_releases_their_bytes() {
    let mut lane = Fixture::new(rules(), 64 << 20);
    lane.send_generated(500);
    lane.on(LaneInput::End { start: START });
    let rows: u64 = lane
        .out
        .iter()
        .map(|output| match output {
            LaneOutput::Closed(file) => file.facts.rows,
            LaneOutput::Advanced { .. } => 0,
        })
        .sum();
    assert_eq!(rows, 500);
    let (_, advanced) = lane.take_output();
    assert_eq!(advanced, Some((499, None)));
    assert!(
        lane.budget.total() - lane.budget.available() < 1 << 20,
        "{} of {}",
        lane.budget.available(),
        lane.budget.total()
    );
}

#[test]
fn covered_events_are_skipped_and_the_chain_continues() {
    let mut lane = Fixture::new(rules(), 64 << 20);
    lane.begin(vec![(destination("a"), Ordinal::new(1))]);
    lane.send(&[update("a"), update("a"), update("b"), update("a")]);
    lane.on(LaneInput::End { start: START });
    let continues: BTreeMap<String, i64> = lane
        .out
        .iter()
        .filter_map(|output| match output {
            LaneOutput::Closed(file) => {
                Some((file.facts.destination.table.to_string(), file.facts.continues_at.get()))
            }
            LaneOutput::Advanced { .. } => None,
        })
        .collect();
    assert_eq!(continues, BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 0)]));
    check(&mut lane, &["b 2..=2 (1)", "a 3..=3 (1)"], Some((3, None)));
    assert_eq!(lane.metrics.events_skipped.get(), 2);
}

#[test]
fn integers_and_decimals_of_a_column_share_one_file() {
    let mut lane = Fixture::new(RollRules { group_bytes: 1, ..rules() }, 64 << 20);
    for value in ["1", "5000000000", "1.5"] {
        lane.send(&[update("a").replace(r#""value":1"#, &format!(r#""value":{value}"#))]);
    }
    lane.on(LaneInput::End { start: START });
    check(&mut lane, &["a 0..=2 (3)"], Some((2, None)));
}

#[test]
fn rejected_bodies_go_to_quarantine_without_stopping_others() {
    let mut lane = Fixture::new(rules(), 64 << 20);
    lane.send(&[update("a"), "not json".to_owned(), update("a")]);
    lane.on(LaneInput::End { start: START });
    check(&mut lane, &["a 0..=2 (2)", "_quarantine 1..=1 (1)"], Some((2, None)));
}

#[test]
fn counts_slow_path_repaired_and_parent_context_bodies() {
    let mut lane = Fixture::new(rules(), 64 << 20);
    let with = |member: &str| update("a").replacen('{', &format!("{{{member},"), 1);
    let lone_surrogate = with(r#""Unknown":"\ud800""#);
    lane.send(&[update("a"), lone_surrogate, with(r#""ParentContext":{}"#), with(r#""ParentContext":[]"#)]);
    let metrics = &lane.metrics;
    let counted = [&metrics.slow_path_bodies, &metrics.bodies_repaired, &metrics.parent_contexts_dropped];
    assert_eq!(counted.map(Counter::get), [1, 1, 2]);
}

/// Sends an undecodable message: its sequence number is readable, its offset and time are not.
fn send_undecodable(lane: &mut Fixture) {
    let mut batch = RawBatchBuilder::new(START.partition, lane.budget.charge(0));
    let undecodable = crate::event::Undecodable { reason: "its time is missing", byte_offset: Some(3) };
    let head = EventHead {
        sequence_number: SequenceNumber::new(lane.next),
        offset: "",
        enqueued_time: UnixMillis::new(0),
        content_type: "",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: Some(undecodable),
        last_enqueued: None,
    };
    // The parser would accept this body, but an undecodable message is not parsed.
    batch.push_event(&head, [update("a").as_bytes()]);
    lane.next += 1;
    lane.on(LaneInput::Events { start: START, batch: batch.build() });
}

#[test]
fn undecodable_messages_share_the_chain_of_the_unknown_date() {
    let mut lane = Fixture::new(RollRules { max_age: HOUR, small_max_age: HOUR, ..rules() }, 64 << 20);
    lane.send(&[update("a")]);
    send_undecodable(&mut lane);
    // The lane forgets past dates as days pass, but not the unknown date.
    for _ in 0..10 {
        lane.wait(Duration::from_hours(24));
        lane.send(&[update("a")]);
    }
    lane.wait(HOUR);
    send_undecodable(&mut lane);
    lane.on(LaneInput::End { start: START });
    let mut chain = Vec::new();
    for output in lane.out.drain(..) {
        match output {
            LaneOutput::Closed(file) if &*file.facts.destination.table == QUARANTINE => {
                chain.push((
                    file.facts.destination.date.to_string(),
                    file.facts.continues_at,
                    file.facts.last,
                ));
            }
            LaneOutput::Advanced { processed, .. } if processed.sequence_number.get() == 12 => {
                assert!(processed.offset.is_unknown() && processed.enqueued_time == UnixMillis::EPOCH);
            }
            LaneOutput::Closed(_) | LaneOutput::Advanced { .. } => {}
        }
    }
    let day = || "1970-01-01".to_owned();
    assert_eq!(
        chain,
        [(day(), Ordinal::new(0), Ordinal::new(1)), (day(), Ordinal::new(2), Ordinal::new(12))]
    );
}

#[test]
fn properties_of_rejected_bodies_become_json() {
    let mut lane = Fixture::new(rules(), 64 << 20);
    Encoder::new(&mut lane.properties).map(|map| {
        map.string("b");
        map.string("\"\n");
        map.string("a");
        map.long(7);
    });
    lane.send(&[update("a"), "not json".to_owned()]);
    lane.properties.clear();
    lane.send(&["not json either"]);
    lane.on(LaneInput::End { start: START });
    let mut properties = Vec::new();
    for output in lane.out.drain(..) {
        let LaneOutput::Closed(file) = output else { continue };
        if &*file.facts.destination.table != QUARANTINE {
            continue;
        }
        for rows in ParquetRecordBatchReader::try_new(complete(&file.facts, file.body), 1024).unwrap() {
            let rows = rows.unwrap();
            let quarantined = QuarantinedRows::new(&rows);
            properties.extend(quarantined.events().map(|event| event.unwrap().properties.to_owned()));
        }
    }
    assert_eq!(properties, [r#"{"a":7,"b":"\"\n"}"#, ""]);
}

#[test]
fn repeated_events_and_events_of_earlier_starts_are_dropped() {
    let mut lane = Fixture::new(rules(), 64 << 20);
    lane.send(&[update("a"), update("a")]);
    lane.next = 1;
    lane.send(&[update("a"), update("a")]);
    lane.on(LaneInput::Begin { start: StartId { attempt: 2, ..START }, source: source(), covered: vec![] });
    lane.send(&[update("a")]);
    lane.take_output();
    lane.on(LaneInput::End { start: StartId { attempt: 2, ..START } });
    check(&mut lane, &[], None);
    assert_eq!(lane.metrics.events_dropped.get(), 3, "rows open at the restart");
}

#[test]
fn late_event_continues_the_chain_of_its_date() {
    let mut lane = Fixture::new(RollRules { max_age: HOUR, small_max_age: HOUR, ..rules() }, 64 << 20);
    lane.send(&[update("a")]);
    lane.wait(Duration::from_hours(72));
    lane.send(&[update("a")]);
    lane.wait(HOUR);
    check(&mut lane, &["a 0..=0 (1)", "a 1..=1 (1)"], Some((1, None)));
    // The hub's clock goes back: the row continues the chain of the earlier date.
    lane.now = lane.now - Duration::from_hours(72);
    lane.send(&[update("a")]);
    lane.on(LaneInput::End { start: START });
    let continues_at = lane.out.iter().find_map(|output| match output {
        LaneOutput::Closed(file) => Some(file.facts.continues_at),
        LaneOutput::Advanced { .. } => None,
    });
    assert_eq!(continues_at, Some(Ordinal::new(1)));
}

#[test]
fn rolling_ends_when_no_open_file_is_left() {
    let mut lane = Fixture::new(rules(), 1 << 10);
    let tables: Vec<String> = (0..30).map(|n| update(&format!("t{n}"))).collect();
    lane.send(&tables);
    lane.send(&tables);
    let (files, _) = lane.take_output();
    assert!((20..=60).contains(&files.len()), "the budget has room for hardly one open row: {}", files.len());
}

#[test]
fn tables_without_open_rows_are_not_charged() {
    let mut lane = Fixture::new(
        RollRules { max_age: Duration::ZERO, small_max_age: Duration::ZERO, ..rules() },
        64 << 10,
    );
    let columns: Vec<String> = (0..100).map(|n| format!(r#"{{"key":"n{n}","value":{n}}}"#)).collect();
    // Two dates, as in a service after midnight.
    for day in 1..=2 {
        for table in 0..100 {
            let wide = update(&format!("t{table}")).replace(r#"{"key":"n","value":1}"#, &columns.join(","));
            lane.send(&[wide]);
        }
        lane.wait(Duration::from_hours(24));
        let (files, advanced) = lane.take_output();
        assert_eq!((files.len(), advanced), (100, Some((day * 100 - 1, None))));
        assert_eq!(lane.budget.charged(), 0);
    }
}

#[test]
fn files_in_flight_do_not_close_open_files() {
    let mut lane = Fixture::new(rules(), 1 << 20);
    lane.send(&[update("thin")]);
    // A closed file in flight that is larger than the whole budget.
    let in_flight = lane.lane.deps.budget.closed.charge(2 << 20);
    lane.send(&[update("other")]);
    lane.wait(Duration::from_millis(1));
    check(&mut lane, &[], Some((1, Some(-1))));
    drop(in_flight);
    lane.wait(Duration::from_millis(1));
    assert!(lane.budget.available() > 0);
}

#[test]
fn old_files_wait_while_too_much_is_in_flight() {
    let mut lane = Fixture::new(RollRules { small_rows: 0, ..rules() }, 1 << 20);
    lane.send(&[update("a")]);
    let in_flight = lane.lane.deps.budget.closed.charge(600_000);
    assert!(!lane.lane.has_room_to_close());
    lane.wait(Duration::from_secs(10));
    check(&mut lane, &[], Some((0, Some(-1))));
    drop(in_flight);
    lane.wait(Duration::from_millis(1));
    check(&mut lane, &["a 0..=0 (1)"], Some((0, None)));
}

#[test]
fn exhausted_budget_closes_one_of_equal_files() {
    let text = format!(r#""value":"{}""#, "x".repeat(100_000));
    let mut lane = Fixture::new(rules(), 1 << 20);
    for table in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"] {
        lane.send(&[update(table).replace(r#""value":1"#, &text)]);
    }
    let (files, _) = lane.take_output();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn starved_budget_ends_the_run() {
    let mut lane = Fixture::new(rules(), 1 << 20);
    lane.send(&[update("a")]);
    let leaked = lane.budget.charge(1 << 20);
    let mut out = Vec::new();
    for wait in [Duration::ZERO, STARVATION_TIMEOUT.saturating_sub(Duration::from_millis(1))] {
        lane.lane.tick(NOON + wait, &mut out).unwrap();
    }
    let ended = lane.lane.tick(NOON + STARVATION_TIMEOUT, &mut out).unwrap_err();
    assert!(matches!(ended, Error::Starved { total: 1_048_576, open: 1.., .. }), "{ended:?}");
    assert!(ended.to_string().contains("nothing is left that would release them"), "{ended}");
    assert_eq!(crate::run::Error::from(ended).kind(), crate::run::Kind::Internal);
    assert!(out.iter().all(|output| matches!(output, LaneOutput::Advanced { .. })));
    drop(leaked);
    lane.lane.tick(NOON + 2 * STARVATION_TIMEOUT, &mut out).unwrap();
}

#[test]
fn bytes_in_flight_are_not_starvation() {
    let mut lane = Fixture::new(rules(), 1 << 20);
    let [intake, closed] = [&lane.lane.deps.budget.intake, &lane.lane.deps.budget.closed].map(Arc::clone);
    let mut out = Vec::new();
    // A batch in flight to the lane, then a file in flight to the store.
    for budget in [intake, closed] {
        let permit = budget.charge(1 << 20);
        for wait in [Duration::ZERO, STARVATION_TIMEOUT, 10 * STARVATION_TIMEOUT] {
            lane.lane.tick(NOON + wait, &mut out).unwrap();
        }
        drop(permit);
    }
}

/// Completes a file with arbitrary field ids.
fn complete(facts: &FooterFacts, body: Body) -> Bytes {
    let counts = body.field_id_counts();
    let ids = |name: &str| counts.get(name).map(|count| &[2, 3, 4, 5, 6, 7, 8, 9][..*count]);
    body.complete(facts, ids).unwrap()
}

#[test]
fn rows_of_one_event_share_a_file_across_row_groups() {
    let mut lane = Fixture::new(rules(), 64 << 20);
    let large = update_multiple("a", 20_000);
    lane.send(&[&update("a"), &large, &update("a")]);
    lane.on(LaneInput::End { start: START });
    let mut rows_of = Vec::new();
    for output in lane.out.drain(..) {
        let LaneOutput::Closed(file) = output else { continue };
        let mut indices = Vec::new();
        for rows in ParquetRecordBatchReader::try_new(complete(&file.facts, file.body), 4096).unwrap() {
            let rows = rows.unwrap();
            let column = rows.column_by_name(columns::ROW_INDEX).unwrap();
            let column = column.as_any().downcast_ref::<arrow::array::Int32Array>().unwrap();
            indices.extend(column.values().to_vec());
        }
        rows_of.push((file.facts.first.get(), file.facts.last.get(), file.facts.rows, file.events, indices));
    }
    let all: Vec<i32> = [0].into_iter().chain(0..20_000).chain([0]).collect();
    assert_eq!(rows_of, [(0, 2, 20_002, 3, all)]);
}

#[test]
fn multi_row_events_roll_files_within_a_batch() {
    let mut lane = Fixture::new(rules(), 1 << 20);
    let (agent, targets) = ("u".repeat(500), vec!["0"; 1000].join(","));
    let bodies: Vec<String> = (0..50)
        .map(|n| {
            format!(
                r#"{{"MessageName":"UpdateMultiple","PrimaryEntityName":"t{n}","InitiatingUserAgent":"{agent}","InputParameters":[{{"key":"Targets","value":[{targets}]}}]}}"#
            )
        })
        .collect();
    lane.send(&bodies);
    // Each has half a megabyte of rows. Without a check after each event, all files would close at the end.
    let advanced: Vec<_> =
        lane.out.iter().map(|output| matches!(output, LaneOutput::Advanced { .. })).collect();
    let checks = advanced.iter().filter(|advanced| **advanced).count();
    assert!(checks >= 40, "{checks} of {}", advanced.len());
    lane.on(LaneInput::End { start: START });
    let (files, advanced) = lane.take_output();
    assert_eq!((files.len(), advanced), (50, Some((49, None))));
}

#[test]
fn rows_of_one_event_stay_together() {
    // A row group has room for a tenth of the rows, and fills a file.
    let mut lane = Fixture::new(RollRules { group_bytes: 100_000, file_bytes: 1, ..rules() }, 64 << 20);
    let large = update_multiple("a", 5000);
    lane.send(&[&update("a"), &large, &update("a"), &large, &update_multiple("b", 2)]);
    check(&mut lane, &["a 0..=1 (5001)", "a 2..=3 (5001)"], Some((4, Some(3))));
    lane.send(&[&large]);
    check(&mut lane, &["a 5..=5 (5000)"], Some((5, Some(3))));
    // Dropped events: the one of b, and these two.
    lane.send(&[update_multiple("c", 3), update("c")]);
    lane.on(LaneInput::Forget { start: START });
    assert_eq!(lane.metrics.events_dropped.get(), 3);
    assert_eq!(lane.budget.available(), lane.budget.total(), "every charge was released");
}

#[test]
fn credit_over_budget_closes_files() {
    let mut lane = Fixture::new(rules(), 1 << 20);
    let fat = update("fat").replace(r#""value":1"#, &format!(r#""value":"{}""#, "x".repeat(200_000)));
    lane.send(&[&fat, &fat, &fat]);
    let _credit = lane.budget.charge(lane.budget.available() as usize + 1);
    lane.wait(Duration::from_millis(1));
    let (files, _) = lane.take_output();
    assert_eq!(files, ["fat 0..=2 (3)"]);
}
