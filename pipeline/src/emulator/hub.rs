//! The hub: its partitions, its key and its clock, shared by all connections.
//!
//! Owns the locks and who is woken by new events. Does not own: the wire (`connection`), or the rules of a
//! partition (`log`, `readers`).

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, Weak};

use tokio::sync::Notify;

use crate::clock::Clock;

use super::access::AccessKey;
use super::config::Config;
use super::disk::{self, HubPage, LogFile, checksum};
use super::event::Batch;
use super::faults::Faults;
use super::log::{self, PartitionLog};
use super::readers::Readers;

/// One event hub.
pub(super) struct Hub {
    pub(super) name: String,
    partitions: RwLock<Vec<Arc<Partition>>>,
    pub(super) created_ms: i64,
    pub(super) access: AccessKey,
    pub(super) faults: Faults,
    clock: Arc<dyn Clock>,
    /// The partition that the next event without a choice goes to.
    turn: AtomicUsize,
}

/// The clock has nothing to show.
impl std::fmt::Debug for Hub {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Hub").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Hub {
    /// Makes the hub that a configuration describes, with what its folder holds.
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        if config.partitions == 0 {
            return Err(Error::NoPartitions);
        }
        let created_ms = config.created_ms.unwrap_or_else(|| config.clock.now_ms());
        let mut hub = Self {
            name: config.event_hub.clone(),
            partitions: RwLock::new((0..config.partitions).map(|_| Arc::default()).collect()),
            created_ms,
            access: AccessKey { name: config.key_name.clone(), key: config.key.clone() },
            faults: Faults::default(),
            clock: Arc::clone(&config.clock),
            turn: AtomicUsize::new(0),
        };
        if let Some(folder) = &config.data {
            hub.recover(folder)?;
        }
        Ok(hub)
    }

    /// Returns unix milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Returns a partition by its number.
    pub(super) fn partition(&self, id: u32) -> Option<Arc<Partition>> {
        self.partitions().get(id as usize).map(Arc::clone)
    }

    /// Returns how many partitions there are now.
    pub(super) fn partition_count(&self) -> u32 {
        self.partitions().len() as u32
    }

    /// Adds empty partitions, which are in no file.
    pub(super) fn add_partitions(&self, count: u32) {
        let mut partitions = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
        partitions.extend((0..count).map(|_| Arc::default()));
    }

    fn partitions(&self) -> RwLockReadGuard<'_, Vec<Arc<Partition>>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends events to one partition: the one that is asked for, the one of their key, or the next in turn.
    pub(super) fn publish(
        &self,
        partition: Option<u32>,
        batch: &Batch<'_>,
    ) -> Result<(u32, i64), log::Error> {
        let id = partition.unwrap_or_else(|| self.choose(batch.key));
        let partition = {
            let partitions = self.partitions();
            Arc::clone(&partitions[id as usize % partitions.len()])
        };
        let first = partition.append(batch, self.now_ms())?;
        Ok((id, first))
    }

    fn choose(&self, key: Option<&str>) -> u32 {
        let count = self.partition_count() as usize;
        let chosen = match key {
            Some(key) => (checksum(&[key.as_bytes()]) % count as u64) as usize,
            None => self.turn.fetch_add(1, Ordering::Relaxed) % count,
        };
        chosen as u32
    }

    fn recover(&mut self, folder: &Path) -> Result<(), Error> {
        let partitions = self.partition_count();
        let fresh = HubPage { event_hub: self.name.clone(), partitions, created_ms: self.created_ms };
        let page = HubPage::read_or_write(folder, fresh)?;
        if page.partitions != partitions || page.event_hub != self.name {
            return Err(Error::OtherHub { event_hub: page.event_hub, partitions: page.partitions });
        }
        self.created_ms = page.created_ms;
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

/// Why a hub can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A hub without partitions.
    #[error("a hub needs at least one partition")]
    NoPartitions,
    /// The folder belongs to another hub.
    #[error("the data folder belongs to hub {event_hub} with {partitions} partitions")]
    OtherHub {
        /// Its name.
        event_hub: String,
        /// How many partitions it has.
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
    /// The connections that have a reader here, woken by every append.
    wakers: Mutex<Vec<Weak<Notify>>>,
}

impl Partition {
    /// Returns the log for reading; appends wait meanwhile.
    pub(super) fn log(&self) -> RwLockReadGuard<'_, PartitionLog> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `waker` notified of every append from now on.
    pub(super) fn wake_on_append(&self, waker: &Arc<Notify>) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = wakers.iter().any(|held| held.as_ptr() == Arc::as_ptr(waker));
        if !known {
            wakers.push(Arc::downgrade(waker));
        }
    }

    fn append(&self, batch: &Batch<'_>, now_ms: i64) -> Result<i64, log::Error> {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let first = log.append(&batch.events, batch.key, now_ms)?;
        drop(log);
        self.wake();
        Ok(first)
    }

    /// Appends a message that readers get as it is.
    pub(super) fn append_stamped(&self, message: &[u8], now_ms: i64) -> Result<i64, log::Error> {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let number = log.append_stamped(message, now_ms)?;
        drop(log);
        self.wake();
        Ok(number)
    }

    /// Lets retention pass the events below a sequence number.
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
