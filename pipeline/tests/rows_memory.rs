//! Rows follow the size of their body: what a lane holds for one event is bounded, counted by an allocator of this test's
//! own.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use catchwater::budget::{LaneBudget, Share};
use catchwater::columns::{Catalog, Context};
use catchwater::event::{RawBatch, RawEvent};
use catchwater::metrics::Metrics;
use catchwater::parse::{ParentContext, Parser};
use catchwater::position::{PartitionId, SequenceNumber};
use catchwater::run::{Lane, LaneInput, LaneOutput, RollRules, RunFacts, StartId};
use catchwater_sinks::lake::paths::SourceId;

#[global_allocator]
static COUNTING: Counting = Counting { live: AtomicUsize::new(0), most: AtomicUsize::new(0) };

struct Counting {
    live: AtomicUsize,
    most: AtomicUsize,
}

impl Counting {
    fn add(&self, bytes: usize) {
        let live = self.live.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.most.fetch_max(live, Ordering::Relaxed);
    }
}

#[expect(unsafe_code, reason = "only an allocator sees all allocations")]
// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.live.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What a lane holds at most for a body of so many bytes.
fn bound(body: usize) -> usize {
    32 * body + (8 << 20)
}

/// The most that a lane holds while it makes a file of one body, and the rows of that file.
fn most_of(body: &[u8]) -> (usize, u64) {
    let start = StartId { partition: PartitionId(0), attempt: 1 };
    let rules = RollRules {
        file_bytes: 64 << 20,
        group_bytes: RollRules::GROUP_BYTES,
        max_age_ms: 1000,
        small_max_age_ms: 1000,
        small_rows: 0,
        distance: 1000,
        idle_ms: 1000,
    };
    let facts = RunFacts { lake: "lake".into(), writer: "test".into(), routing_version: 1 };
    let mut lane = Lane::new(
        Parser::new(ParentContext::Drop),
        Context::new(Arc::from("events"), Catalog::new()),
        rules,
        facts,
        LaneBudget::new(64 << 20),
        Arc::new(Metrics::default()),
    );
    let mut out = Vec::new();
    let source = SourceId::new("events", 0, 0);
    lane.on(LaneInput::Begin { start, source, covered: Vec::new() }, 0, &mut out).unwrap();
    let mut batch = RawBatch::new(start.partition, Share::new(u64::MAX).charge(0));
    let event = RawEvent {
        body: &[],
        sequence_number: SequenceNumber(0),
        offset: "4294967296",
        enqueued_time_ms: 0,
        content_type: "application/json",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: None,
    };
    batch.push(event, [body]);
    let before = COUNTING.live.load(Ordering::Relaxed);
    COUNTING.most.store(before, Ordering::Relaxed);
    lane.on(LaneInput::Events { start, batch, last_enqueued: None }, 0, &mut out).unwrap();
    lane.on(LaneInput::End { start }, 0, &mut out).unwrap();
    let most = COUNTING.most.load(Ordering::Relaxed) - before;
    let files = out.iter().filter_map(|output| match output {
        LaneOutput::Closed(file) => Some(file.facts.rows),
        LaneOutput::Advanced { .. } => None,
    });
    let files: Vec<u64> = files.collect();
    assert_eq!(files.len(), 1, "rows of one event in several files");
    (most, files[0])
}

/// An event about many targets, with these members beside them.
fn several(members: &str, first: &str, target: &str, targets: usize) -> String {
    let targets = format!("{first}{}", vec![target; targets].join(","));
    format!(
        r#"{{"MessageName":"UpdateMultiple","PrimaryEntityName":"account",{members}"InputParameters":[{{"key":"Targets","value":[{targets}]}}]}}"#
    )
}

#[test]
fn memory_of_rows_follows_their_body() {
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
        // As many items as a body of this size may have.
        (several(&agent(200_000), "", "100", 150_000), 150_000),
        // One more item a byte is too large: one row of the quarantine.
        (several(&agent(200_000), "", "0", 300_000), 1),
        // Every fact that an event has, and one record with many columns before items that have none.
        (several(&facts, &wide, "100", 200_000), 200_001),
        (several(&facts, "", "{}", 80_000), 80_000),
        (several("", "", r#"{"Attributes":[{"key":"n","value":1.5}]}"#, 20_000), 20_000),
        // Below the number of rows at which an event comes in parts.
        (several(&facts, "", "0", 8_000), 8_000),
        (several(&agent(120), "", "0", 8_192), 8_192),
    ] {
        let (most, made) = most_of(body.as_bytes());
        assert_eq!(made, rows);
        println!(
            "{} bytes, {rows} rows: {most} bytes, {:.1} times",
            body.len(),
            most as f64 / body.len() as f64
        );
        assert!(most <= bound(body.len()), "{most} bytes for a body of {}, {rows} rows", body.len());
    }
}
