//! CPU time: what others on the machine do does not count, what they do to its caches and clock rate still does.

use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The CPU time of this process so far, all threads and the kernel's work for them.
///
/// # Errors
/// Those of a system that does not tell.
pub fn cpu_time() -> io::Result<Duration> {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: ClockId) -> io::Result<Duration> {
    Ok(Duration::from(clock_gettime(clock).map_err(io::Error::from)?))
}

/// What a round took, and what it gave.
///
/// # Errors
/// Those of a system that does not tell.
pub fn timed<R>(round: impl FnOnce() -> R) -> io::Result<(Duration, R)> {
    let before = cpu_time()?;
    let given = round();
    Ok((cpu_time()?.saturating_sub(before), given))
}

/// What a round took of this thread's CPU time alone, and what it gave.
///
/// # Errors
/// Those of a system that does not tell.
pub fn timed_thread<R>(round: impl FnOnce() -> R) -> io::Result<(Duration, R)> {
    let before = read(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let given = round();
    Ok((read(ClockId::CLOCK_THREAD_CPUTIME_ID)?.saturating_sub(before), given))
}
