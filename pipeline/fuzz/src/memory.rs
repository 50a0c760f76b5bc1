//! Memory of a check, counted by an allocator: the size of the process does not show the memory of one body.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static COUNTING: Counting = Counting { live: AtomicUsize::new(0), peak: AtomicUsize::new(0) };

/// Runs a check; panics if it allocates more than [`LIMIT`] bytes at any time.
pub fn bounded(check: fn(&[u8]), bytes: &[u8]) {
    let peak = peak(|| check(bytes));
    assert!(peak <= LIMIT, "{peak} bytes of memory for a body of {}", bytes.len());
}

/// Peak of allocated bytes while `run` runs, above those allocated before.
pub fn peak(run: impl FnOnce()) -> usize {
    let before = held();
    COUNTING.peak.store(before, Ordering::Relaxed);
    run();
    COUNTING.peak.load(Ordering::Relaxed).saturating_sub(before)
}

/// Currently allocated bytes.
pub fn held() -> usize {
    COUNTING.live.load(Ordering::Relaxed)
}

/// Upper bound on the memory of a check, in bytes.
const LIMIT: usize = 64 << 20;

struct Counting {
    live: AtomicUsize,
    peak: AtomicUsize,
}

impl Counting {
    fn add(&self, bytes: usize) {
        let live = self.live.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(live, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.live.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks may exist at the same time.
        self.add(size);
        self.live.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(memory, layout, size) }
    }
}
