//! A lane: parses, batches and encodes the events of its partitions, in their order.
//!
//! Owns: the parser, the open files of its partitions, and when a file is closed (rolled).
//! Does not own: threads, channels, the clock, or what becomes of a closed file.
//! A partition lives in one lane, so its order is never restored, because it is never lost.

mod open_file; // one open file of a destination
mod partition; // what a lane holds of one partition

use std::collections::HashMap;
use std::sync::Arc;

use catchwater_sinks::parquet;

use super::footer::RunFacts;
use super::messages::{LaneInput, LaneOutput, StartId};
use crate::budget::LaneBudget;
use crate::columns;
use crate::event::{RawBatch, RawEvent};
use crate::metrics::Metrics;
use crate::parse::Parser;
use crate::position::{PartitionId, SequenceNumber};
use open_file::OpenFile;
use partition::{Partition, Writing, Written};

/// When files are closed and row groups encoded.
#[derive(Clone, Debug)]
pub struct RollRules {
    /// Encoded size at which a file is closed. 64 MiB: one conditional put, and DuckDB reads it in parallel.
    pub file_bytes: usize,
    /// Plain size at which rows become a row group, capacities counted: some 30,000 typical events. Each group has its
    /// own dictionaries, so larger ones make smaller files. The budget bounds what they hold.
    pub group_bytes: usize,
    /// How long a file may stay open.
    pub max_age_ms: i64,
    /// How long one with fewer than `small_rows` rows may: small files are what makes a lake slow.
    pub small_max_age_ms: i64,
    /// See `small_max_age_ms`.
    pub small_rows: u64,
    /// How many events a partition may move past a file's first row: the bound of what is read again after
    /// a crash, also in catch-up, where age bounds nothing.
    pub distance: i64,
    /// How long a partition must be quiet and caught up before all its files are closed.
    pub idle_ms: i64,
}

/// See the module.
#[derive(Debug)]
pub struct Lane {
    parser: Parser,
    context: columns::Context,
    rules: RollRules,
    facts: RunFacts,
    budget: LaneBudget,
    metrics: Arc<Metrics>,
    partitions: HashMap<PartitionId, Partition>,
    /// Since when no event can come and nothing will change that.
    starved_since_ms: Option<i64>,
}

/// Why a lane can't go on: a fault of this program, and the run must end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Rows could not be encoded.
    #[error("encode rows")]
    Encode(#[from] parquet::Error),
    /// The budget's invariant is broken.
    #[error(
        "internal error: {charged} of {total} bytes of a lane's memory budget are charged, of them {open} to open files, \
         and nothing is left that would release them; start again, with a larger --budget if it happens again"
    )]
    Starved {
        /// Bytes that are charged.
        charged: i64,
        /// The lane's budget.
        total: i64,
        /// Bytes in open files.
        open: usize,
    },
}

impl Lane {
    /// A lane without partitions.
    pub fn new(
        parser: Parser,
        context: columns::Context,
        rules: RollRules,
        facts: RunFacts,
        budget: LaneBudget,
        metrics: Arc<Metrics>,
    ) -> Self {
        let partitions = HashMap::new();
        Self { parser, context, rules, facts, budget, metrics, partitions, starved_since_ms: None }
    }

    /// Takes one input; what comes of it is appended to `out`, in order.
    pub fn on(&mut self, input: LaneInput, now_ms: i64, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        match input {
            LaneInput::Begin { start, source, covered } => {
                let before =
                    self.partitions.insert(start.partition, Partition::new(start, source, covered, now_ms));
                self.metrics.events_dropped.add(before.map_or(0, |before| before.open_events()));
                Ok(())
            }
            LaneInput::Events { start, batch } => {
                self.arrived(start, &batch, now_ms);
                let mut events = batch.iter();
                while !self.write(start, &mut events, now_ms, out)? {
                    self.roll_full(start, out)?;
                    self.roll_over_budget(out)?;
                }
                drop(events);
                self.parser.shrink();
                self.context.shrink();
                // Its bytes go back to the budget before that is looked at.
                drop(batch);
                self.roll_full(start, out)?;
                self.roll_over_budget(out)?;
                if let Some(partition) = started(&mut self.partitions, start) {
                    partition.tell(out);
                }
                Ok(())
            }
            LaneInput::End { start } => self.end(start, out),
            LaneInput::Forget { start } => {
                if started(&mut self.partitions, start).is_some() {
                    let gone = self.partitions.remove(&start.partition);
                    self.metrics.events_dropped.add(gone.map_or(0, |gone| gone.open_events()));
                }
                Ok(())
            }
        }
    }

    /// Closes what is old enough, and all of a partition that is quiet and caught up, as the store takes it.
    ///
    /// # Errors
    /// Also a budget that is exhausted with nothing left to release it.
    pub fn tick(&mut self, now_ms: i64, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        for partition in self.partitions.values_mut() {
            if !self.budget.has_room_to_close() {
                break;
            }
            let idle = partition.is_idle(now_ms, self.rules.idle_ms);
            let rules = &self.rules;
            let closed = partition
                .close_if(&mut self.context, &self.facts, out, |file| idle || rules.is_old(file, now_ms))?;
            if closed {
                partition.tell(out);
            }
        }
        self.roll_over_budget(out)?;
        self.check_budget(now_ms)
    }

    /// Ends the run when the budget's invariant is broken, instead of waiting for ever.
    fn check_budget(&mut self, now_ms: i64) -> Result<(), Error> {
        let open = self.open_bytes();
        if !self.budget.is_starved(open) {
            self.starved_since_ms = None;
            return Ok(());
        }
        // The parts of a budget are not read at one moment.
        if now_ms - *self.starved_since_ms.get_or_insert(now_ms) < STARVED_MS {
            return Ok(());
        }
        let whole = &self.budget.whole;
        Err(Error::Starved { charged: whole.charged(), total: whole.total(), open })
    }

    /// True if a partition may be ended now: closed files in flight leave room for all of its files.
    pub fn has_room_to_close(&self) -> bool {
        self.budget.has_room_to_close()
    }

    fn open_bytes(&self) -> usize {
        self.partitions.values().map(Partition::open_bytes).sum()
    }

    fn arrived(&mut self, start: StartId, batch: &RawBatch, now_ms: i64) {
        let Some(partition) = started(&mut self.partitions, start) else { return };
        partition.arrived(batch.last_enqueued(), now_ms);
        self.metrics.events_received.add(batch.len() as u64);
        self.metrics.bytes_received.add(batch.body_bytes() as u64);
    }

    /// Writes events until all are written, or until one with several rows has filled a row group or the budget; whether
    /// all are. Such an event may hold a hundred times its bytes in rows; others hold about as much as they have.
    fn write<'b>(
        &mut self,
        start: StartId,
        events: &mut impl Iterator<Item = RawEvent<'b>>,
        now_ms: i64,
        out: &mut Vec<LaneOutput>,
    ) -> Result<bool, Error> {
        let Some(partition) = started(&mut self.partitions, start) else { return Ok(true) };
        let Self { context, facts, budget, .. } = self;
        let mut to = Writing { context, facts, budget, now_ms, out };
        let (mut previous, mut all) = (None, true);
        // Counted here and told once a batch: other lanes count in the same places.
        let [mut slow_path, mut repaired, mut parent_contexts_dropped, mut skipped] = [0; 4];
        for raw in events {
            if partition.is_past(previous.as_ref(), &raw) {
                skipped += 1;
                continue;
            }
            let event = raw.reject().map_or_else(|| self.parser.parse(raw.body), Err);
            match partition.write(&event, &raw, previous.as_ref(), &mut to)? {
                Written::Row => {}
                Written::Skipped => skipped += 1,
                Written::Rows { buffer_bytes } => {
                    all = buffer_bytes < self.rules.group_bytes && to.budget.whole.free() > 0;
                }
            }
            if let Ok(event) = event {
                slow_path += u64::from(event.slow_path);
                repaired += u64::from(event.repaired);
                parent_contexts_dropped += u64::from(event.parent_context_dropped);
            }
            previous = Some(raw);
            if !all {
                break;
            }
        }
        self.metrics.events_skipped.add(skipped);
        self.metrics.slow_path_bodies.add(slow_path);
        self.metrics.bodies_repaired.add(repaired);
        self.metrics.parent_contexts_dropped.add(parent_contexts_dropped);
        partition.passed(previous.as_ref());
        Ok(all)
    }

    /// Encodes what is a row group's size, closes what is a file's size or what the partition has left far behind.
    fn roll_full(&mut self, start: StartId, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        let Some(partition) = started(&mut self.partitions, start) else { return Ok(()) };
        partition.encode_if(&mut self.context, &self.facts, out, |file| {
            file.buffer_bytes() >= self.rules.group_bytes
        })?;
        let (rules, processed) = (&self.rules, partition.processed());
        partition.close_if(&mut self.context, &self.facts, out, |file| {
            file.group_bytes() >= rules.file_bytes || rules.is_far_behind(file, processed)
        })?;
        Ok(())
    }

    /// Closes the largest files as long as open files are what exhausts the budget. What is closed comes back by itself.
    fn roll_over_budget(&mut self, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        if self.budget.whole.free() > 0 {
            return Ok(());
        }
        let mut open = self.open_bytes();
        while self.budget.is_short(open) {
            let largest = self.partitions.values_mut().max_by_key(|partition| partition.largest_bytes());
            let Some(partition) = largest else { return Ok(()) };
            open -= partition.largest_bytes();
            partition.close_largest(&mut self.context, &self.facts, out)?;
            partition.tell(out);
        }
        Ok(())
    }

    fn end(&mut self, start: StartId, out: &mut Vec<LaneOutput>) -> Result<(), Error> {
        let Some(partition) = started(&mut self.partitions, start) else { return Ok(()) };
        partition.close_if(&mut self.context, &self.facts, out, |_| true)?;
        partition.tell(out);
        Ok(())
    }
}

/// Duration of starvation after which the run ends.
const STARVED_MS: i64 = 10_000;

impl RollRules {
    /// The usual `group_bytes`.
    pub const GROUP_BYTES: usize = 32 << 20;

    fn is_old(&self, file: &OpenFile, now_ms: i64) -> bool {
        let max_age_ms = if file.rows() < self.small_rows { self.small_max_age_ms } else { self.max_age_ms };
        now_ms - file.opened_at_ms() >= max_age_ms
    }

    fn is_far_behind(&self, file: &OpenFile, processed: Option<SequenceNumber>) -> bool {
        match (file.oldest(), processed) {
            (Some((first, _)), Some(processed)) => processed.get() - first.get() >= self.distance,
            _ => false,
        }
    }
}

fn started(partitions: &mut HashMap<PartitionId, Partition>, start: StartId) -> Option<&mut Partition> {
    partitions.get_mut(&start.partition).filter(|partition| partition.start() == start)
}

#[cfg(test)]
mod tests;
