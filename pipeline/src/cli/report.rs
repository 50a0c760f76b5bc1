//! What a command says at its end: a few lines for people, or one JSON object for machines.

use std::time::Instant;

use serde::Serialize;

use super::text::shown;
use crate::run::Summary;

/// Measures a command from its start.
#[derive(Debug)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn seconds(&self) -> f64 {
        (self.0.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
    }
}

/// The last line of `run --json` and `demo --json`.
#[derive(Debug, Serialize)]
pub(super) struct RunReport {
    events: u64,
    rows: u64,
    quarantined: u64,
    tables: u64,
    files: u64,
    bytes_in: u64,
    bytes_out: u64,
    seconds: f64,
    cpu_seconds: f64,
    peak_rss_bytes: u64,
    /// Events that were read but not made durable in time; absent when there are none.
    #[serde(skip_serializing_if = "is_zero")]
    left_for_next_run: u64,
    /// JSON bodies of an unusual shape, which take longer to parse; absent when there are none.
    #[serde(skip_serializing_if = "is_zero")]
    bodies_odd: u64,
    /// Deliveries without a readable sequence number, which were dropped; absent when there are none.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    /// Numbers without an event, which the lake records; absent when there are none.
    #[serde(skip_serializing_if = "is_zero")]
    accepted_gaps: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    includes_hub: bool,
    /// True if all that the hub had at the start is durable; only with `--until-caught-up`.
    #[serde(skip_serializing_if = "Option::is_none")]
    caught_up: Option<bool>,
}

impl RunReport {
    pub(super) fn new(summary: &Summary, watch: &Stopwatch, includes_hub: bool) -> Self {
        let (cpu_seconds, peak_rss_bytes) = usage();
        Self {
            events: summary.events,
            rows: summary.rows,
            quarantined: summary.quarantined,
            tables: summary.tables.len() as u64,
            files: summary.files,
            bytes_in: summary.bytes_in,
            bytes_out: summary.bytes_out,
            seconds: watch.seconds(),
            cpu_seconds,
            peak_rss_bytes,
            left_for_next_run: summary.left,
            bodies_odd: summary.slow_path_bodies,
            unreadable: summary.unreadable,
            accepted_gaps: summary.accepted_gaps,
            includes_hub,
            caught_up: summary.caught_up,
        }
    }

    /// The summary people read.
    pub(super) fn text(&self, summary: &Summary) -> String {
        let mut out = String::new();
        let rate = self.events as f64 / self.seconds.max(0.001);
        say!(
            out,
            "{} events ({}) in {:.1} s: {} rows in {} files ({}), {} tables, {:.0} events/s",
            self.events,
            size(self.bytes_in),
            self.seconds,
            self.rows,
            self.files,
            size(self.bytes_out),
            self.tables,
            rate
        );
        for (table, rows) in &summary.tables {
            say!(out, "  {:<24} {rows:>10} rows", shown(table));
        }
        if summary.quarantined > 0 {
            say!(
                out,
                "{} bodies could not be understood: see the table _quarantine, column _reason",
                summary.quarantined
            );
        }
        if summary.skipped > 0 {
            say!(out, "{} events were in the lake already and were skipped", summary.skipped);
        }
        if summary.parent_contexts_dropped > 0 {
            say!(
                out,
                "{} events had a ParentContext, which was left out (keep it with --parent-context keep)",
                summary.parent_contexts_dropped
            );
        }
        if summary.repaired > 0 {
            say!(out, "{} bodies held lone surrogates, which became U+FFFD", summary.repaired);
        }
        if summary.slow_path_bodies > 0 {
            say!(
                out,
                "{} bodies were JSON of an unusual shape, which takes longer to parse",
                summary.slow_path_bodies
            );
        }
        if summary.unreadable > 0 {
            say!(
                out,
                "{} deliveries had no readable sequence number and were dropped; the lake records the missing numbers",
                summary.unreadable
            );
        }
        if summary.accepted_gaps > 0 {
            say!(
                out,
                "{} sequence numbers have no event; the lake records them as accepted gaps",
                summary.accepted_gaps
            );
        }
        if summary.caught_up == Some(false) {
            say!(out, "not caught up: the warnings say which partitions ended before, and why");
        }
        if summary.left > 0 {
            say!(
                out,
                "{} events were read but are not known to be durable; the next run reads them again",
                summary.left
            );
        }
        say!(out, "CPU {:.1} s, peak memory {}", self.cpu_seconds, size(self.peak_rss_bytes));
        out
    }
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// CPU seconds and peak resident bytes of this process.
fn usage() -> (f64, u64) {
    #[cfg(unix)]
    if let Ok(usage) = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF) {
        let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
        // Linux counts kibibytes, macOS bytes.
        let unit = if cfg!(target_os = "linux") { 1024 } else { 1 };
        let peak = peak_of_linux().unwrap_or_else(|| usage.max_rss() as u64 * unit);
        return ((cpu * 1000.0).round() / 1000.0, peak);
    }
    (0.0, 0)
}

/// What `getrusage` calls the peak begins, on Linux, with that of the process which started this one.
fn peak_of_linux() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"))?;
    Some(kibibytes.trim().parse::<u64>().ok()? * 1024)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}
