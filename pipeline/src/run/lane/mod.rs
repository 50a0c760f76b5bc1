//! A lane: parses, batches and encodes the events of its partitions, in their order.
//!
//! Owns: the parser, the open files of its partitions, and when a file is closed (rolled). Does not own: threads,
//! channels, the clock, or the upload of closed files. A partition belongs to one lane, which keeps its order.

mod open_file; // the open file of one destination
mod partition; // the open files of one partition

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::parquet;

use super::footer::RunFacts;
use super::messages::{LaneInput, LaneOutput, StartId};
use crate::budget::LaneBudget;
use crate::clock::UnixMillis;
use crate::columns;
use crate::event::{RawBatch, RawEvent};
use crate::metrics::Metrics;
use crate::parse::Parser;
use crate::position::{PartitionId, SequenceNumber};
use open_file::{Files, OpenFile, Writing};
use partition::{Partition, Written};

/// Limits at which row groups are encoded and files are closed.
#[derive(Clone, Debug)]
pub struct RollRules {
    /// Encoded size at which a file is closed. 64 MiB: one conditional put, and DuckDB reads it in parallel.
    pub file_bytes: usize,
    /// Plain size at which rows become a row group, capacities counted: some 30,000 typical events. Each group has its
    /// own dictionaries, so larger groups make smaller files. The budget bounds the bytes they hold.
    pub group_bytes: usize,
    /// Maximum age of an open file.
    pub max_age: Duration,
    /// Maximum age of an open file with fewer than `small_rows` rows. Longer, because many small files slow a lake
    /// down.
    pub small_max_age: Duration,
    /// Number of rows below which a file is small.
    pub small_rows: u64,
    /// Maximum number of events that a partition moves past a file's first row. Bounds the events that are read again
    /// after a crash, also in catch-up, where age bounds nothing.
    pub events_behind_max: i64,
    /// Time without events after which a caught-up partition closes all its files.
    pub idle_time: Duration,
}

/// Collaborators of a lane.
#[derive(Debug)]
pub struct Deps {
    /// Reads bodies.
    pub parser: Parser,
    /// Columns of all tables.
    pub context: columns::Context,
    /// Limits at which files are closed.
    pub rules: RollRules,
    /// Facts that every footer states.
    pub facts: RunFacts,
    /// The lane's memory budget.
    pub budget: LaneBudget,
    /// Counters of the run.
    pub metrics: Arc<Metrics>,
}

/// The files of several partitions, written by one thread.
#[derive(Debug)]
pub struct Lane {
    deps: Deps,
    partitions: HashMap<PartitionId, Partition>,
    /// Time since which the budget is exhausted with nothing left to release it.
    starved_since: Option<UnixMillis>,
}

/// Failures of a lane. Each is a fault of this program and ends the run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Rows could not be encoded.
    #[error("encode rows")]
    Encode(#[from] parquet::Error),
    /// The budget's invariant is violated.
    #[error(
        "internal error: {charged} of {total} bytes of a lane's memory budget are charged, {open} of them to open \
         files, and nothing is left that would release them; start again, with a larger --budget if it happens again"
    )]
    Starved {
        /// Bytes charged.
        charged: i64,
        /// Bytes in the lane's budget.
        total: i64,
        /// Bytes in open files.
        open: usize,
    },
}

impl Lane {
    /// A lane without partitions.
    pub fn new(deps: Deps) -> Self {
        Self { deps, partitions: HashMap::new(), starved_since: None }
    }

    /// Processes one input and appends the results to `out`, in order.
    pub fn process(
        &mut self,
        input: LaneInput,
        now: UnixMillis,
        out: &mut Vec<LaneOutput>,
    ) -> Result<(), Error> {
        match input {
            LaneInput::Begin { start, source, covered } => {
                let before =
                    self.partitions.insert(start.partition, Partition::new(start, source, covered, now));
                self.count_dropped(before);
                Ok(())
            }
            LaneInput::Events { start, batch } => self.write_batch(start, batch, now, out),
            LaneInput::End { start } => self.end(start, out),
            LaneInput::Forget { start } => {
                if started(&mut self.partitions, start).is_some() {
                    let partition = self.partitions.remove(&start.partition);
                    self.count_dropped(partition);
                }
                Ok(())
            }
        }
    }

    /// Closes files that are old enough, and all files of an idle partition, while the store keeps up.
    ///
    /// # Errors
    /// Also a budget that is exhausted with nothing left to release it.
    pub fn tick(&mut self, now: UnixMillis, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        let Self { deps, partitions, .. } = self;
        for partition in partitions.values_mut() {
            if !deps.budget.has_room_to_close() {
                break;
            }
            let rules = &deps.rules;
            let idle = partition.is_idle(now, rules.idle_time);
            let mut files = Files { context: &mut deps.context, facts: &deps.facts, out };
            if partition.close_if(&mut files, |file| idle || rules.is_old(file, now))? {
                partition.report_progress(out);
            }
        }
        self.roll_over_budget(out)?;
        self.check_budget(now)
    }

    /// Fails if the budget's invariant stays violated, so that the run ends instead of waiting forever.
    fn check_budget(&mut self, now: UnixMillis) -> Result<(), Error> {
        let open = self.open_bytes();
        if !self.deps.budget.is_starved(open) {
            self.starved_since = None;
            return Ok(());
        }
        // The parts of a budget are read one after the other, so one reading may be inconsistent.
        if now.since(*self.starved_since.get_or_insert(now)) < STARVATION_TIMEOUT {
            return Ok(());
        }
        let whole = &self.deps.budget.lane;
        Err(Error::Starved { charged: whole.charged(), total: whole.total(), open })
    }

    /// True if closed files in flight leave room to close all files of a partition.
    pub fn has_room_to_close(&self) -> bool {
        self.deps.budget.has_room_to_close()
    }

    fn open_bytes(&self) -> usize {
        self.partitions.values().map(Partition::open_bytes).sum()
    }

    fn count_dropped(&self, partition: Option<Partition>) {
        self.deps.metrics.events_dropped.add(partition.map_or(0, |partition| partition.open_events()));
    }

    fn write_batch(
        &mut self,
        start: StartId,
        batch: RawBatch,
        now: UnixMillis,
        out: &mut Vec<LaneOutput>,
    ) -> Result<(), Error> {
        if let Some(partition) = started(&mut self.partitions, start) {
            partition.on_batch(batch.last_enqueued(), now);
            self.deps.metrics.events_received.add(batch.len() as u64);
            self.deps.metrics.bytes_received.add(batch.body_bytes() as u64);
        }
        let mut events = batch.iter();
        while !self.write_events(start, &mut events, now, out)? {
            self.roll_full(start, out)?;
            self.roll_over_budget(out)?;
        }
        drop(events);
        self.deps.parser.shrink();
        self.deps.context.shrink();
        // Release the batch's bytes before the budget is checked.
        drop(batch);
        self.roll_full(start, out)?;
        self.roll_over_budget(out)?;
        if let Some(partition) = started(&mut self.partitions, start) {
            partition.report_progress(out);
        }
        Ok(())
    }

    /// Writes events until all are written, or until one with several rows has filled a row group or the budget.
    /// Returns true if all are written. Only an event with several rows can take many times its bytes before the next
    /// check: up to 32 times plus 8 MiB (`parse/limits.rs`), which is a hundred times for a body of 120 KB.
    fn write_events<'b>(
        &mut self,
        start: StartId,
        events: &mut impl Iterator<Item = RawEvent<'b>>,
        now: UnixMillis,
        out: &mut Vec<LaneOutput>,
    ) -> Result<bool, Error> {
        let Some(partition) = started(&mut self.partitions, start) else { return Ok(true) };
        let Deps { parser, context, rules, facts, budget, metrics } = &mut self.deps;
        let mut to = Writing { files: Files { context, facts, out }, budget, now };
        let (mut previous, mut all) = (None, true);
        // Added to the metrics once a batch, because other lanes update the same counters.
        let [mut slow_path, mut repaired, mut parent_contexts_dropped, mut skipped] = [0; 4];
        for raw in events {
            if partition.is_past(previous.as_ref(), &raw) {
                skipped += 1;
                continue;
            }
            let written = match raw.reject().map_or_else(|| parser.parse(raw.body), Err) {
                Ok(event) => {
                    slow_path += u64::from(event.slow_path);
                    repaired += u64::from(event.repaired);
                    parent_contexts_dropped += u64::from(event.parent_context_dropped);
                    partition.append(&event, &raw, previous.as_ref(), &mut to)?
                }
                Err(reject) => partition.quarantine(&reject, &raw, previous.as_ref(), &mut to),
            };
            match written {
                Written::Row => {}
                Written::Skipped => skipped += 1,
                Written::Rows { buffer_bytes } => {
                    all = buffer_bytes < rules.group_bytes && to.budget.lane.available() > 0;
                }
            }
            previous = Some(raw);
            if !all {
                break;
            }
        }
        metrics.events_skipped.add(skipped);
        metrics.slow_path_bodies.add(slow_path);
        metrics.bodies_repaired.add(repaired);
        metrics.parent_contexts_dropped.add(parent_contexts_dropped);
        partition.advance(previous.as_ref());
        Ok(all)
    }

    /// Encodes buffers of a row group's size, and closes files of full size or too far behind the partition's position.
    fn roll_full(&mut self, start: StartId, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        let Some(partition) = started(&mut self.partitions, start) else { return Ok(()) };
        let Deps { context, rules, facts, .. } = &mut self.deps;
        let mut files = Files { context, facts, out };
        partition.push_row_groups_if(&mut files, |file| file.buffer_bytes() >= rules.group_bytes)?;
        let processed = partition.processed();
        partition.close_if(&mut files, |file| {
            file.group_bytes() >= rules.file_bytes || rules.is_far_behind(file, processed)
        })?;
        Ok(())
    }

    /// Closes the largest files while open files exhaust the budget. Closed files release theirs by themselves.
    fn roll_over_budget(&mut self, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        if self.deps.budget.lane.available() > 0 {
            return Ok(());
        }
        let mut open = self.open_bytes();
        while self.deps.budget.is_short(open) {
            let largest = self.partitions.values_mut().max_by_key(|partition| partition.largest_bytes());
            let Some(partition) = largest else { return Ok(()) };
            open -= partition.largest_bytes();
            let Deps { context, facts, .. } = &mut self.deps;
            partition.close_largest(&mut Files { context, facts, out })?;
            partition.report_progress(out);
        }
        Ok(())
    }

    fn end(&mut self, start: StartId, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        let Some(partition) = started(&mut self.partitions, start) else { return Ok(()) };
        let Deps { context, facts, .. } = &mut self.deps;
        partition.close_if(&mut Files { context, facts, out }, |_| true)?;
        partition.report_progress(out);
        Ok(())
    }
}

/// Time for which the budget may be starved before the run ends: far longer than one inconsistent
/// reading.
const STARVATION_TIMEOUT: Duration = Duration::from_secs(10);

impl RollRules {
    /// Default `group_bytes`.
    pub const GROUP_BYTES: usize = 32 << 20;

    fn is_old(&self, file: &OpenFile, now: UnixMillis) -> bool {
        let max_age = if file.rows() < self.small_rows { self.small_max_age } else { self.max_age };
        now.since(file.opened_at()) >= max_age
    }

    fn is_far_behind(&self, file: &OpenFile, processed: Option<SequenceNumber>) -> bool {
        match (file.oldest(), processed) {
            (Some((first, _)), Some(processed)) => processed.get() - first.get() >= self.events_behind_max,
            _ => false,
        }
    }
}

/// The partition, if this is its latest start.
fn started(partitions: &mut HashMap<PartitionId, Partition>, start: StartId) -> Option<&mut Partition> {
    partitions.get_mut(&start.partition).filter(|partition| partition.start() == start)
}

#[cfg(test)]
mod tests;
