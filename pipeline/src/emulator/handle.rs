//! A handle on one hub of a running namespace: its state, and operations that need no connection.
//!
//! Does not own: the hub. A handle finds it by name at each call, so it remains valid after the hub is created again.

use std::sync::Arc;

use crate::amqp::condition;
use crate::clock::UnixMillis;
use crate::position::{Generation, Offset, PartitionId, SequenceNumber};

use super::config::DEFAULT_GROUP;
use super::error::Error;
use super::hub::Hub;
use super::hub::event::{Batch, NewEvent};
use super::namespace::Namespace;
use super::refusal::Refusal;

/// A handle on one hub. After the shutdown of its namespace only its state may be read.
#[derive(Clone, Debug)]
pub struct HubHandle {
    namespace: Arc<Namespace>,
    /// The hub when the handle was made.
    first: Arc<Hub>,
}

impl HubHandle {
    /// Returns a handle on a hub of the namespace.
    pub(super) fn new(namespace: &Arc<Namespace>, first: Arc<Hub>) -> Self {
        Self { namespace: Arc::clone(namespace), first }
    }

    /// Returns a handle on the first hub.
    pub(super) fn first(namespace: &Arc<Namespace>) -> Self {
        Self::new(namespace, namespace.first())
    }

    /// Returns a handle on the hub with this name.
    pub(super) fn find(namespace: &Arc<Namespace>, name: &str) -> Option<Self> {
        Some(Self::new(namespace, namespace.hub(name)?))
    }

    fn hub(&self) -> Arc<Hub> {
        // A name is never removed from a namespace.
        self.namespace.hub(&self.first.name).unwrap_or_else(|| Arc::clone(&self.first))
    }

    /// Returns the hub's name.
    pub fn name(&self) -> &str {
        &self.first.name
    }

    /// Returns the hub's creation time.
    pub fn generation(&self) -> Generation {
        Generation::new(self.hub().created_at)
    }

    /// Returns the number of partitions.
    pub fn partitions(&self) -> u32 {
        self.hub().partition_count()
    }

    /// Returns the names of the consumer groups, `$Default` first; `None` if any group exists.
    pub fn consumer_groups(&self) -> Option<Vec<String>> {
        let hub = self.hub();
        let groups = hub.consumer_groups.as_ref()?;
        let others = groups.iter().filter(|name| !name.eq_ignore_ascii_case(DEFAULT_GROUP));
        Some([DEFAULT_GROUP].into_iter().chain(others.map(String::as_str)).map(str::to_owned).collect())
    }

    /// Returns the state of a partition; `None` for an unknown partition.
    pub fn partition(&self, id: PartitionId) -> Option<PartitionSnapshot> {
        let partition = self.hub().partition(id.get())?;
        let log = partition.log();
        Some(PartitionSnapshot {
            begin: SequenceNumber::new(log.begin()),
            last: SequenceNumber::new(log.last()),
            last_offset: Offset::new(log.last_offset()),
            last_enqueued_time: log.last_enqueued_time(),
            events: log.len() as u64,
            bytes: log.bytes(),
        })
    }

    /// Appends one event to a partition without a connection.
    pub fn append(&self, partition: PartitionId, event: &NewEvent<'_>) -> Result<SequenceNumber, Error> {
        self.append_message(partition, &event.encode())
    }

    /// Appends one event, encoded by its sender, to a partition without a connection.
    pub fn append_message(&self, partition: PartitionId, message: &[u8]) -> Result<SequenceNumber, Error> {
        let hub = self.hub();
        if hub.partition(partition.get()).is_none() {
            return Err(Error::UnknownPartition(partition));
        }
        let batch = Batch::read(0, message)?;
        let appended = hub.publish(Some(partition.get()), &batch);
        let (_, first) = appended.map_err(|source| Error::Append(Box::new(source)))?;
        Ok(SequenceNumber::new(first))
    }

    /// Appends a message that is sent unchanged, annotations included, as only a broken hub does.
    pub fn append_verbatim(&self, partition: PartitionId, message: &[u8]) -> Result<SequenceNumber, Error> {
        let hub = self.hub();
        let partition = hub.partition(partition.get()).ok_or(Error::UnknownPartition(partition))?;
        let appended = partition.append_verbatim(message, hub.now());
        appended.map(SequenceNumber::new).map_err(|source| Error::Append(Box::new(source)))
    }

    /// Adds empty partitions.
    ///
    /// # Errors
    /// More partitions than a hub can have, or a data folder that can't be written.
    pub fn add_partitions(&self, count: u32) -> Result<(), Error> {
        Ok(self.namespace.add_partitions(self.name(), count)?)
    }

    /// Creates the hub again: it is empty and has a new creation time. Its links are detached.
    ///
    /// # Errors
    /// The data folder can't be written.
    pub fn recreate(&self) -> Result<(), Error> {
        Ok(self.namespace.recreate(&self.hub())?)
    }

    /// Gives sequence numbers out from 0 again: the hub is empty and keeps its creation time. Its links are detached.
    /// The official emulator does this at each restart.
    ///
    /// # Errors
    /// The data folder can't be written.
    pub fn renumber(&self) -> Result<(), Error> {
        Ok(self.namespace.renumber(&self.hub())?)
    }

    /// Removes the events of a partition below a sequence number, as retention does.
    pub fn purge(&self, partition: PartitionId, below: SequenceNumber) {
        if let Some(partition) = self.hub().partition(partition.get())
            && let Err(error) = partition.purge(below.get())
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "events could not be removed");
        }
    }

    /// Turns geo-replication on: later events have offsets of another form, and the hub refuses those of before.
    pub fn geo_replicate(&self) {
        self.hub().geo_replicate();
    }

    /// Detaches every reader of a partition, as the service does when it moves the partition.
    pub fn detach_readers(&self, partition: PartitionId) {
        if let Some(partition) = self.hub().partition(partition.get()) {
            let text = "The link was detached because the partition moves.";
            partition.readers.end_all(&Refusal::new(condition::DETACH_FORCED, text));
        }
    }
}

/// State of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSnapshot {
    /// Sequence number of the first event that retention has left, or of the next event if it has left none; -1 before
    /// the first event.
    pub begin: SequenceNumber,
    /// Sequence number of the last event, even if retention has removed it; -1 before the first event.
    pub last: SequenceNumber,
    /// Offset of the last event; "-1" before the first event.
    pub last_offset: Offset,
    /// Enqueued time of the last event, unix milliseconds.
    pub last_enqueued_time: UnixMillis,
    /// Number of events that retention has left.
    pub events: u64,
    /// Encoded size of these events, bytes.
    pub bytes: u64,
}
