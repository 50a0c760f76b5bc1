//! One hub: its partitions and its consumer groups, shared by all connections.
//!
//! Owns the locks, and the wake-up of connections by new events. Does not own: the protocol (`connection`), or the
//! rules of a partition (`log`, `readers`).

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, Weak};

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::clock::UnixMillis;

use super::config::{Config, HubConfig};
use super::disk::{self, HubMetadata, LogFile, checksum};
use super::event::Batch;
use super::faults::Faults;
use super::log::{self, PartitionLog};
use super::readers::Readers;

/// Name of the consumer group that every hub has, in lower case.
const DEFAULT_GROUP: &str = "$default";

/// One event hub.
pub(super) struct Hub {
    pub(super) name: String,
    partitions: RwLock<Vec<Arc<Partition>>>,
    pub(super) created_at: UnixMillis,
    /// Names of the consumer groups besides `$Default`; `None` means that any group exists.
    pub(super) consumer_groups: Option<Vec<String>>,
    /// The faults of the namespace.
    pub(super) faults: Arc<Faults>,
    clock: Arc<dyn Clock>,
    /// Round-robin counter for events without partition and key.
    turn: AtomicUsize,
}

/// Omits the partitions, which hold all events.
impl std::fmt::Debug for Hub {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Hub").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Hub {
    /// Opens a hub of a configuration, with the events of its data folder.
    pub(super) fn open(hub: &HubConfig, config: &Config, faults: Arc<Faults>) -> Result<Self, Error> {
        if hub.partitions == 0 {
            return Err(Error::NoPartitions);
        }
        let HubConfig { name, partitions, consumer_groups } = hub.clone();
        let created_at = config.created_at.unwrap_or_else(|| config.clock.now());
        let mut hub = Self {
            name,
            partitions: RwLock::new((0..partitions).map(|_| Arc::default()).collect()),
            created_at,
            consumer_groups,
            faults,
            clock: Arc::clone(&config.clock),
            turn: AtomicUsize::new(0),
        };
        if let Some(folder) = &config.data {
            hub.recover(&folder.join(hub.name.to_lowercase()))?;
        }
        Ok(hub)
    }

    /// Returns the current time.
    pub(super) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Returns whether this is the hub's name, in upper or lower case.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.to_lowercase() == name.to_lowercase()
    }

    /// Returns whether a consumer group exists, in upper or lower case.
    pub(super) fn has_consumer_group(&self, name: &str) -> bool {
        let Some(groups) = &self.consumer_groups else { return true };
        let name = name.to_lowercase();
        name == DEFAULT_GROUP || groups.iter().any(|group| group.to_lowercase() == name)
    }

    /// Returns a partition by its number.
    pub(super) fn partition(&self, id: u32) -> Option<Arc<Partition>> {
        self.partitions().get(id as usize).map(Arc::clone)
    }

    /// Returns the number of partitions.
    pub(super) fn partition_count(&self) -> u32 {
        self.partitions().len() as u32
    }

    /// Adds empty partitions; their events are not written to files.
    pub(super) fn add_partitions(&self, count: u32) {
        let mut partitions = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
        partitions.extend((0..count).map(|_| Arc::default()));
    }

    /// Gives offsets the form of a geo-replicated hub: those of later events, in all partitions that there are.
    pub(super) fn geo_replicate(&self) {
        for partition in self.partitions().iter() {
            partition.log.write().unwrap_or_else(PoisonError::into_inner).is_geo_replicated = true;
        }
    }

    fn partitions(&self) -> RwLockReadGuard<'_, Vec<Arc<Partition>>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends events to `partition`, else to the partition of their key, else to the next in turn; returns the
    /// partition and the first sequence number.
    pub(super) fn publish(
        &self,
        partition: Option<u32>,
        batch: &Batch<'_>,
    ) -> Result<(u32, i64), log::Error> {
        let id = partition.unwrap_or_else(|| self.choose_partition(batch.key));
        let partition = {
            let partitions = self.partitions();
            Arc::clone(&partitions[id as usize % partitions.len()])
        };
        let first = partition.append(batch, self.now())?;
        Ok((id, first))
    }

    fn choose_partition(&self, key: Option<&str>) -> u32 {
        let count = self.partition_count() as usize;
        let chosen = match key {
            Some(key) => (checksum(&[key.as_bytes()]) % count as u64) as usize,
            None => self.turn.fetch_add(1, Ordering::Relaxed) % count,
        };
        chosen as u32
    }

    fn recover(&mut self, folder: &Path) -> Result<(), Error> {
        let partitions = self.partition_count();
        let fresh = HubMetadata { event_hub: self.name.clone(), partitions, created_at: self.created_at };
        let metadata = HubMetadata::read_or_write(folder, fresh)?;
        if metadata.partitions != partitions || metadata.event_hub != self.name {
            return Err(Error::OtherHub { event_hub: metadata.event_hub, partitions: metadata.partitions });
        }
        self.created_at = metadata.created_at;
        let mut recovered = Vec::new();
        for id in 0..partitions {
            let (file, records) = LogFile::open(folder, id)?;
            let log = RwLock::new(PartitionLog::recovered(file, records));
            recovered.push(Arc::new(Partition { log, ..Partition::default() }));
        }
        self.partitions = RwLock::new(recovered);
        Ok(())
    }
}

/// Error while a hub is opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has no partitions.
    #[error("a hub needs at least one partition")]
    NoPartitions,
    /// The folder belongs to another hub.
    #[error("the data folder belongs to hub {event_hub} with {partitions} partitions")]
    OtherHub {
        /// Name of the other hub.
        event_hub: String,
        /// Number of its partitions.
        partitions: u32,
    },
    /// The folder can't be read or written.
    #[error("the data folder can't be used")]
    Disk(#[from] disk::Error),
}

/// One partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    log: RwLock<PartitionLog>,
    pub(super) readers: Readers,
    /// Connections with a reader of the partition; every append wakes them.
    wakers: Mutex<Vec<Weak<Notify>>>,
}

impl Partition {
    /// Locks the log for reading; appends wait.
    pub(super) fn log(&self) -> RwLockReadGuard<'_, PartitionLog> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies `waker` of every later append.
    pub(super) fn wake_on_append(&self, waker: &Arc<Notify>) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = wakers.iter().any(|held| held.as_ptr() == Arc::as_ptr(waker));
        if !is_known {
            wakers.push(Arc::downgrade(waker));
        }
    }

    fn append(&self, batch: &Batch<'_>, now: UnixMillis) -> Result<i64, log::Error> {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let first = log.append(&batch.events, batch.key, now)?;
        drop(log);
        self.wake();
        Ok(first)
    }

    /// Appends a message that is sent unchanged.
    pub(super) fn append_verbatim(&self, message: &[u8], now: UnixMillis) -> Result<i64, log::Error> {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let number = log.append_verbatim(message, now)?;
        drop(log);
        self.wake();
        Ok(number)
    }

    /// Removes the events below a sequence number.
    pub(super) fn purge(&self, below: i64) {
        self.log.write().unwrap_or_else(PoisonError::into_inner).purge(below);
    }

    fn wake(&self) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.retain(|waker| match waker.upgrade() {
            Some(waker) => {
                waker.notify_one();
                true
            }
            None => false,
        });
    }
}
