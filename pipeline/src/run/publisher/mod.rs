//! Commits closed files under their names, and saves checkpoints of what is durable.
//!
//! Owns: one queue and one chain per destination, one ledger per partition, when checkpoints are saved. Does not own:
//! when a file is closed (`lane`), what a taken name means (`catchwater_sinks::lake`), or how a partition starts again
//! (`reader`).

pub(super) mod put; // one file: schema, footer, file
pub(super) mod schemas; // the lake's schemas during a run
mod partition; // ledger and waiting files of one partition
mod error; // why publishing ends
mod type_warnings; // warnings about column types

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::paths::Destination;
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
use partition::{PartitionUploads, UploadQueue};
use put::{PutDeps, PutDone, put};

/// Events that a publisher leaves to the next run.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftover {
    /// Events that were read and will be read again: their rows are not durable, or are above the checkpoint.
    pub(super) events: u64,
}

/// The files and checkpoints of all partitions of a run.
#[derive(Debug)]
pub(super) struct Publisher {
    deps: Arc<PutDeps>,
    checkpoints: Checkpoints,
    routing_version: u32,
    metrics: Arc<Metrics>,
    partitions: HashMap<PartitionId, PartitionUploads>,
    puts: JoinSet<Result<PutDone, Error>>,
    /// At most one task, which returns the checkpoints that it has saved.
    saves: JoinSet<Vec<(PartitionId, SequenceNumber)>>,
    waiting: VecDeque<(PartitionId, Destination)>,
    next_file: u64,
}

impl Publisher {
    /// A publisher without partitions.
    pub(super) fn new(
        deps: Arc<PutDeps>,
        checkpoints: Checkpoints,
        routing_version: u32,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            deps,
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

    /// Publishes until the inputs end and all files are durable, or until `deadline` passes.
    ///
    /// # Errors
    /// The store fails, or the files contradict the lake. Nothing durable is lost; the rest will be read again.
    pub(super) async fn run(
        mut self,
        mut inputs: mpsc::Receiver<PublisherInput>,
        deadline: Deadline,
    ) -> Result<Leftover, Error> {
        let mut save = tokio::time::interval(SAVE_INTERVAL);
        save.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut open = true;
        let passed = deadline.passed();
        tokio::pin!(passed);
        while open || !self.puts.is_empty() {
            tokio::select! {
                input = inputs.recv(), if open => match input {
                    Some(input) => self.on_input(input)?,
                    None => open = false,
                },
                Some(done) = self.puts.join_next() => self.on_put_done(done.map_err(Error::PutTask)??)?,
                Some(saved) = self.saves.join_next() => self.on_saved(saved.unwrap_or_default()),
                _ = save.tick(), if self.saves.is_empty() => self.start_save(),
                () = &mut passed => break,
            }
            self.start_puts();
        }
        self.save_last().await;
        Ok(Leftover { events: self.partitions.values().map(PartitionUploads::events_left).sum() })
    }

    fn on_input(&mut self, input: PublisherInput) -> Result<(), Error> {
        match input {
            PublisherInput::Begin { start, first, proven, checkpoint, status } => {
                let partition = PartitionUploads::new(start, first, proven, checkpoint, status);
                partition.update_status();
                self.partitions.insert(start.partition, partition);
            }
            PublisherInput::Lane(LaneOutput::Closed(file)) => self.enqueue(*file)?,
            PublisherInput::Lane(LaneOutput::Advanced { start, processed, oldest_open }) => {
                if let Some(partition) = self.started(start) {
                    partition.ledger.advanced(processed, oldest_open)?;
                    partition.update_status();
                }
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, file: ClosedFile) -> Result<(), Error> {
        let id = FileId::new(self.next_file);
        self.next_file += 1;
        let Some(partition) = self.started(file.start) else {
            self.metrics.events_dropped.add(file.events);
            return Ok(());
        };
        partition.ledger.closed(id, file.before.clone())?;
        let (destination, continues_at) = (file.facts.destination.clone(), file.facts.continues_at);
        let key = (file.start.partition, destination.clone());
        let queue =
            partition.destinations.entry(destination).or_insert_with(|| UploadQueue::new(continues_at));
        queue.files.push_back((id, file));
        self.waiting.push_back(key);
        Ok(())
    }

    /// Starts puts for waiting destinations, at most [`CONCURRENT_PUTS`] at a time and one per destination.
    fn start_puts(&mut self) {
        let mut looks = self.waiting.len();
        while self.puts.len() < CONCURRENT_PUTS && looks > 0 {
            looks -= 1;
            let Some((id, destination)) = self.waiting.pop_front() else { return };
            let Some(partition) = self.partitions.get_mut(&id) else { continue };
            let durable = partition.durable().map(|durable| Ordinal::new(durable.get()));
            let Some(queue) = partition.destinations.get_mut(&destination) else { continue };
            match queue.chain.take() {
                None => self.waiting.push_back((id, destination)),
                Some(chain) => match queue.files.pop_front() {
                    Some((file_id, mut file)) => {
                        file.facts.durable = durable;
                        self.puts.spawn(put(Arc::clone(&self.deps), file_id, file, chain));
                    }
                    None => queue.chain = Some(chain),
                },
            }
        }
    }

    fn on_put_done(&mut self, done: PutDone) -> Result<(), Error> {
        self.count(&done);
        let metrics = Arc::clone(&self.metrics);
        let PutDone { start, file, facts, chain, .. } = done;
        let Some(partition) = self.started(start) else { return Ok(()) };
        let Some(chain) = chain else {
            metrics.partitions_restarted.add(1);
            metrics.events_dropped.add(partition.on_conflict(facts.destination.date));
            return Ok(());
        };
        partition.ledger.durable(file)?;
        partition.on_committed(&facts.destination, chain);
        partition.update_status();
        Ok(())
    }

    /// Counts a file. A committed file counts even if its partition has started again, which then skips its events.
    fn count(&self, done: &PutDone) {
        let (metrics, facts) = (&self.metrics, &done.facts);
        let (partition, table) = (done.start.partition, &*facts.destination.table);
        let (rows, bytes, file) = (facts.rows, done.bytes, facts.data_file());
        if done.chain.is_none() {
            metrics.events_dropped.add(done.events);
            tracing::info!(%partition, table, %file, rows, "file not committed; its partition starts again");
            return;
        }
        tracing::info!(%partition, table, %file, rows, bytes, "file committed");
        metrics.files_committed.add(1);
        metrics.bytes_committed.add(bytes);
        metrics.rows_committed.add(rows);
        if table == QUARANTINE {
            metrics.rows_quarantined.add(rows);
        }
        metrics.add_table_rows(table, rows);
    }

    /// Starts to save the checkpoints that have moved. One that fails is saved again later: it is only a hint.
    fn start_save(&mut self) {
        let partitions = self.partitions.iter();
        let moved: Vec<_> = partitions.filter_map(|(id, of)| Some((*id, of.unsaved_checkpoint()?))).collect();
        if moved.is_empty() {
            return;
        }
        let (checkpoints, routing_version) = (self.checkpoints.clone(), self.routing_version);
        self.saves.spawn(async move {
            let saves = moved.into_iter().map(|(id, position)| {
                let checkpoints = checkpoints.clone();
                async move {
                    let saved = checkpoints.save(id, routing_version, &position).await;
                    (id, saved.map(|()| position.sequence_number))
                }
            });
            let saves: Vec<_> =
                futures::stream::iter(saves).buffer_unordered(CONCURRENT_SAVES).collect().await;
            saves.into_iter().filter_map(|(id, saved)| Some((id, log_save(id, saved)?))).collect()
        });
    }

    fn on_saved(&mut self, saved: Vec<(PartitionId, SequenceNumber)>) {
        for (id, checkpoint) in saved {
            if let Some(partition) = self.partitions.get_mut(&id) {
                partition.on_saved(checkpoint);
            }
        }
    }

    /// Saves the checkpoints that have moved since, and waits for that, at most for [`LAST_SAVE_TIMEOUT`].
    async fn save_last(&mut self) {
        let saving = async {
            while let Some(saved) = self.saves.join_next().await {
                self.on_saved(saved.unwrap_or_default());
            }
            self.start_save();
            while let Some(saved) = self.saves.join_next().await {
                self.on_saved(saved.unwrap_or_default());
            }
        };
        if tokio::time::timeout(LAST_SAVE_TIMEOUT, saving).await.is_err() {
            tracing::warn!(
                "the last checkpoints were not saved in time; the next run reads some events again"
            );
        }
    }

    /// The partition, if this is its latest start and had no conflict.
    fn started(&mut self, start: StartId) -> Option<&mut PartitionUploads> {
        self.partitions
            .get_mut(&start.partition)
            .filter(|partition| partition.start == start && !partition.has_conflict)
    }
}

/// Logs the result of saving a checkpoint, and returns the saved number.
fn log_save(
    partition: PartitionId,
    saved: Result<SequenceNumber, partitions::Error>,
) -> Option<SequenceNumber> {
    match saved {
        Ok(sequence_number) => {
            tracing::info!(%partition, %sequence_number, "checkpoint saved");
            Some(sequence_number)
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%partition, error, "a checkpoint was not saved; it is saved again later");
            None
        }
    }
}

/// Time for the last checkpoints, after a drain of nine seconds: `docker stop` kills after ten.
const LAST_SAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Checkpoints saved concurrently: a thousand partitions at 50 ms each take three seconds.
const CONCURRENT_SAVES: usize = 16;

/// Interval between saves. The events that a crash makes a run read again are bounded by the age of open files, not by
/// this.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// Puts in flight: enough to hide a store's latency, few enough that full files stay within the default budget.
const CONCURRENT_PUTS: usize = 4;

#[cfg(test)]
mod tests;
