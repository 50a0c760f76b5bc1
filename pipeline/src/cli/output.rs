//! Output of commands: reports on standard output, which must not get lost, and notes on standard error, which may.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use indicatif::MultiProgress;
use serde::Serialize;

use super::text::{escaped, masked};

/// Writes a report on standard output.
///
/// Ignores a closed pipe, as in `catchwater schema show | head`.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to standard output"),
    }
}

/// Writes a report for machines: one line with a JSON object.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    print(&line)
}

/// Writes a line for people on standard error. A full disk or a closed pipe there loses the line, but never changes the
/// course of the command or its exit code.
pub(super) fn note(text: &str) {
    write_log(format!("catchwater: {}\n", escaped(&masked(text))).as_bytes());
    flush_log();
}

/// Writes to standard error by a thread of its own, in the order of the calls. A pipe whose reader does not read blocks
/// only that thread; lines beyond [`LINES_WAITING_MAX`] are dropped meanwhile.
pub(super) fn write_log(bytes: &[u8]) {
    match log_thread() {
        Some(lines) => drop(lines.try_send(Line::Text(bytes.to_vec()))),
        None => write_above_bars(bytes),
    }
}

/// Sets the progress bars that the terminal shows, or that it shows none. Log lines appear above them.
pub(super) fn set_bars(bars: Option<MultiProgress>) {
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Writes to standard error; progress bars are cleared meanwhile and drawn again below.
fn write_above_bars(bytes: &[u8]) {
    let bars = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bars {
        Some(bars) => bars.suspend(|| write_stderr(bytes)),
        None => write_stderr(bytes),
    }
}

/// Waits until all lines are written, for [`FLUSH_TIMEOUT`] at most.
pub(super) fn flush_log() {
    let (written, waiting) = sync_channel(1);
    if let Some(lines) = log_thread()
        && lines.try_send(Line::Flush(written)).is_ok()
    {
        let _ = waiting.recv_timeout(FLUSH_TIMEOUT);
    }
}

enum Line {
    Text(Vec<u8>),
    Flush(SyncSender<()>),
}

#[expect(
    clippy::disallowed_methods,
    reason = "lines are written by a thread of their own, so that a reader that stops does not stop the program"
)]
fn log_thread() -> Option<&'static SyncSender<Line>> {
    static LINES: OnceLock<Option<SyncSender<Line>>> = OnceLock::new();
    let start = || {
        let (lines, waiting) = sync_channel(LINES_WAITING_MAX);
        let write = move || {
            for line in waiting {
                match line {
                    Line::Text(bytes) => write_above_bars(&bytes),
                    Line::Flush(written) => drop(written.try_send(())),
                }
            }
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(write).ok().map(|_| lines)
    };
    LINES.get_or_init(start).as_ref()
}

/// Upper bound on lines that wait for a slow reader of standard error.
const LINES_WAITING_MAX: usize = 1024;

/// Timeout for writing the last log lines when a command ends.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Writes to standard error in one piece and ignores failures, see [`note`].
pub(super) fn write_stderr(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}
