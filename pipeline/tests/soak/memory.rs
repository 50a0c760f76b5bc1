//! Memory of the processes of a soak over time, from `/proc`.

use std::fs;

/// Highest memory of one kind of process, in each third of a soak.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) name: &'static str,
    /// Upper bound at any time, bytes.
    pub(crate) limit: u64,
    /// Bytes, by third.
    pub(crate) peaks: [u64; 3],
    /// Of the last look.
    pub(crate) last: u64,
}

impl Memory {
    pub(crate) fn new(name: &'static str, limit: u64) -> Self {
        Self { name, limit, peaks: [0; 3], last: 0 }
    }

    /// Looks at a process; `part` of the soak has passed, 0 to 1.
    pub(crate) fn look(&mut self, process: u32, part: f64) {
        // It may have ended.
        let Some(bytes) = resident(process) else { return };
        let third = ((part * 3.0) as usize).min(2);
        self.last = bytes;
        self.peaks[third] = self.peaks[third].max(bytes);
    }

    /// The highest of all.
    pub(crate) fn peak(&self) -> u64 {
        self.peaks.into_iter().max().unwrap_or_default()
    }

    /// Panics if a process took more than its limit, or more and more.
    #[track_caller]
    pub(crate) fn check(&self) {
        assert!(self.peak() <= self.limit, "{self:?} takes more than its limit");
        let [first, _, last] = self.peaks;
        // A quarter more may be chance; less than the slack may be one buffer that grew late.
        assert!(last <= first + first / 4 + SLACK, "{self:?} grows");
    }
}

/// Growth that does not count, bytes.
const SLACK: u64 = 32 << 20;

/// Memory of a process that is in RAM, bytes; `None` after its end.
pub(crate) fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
