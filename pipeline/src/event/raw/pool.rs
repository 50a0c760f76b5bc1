//! A pool of batch buffers: already faulted in and likely still in cache.
//!
//! Owns: how many buffers are pooled, and their sizes. Does not own: their contents (`buffers`).
//!
//! Pooled buffers are not charged to a budget. Like a socket's buffer they are bounded instead, to a few megabytes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::buffers::Buffers;

/// Buffers of dropped batches. A batch may be dropped on another thread than the one that fills the next.
#[derive(Debug, Default)]
pub struct BufferPool {
    pooled: Mutex<Vec<Buffers>>,
}

impl BufferPool {
    /// Makes an empty pool.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Takes the most recently used buffers, for a batch of about `expected` bytes.
    fn take(&self, expected: usize) -> Option<Buffers> {
        if expected < MIN_BUFFER_BYTES { None } else { self.pooled().pop() }
    }

    /// Keeps buffers of a useful size, and frees others.
    fn put(&self, mut buffers: Buffers) {
        if !(MIN_BUFFER_BYTES..=MAX_BUFFER_BYTES).contains(&buffers.bytes.capacity()) {
            return;
        }
        buffers.clear();
        let mut pooled = self.pooled();
        if pooled.len() < MAX_POOLED {
            pooled.push(buffers);
        }
    }

    fn pooled(&self) -> MutexGuard<'_, Vec<Buffers>> {
        self.pooled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Buffers that go back to their pool, if they have one, when they are dropped.
#[derive(Debug, Default)]
pub(super) struct PooledBuffers {
    pub(super) buffers: Buffers,
    pub(super) pool: Option<Arc<BufferPool>>,
}

impl PooledBuffers {
    /// Makes the empty buffers as large as [`Buffers::lengths`] are expected to become. Growth by doubling would copy
    /// the contents, and leave up to twice the capacity that is needed.
    pub(super) fn reserve(&mut self, expected: [usize; 3]) {
        let [bytes, texts, events] = expected;
        if self.buffers.bytes.capacity() < bytes
            && let Some(pooled) = self.pool.as_ref().and_then(|pool| pool.take(bytes))
        {
            self.buffers = pooled;
        }
        if self.buffers.bytes.capacity() < bytes {
            // `reserve` would copy the old allocation.
            self.buffers.bytes = Vec::with_capacity(bytes + bytes / 8);
        }
        self.buffers.texts.reserve(texts);
        self.buffers.events.reserve(events);
    }
}

impl Drop for PooledBuffers {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.put(std::mem::take(&mut self.buffers));
        }
    }
}

/// Upper bound on pooled buffers: one batch that is filled, and some in lanes.
const MAX_POOLED: usize = 8;
/// Smaller buffers are cheap to allocate, and a quiet partition must not be charged for large ones.
const MIN_BUFFER_BYTES: usize = 32 * 1024;
/// Larger buffers come from one outsized event; the next batch will not need them.
const MAX_BUFFER_BYTES: usize = 512 * 1024;
