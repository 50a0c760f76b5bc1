//! CPU time: what others on the machine do does not count, what they do to its caches and clock rate still does.

use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The CPU time of this process so far, all threads and the kernel's work for them.
///
/// # Errors
/// The system does not report CPU time.
pub fn cpu_time() -> io::Result<Duration> {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: ClockId) -> io::Result<Duration> {
    Ok(Duration::from(clock_gettime(clock).map_err(io::Error::from)?))
}

/// CPU time and result of a round.
///
/// # Errors
/// The system does not report CPU time.
pub fn timed<R>(round: impl FnOnce() -> R) -> io::Result<(Duration, R)> {
    let before = cpu_time()?;
    let given = round();
    Ok((cpu_time()?.saturating_sub(before), given))
}

/// CPU time of this thread alone, and result of a round.
///
/// # Errors
/// The system does not report CPU time.
pub fn timed_thread<R>(round: impl FnOnce() -> R) -> io::Result<(Duration, R)> {
    let before = read(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let given = round();
    Ok((read(ClockId::CLOCK_THREAD_CPUTIME_ID)?.saturating_sub(before), given))
}
