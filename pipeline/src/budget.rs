//! Bytes in flight: a budget for each lane, and permits that travel with the values they are charged for.
//!
//! Owns: the number of charged bytes, and waking tasks that wait for a release. Does not own: the use of a byte. Only
//! the intake waits (before it gives credit or renews a session window). Lanes and the publisher charge
//! without waiting, so a balance may be negative for a while. A lane does not wait for another lane.
//!
//! # Invariant
//! While a lane's budget is exhausted, something in flight will release it: a batch that the lane takes, an open file
//! that it closes, or a closed file that the publisher commits. A value without an event or a row is not charged, and
//! credit, which a quiet hub never uses up, is a small part. [`LaneBudget::is_starved`] detects a violation.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// A limit on bytes in flight. Charges to a sub-budget are charges to its parent too.
///
/// # Units
/// Bytes of our own buffers' capacities, not the sizes that Parquet reports.
#[derive(Debug)]
pub struct Budget {
    total: i64,
    /// Bytes that are not charged here; negative when overdrawn.
    uncharged: AtomicI64,
    released: Notify,
    parent: Option<Arc<Budget>>,
}

impl Budget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Arc<Self> {
        Self::below(total, None)
    }

    /// A budget inside this one: it is exhausted when either of the two is.
    pub fn sub_budget(self: &Arc<Self>, total: u64) -> Arc<Self> {
        Self::below(total, Some(Arc::clone(self)))
    }

    fn below(total: u64, parent: Option<Arc<Self>>) -> Arc<Self> {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        Arc::new(Self { total, uncharged: AtomicI64::new(total), released: Notify::new(), parent })
    }

    /// Size of the budget.
    pub fn total(&self) -> i64 {
        self.total
    }

    /// Bytes that may still be charged; negative when overdrawn.
    pub fn available(&self) -> i64 {
        let own = self.uncharged.load(Ordering::Acquire);
        self.parent.as_ref().map_or(own, |parent| own.min(parent.available()))
    }

    /// Bytes charged to this budget and to its sub-budgets.
    pub fn charged(&self) -> i64 {
        self.total - self.uncharged.load(Ordering::Acquire)
    }

    /// Charges `bytes` at once, even past the limit.
    pub fn charge(self: &Arc<Self>, bytes: usize) -> Permit {
        let mut permit = Permit { budget: Arc::clone(self), bytes: 0 };
        permit.resize(bytes);
        permit
    }

    /// Waits until bytes are available. Returns at once if some are available now.
    pub async fn wait_available(&self) {
        loop {
            // A release in a sub-budget is a release in its root, and wakes the root's waiters.
            let released = self.root().released.notified();
            tokio::pin!(released);
            // Register before the check, so that a release between the two is not missed.
            released.as_mut().enable();
            if self.available() > 0 {
                return;
            }
            released.await;
        }
    }

    fn add_charge(&self, bytes: i64) {
        let before = self.uncharged.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(parent) = &self.parent {
            parent.add_charge(bytes);
        }
        // Only a release that ends the exhaustion wakes the waiters.
        if before <= 0 && before - bytes > 0 {
            self.root().released.notify_waiters();
        }
    }

    /// The budget whose waiters are woken for this one.
    fn root(&self) -> &Self {
        self.parent.as_deref().map_or(self, Self::root)
    }
}

/// Charged bytes, released when this value is dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    bytes: i64,
}

impl Permit {
    /// Bytes that it is charged for.
    pub fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Sets the charge to `bytes`: charges or releases the difference.
    pub fn resize(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let more = bytes - self.bytes;
        self.bytes = bytes;
        if more != 0 {
            self.budget.add_charge(more);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.resize(0);
    }
}

/// The budget of one lane, divided by what releases its bytes.
#[derive(Clone, Debug)]
pub struct LaneBudget {
    /// The whole budget. Rows of open files are charged here; the lane releases them by closing files.
    pub lane: Arc<Budget>,
    /// Sub-budget of credit given to the hub and of batches that have arrived; the lane releases them.
    pub intake: Arc<Budget>,
    /// Sub-budget of closed files, released when they are durable. It may take the whole budget.
    pub closed: Arc<Budget>,
}

impl LaneBudget {
    /// A budget of this size, in bytes.
    pub fn new(bytes: u64) -> Self {
        let lane = Budget::new(bytes);
        let (intake, closed) = (lane.sub_budget(bytes / INTAKE_PART), lane.sub_budget(bytes));
        Self { lane, intake, closed }
    }

    /// The credit of each partition, in bytes, when this number of partitions shares the budget.
    pub fn credit_of_each(&self, partitions: usize) -> usize {
        self.intake.total() as usize / CREDIT_PART / partitions.max(1)
    }

    /// True if open files of `open` bytes must be closed: the budget would be exhausted even if all closed files were
    /// durable, and the intake is not the cause.
    pub fn is_short(&self, open: usize) -> bool {
        let enough = (self.lane.total() / OPEN_PART).max(1);
        self.lane.available() + self.closed.charged() <= 0 && open as i64 >= enough
    }

    /// True if closed files in flight leave room for files whose closing could wait. A closed file may be many times as
    /// large as its rows were, and all open files may have to be closed at one time.
    pub fn has_room_to_close(&self) -> bool {
        self.closed.charged() < self.lane.total() / CLOSED_PART
    }

    /// True if the budget is exhausted, open files hold `open` bytes, and nothing in flight will release any. The
    /// invariant is violated if this lasts.
    pub fn is_starved(&self, open: usize) -> bool {
        let only_credit = self.intake.charged() <= self.intake.total() / CREDIT_PART as i64;
        self.intake.available() <= 0 && only_credit && self.closed.charged() == 0 && !self.is_short(open)
    }
}

/// The intake gets one in four bytes of a lane's budget. Without this bound a fast hub fills the whole budget with
/// batches, and columns grow into memory that the allocator has not returned yet.
const INTAKE_PART: u64 = 4;

/// Credit gets one half of the intake; the other half is for batches that have arrived.
const CREDIT_PART: usize = 2;

/// One half of a budget may be closed files in flight before files whose closing could wait stay open.
const CLOSED_PART: i64 = 2;

/// Open files with less than a quarter of a budget are not the cause of its exhaustion.
const OPEN_PART: i64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_permits_release_their_charge() {
        let budget = Budget::new(100);
        let mut permit = budget.charge(70);
        assert_eq!(budget.available(), 30);
        permit.resize(120);
        assert_eq!(budget.available(), -20);
        drop(permit);
        assert_eq!(budget.available(), 100);
    }

    #[test]
    fn a_sub_budget_is_exhausted_when_its_parent_is() {
        let parent = Budget::new(100);
        let sub = parent.sub_budget(30);
        let in_sub = sub.charge(30);
        assert_eq!((sub.available(), parent.available()), (0, 70));
        drop(in_sub);
        let _elsewhere = parent.charge(90);
        assert_eq!((sub.available(), parent.available()), (10, 10));
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
                budget.lane.charge(open),
                budget.closed.charge(closed),
                budget.lane.charge(leaked),
            ];
            let case = format!("{credit} credited, {arrived} arrived, {open} {closed} {leaked}");
            let (exhausted, starved) = (budget.intake.available() <= 0, budget.is_starved(open));
            if exhausted {
                assert!(arrived > 0 || closed > 0 || budget.is_short(open) || starved, "{case}");
            }
            assert!(!starved || (exhausted && leaked > 0), "{case}");
        }
    }

    #[tokio::test]
    async fn waiting_on_a_sub_budget_ends_when_its_parent_is_released() {
        let whole = Budget::new(10);
        let part = whole.sub_budget(5);
        let elsewhere = whole.charge(10);
        let waiting = tokio::spawn(async move { part.wait_available().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(elsewhere);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn waiting_ends_with_a_release() {
        let budget = Budget::new(10);
        let permit = budget.charge(10);
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.wait_available().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(permit);
        waiting.await.unwrap();
    }
}
