//! Puts closed files under their names, and checkpoints what is durable.
//!
//! Owns: one queue and one chain per destination, one ledger per partition, the checkpoints.
//! Does not own: when a file is closed (`lane`), what a taken name means (`catchwater_sinks::lake`),
//! or how a partition starts again (`reader`).

pub(super) mod put; // one put: schema, footer, file
pub(super) mod schemas; // the lake's schemas during a run
mod partition; // ledger and waiting files of one partition
mod error; // why publishing ends
mod type_warnings; // warnings about column types

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::paths::{Destination, Ordinal};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::drain::Deadline;
use super::ledger::FileId;
use super::messages::{ClosedFile, LaneOutput, PublisherInput, StartId};
use crate::event::QUARANTINE;
use crate::metrics::Metrics;
use crate::partitions::{self, Checkpoints};
use crate::position::{PartitionId, SequenceNumber};
pub use error::Error;
use partition::{Partition, Queue};
use put::{PutDone, PutWorld, put};

/// What is left behind when the publisher ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftover {
    /// Events read whose rows are not durable, or stand above the checkpoint: they will be read again.
    pub(super) events: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Publisher {
    world: Arc<PutWorld>,
    checkpoints: Checkpoints,
    routing_version: u32,
    metrics: Arc<Metrics>,
    partitions: HashMap<PartitionId, Partition>,
    puts: JoinSet<Result<PutDone, Error>>,
    /// At most one, which tells what it has written.
    saves: JoinSet<Vec<(PartitionId, SequenceNumber)>>,
    waiting: VecDeque<(PartitionId, Destination)>,
    next_file: u64,
}

impl Publisher {
    /// A publisher that knows no partition yet.
    pub(super) fn new(
        world: Arc<PutWorld>,
        checkpoints: Checkpoints,
        routing_version: u32,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            world,
            checkpoints,
            routing_version,
            metrics,
            partitions: HashMap::new(),
            puts: JoinSet::new(),
            saves: JoinSet::new(),
            waiting: VecDeque::new(),
            next_file: 0,
        }
    }

    /// Publishes until the inputs end and all is durable, or until `deadline` passes.
    ///
    /// # Errors
    /// A store that does not do its part: nothing durable is lost, the rest will be read again.
    pub(super) async fn run(
        mut self,
        mut inputs: mpsc::Receiver<PublisherInput>,
        deadline: Deadline,
    ) -> Result<Leftover, Error> {
        let mut save = tokio::time::interval(SAVE_EVERY);
        save.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut open = true;
        let passed = deadline.passed();
        tokio::pin!(passed);
        while open || !self.puts.is_empty() {
            tokio::select! {
                input = inputs.recv(), if open => match input {
                    Some(input) => self.take(input)?,
                    None => open = false,
                },
                Some(done) = self.puts.join_next() => self.settle(done.map_err(Error::Lost)??)?,
                Some(saved) = self.saves.join_next() => self.saved(saved.unwrap_or_default()),
                _ = save.tick(), if self.saves.is_empty() => self.start_save(),
                () = &mut passed => break,
            }
            self.start_puts();
        }
        self.save_last().await;
        Ok(Leftover { events: self.partitions.values().map(Partition::left).sum() })
    }

    fn take(&mut self, input: PublisherInput) -> Result<(), Error> {
        match input {
            PublisherInput::Begin { start, first, proven, checkpoint, standing } => {
                let partition = Partition::new(start, first, proven, checkpoint, standing);
                partition.tell();
                self.partitions.insert(start.partition, partition);
            }
            PublisherInput::Lane(LaneOutput::Closed(file)) => self.enqueue(*file)?,
            PublisherInput::Lane(LaneOutput::Advanced { start, processed, oldest_open }) => {
                if let Some(partition) = self.started(start) {
                    partition.ledger.advanced(processed, oldest_open)?;
                    partition.tell();
                }
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, file: ClosedFile) -> Result<(), Error> {
        let id = FileId(self.next_file);
        self.next_file += 1;
        let Some(partition) = self.started(file.start) else {
            self.metrics.events_dropped.add(file.events);
            return Ok(());
        };
        partition.ledger.closed(id, file.before.clone())?;
        let key = (file.start.partition, file.facts.destination.clone());
        let behind = file.facts.continues_at;
        let queue =
            partition.destinations.entry(file.facts.destination.clone()).or_insert_with(|| Queue::at(behind));
        queue.files.push_back((id, file));
        self.waiting.push_back(key);
        Ok(())
    }

    /// Starts puts for destinations that wait, at most [`PUTS`] at a time and one per destination.
    fn start_puts(&mut self) {
        let mut looks = self.waiting.len();
        while self.puts.len() < PUTS && looks > 0 {
            looks -= 1;
            let Some((id, destination)) = self.waiting.pop_front() else { return };
            let Some(partition) = self.partitions.get_mut(&id) else { continue };
            let durable = partition.durable().map(|durable| Ordinal(durable.get()));
            let Some(queue) = partition.destinations.get_mut(&destination) else { continue };
            match queue.chain.take() {
                None => self.waiting.push_back((id, destination)),
                Some(chain) => match queue.files.pop_front() {
                    Some((file_id, mut file)) => {
                        file.facts.durable = durable;
                        let world = Arc::clone(&self.world);
                        self.puts.spawn(put(world, file_id, file, chain));
                    }
                    None => queue.chain = Some(chain),
                },
            }
        }
    }

    fn settle(&mut self, done: PutDone) -> Result<(), Error> {
        self.count(&done);
        let metrics = Arc::clone(&self.metrics);
        let Some(partition) = self.started(done.start) else { return Ok(()) };
        let Some(chain) = done.chain else {
            metrics.partitions_restarted.add(1);
            metrics.events_dropped.add(partition.lose(done.destination.date));
            return Ok(());
        };
        partition.ledger.durable(done.file)?;
        partition.landed(&done.destination, chain);
        partition.tell();
        Ok(())
    }

    /// What landed counts even when its partition has started again: it will be skipped then.
    fn count(&self, done: &PutDone) {
        let metrics = &self.metrics;
        if done.chain.is_none() {
            metrics.events_dropped.add(done.events);
            return;
        }
        metrics.files_put.add(1);
        metrics.bytes_put.add(done.bytes);
        metrics.rows_put.add(done.rows);
        if &*done.destination.table == QUARANTINE {
            metrics.rows_quarantined.add(done.rows);
        }
        metrics.table_rows(&done.destination.table, done.rows);
    }

    /// Begins to write the checkpoints that have moved. One that fails is tried again: it is only a hint.
    fn start_save(&mut self) {
        let moved: Vec<_> =
            self.partitions.iter().filter_map(|(id, partition)| Some((*id, partition.moved()?))).collect();
        if moved.is_empty() {
            return;
        }
        let (checkpoints, routing_version) = (self.checkpoints.clone(), self.routing_version);
        self.saves.spawn(async move {
            let writes = moved.into_iter().map(|(id, position)| {
                let checkpoints = checkpoints.clone();
                async move {
                    let written = checkpoints.save(id, routing_version, &position).await;
                    written.map(|()| (id, position.sequence_number))
                }
            });
            let written: Vec<_> = futures::stream::iter(writes).buffer_unordered(SAVES).collect().await;
            let failed = |error: &partitions::Error| {
                tracing::warn!(error = error as &dyn std::error::Error, "a checkpoint was not written");
            };
            written.into_iter().filter_map(|written| written.inspect_err(failed).ok()).collect()
        });
    }

    fn saved(&mut self, written: Vec<(PartitionId, SequenceNumber)>) {
        for (id, at) in written {
            if let Some(partition) = self.partitions.get_mut(&id) {
                partition.saved = partition.saved.max(Some(at));
            }
        }
    }

    /// Writes what has moved since, and waits for it, but not for ever.
    async fn save_last(&mut self) {
        let writing = async {
            while let Some(saved) = self.saves.join_next().await {
                self.saved(saved.unwrap_or_default());
            }
            self.start_save();
            while let Some(saved) = self.saves.join_next().await {
                self.saved(saved.unwrap_or_default());
            }
        };
        if tokio::time::timeout(LAST_SAVE, writing).await.is_err() {
            tracing::warn!(
                "the last checkpoints were not written in time; the next run reads some events again"
            );
        }
    }

    fn started(&mut self, start: StartId) -> Option<&mut Partition> {
        self.partitions
            .get_mut(&start.partition)
            .filter(|partition| partition.start == start && !partition.lost)
    }
}

/// How long the last checkpoints may take.
const LAST_SAVE: Duration = Duration::from_secs(1);

/// Checkpoints written at once.
const SAVES: usize = 16;

/// How often checkpoints are written: what a crash costs is bounded by files, not by this.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Puts in flight: enough to hide a store's latency, few enough that their bytes stay a small part of the budget.
const PUTS: usize = 8;
