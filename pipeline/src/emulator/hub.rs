//! One hub: its partitions and its consumer groups, shared by all connections.
//!
//! Owns the locks, and the wake-up of connections by new events. Does not own: the protocol (`connection`), or the
//! rules of a partition (`log`, `readers`).

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::clock::UnixMillis;

use super::config::{Config, DEFAULT_GROUP, HubConfig, NameError};
use super::disk::{self, HubMetadata, LogFile, checksum};
use super::event::Batch;
use super::faults::Faults;
use super::log::{self, PartitionLog};
use super::readers::Readers;
use super::refusal::Refusal;
use super::wakers::Wakers;

/// Maximum number of partitions of a hub: the limit of the service's dedicated tier.
///
/// # Source
/// Protocol reference 5.4.
const MAX_PARTITIONS: u32 = 1024;

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
    /// Connections with a publisher's link.
    publishers: Wakers,
    /// Reason for the end of all links, once another hub has this one's name.
    ended: OnceLock<Refusal>,
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
        check_partitions(hub.partitions)?;
        hub.check_names()?;
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
            publishers: Wakers::default(),
            ended: OnceLock::new(),
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
        self.name.eq_ignore_ascii_case(name)
    }

    /// Returns whether a consumer group exists, in upper or lower case.
    pub(super) fn has_consumer_group(&self, name: &str) -> bool {
        let Some(groups) = &self.consumer_groups else { return true };
        [DEFAULT_GROUP]
            .into_iter()
            .chain(groups.iter().map(String::as_str))
            .any(|group| group.eq_ignore_ascii_case(name))
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
    ///
    /// # Errors
    /// More partitions than a hub can have.
    pub(super) fn add_partitions(&self, count: u32) -> Result<(), Error> {
        let mut partitions = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
        check_partitions((partitions.len() as u32).saturating_add(count))?;
        partitions.extend((0..count).map(|_| Arc::default()));
        Ok(())
    }

    /// Returns an empty hub of the same name and number of partitions.
    pub(super) fn successor(&self, created_at: UnixMillis) -> Self {
        Self {
            name: self.name.clone(),
            partitions: RwLock::new((0..self.partition_count()).map(|_| Arc::default()).collect()),
            created_at,
            consumer_groups: self.consumer_groups.clone(),
            faults: Arc::clone(&self.faults),
            clock: Arc::clone(&self.clock),
            turn: AtomicUsize::new(0),
            publishers: Wakers::default(),
            ended: OnceLock::new(),
        }
    }

    /// Ends the hub: its links are detached as soon as their connections are woken.
    pub(super) fn end(&self, refusal: Refusal) {
        // A hub ends once.
        drop(self.ended.set(refusal));
    }

    /// Returns the reason if the links of the hub have to detach.
    pub(super) fn ended(&self) -> Option<&Refusal> {
        self.ended.get()
    }

    /// Registers a connection with a publisher's link.
    pub(super) fn add_publisher(&self, waker: &Arc<Notify>) {
        self.publishers.add(waker);
    }

    /// Wakes the connections with a link of the hub.
    pub(super) fn wake_links(&self) {
        self.publishers.wake();
        for partition in self.partitions().iter() {
            partition.wakers.wake();
        }
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

fn check_partitions(count: u32) -> Result<(), Error> {
    match count {
        0 => Err(Error::NoPartitions),
        1..=MAX_PARTITIONS => Ok(()),
        _ => Err(Error::TooManyPartitions(count)),
    }
}

/// Error while a hub is opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has no partitions.
    #[error("a hub needs at least one partition")]
    NoPartitions,
    /// The number of partitions is above the limit.
    #[error("a hub has at most {MAX_PARTITIONS} partitions, not {0}")]
    TooManyPartitions(u32),
    /// The service does not allow a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Two hubs have one name.
    #[error("two event hubs have the name `{0}`; rename one of them")]
    SameName(String),
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
    wakers: Wakers,
}

impl Partition {
    /// Locks the log for reading; appends wait.
    pub(super) fn log(&self) -> RwLockReadGuard<'_, PartitionLog> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies `waker` of every later append.
    pub(super) fn wake_on_append(&self, waker: &Arc<Notify>) {
        self.wakers.add(waker);
    }

    fn append(&self, batch: &Batch<'_>, now: UnixMillis) -> Result<i64, log::Error> {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let first = log.append(&batch.events, batch.key, now)?;
        drop(log);
        self.wakers.wake();
        Ok(first)
    }

    /// Appends a message that is sent unchanged.
    pub(super) fn append_verbatim(&self, message: &[u8], now: UnixMillis) -> Result<i64, log::Error> {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let number = log.append_verbatim(message, now)?;
        drop(log);
        self.wakers.wake();
        Ok(number)
    }

    /// Removes the events below a sequence number.
    pub(super) fn purge(&self, below: i64) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let purged = log.purge(below);
        drop(log);
        drop(purged);
    }
}
