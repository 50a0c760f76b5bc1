//! Bytes that wait to be written to the socket.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The write queue of a connection, in order. Its lock is the innermost: sessions append while they are locked.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    queue: Mutex<Queue>,
    /// Notified when the queue has got bytes.
    pub(super) filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    is_last: bool,
}

impl Outgoing {
    /// Lets `write` append to the queue.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut queue = self.lock();
        let before = queue.bytes.len();
        let result = write(&mut queue.bytes);
        if queue.bytes.len() > before {
            self.filled.notify_one();
        }
        result
    }

    /// Appends the last bytes of the connection. Only the first call counts.
    pub(super) fn write_last(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut queue = self.lock();
        if !queue.is_last {
            write(&mut queue.bytes);
            queue.is_last = true;
            self.filled.notify_one();
        }
    }

    /// Exchanges the queued bytes for an empty buffer; returns whether they are the last ones.
    pub(super) fn swap(&self, empty: &mut Vec<u8>) -> bool {
        let mut queue = self.lock();
        std::mem::swap(&mut queue.bytes, empty);
        queue.is_last
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
