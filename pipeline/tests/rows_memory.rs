//! Memory that a lane holds for one event is bounded by a multiple of its body, as counted by the allocator of the
//! test.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[path = "support/memory.rs"]
mod memory;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use catchwater::internals::budget::{Budget, LaneBudget};
use catchwater::internals::clock::UnixMillis;
use catchwater::internals::columns::{Catalog, Context};
use catchwater::internals::event::{EventHead, RawBatchBuilder};
use catchwater::internals::metrics::Metrics;
use catchwater::internals::parse::{ParentContext, Parser};
use catchwater::internals::position::{PartitionId, SequenceNumber};
use catchwater::internals::run::{Lane, LaneDeps, LaneInput, LaneOutput, RollRules, RunFacts, StartId};
use catchwater_sinks::parquet::ChunkWriter;
use catchwater_sinks::paths::SourceId;

/// Upper bound on the bytes that a lane holds for a body of this length.
fn bound(body: usize) -> usize {
    32 * body + (8 << 20)
}

/// A lane that reads one partition.
struct Rows {
    lane: Lane,
    start: StartId,
    next: i64,
    out: Vec<LaneOutput>,
}

impl Rows {
    fn begin() -> Self {
        let start = StartId { partition: PartitionId::new(0), attempt: 1 };
        let rules = RollRules {
            file_bytes: 64 << 20,
            group_bytes: RollRules::GROUP_BYTES,
            max_age: Duration::from_secs(1),
            small_max_age: Duration::from_secs(1),
            small_rows: 0,
            events_behind_max: i64::MAX,
            idle_time: Duration::from_secs(1),
        };
        let facts = RunFacts {
            lake: "lake".into(),
            writer: "test".into(),
            routing_version: 1,
            chunk_writer: ChunkWriter::default(),
        };
        let mut lane = Lane::new(LaneDeps {
            parser: Parser::new(ParentContext::Drop),
            context: Context::new(Arc::from("events"), Catalog::new()),
            rules,
            facts,
            budget: LaneBudget::new(64 << 20),
            metrics: Arc::new(Metrics::default()),
        });
        let mut out = Vec::new();
        let source = SourceId::new("events", 0, 0);
        lane.process(LaneInput::Begin { start, source, covered: Vec::new() }, UnixMillis::EPOCH, &mut out)
            .unwrap();
        Self { lane, start, next: 0, out }
    }

    /// Reads these bodies; returns the peak of additional memory.
    fn read<'a>(&mut self, bodies: impl IntoIterator<Item = &'a [u8]>) -> usize {
        let mut batch = RawBatchBuilder::new(self.start.partition, Budget::new(u64::MAX).charge(0));
        for body in bodies {
            let head = EventHead {
                sequence_number: SequenceNumber::new(self.next),
                offset: "4294967296",
                enqueued_time: UnixMillis::new(0),
                content_type: "application/json",
                encoded_properties: &[],
                size_exceeded: false,
                undecodable: None,
                last_enqueued: None,
            };
            batch.push_event(&head, [body]);
            self.next += 1;
        }
        self.on(LaneInput::Events { start: self.start, batch: batch.build() })
    }

    /// Ends the partition; returns the peak of additional memory and the rows of each file.
    fn end(&mut self) -> (usize, Vec<u64>) {
        let most = self.on(LaneInput::End { start: self.start });
        let files = self.out.iter().filter_map(|output| match output {
            LaneOutput::Closed(file) => Some(file.facts.rows),
            LaneOutput::Advanced { .. } => None,
        });
        (most, files.collect())
    }

    fn on(&mut self, input: LaneInput) -> usize {
        memory::peak(|| self.lane.process(input, UnixMillis::EPOCH, &mut self.out).unwrap())
    }
}

/// The peak of memory while a lane makes a file of one body, and the rows of that file.
fn peak_of(body: &[u8]) -> (usize, u64) {
    let mut lane = Rows::begin();
    let before = memory::held();
    let read = lane.read([body]);
    let held = memory::held().saturating_sub(before);
    let (ended, files) = lane.end();
    assert_eq!(files.len(), 1, "rows of one event in several files");
    (read.max(held + ended), files[0])
}

/// An event with many targets and these other members.
fn several(members: &str, first: &str, target: &str, targets: usize) -> String {
    let targets = format!("{first}{}", vec![target; targets].join(","));
    format!(
        r#"{{"MessageName":"UpdateMultiple","PrimaryEntityName":"account",{members}"InputParameters":[{{"key":"Targets","value":[{targets}]}}]}}"#
    )
}

#[test]
fn memory_of_rows_is_proportional_to_their_body() {
    let _alone = memory::run_alone();
    let agent = |bytes: usize| format!(r#""InitiatingUserAgent":"{}","#, "u".repeat(bytes));
    let id = r#""00000064-0000-4000-8000-000000000064""#;
    let mut facts: String = [
        "OperationId",
        "CorrelationId",
        "RequestId",
        "UserId",
        "InitiatingUserId",
        "UserAzureActiveDirectoryObjectId",
        "InitiatingUserAzureActiveDirectoryObjectId",
        "OrganizationId",
        "BusinessUnitId",
    ]
    .map(|member| format!(r#""{member}":{id},"#))
    .concat();
    facts.extend([r#""SecondaryEntityName":""#, &"s".repeat(200), r#"","#]);
    let wide: Vec<String> = (0..300).map(|n| format!(r#"{{"key":"n{n}","value":{n}}}"#)).collect();
    let wide = format!(r#"{{"Attributes":[{}]}},"#, wide.join(","));
    for (body, rows) in [
        (several(&agent(10_000), "", "0", 60_000), 60_000),
        // The largest number of items for a body of this size.
        (several(&agent(200_000), "", "100", 150_000), 150_000),
        // Too many items for a body of this size: one row of the quarantine.
        (several(&agent(200_000), "", "0", 300_000), 1),
        // Every fact of an event, and one record with many columns before items without columns.
        (several(&facts, &wide, "100", 200_000), 200_001),
        (several(&facts, "", "{}", 80_000), 80_000),
        (several("", "", r#"{"Attributes":[{"key":"n","value":1.5}]}"#, 20_000), 20_000),
        // Just below and at the number of rows from which an event is split into row groups.
        (several(&facts, "", "0", 8_000), 8_000),
        (several(&agent(120), "", "0", 8_192), 8_192),
        // Each record has an attribute of its own.
        (several("", "", &each(4_000, &|n| attributes(n..n + 1, "1.5")), 1), 4_000),
        (several("", "", &each(4_000, &|n| attributes(n..n + 1, LOOKUP)), 1), 4_000),
        (several("", "", &each(300, &|n| attributes(n * 10..n * 10 + 10, "1.5")), 1), 300),
        (several("", "", &each(22_000, &|n| attributes(n % 1024..n % 1024 + 1, "1.5")), 1), 22_000),
        (several("", "", &each(22_000, &|n| attributes(n % 256..n % 256 + 1, "1.5")), 1), 22_000),
        // Many columns, and rows without values in them.
        (several("", &(attributes(0..4_000, "1.5") + ","), "{}", 8_000), 8_001),
        // Each attribute is a list of parties, which is several columns.
        (
            several(
                "",
                "",
                &attributes(0..6_000, r#"[{"__type":"Entity:x","LogicalName":"activityparty","A":1}]"#),
                1,
            ),
            1,
        ),
    ] {
        let (most, made) = peak_of(body.as_bytes());
        assert_eq!(made, rows);
        println!(
            "{} bytes, {rows} rows: {most} bytes, {:.1} times",
            body.len(),
            most as f64 / body.len() as f64
        );
        assert!(most <= bound(body.len()), "{most} bytes for a body of {}, {rows} rows", body.len());
    }
}

/// The value of a lookup.
const LOOKUP: &str = r#"{"Id":"00000064-0000-4000-8000-000000000064","LogicalName":"contact","Name":"n"}"#;

/// A record with these attributes, all of this value.
fn attributes(names: Range<usize>, value: &str) -> String {
    let attributes: Vec<String> = names.map(|n| format!(r#"{{"key":"n{n}","value":{value}}}"#)).collect();
    format!(r#"{{"Attributes":[{}]}}"#, attributes.join(","))
}

fn each(records: usize, record: &dyn Fn(usize) -> String) -> String {
    (0..records).map(record).collect::<Vec<_>>().join(",")
}

/// An event of one row.
fn update(record: &str) -> String {
    format!(
        r#"{{"MessageName":"Update","PrimaryEntityName":"account","InputParameters":[{{"key":"Target","value":{record}}}]}}"#
    )
}

#[test]
fn late_columns_take_no_memory_in_earlier_rows() {
    let _alone = memory::run_alone();
    let narrow = update(r#"{"Attributes":[{"key":"name","value":"a"}]}"#);
    let wide = update(&attributes(0..4_000, "1.5"));
    let mut lane = Rows::begin();
    lane.read(std::iter::repeat_n(narrow.as_bytes(), 50_000));
    let before = memory::held();
    let most = lane.read([wide.as_bytes()]);
    let held = memory::held().saturating_sub(before);
    let (ended, files) = lane.end();
    println!("{most} bytes when it comes, {held} + {ended} until the end");
    assert_eq!(files, [50_001]);
    // Encoding the 50,000 rows takes memory that does not depend on this body.
    assert!(most <= bound(wide.len()) + (4 << 20), "{most} bytes for a body of {}", wide.len());
    assert!(held + ended <= bound(wide.len()), "{held} and {ended} bytes for a body of {}", wide.len());
}

#[test]
fn rows_count_the_columns_of_other_rows() {
    let _alone = memory::run_alone();
    let narrow = update(r#"{"Attributes":[{"key":"name","value":"a"}]}"#);
    let wide = update(&attributes(0..2_000, "1.5"));
    let mut lane = Rows::begin();
    let mut most = lane.read([wide.as_bytes()]);
    for _ in 0..50 {
        most = most.max(lane.read(std::iter::repeat_n(narrow.as_bytes(), 1_000)));
    }
    let (ended, files) = lane.end();
    println!("{most} bytes while they come, {ended} at the end");
    assert_eq!(files, [50_001]);
    assert!(most.max(ended) <= 3 * RollRules::GROUP_BYTES, "{most} and {ended} bytes");
}
