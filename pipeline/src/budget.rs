//! Bytes in flight: one share per lane, and permits that ride in what they pay for.
//!
//! Owns: how many bytes are spent, and waking those who wait for some to come back.
//! Does not own: what a byte buys. Only the intake waits (to give credit and, far overdrawn, to read); lanes and the
//! publisher charge without waiting, so a balance may be negative for a while. A lane waits for no other lane.
//!
//! # Invariant
//! While a lane's budget is exhausted, something in flight will release it: a batch that the lane takes, an open file that
//! it closes, or a closed file that the publisher puts. What holds neither an event nor a row is not charged, and credit,
//! which a quiet hub never uses up, stays a small part. [`LaneBudget::is_starved`] says that this is broken.

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

/// The budget of one lane, by what releases it.
#[derive(Clone, Debug)]
pub struct LaneBudget {
    /// All of it. Rows of open files are charged here: the lane closes them.
    pub whole: Arc<Share>,
    /// Of it, what is credited to the hub, and batches that have arrived: the lane takes them.
    pub intake: Arc<Share>,
    /// Of it, closed files: they are released when they are durable. It may take all.
    pub closed: Arc<Share>,
}

impl LaneBudget {
    /// A budget of this size, in bytes.
    pub fn new(bytes: u64) -> Self {
        let whole = Share::new(bytes);
        let (intake, closed) = (whole.part(bytes / INTAKE_PART), whole.part(bytes));
        Self { whole, intake, closed }
    }

    /// The credit of each partition when this many share the budget.
    pub fn credit_of_each(&self, partitions: usize) -> usize {
        self.intake.total() as usize / CREDIT_PART / partitions.max(1)
    }

    /// Whether open files of so many bytes have to give some back: the budget would be exhausted even if all closed
    /// files were durable, and it is not the intake that exhausts it.
    pub fn is_short(&self, open: usize) -> bool {
        let enough = (self.whole.total() / OPEN_PART).max(1);
        self.whole.free() + self.closed.charged() <= 0 && open as i64 >= enough
    }

    /// Whether closed files in flight leave room for more that could wait. A closed file may be many times as large as its
    /// rows were, and all that is open may have to be closed at one time.
    pub fn has_room_to_close(&self) -> bool {
        self.closed.charged() < self.whole.total() / CLOSED_PART
    }

    /// Whether no event can come and nothing will change that, the open files holding so many bytes: the invariant is
    /// broken, if this lasts.
    pub fn is_starved(&self, open: usize) -> bool {
        let only_credit = self.intake.charged() <= self.intake.total() / CREDIT_PART as i64;
        self.intake.free() <= 0 && only_credit && self.closed.charged() == 0 && !self.is_short(open)
    }
}

/// One in four bytes of a lane's budget may be on its way in: credited to the hub, or in batches that wait for the lane.
/// Without this bound a fast hub fills the whole budget with batches, and columns grow into memory that the allocator has
/// not given back yet.
const INTAKE_PART: u64 = 4;

/// Half of that may be credit: the other half is for what has arrived and waits for the lane.
const CREDIT_PART: usize = 2;

/// Half of a budget may be files in flight before those that could wait do.
const CLOSED_PART: i64 = 2;

/// Open files with less than a quarter are not what exhausts a budget.
const OPEN_PART: i64 = 4;

impl Share {
    /// Bytes charged to this budget and to its sub-budgets.
    pub fn charged(&self) -> i64 {
        self.total - self.free.load(Ordering::Acquire)
    }

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

    /// While a budget is exhausted, one of these holds: it is short of what open files hold, something in flight will
    /// release it, or it is starved, which ends the run. So no reader waits for memory that is never released.
    #[test]
    fn exhausted_budgets_are_short_in_flight_or_starved() {
        const SIZES: [usize; 6] = [0, 100, 125, 260, 700, 1100];
        for arrived in SIZES {
            for open in SIZES {
                for closed in SIZES {
                    for leaked in SIZES {
                        check_exhausted(arrived, open, closed, leaked);
                    }
                }
            }
        }
    }

    fn check_exhausted(arrived: usize, open: usize, closed: usize, leaked: usize) {
        // Credit is never more than an eighth.
        for credit in [0, 125] {
            let budget = LaneBudget::new(1000);
            let _permits = [
                budget.intake.charge(credit),
                budget.intake.charge(arrived),
                budget.whole.charge(open),
                budget.closed.charge(closed),
                budget.whole.charge(leaked),
            ];
            let case = format!("{credit} credited, {arrived} arrived, {open} {closed} {leaked}");
            let (exhausted, starved) = (budget.intake.free() <= 0, budget.is_starved(open));
            if exhausted {
                assert!(arrived > 0 || closed > 0 || budget.is_short(open) || starved, "{case}");
            }
            assert!(!starved || (exhausted && leaked > 0), "{case}");
        }
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
