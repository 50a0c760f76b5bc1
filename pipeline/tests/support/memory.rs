//! Memory of the test process, counted by the allocator of the fuzz targets.

use std::sync::{Mutex, MutexGuard, PoisonError};

#[allow(
    unreachable_pub,
    dead_code,
    unsafe_code,
    missing_debug_implementations,
    clippy::all,
    clippy::pedantic,
    reason = "a file of another package"
)]
#[path = "../../fuzz/src/memory.rs"]
mod counting;

#[allow(unused_imports, reason = "each test binary takes those that it needs")]
pub(crate) use counting::{bounded, held, peak};

/// Lets one test at a time run: the allocator counts the memory of all.
pub(crate) fn run_alone() -> MutexGuard<'static, ()> {
    static RUNNING: Mutex<()> = Mutex::new(());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
