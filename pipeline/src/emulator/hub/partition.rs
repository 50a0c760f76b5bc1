//! One partition: its log, its readers, and the connections that wait for its events.
//!
//! Owns the lock of the log. Does not own: the rules of the log (`log`) and of readers (`readers`).

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::Notify;

use crate::clock::UnixMillis;

use super::super::wakers::Wakers;
use super::event::Batch;
use super::log::{self, PartitionLog};
use super::readers::Readers;

/// One partition.
#[derive(Debug, Default)]
pub(in crate::emulator) struct Partition {
    log: RwLock<PartitionLog>,
    /// Held while events are removed, which does most of its work without the lock of the log.
    purging: Mutex<()>,
    pub(in crate::emulator) readers: Readers,
    /// Connections with a reader of the partition; every append wakes them.
    pub(in crate::emulator) wakers: Wakers,
}

impl Partition {
    /// Returns a partition with this log.
    pub(in crate::emulator) fn new(log: PartitionLog) -> Self {
        Self { log: RwLock::new(log), ..Self::default() }
    }

    /// Locks the log for reading; appends wait.
    pub(in crate::emulator) fn log(&self) -> RwLockReadGuard<'_, PartitionLog> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies `waker` of every later append.
    pub(in crate::emulator) fn wake_on_append(&self, waker: &Arc<Notify>) {
        self.wakers.add(waker);
    }

    /// Appends the events of a batch and returns the first sequence number.
    pub(in crate::emulator) fn append(&self, batch: &Batch<'_>, now: UnixMillis) -> Result<i64, log::Error> {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let first = log.append(&batch.events, batch.key, now)?;
        drop(log);
        self.wakers.wake();
        Ok(first)
    }

    /// Appends a message that is sent unchanged.
    pub(in crate::emulator) fn append_verbatim(
        &self,
        message: &[u8],
        now: UnixMillis,
    ) -> Result<i64, log::Error> {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let number = log.append_verbatim(message, now)?;
        drop(log);
        self.wakers.wake();
        Ok(number)
    }

    /// Removes the events below a sequence number: from the disk's record of the oldest one first, so that no reader
    /// misses an event that a restart brings back.
    ///
    /// # Errors
    /// The record can't be written. No event is removed.
    pub(in crate::emulator) fn purge(&self, below: i64) -> Result<(), log::Error> {
        let purging = self.purging.lock().unwrap_or_else(PoisonError::into_inner);
        let log = self.log();
        let (begin, below, record) = (log.begin().max(0), below.min(log.next()), log.begin_record());
        drop(log);
        if below <= begin {
            return Ok(());
        }
        if let Some(record) = record {
            record.advance(begin, below)?;
        }
        let purged = self.log.write().unwrap_or_else(PoisonError::into_inner).purge(below);
        drop(purging);
        purged.finish();
        Ok(())
    }

    /// Gives later offsets the form of a geo-replicated hub.
    pub(in crate::emulator) fn geo_replicate(&self) {
        self.log.write().unwrap_or_else(PoisonError::into_inner).is_geo_replicated = true;
    }

    #[cfg(test)]
    pub(in crate::emulator) fn replace_disk(&self, disk: Arc<dyn super::super::storage::Disk>) {
        self.log.write().unwrap_or_else(PoisonError::into_inner).replace_disk(disk);
    }

    /// Removes the events that were enqueued before a time.
    ///
    /// # Errors
    /// As those of [`purge`](Self::purge).
    pub(in crate::emulator) fn purge_before(&self, time: UnixMillis) -> Result<(), log::Error> {
        let below = self.log().first_since(time);
        self.purge(below)
    }
}
