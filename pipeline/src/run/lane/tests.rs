//! Tests of `lane`.

use std::collections::BTreeMap;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use bytes::Bytes;
use catchwater_sinks::parquet::{Body, ChunkWriter, FooterFacts};
use catchwater_sinks::paths::{Date, Destination, Ordinal, SourceId};

use super::*;
use crate::amqp::encode::Encoder;
use crate::budget::Share;
use crate::columns::{Catalog, QuarantinedRows};
use crate::event::{EventHead, QUARANTINE, RawBatchBuilder};
use crate::generator::{Generator, Size};
use crate::metrics::Counter;
use crate::parse::{ParentContext, ROUTING_VERSION};
use crate::run::ledger::Before;

const START: StartId = StartId { partition: PartitionId::new(7), attempt: 1 };
const NOON_MS: i64 = 1_795_435_200_000;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// A lane with an empty hub before it and nothing behind it; the clock stands until it is moved.
struct World {
    lane: Lane,
    share: Arc<Share>,
    metrics: Arc<Metrics>,
    generator: Generator,
    now_ms: i64,
    next: i64,
    /// What every event that arrives has beside its body.
    properties: Vec<u8>,
    out: Vec<LaneOutput>,
}

impl World {
    fn new(rules: RollRules, budget: u64) -> Self {
        let (budget, metrics) = (LaneBudget::new(budget), Arc::new(Metrics::default()));
        let share = Arc::clone(&budget.whole);
        let facts = RunFacts {
            lake: "lake".to_owned(),
            writer: "test".to_owned(),
            routing_version: ROUTING_VERSION,
            chunk_writer: ChunkWriter::default(),
        };
        let context = columns::Context::new(Arc::from("events"), Catalog::new());
        let parser = Parser::new(ParentContext::Drop);
        let lane = Lane::new(parser, context, rules, facts, budget, Arc::clone(&metrics));
        let generator = Generator::new(7, Size::Small);
        let (properties, out) = (Vec::new(), Vec::new());
        let mut world = Self { lane, share, metrics, generator, now_ms: NOON_MS, next: 0, properties, out };
        world.begin(vec![]);
        world
    }

    fn begin(&mut self, covered: Vec<(Destination, Ordinal)>) {
        self.on(LaneInput::Begin { start: START, source: source(), covered });
    }

    fn on(&mut self, input: LaneInput) {
        self.lane.on(input, self.now_ms, &mut self.out).unwrap();
    }

    /// Events with these bodies arrive, enqueued now.
    fn arrive<B: AsRef<[u8]>>(&mut self, bodies: &[B]) {
        let mut batch = RawBatchBuilder::new(START.partition, self.share.charge(0));
        let last_enqueued = Some(SequenceNumber::new(self.next + bodies.len() as i64 - 1));
        for body in bodies {
            let offset = (self.next * 100).to_string();
            let head = EventHead {
                sequence_number: SequenceNumber::new(self.next),
                offset: &offset,
                enqueued_time_ms: self.now_ms,
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

    fn generated(&mut self, events: usize) {
        for _ in 0..events.div_ceil(100) {
            let bodies: Vec<Vec<u8>> = (0..events.min(100))
                .map(|_| {
                    let mut body = Vec::new();
                    self.generator.next(&mut body);
                    body
                })
                .collect();
            self.arrive(&bodies);
        }
    }

    fn wait(&mut self, ms: i64) {
        self.now_ms += ms;
        self.lane.tick(self.now_ms, &mut self.out).unwrap();
    }

    /// What was closed since the last look, as `table first..=last (rows)`, and how far the partition told it is.
    fn told(&mut self) -> (Vec<String>, Option<(i64, Option<i64>)>) {
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
        max_age_ms: 10_000,
        small_max_age_ms: HOUR_MS,
        small_rows: 3,
        distance: 300_000,
        idle_ms: 2 * HOUR_MS,
    }
}

fn source() -> SourceId {
    SourceId::new("events", NOON_MS, START.partition.get())
}

fn destination(table: &str) -> Destination {
    Destination { table: Arc::from(table), date: Date::from_unix_ms(NOON_MS), source: source() }
}

fn update(table: &str) -> String {
    format!(
        r#"{{"MessageName":"Update","PrimaryEntityName":"{table}","InputParameters":[{{"key":"Target","value":{{"__type":"Entity:x","Attributes":[{{"key":"n","value":1}}]}}}}]}}"#
    )
}

/// An update of so many records.
fn several(table: &str, targets: usize) -> String {
    let record = r#"{"Attributes":[{"key":"n","value":1}]}"#;
    let records = vec![record; targets].join(",");
    format!(
        r#"{{"MessageName":"UpdateMultiple","PrimaryEntityName":"{table}","InputParameters":[{{"key":"Targets","value":[{records}]}}]}}"#
    )
}

fn check(world: &mut World, files: &[&str], advanced: Option<(i64, Option<i64>)>) {
    assert_eq!(world.told(), (files.iter().map(|&file| file.to_owned()).collect(), advanced));
}

#[test]
fn age_closes_a_file_and_few_rows_may_wait_longer() {
    let mut world = World::new(rules(), 64 << 20);
    world.arrive(&[update("a"), update("b"), update("a"), update("a")]);
    check(&mut world, &[], Some((3, Some(-1))));
    world.wait(10_000);
    check(&mut world, &["a 0..=3 (3)"], Some((3, Some(0))));
    world.wait(HOUR_MS);
    check(&mut world, &["b 1..=1 (1)"], Some((3, None)));
}

#[test]
fn distance_closes_a_file_that_its_partition_has_left_behind() {
    let mut world = World::new(RollRules { distance: 4, ..rules() }, 64 << 20);
    world.arrive(&[update("a"), update("b"), update("b"), update("b")]);
    check(&mut world, &[], Some((3, Some(-1))));
    world.arrive(&[update("b")]);
    check(&mut world, &["a 0..=0 (1)"], Some((4, Some(0))));
}

#[test]
fn a_quiet_partition_that_is_caught_up_closes_all() {
    let mut world = World::new(RollRules { idle_ms: 60_000, max_age_ms: HOUR_MS, ..rules() }, 64 << 20);
    world.arrive(&[update("a"), update("b")]);
    world.wait(59_999);
    check(&mut world, &[], Some((1, Some(-1))));
    world.wait(1);
    check(&mut world, &["a 0..=0 (1)", "b 1..=1 (1)"], Some((1, None)));
}

#[test]
fn size_closes_a_file() {
    let small = RollRules { group_bytes: 256 << 10, file_bytes: 40 << 10, ..rules() };
    let mut world = World::new(small, 64 << 20);
    world.generated(3000);
    let (files, _) = world.told();
    assert!(files.len() > 3, "{files:?}");
}

#[test]
fn an_overdrawn_share_closes_the_largest_files_first() {
    let mut world = World::new(rules(), 1 << 20);
    let fat = update("fat").replace(r#""value":1"#, &format!(r#""value":"{}""#, "x".repeat(200_000)));
    world.arrive(&[update("thin")]);
    for _ in 0..9 {
        world.arrive(&[&fat]);
    }
    let (files, advanced) = world.told();
    assert!(!files.is_empty() && files.iter().all(|file| file.starts_with("fat")), "{files:?}");
    assert_eq!(advanced, Some((9, Some(-1))), "the thin one is still open");
    assert!(world.share.free() > 0, "{}", world.share.free());
}

#[test]
fn the_end_of_a_partition_closes_all_and_what_it_held_is_given_back() {
    let mut world = World::new(rules(), 64 << 20);
    world.generated(500);
    world.on(LaneInput::End { start: START });
    let rows: u64 = world
        .out
        .iter()
        .map(|output| match output {
            LaneOutput::Closed(file) => file.facts.rows,
            LaneOutput::Advanced { .. } => 0,
        })
        .sum();
    assert_eq!(rows, 500);
    let (_, advanced) = world.told();
    assert_eq!(advanced, Some((499, None)));
    assert!(
        world.share.total() - world.share.free() < 1 << 20,
        "{} of {}",
        world.share.free(),
        world.share.total()
    );
}

#[test]
fn what_a_destination_already_holds_is_skipped_and_its_chain_goes_on() {
    let mut world = World::new(rules(), 64 << 20);
    world.begin(vec![(destination("a"), Ordinal(1))]);
    world.arrive(&[update("a"), update("a"), update("b"), update("a")]);
    world.on(LaneInput::End { start: START });
    let continues: BTreeMap<String, i64> = world
        .out
        .iter()
        .filter_map(|output| match output {
            LaneOutput::Closed(file) => {
                Some((file.facts.destination.table.to_string(), file.facts.continues_at.0))
            }
            LaneOutput::Advanced { .. } => None,
        })
        .collect();
    assert_eq!(continues, BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 0)]));
    check(&mut world, &["b 2..=2 (1)", "a 3..=3 (1)"], Some((3, None)));
    assert_eq!(world.metrics.events_skipped.get(), 2);
}

#[test]
fn integers_and_decimals_of_one_column_stand_in_one_file() {
    let mut world = World::new(RollRules { group_bytes: 1, ..rules() }, 64 << 20);
    for value in ["1", "5000000000", "1.5"] {
        world.arrive(&[update("a").replace(r#""value":1"#, &format!(r#""value":{value}"#))]);
    }
    world.on(LaneInput::End { start: START });
    check(&mut world, &["a 0..=2 (3)"], Some((2, None)));
}

#[test]
fn bodies_that_are_not_understood_stand_in_quarantine_and_the_rest_goes_on() {
    let mut world = World::new(rules(), 64 << 20);
    world.arrive(&[update("a"), "not json".to_owned(), update("a")]);
    world.on(LaneInput::End { start: START });
    check(&mut world, &["a 0..=2 (2)", "_quarantine 1..=1 (1)"], Some((2, None)));
}

#[test]
fn what_is_unusual_of_bodies_is_counted() {
    let mut world = World::new(rules(), 64 << 20);
    let with = |member: &str| update("a").replacen('{', &format!("{{{member},"), 1);
    let half_a_letter = with(r#""Unknown":"\ud800""#);
    world.arrive(&[update("a"), half_a_letter, with(r#""ParentContext":{}"#), with(r#""ParentContext":[]"#)]);
    let metrics = &world.metrics;
    let counted = [&metrics.slow_path_bodies, &metrics.bodies_repaired, &metrics.parent_contexts_dropped];
    assert_eq!(counted.map(Counter::get), [1, 1, 2]);
}

/// A message that can't be decoded arrives: its number can be read, its offset and its time can't.
fn undecodable(world: &mut World) {
    let mut batch = RawBatchBuilder::new(START.partition, world.share.charge(0));
    let why = crate::event::Undecodable { reason: "its time is missing", byte_offset: Some(3) };
    let head = EventHead {
        sequence_number: SequenceNumber::new(world.next),
        offset: "",
        enqueued_time_ms: 0,
        content_type: "",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: Some(why),
        last_enqueued: None,
    };
    // A body that a parser understands, were it asked.
    batch.push_event(&head, [update("a").as_bytes()]);
    world.next += 1;
    world.on(LaneInput::Events { start: START, batch: batch.build() });
}

#[test]
fn messages_that_can_not_be_decoded_stand_in_quarantine_under_the_day_without_time() {
    let mut world =
        World::new(RollRules { max_age_ms: HOUR_MS, small_max_age_ms: HOUR_MS, ..rules() }, 64 << 20);
    world.arrive(&[update("a")]);
    undecodable(&mut world);
    // Days go by, in which the lane forgets what is over; that one is never over.
    for _ in 0..10 {
        world.wait(24 * HOUR_MS);
        world.arrive(&[update("a")]);
    }
    world.wait(HOUR_MS);
    undecodable(&mut world);
    world.on(LaneInput::End { start: START });
    let mut chain = Vec::new();
    for output in world.out.drain(..) {
        match output {
            LaneOutput::Closed(file) if &*file.facts.destination.table == QUARANTINE => {
                chain.push((
                    file.facts.destination.date.to_string(),
                    file.facts.continues_at,
                    file.facts.last,
                ));
            }
            LaneOutput::Advanced { processed, .. } if processed.sequence_number.get() == 12 => {
                assert!(processed.offset.is_unknown() && processed.enqueued_time_ms == 0);
            }
            LaneOutput::Closed(_) | LaneOutput::Advanced { .. } => {}
        }
    }
    let day = || "1970-01-01".to_owned();
    assert_eq!(chain, [(day(), Ordinal(0), Ordinal(1)), (day(), Ordinal(2), Ordinal(12))]);
}

#[test]
fn properties_become_text_beside_a_body_that_is_not_understood() {
    let mut world = World::new(rules(), 64 << 20);
    Encoder::new(&mut world.properties).map(|map| {
        map.string("b");
        map.string("\"\n");
        map.string("a");
        map.long(7);
    });
    world.arrive(&[update("a"), "not json".to_owned()]);
    world.properties.clear();
    world.arrive(&["nor this"]);
    world.on(LaneInput::End { start: START });
    let mut properties = Vec::new();
    for output in world.out.drain(..) {
        let LaneOutput::Closed(file) = output else { continue };
        if &*file.facts.destination.table != QUARANTINE {
            continue;
        }
        for rows in ParquetRecordBatchReader::try_new(whole(&file.facts, file.body), 1024).unwrap() {
            let rows = rows.unwrap();
            let quarantined = QuarantinedRows::new(&rows);
            properties.extend(quarantined.events().map(|event| event.unwrap().properties.to_owned()));
        }
    }
    assert_eq!(properties, [r#"{"a":7,"b":"\"\n"}"#, ""]);
}

#[test]
fn events_that_come_twice_and_those_of_an_earlier_start_are_left_out() {
    let mut world = World::new(rules(), 64 << 20);
    world.arrive(&[update("a"), update("a")]);
    world.next = 1;
    world.arrive(&[update("a"), update("a")]);
    world.on(LaneInput::Begin { start: StartId { attempt: 2, ..START }, source: source(), covered: vec![] });
    world.arrive(&[update("a")]);
    world.told();
    world.on(LaneInput::End { start: StartId { attempt: 2, ..START } });
    check(&mut world, &[], None);
    assert_eq!(
        world.metrics.events_dropped.get(),
        3,
        "the rows that were open when the partition started again"
    );
}

#[test]
fn a_day_that_is_over_is_forgotten_but_not_how_far_its_chain_is() {
    let mut world =
        World::new(RollRules { max_age_ms: HOUR_MS, small_max_age_ms: HOUR_MS, ..rules() }, 64 << 20);
    world.arrive(&[update("a")]);
    world.wait(72 * HOUR_MS);
    world.arrive(&[update("a")]);
    world.wait(HOUR_MS);
    check(&mut world, &["a 0..=0 (1)", "a 1..=1 (1)"], Some((1, None)));
    // The hub's clock goes back: the row goes into the old day's chain, behind what it has.
    world.now_ms -= 72 * HOUR_MS;
    world.arrive(&[update("a")]);
    world.on(LaneInput::End { start: START });
    let continues_at = world.out.iter().find_map(|output| match output {
        LaneOutput::Closed(file) => Some(file.facts.continues_at),
        LaneOutput::Advanced { .. } => None,
    });
    assert_eq!(continues_at, Some(Ordinal(1)));
}

#[test]
fn rolling_ends_when_nothing_is_left_to_roll() {
    let mut world = World::new(rules(), 1 << 10);
    let tables: Vec<String> = (0..30).map(|n| update(&format!("t{n}"))).collect();
    world.arrive(&tables);
    world.arrive(&tables);
    let (files, _) = world.told();
    assert!((20..=60).contains(&files.len()), "there is room for hardly an open row: {}", files.len());
}

#[test]
fn tables_without_open_rows_are_not_charged() {
    let mut world = World::new(RollRules { max_age_ms: 0, small_max_age_ms: 0, ..rules() }, 64 << 10);
    let columns: Vec<String> = (0..100).map(|n| format!(r#"{{"key":"n{n}","value":{n}}}"#)).collect();
    // Of two days, as a service has them behind midnight.
    for day in 1..=2 {
        for table in 0..100 {
            let wide = update(&format!("t{table}")).replace(r#"{"key":"n","value":1}"#, &columns.join(","));
            world.arrive(&[wide]);
        }
        world.wait(24 * HOUR_MS);
        let (files, advanced) = world.told();
        assert_eq!((files.len(), advanced), (100, Some((day * 100 - 1, None))));
        assert_eq!(world.share.charged(), 0);
    }
}

#[test]
fn files_in_flight_do_not_close_others() {
    let mut world = World::new(rules(), 1 << 20);
    world.arrive(&[update("thin")]);
    // A closed file that the store is slow to take, larger than all of the budget.
    let in_flight = world.lane.budget.closed.charge(2 << 20);
    world.arrive(&[update("other")]);
    world.wait(1);
    check(&mut world, &[], Some((1, Some(-1))));
    drop(in_flight);
    world.wait(1);
    assert!(world.share.free() > 0);
}

#[test]
fn old_files_are_closed_as_the_store_takes_them() {
    let mut world = World::new(RollRules { small_rows: 0, ..rules() }, 1 << 20);
    world.arrive(&[update("a")]);
    let in_flight = world.lane.budget.closed.charge(600_000);
    assert!(!world.lane.has_room_to_close());
    world.wait(10_000);
    check(&mut world, &[], Some((0, Some(-1))));
    drop(in_flight);
    world.wait(1);
    check(&mut world, &["a 0..=0 (1)"], Some((0, None)));
}

#[test]
fn an_overdrawn_share_closes_one_of_many_equal_files() {
    let text = format!(r#""value":"{}""#, "x".repeat(100_000));
    let mut world = World::new(rules(), 1 << 20);
    for table in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"] {
        world.arrive(&[update(table).replace(r#""value":1"#, &text)]);
    }
    let (files, _) = world.told();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn a_budget_that_nothing_can_release_ends_the_run() {
    let mut world = World::new(rules(), 1 << 20);
    world.arrive(&[update("a")]);
    let leaked = world.share.charge(1 << 20);
    let mut out = Vec::new();
    for wait_ms in [0, STARVED_MS - 1] {
        world.lane.tick(NOON_MS + wait_ms, &mut out).unwrap();
    }
    let ended = world.lane.tick(NOON_MS + STARVED_MS, &mut out).unwrap_err();
    assert!(matches!(ended, Error::Starved { total: 1_048_576, open: 1.., .. }), "{ended:?}");
    assert!(ended.to_string().contains("nothing is left that would release them"), "{ended}");
    assert_eq!(crate::run::Error::from(ended).kind(), crate::run::Kind::Internal);
    assert!(out.iter().all(|output| matches!(output, LaneOutput::Advanced { .. })));
    drop(leaked);
    world.lane.tick(NOON_MS + 2 * STARVED_MS, &mut out).unwrap();
}

#[test]
fn a_budget_that_something_will_release_is_waited_for() {
    let mut world = World::new(rules(), 1 << 20);
    let [intake, closed] = [&world.lane.budget.intake, &world.lane.budget.closed].map(Arc::clone);
    let mut out = Vec::new();
    // A batch on its way to the lane, a file on its way to the store.
    for share in [intake, closed] {
        let permit = share.charge(1 << 20);
        for wait_ms in [0, STARVED_MS, 10 * STARVED_MS] {
            world.lane.tick(NOON_MS + wait_ms, &mut out).unwrap();
        }
        drop(permit);
    }
}

/// The file with some field ids.
fn whole(facts: &FooterFacts, body: Body) -> Bytes {
    let counts = body.field_id_counts();
    let ids = |name: &str| counts.get(name).map(|count| &[2, 3, 4, 5, 6, 7, 8, 9][..*count]);
    body.complete(facts, ids).unwrap()
}

#[test]
fn rows_of_one_event_stand_in_one_file_however_many_groups_they_fill() {
    let mut world = World::new(rules(), 64 << 20);
    let large = several("a", 20_000);
    world.arrive(&[&update("a"), &large, &update("a")]);
    world.on(LaneInput::End { start: START });
    let mut rows_of = Vec::new();
    for output in world.out.drain(..) {
        let LaneOutput::Closed(file) = output else { continue };
        let mut indices = Vec::new();
        for rows in ParquetRecordBatchReader::try_new(whole(&file.facts, file.body), 4096).unwrap() {
            let rows = rows.unwrap();
            let column = rows.column_by_name(columns::ROW_INDEX).unwrap();
            let column = column.as_any().downcast_ref::<arrow::array::Int32Array>().unwrap();
            indices.extend(column.values().to_vec());
        }
        rows_of.push((file.facts.first.0, file.facts.last.0, file.facts.rows, file.events, indices));
    }
    let all: Vec<i32> = [0].into_iter().chain(0..20_000).chain([0]).collect();
    assert_eq!(rows_of, [(0, 2, 20_002, 3, all)]);
}

#[test]
fn rows_of_many_events_are_rolled_inside_a_batch() {
    let mut world = World::new(rules(), 1 << 20);
    let (agent, targets) = ("u".repeat(500), vec!["0"; 1000].join(","));
    let bodies: Vec<String> = (0..50)
        .map(|n| {
            format!(
                r#"{{"MessageName":"UpdateMultiple","PrimaryEntityName":"t{n}","InitiatingUserAgent":"{agent}","InputParameters":[{{"key":"Targets","value":[{targets}]}}]}}"#
            )
        })
        .collect();
    world.arrive(&bodies);
    // Each holds half a megabyte in rows: without a look between them all would be closed together at the end.
    let told: Vec<_> = world.out.iter().map(|output| matches!(output, LaneOutput::Advanced { .. })).collect();
    let looks = told.iter().filter(|advanced| **advanced).count();
    assert!(looks >= 40, "{looks} of {}", told.len());
    world.on(LaneInput::End { start: START });
    let (files, advanced) = world.told();
    assert_eq!((files.len(), advanced), (50, Some((49, None))));
}

#[test]
fn rows_of_one_event_stay_together() {
    // A row group has room for a tenth of them, and is a file.
    let mut world = World::new(RollRules { group_bytes: 100_000, file_bytes: 1, ..rules() }, 64 << 20);
    let large = several("a", 5000);
    world.arrive(&[&update("a"), &large, &update("a"), &large, &several("b", 2)]);
    check(&mut world, &["a 0..=1 (5001)", "a 2..=3 (5001)"], Some((4, Some(3))));
    world.arrive(&[&large]);
    check(&mut world, &["a 5..=5 (5000)"], Some((5, Some(3))));
    // What is let go counts events: that of b, and these.
    world.arrive(&[several("c", 3), update("c")]);
    world.on(LaneInput::Forget { start: START });
    assert_eq!(world.metrics.events_dropped.get(), 3);
    assert_eq!(world.share.free(), world.share.total(), "all was paid back");
}

#[test]
fn credit_that_overdraws_the_share_rolls_too() {
    let mut world = World::new(rules(), 1 << 20);
    let fat = update("fat").replace(r#""value":1"#, &format!(r#""value":"{}""#, "x".repeat(200_000)));
    world.arrive(&[&fat, &fat, &fat]);
    let _credit = world.share.charge(world.share.free() as usize + 1);
    world.wait(1);
    let (files, _) = world.told();
    assert_eq!(files, ["fat 0..=2 (3)"]);
}
