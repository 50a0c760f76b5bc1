//! Bytes in flight: one share per lane, and permits that ride in what they pay for.
//!
//! Owns: how many bytes are spent, and waking those who wait for some to come back.
//! Does not own: what a byte buys. Only the intake waits (to give credit and, far overdrawn, to read); lanes and the
//! publisher charge without waiting, so a balance may be negative for a while. A lane waits for no other lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// The bytes one lane, its partitions and its files may hold.
///
/// # Units
/// Bytes of our own buffers' capacities; never what Parquet says of itself.
#[derive(Debug)]
pub struct Share {
    total: i64,
    free: AtomicI64,
    released: Notify,
    /// What is charged here is charged there too.
    whole: Option<Arc<Share>>,
}

impl Share {
    /// Makes a share of `total` bytes, all of them free.
    pub fn new(total: u64) -> Arc<Self> {
        Self::of(total, None)
    }

    /// Makes a part of a share: it is spent when either of the two is.
    pub fn part(self: &Arc<Self>, total: u64) -> Arc<Self> {
        Self::of(total, Some(Arc::clone(self)))
    }

    fn of(total: u64, whole: Option<Arc<Self>>) -> Arc<Self> {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        Arc::new(Self { total, free: AtomicI64::new(total), released: Notify::new(), whole })
    }

    /// What the share holds when nothing is spent.
    pub fn total(&self) -> i64 {
        self.total
    }

    /// What is left; negative when more was charged than there is.
    pub fn free(&self) -> i64 {
        let own = self.free.load(Ordering::Acquire);
        self.whole.as_ref().map_or(own, |whole| own.min(whole.free()))
    }

    /// Whether more than twice as much is spent as there is.
    pub fn is_far_overdrawn(&self) -> bool {
        self.free() < -self.total
    }

    /// Spends `bytes` at once, whatever is left.
    pub fn charge(self: &Arc<Self>, bytes: usize) -> Permit {
        let mut permit = Permit { share: Arc::clone(self), bytes: 0 };
        permit.resize(bytes);
        permit
    }

    /// Waits until a permit gave bytes back and some are free. Returns at once if some are free now.
    pub async fn available(&self) {
        loop {
            // What is released in a part is released in the whole, and tells its waiters.
            let released = self.root().released.notified();
            tokio::pin!(released);
            // Registered before the look, so that a release between the two is not missed.
            released.as_mut().enable();
            if self.free() > 0 {
                return;
            }
            released.await;
        }
    }
}

impl Share {
    fn spend(&self, bytes: i64) {
        let before = self.free.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(whole) = &self.whole {
            whole.spend(bytes);
        }
        // Only a release that makes the difference wakes those who wait.
        if before <= 0 && before - bytes > 0 {
            self.root().released.notify_waiters();
        }
    }

    /// Where all who wait for this share are told.
    fn root(&self) -> &Self {
        self.whole.as_deref().map_or(self, Self::root)
    }
}

/// Bytes that are spent as long as this value lives.
#[derive(Debug)]
pub struct Permit {
    share: Arc<Share>,
    bytes: i64,
}

impl Permit {
    /// How many bytes it stands for.
    pub fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Charges another permit to the same share.
    #[must_use]
    pub fn another(&self, bytes: usize) -> Permit {
        self.share.charge(bytes)
    }

    /// Makes it stand for `bytes`, charging or releasing the difference.
    pub fn resize(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let more = bytes - self.bytes;
        self.bytes = bytes;
        if more != 0 {
            self.share.spend(more);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_give_back_what_they_took() {
        let share = Share::new(100);
        let mut permit = share.charge(70);
        assert_eq!(share.free(), 30);
        permit.resize(120);
        assert_eq!(share.free(), -20);
        permit.resize(200);
        assert!(!share.is_far_overdrawn());
        permit.resize(201);
        assert!(share.is_far_overdrawn());
        drop(permit);
        assert_eq!(share.free(), 100);
    }

    #[test]
    fn a_part_is_spent_when_either_is() {
        let whole = Share::new(100);
        let part = whole.part(30);
        let in_part = part.charge(30);
        assert_eq!((part.free(), whole.free()), (0, 70));
        drop(in_part);
        let _elsewhere = whole.charge(90);
        assert_eq!((part.free(), whole.free()), (10, 10));
    }

    #[tokio::test]
    async fn waiting_in_a_part_ends_when_the_whole_gets_bytes_back() {
        let whole = Share::new(10);
        let part = whole.part(5);
        let elsewhere = whole.charge(10);
        let waiting = tokio::spawn(async move { part.available().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(elsewhere);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn waiting_ends_when_bytes_come_back() {
        let share = Share::new(10);
        let permit = share.charge(10);
        let waiting = tokio::spawn({
            let share = Arc::clone(&share);
            async move { share.available().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(permit);
        waiting.await.unwrap();
    }
}
