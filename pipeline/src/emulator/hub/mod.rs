//! One hub: its partitions and its consumer groups, shared by all connections.
//!
//! Owns the choice of a partition, and the change to an empty hub. Does not own: the protocol (`connection`), or a
//! partition (`partition`).

pub(super) mod partition; // one partition: its log and the connections that wait for events
pub(super) mod log; // the events of one partition
pub(super) mod readers; // the readers of one partition, owner levels
pub(super) mod event; // received events and batches
mod annotations; // the annotations of an event as readers get it
pub(super) mod filter; // the selector filter of a reader

use std::ops::Range;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use tokio::sync::Notify;

use crate::amqp::sections::Message;
use crate::clock::Clock;
use crate::clock::UnixMillis;

use self::event::Batch;
use self::log::PartitionLog;
use self::partition::Partition;
use super::config::{Config, DEFAULT_GROUP, DEFAULT_PARTITIONS, HubConfig, NameError};
use super::data;
use super::faults::{Faults, reform};
use super::refusal::Refusal;
use super::storage::{self, HubFolder, HubMetadata};
use super::wakers::Wakers;

pub use event::{BATCH_FORMAT, NewEvent};

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
    /// The folder that survives a restart; another hub of the same name takes it over.
    folder: Option<Arc<Mutex<HubFolder>>>,
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
    /// Opens a hub of a configuration, with the events of its folder.
    pub(super) fn open(
        hub: &HubConfig,
        config: &Config,
        faults: Arc<Faults>,
        folder: Option<&Path>,
    ) -> Result<Self, Error> {
        let HubConfig { name, partitions: wanted, consumer_groups } = hub.clone();
        let partitions = wanted.unwrap_or(DEFAULT_PARTITIONS);
        check_partitions(partitions)?;
        let created_at = config.created_at.unwrap_or_else(|| config.clock.now());
        let mut hub = Self {
            name,
            partitions: RwLock::new(empty_partitions(partitions)),
            created_at,
            consumer_groups,
            faults,
            clock: Arc::clone(&config.clock),
            turn: AtomicUsize::new(0),
            folder: None,
            publishers: Wakers::default(),
            ended: OnceLock::new(),
        };
        if let Some(folder) = folder {
            hub.recover(folder, wanted)?;
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

    /// Adds empty partitions.
    ///
    /// # Errors
    /// More partitions than a hub can have, or a folder that can't be written.
    pub(super) fn add_partitions(&self, count: u32) -> Result<(), Error> {
        let mut partitions = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
        let before = partitions.len() as u32;
        let total = before.saturating_add(count);
        check_partitions(total)?;
        let added = match &self.folder {
            Some(folder) => {
                let mut folder = folder.lock().unwrap_or_else(PoisonError::into_inner);
                folder.set_partitions(total)?;
                open_partitions(&folder, before..total)?
            }
            None => empty_partitions(count),
        };
        partitions.extend(added);
        Ok(())
    }

    /// Returns an empty hub of the same name and number of partitions, which takes the folder over.
    ///
    /// # Errors
    /// A folder that can't be written. It still has this hub.
    pub(super) fn successor(&self, created_at: UnixMillis) -> Result<Self, Error> {
        let count = self.partition_count();
        let partitions = match &self.folder {
            Some(folder) => {
                let mut folder = folder.lock().unwrap_or_else(PoisonError::into_inner);
                folder.begin_again(created_at)?;
                open_partitions(&folder, 0..count)?
            }
            None => empty_partitions(count),
        };
        Ok(Self {
            name: self.name.clone(),
            partitions: RwLock::new(partitions),
            created_at,
            consumer_groups: self.consumer_groups.clone(),
            faults: Arc::clone(&self.faults),
            clock: Arc::clone(&self.clock),
            turn: AtomicUsize::new(0),
            folder: self.folder.clone(),
            publishers: Wakers::default(),
            ended: OnceLock::new(),
        })
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
            partition.geo_replicate();
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
        let forms = self.faults.forms(&self.name);
        let first = if forms.is_empty() {
            partition.append(batch, self.now())?
        } else {
            let encoded = reform(&batch.events, &forms)?;
            let events =
                encoded.iter().map(|event| Message::scan_annotations(event)).collect::<Result<_, _>>()?;
            partition.append(&Batch { events, key: batch.key }, self.now())?
        };
        Ok((id, first))
    }

    fn choose_partition(&self, key: Option<&str>) -> u32 {
        let count = self.partition_count() as usize;
        let chosen = match key {
            Some(key) => (hash(key) % count as u64) as usize,
            None => self.turn.fetch_add(1, Ordering::Relaxed) % count,
        };
        chosen as u32
    }

    /// Continues with the hub of a folder. It has at least the `wanted` number of partitions.
    fn recover(&mut self, path: &Path, wanted: Option<u32>) -> Result<(), Error> {
        let fresh = HubMetadata::new(self.name.clone(), self.partition_count(), self.created_at);
        let mut folder = HubFolder::open(path, fresh)?;
        let HubMetadata { event_hub, partitions: stored, created_at, .. } = folder.metadata().clone();
        if !self.is_named(&event_hub) {
            return Err(Error::OtherHub {
                path: path.to_owned(),
                stored: event_hub,
                wanted: self.name.clone(),
            });
        }
        let partitions = wanted.unwrap_or(stored);
        if partitions < stored {
            return Err(Error::FewerPartitions { event_hub: self.name.clone(), stored, wanted: partitions });
        }
        if partitions > stored {
            folder.set_partitions(partitions)?;
        }
        self.created_at = created_at;
        self.partitions = RwLock::new(open_partitions(&folder, 0..partitions)?);
        self.folder = Some(Arc::new(Mutex::new(folder)));
        Ok(())
    }
}

/// Opens partitions with the events of a folder.
///
/// Threads read them that end afterwards: the allocator uses the memory of events that retention removes again
/// only if the thread that has read them allocates, or has ended.
fn open_partitions(folder: &HubFolder, ids: Range<u32>) -> Result<Vec<Arc<Partition>>, Error> {
    let logs = folder.logs()?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let open = |worker: usize| -> Result<Vec<_>, storage::Error> {
        let ids = ids.clone().skip(worker).step_by(threads);
        ids.map(|id| Ok((id, Arc::new(Partition::new(PartitionLog::open(&logs, id)?))))).collect()
    };
    let open = &open;
    let opened: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|worker| scope.spawn(move || open(worker))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut partitions = Vec::new();
    for opened in opened {
        partitions.extend(opened?);
    }
    partitions.sort_unstable_by_key(|(id, _)| *id);
    Ok(partitions.into_iter().map(|(_, partition)| partition).collect())
}

fn empty_partitions(count: u32) -> Vec<Arc<Partition>> {
    (0..count).map(|_| Arc::default()).collect()
}

pub(super) fn check_partitions(count: u32) -> Result<(), Error> {
    match count {
        0 => Err(Error::NoPartitions),
        1..=MAX_PARTITIONS => Ok(()),
        _ => Err(Error::TooManyPartitions(count)),
    }
}

/// Hash of a partition key, FNV-1a: events of a key are in one partition, before a restart and after it.
fn hash(key: &str) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    key.bytes().fold(0xcbf2_9ce4_8422_2325, step)
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
    #[error(
        "{} has the hub {stored}, not {wanted}: rename the folder as its hub, or name another data folder",
        path.display()
    )]
    OtherHub {
        /// The folder.
        path: PathBuf,
        /// Name of the hub in the folder.
        stored: String,
        /// Name of the hub in the configuration.
        wanted: String,
    },
    /// The folder has more partitions than the configuration.
    #[error(
        "hub {event_hub} has {stored} partitions in the data folder, and the configuration has {wanted}: partitions \
         can't be removed, so configure at least {stored}, or name another data folder"
    )]
    FewerPartitions {
        /// Name of the hub.
        event_hub: String,
        /// Number of partitions in the folder.
        stored: u32,
        /// Number of partitions in the configuration.
        wanted: u32,
    },
    /// The data folder is in use, or has another layout.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The folder can't be read or written.
    #[error("the data folder can't be used")]
    Disk(#[from] storage::Error),
}
