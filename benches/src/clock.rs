//! CPU time: excludes other processes, but not their effect on caches and clock rate.

use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// CPU time of this process so far: all threads, including their time in the kernel.
///
/// # Errors
/// The system does not report CPU time.
pub fn cpu_time() -> io::Result<Duration> {
    read(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: ClockId) -> io::Result<Duration> {
    Ok(Duration::from(clock_gettime(clock).map_err(io::Error::from)?))
}

/// CPU time of this process during a round, and the result of the round.
///
/// # Errors
/// The system does not report CPU time.
pub fn timed<R>(round: impl FnOnce() -> R) -> io::Result<(Duration, R)> {
    let before = cpu_time()?;
    let result = round();
    Ok((cpu_time()?.saturating_sub(before), result))
}

/// CPU time of this thread during a round, and the result of the round.
///
/// # Errors
/// The system does not report CPU time.
pub fn timed_thread<R>(round: impl FnOnce() -> R) -> io::Result<(Duration, R)> {
    let before = read(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let result = round();
    Ok((read(ClockId::CLOCK_THREAD_CPUTIME_ID)?.saturating_sub(before), result))
}
