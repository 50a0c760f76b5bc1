//! Buffers of batches that are done, for batches to come: their pages are there already, and near.
//!
//! Owns: how many wait, and how large they may be. Does not own: what stands in them (`raw`).
//!
//! What waits is charged to nobody. It is bounded instead, as the buffer of a socket is: a few megabytes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::raw::Buffers;

/// Buffers that wait for a batch. Whoever empties a batch may be another thread than the one that fills the next.
#[derive(Debug, Default)]
pub struct Spares {
    waiting: Mutex<Vec<Buffers>>,
}

impl Spares {
    /// None yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The buffers that were used last, for a batch that is expected to hold so many bytes.
    pub(super) fn take(&self, expected: usize) -> Option<Buffers> {
        if expected < LEAST { None } else { self.waiting().pop() }
    }

    /// Keeps buffers, if they are worth it.
    pub(super) fn put(&self, mut buffers: Buffers) {
        if !(LEAST..=MOST).contains(&buffers.bytes.capacity()) {
            return;
        }
        buffers.clear();
        let mut waiting = self.waiting();
        if waiting.len() < COUNT {
            waiting.push(buffers);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Buffers>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many wait at the most: a batch that is filled, and some on their way through lanes.
const COUNT: usize = 8;
/// Smaller ones cost little to make, and a quiet partition must not be charged for large ones.
const LEAST: usize = 32 * 1024;
/// A batch that one large event made larger than this is not what the next one looks like.
const MOST: usize = 512 * 1024;
