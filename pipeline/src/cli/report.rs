//! The summary of a run: a few lines for people, or one JSON object for machines.

use std::time::Instant;

use serde::Serialize;

use super::text::shown;
use crate::run::Summary;

/// The time since a command started.
#[derive(Debug)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "elapsed time, shown to a person")]
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
    /// Events that were read but are not durable; absent if 0.
    #[serde(skip_serializing_if = "is_zero")]
    left_for_next_run: u64,
    /// JSON bodies that took the slow path of the parser; absent if 0.
    #[serde(skip_serializing_if = "is_zero")]
    bodies_odd: u64,
    /// Deliveries without a readable sequence number, which were dropped; absent if 0.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    /// Sequence numbers without an event, which the lake records; absent if 0.
    #[serde(skip_serializing_if = "is_zero")]
    accepted_gaps: u64,
    /// Losses of a link or a connection, after which a partition was attached again; absent if 0.
    #[serde(skip_serializing_if = "is_zero")]
    links_lost: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    includes_hub: bool,
    /// True if all events up to the bound of the run are durable; only with `--until`.
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
            links_lost: summary.links_lost,
            includes_hub,
            caught_up: summary.caught_up,
        }
    }

    /// The summary for people.
    pub(super) fn text(&self, summary: &Summary) -> String {
        let mut out = String::new();
        let rate = self.events as f64 / self.seconds.max(0.001);
        outln!(
            out,
            "{} events ({}) in {:.1} s became {} rows in {} files ({}) of {} tables, {:.0} events/s",
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
            outln!(out, "  {:<24} {rows:>10} rows", shown(table));
        }
        out.push_str(&notes(summary));
        outln!(out, "CPU {:.1} s, peak memory {}", self.cpu_seconds, size(self.peak_rss_bytes));
        out
    }
}

/// A line for each count of a run that needs an explanation.
fn notes(summary: &Summary) -> String {
    let mut out = String::new();
    for (count, note) in [
        (
            summary.quarantined,
            "bodies could not be understood; see the column _reason of the table _quarantine",
        ),
        (summary.skipped, "events were skipped, because the lake already had them"),
        (
            summary.parent_contexts_dropped,
            "events had a ParentContext, which was left out; keep it with --parent-context keep",
        ),
        (summary.repaired, "bodies contained lone surrogates, which were replaced by U+FFFD"),
        (summary.slow_path_bodies, "JSON bodies have an unusual shape, which takes longer to parse"),
        (
            summary.unreadable,
            "deliveries had no readable sequence number and were dropped; the lake records the missing numbers",
        ),
        (summary.accepted_gaps, "sequence numbers have no event; the lake records them as accepted gaps"),
        (summary.left, "events were read but may not be durable; the next run reads them again"),
    ] {
        if count > 0 {
            outln!(out, "{count} {note}");
        }
    }
    if summary.caught_up == Some(false) {
        outln!(
            out,
            "not caught up: the run ended before it had read all events; a warning names each partition that ended early"
        );
    }
    out
}

/// A number of bytes for people, such as `1.5 MiB`.
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

/// The peak memory on Linux, where the peak of `getrusage` starts with that of the parent process.
fn peak_of_linux() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"))?;
    Some(kibibytes.trim().parse::<u64>().ok()? * 1024)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}
