//! A lane: parses, batches and encodes the events of its partitions, in their order.
//!
//! Owns: the parser, the open files of its partitions, and when a file is closed (rolled).
//! Does not own: threads, channels, the clock, or what becomes of a closed file.
//! A partition lives in one lane, so its order is never restored, because it is never lost.

use std::collections::HashMap;
use std::sync::Arc;

use catchwater_sinks::lake::paths::{Date, Destination, Ordinal, SourceId};
use catchwater_sinks::parquet;

use super::file::{ClosedFile, OpenFile, RunFacts, StartId};
use super::ledger::Before;
use super::partition::{Opening, Partition};
use crate::budget::Share;
use crate::columns;
use crate::event::{QUARANTINE, RawBatch};
use crate::eventhubs;
use crate::metrics::Metrics;
use crate::parse::Parser;
use crate::position::{PartitionId, Position, SequenceNumber};

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

/// What a lane is told.
#[derive(Debug)]
pub enum LaneInput {
    /// A partition starts (again): what the lane has of it is dropped.
    Begin {
        /// This start.
        start: StartId,
        /// Names its chains.
        source: SourceId,
        /// How far each destination's files reach, as far as is known.
        covered: Vec<(Destination, Ordinal)>,
    },
    /// Events of a partition.
    Events {
        /// The start they were read in.
        start: StartId,
        /// They.
        batch: RawBatch,
        /// The last event the hub had when it sent these.
        last_enqueued: Option<SequenceNumber>,
    },
    /// No more events come: close its files.
    End {
        /// The start that ends.
        start: StartId,
    },
    /// The partition is another run's now: its rows are that run's to put.
    Forget {
        /// The start that ends.
        start: StartId,
    },
}

/// What a lane tells.
#[derive(Debug)]
pub enum LaneOutput {
    /// A file is whole.
    Closed(Box<ClosedFile>),
    /// How far a partition has come. Sent behind the files it speaks of.
    Advanced {
        /// Of which start.
        start: StartId,
        /// Every event up to here is skipped, in a closed file or in an open one.
        processed: Position,
        /// Where reading stood before the oldest row that is still open, if one is.
        oldest_open: Option<Before>,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Lane {
    parser: Parser,
    context: columns::Context,
    rules: RollRules,
    facts: RunFacts,
    share: Arc<Share>,
    metrics: Arc<Metrics>,
    partitions: HashMap<PartitionId, Partition>,
}

impl Lane {
    /// A lane without partitions.
    pub fn new(
        parser: Parser,
        context: columns::Context,
        rules: RollRules,
        facts: RunFacts,
        share: Arc<Share>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { parser, context, rules, facts, share, metrics, partitions: HashMap::new() }
    }

    /// Takes one input; what comes of it is appended to `out`, in order.
    ///
    /// # Errors
    /// Rows that could not be encoded: a fault of this program, the run must end.
    pub fn on(
        &mut self,
        input: LaneInput,
        now_ms: i64,
        out: &mut Vec<LaneOutput>,
    ) -> Result<(), parquet::Error> {
        match input {
            LaneInput::Begin { start, source, covered } => {
                let before =
                    self.partitions.insert(start.partition, Partition::new(start, source, covered, now_ms));
                self.metrics.events_dropped.add(before.map_or(0, |before| before.open_events()));
                Ok(())
            }
            LaneInput::Events { start, batch, last_enqueued } => {
                self.events(start, &batch, last_enqueued, now_ms);
                // Its bytes go back to the share before the share is looked at.
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

    /// Closes what is old enough, and all of a partition that is quiet and caught up.
    pub fn tick(&mut self, now_ms: i64, out: &mut Vec<LaneOutput>) -> Result<(), parquet::Error> {
        for partition in self.partitions.values_mut() {
            let idle = partition.is_idle(now_ms, self.rules.idle_ms);
            let rules = &self.rules;
            let closed = partition
                .close_if(&mut self.context, &self.facts, out, |file| idle || rules.is_old(file, now_ms))?;
            if closed {
                partition.tell(out);
            }
            partition.retire();
        }
        self.roll_over_budget(out)
    }

    fn events(
        &mut self,
        start: StartId,
        batch: &RawBatch,
        last_enqueued: Option<SequenceNumber>,
        now_ms: i64,
    ) {
        let Some(partition) = started(&mut self.partitions, start) else { return };
        partition.arrived(last_enqueued, now_ms);
        self.metrics.events_received.add(batch.len() as u64);
        self.metrics.bytes_received.add(batch.body_bytes() as u64);
        let mut previous = None;
        // Counted here and told once a batch: other lanes count in the same places.
        let [mut odd, mut repaired, mut parent_contexts_dropped] = [0; 3];
        for raw in batch.iter() {
            if partition.is_past(previous.as_ref(), &raw) {
                self.metrics.events_skipped.add(1);
                continue;
            }
            let event = self.parser.parse(raw.body);
            let table = event.as_ref().map_or(QUARANTINE, |event| event.table.name());
            let date = Date::from_unix_ms(raw.enqueued_time_ms);
            let opening = &mut Opening { context: &mut self.context, share: &self.share };
            match partition.rows_of(table, date, &raw, previous.as_ref(), now_ms, opening) {
                Some(buffer) => match &event {
                    Ok(event) => buffer.push(&mut self.context, event, &raw, start.partition),
                    Err(reject) => {
                        let mut properties = String::new();
                        eventhubs::properties_json(raw.encoded_properties, &mut properties);
                        buffer.push_reject(&mut self.context, reject, &raw, &properties, start.partition);
                    }
                },
                None => self.metrics.events_skipped.add(1),
            }
            if let Ok(event) = event {
                odd += u64::from(event.odd);
                repaired += u64::from(event.repaired);
                parent_contexts_dropped += u64::from(event.parent_context_dropped);
            }
            previous = Some(raw);
        }
        self.metrics.bodies_odd.add(odd);
        self.metrics.bodies_repaired.add(repaired);
        self.metrics.parent_contexts_dropped.add(parent_contexts_dropped);
        partition.passed(previous.as_ref());
    }

    /// Encodes what is a row group's size, closes what is a file's size or what the partition has left far behind.
    fn roll_full(&mut self, start: StartId, out: &mut Vec<LaneOutput>) -> Result<(), parquet::Error> {
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

    /// Closes the largest files while more is spent than there is, as long as open files are what spends it.
    fn roll_over_budget(&mut self, out: &mut Vec<LaneOutput>) -> Result<(), parquet::Error> {
        while self.share.free() <= 0 {
            let open: usize = self.partitions.values().map(Partition::open_bytes).sum();
            if open == 0 || (open as i64) < self.share.total() / 4 {
                return Ok(());
            }
            let largest = self.partitions.values_mut().max_by_key(|partition| partition.largest_bytes());
            let Some(partition) = largest else { return Ok(()) };
            let bytes = partition.largest_bytes();
            partition.close_if(&mut self.context, &self.facts, out, |file| file.bytes() == bytes)?;
            partition.tell(out);
        }
        Ok(())
    }

    fn end(&mut self, start: StartId, out: &mut Vec<LaneOutput>) -> Result<(), parquet::Error> {
        let Some(partition) = started(&mut self.partitions, start) else { return Ok(()) };
        partition.close_if(&mut self.context, &self.facts, out, |_| true)?;
        partition.tell(out);
        Ok(())
    }
}

impl RollRules {
    /// The usual `group_bytes`.
    pub const GROUP_BYTES: usize = 32 << 20;

    fn is_old(&self, file: &OpenFile, now_ms: i64) -> bool {
        let max_age_ms = if file.rows() < self.small_rows { self.small_max_age_ms } else { self.max_age_ms };
        now_ms - file.opened_at_ms() >= max_age_ms
    }

    fn is_far_behind(&self, file: &OpenFile, processed: Option<SequenceNumber>) -> bool {
        match (file.oldest(), processed) {
            (Some((first, _)), Some(processed)) => processed.0 - first.0 >= self.distance,
            _ => false,
        }
    }
}

fn started(partitions: &mut HashMap<PartitionId, Partition>, start: StartId) -> Option<&mut Partition> {
    partitions.get_mut(&start.partition).filter(|partition| partition.start() == start)
}

#[cfg(test)]
mod tests;
