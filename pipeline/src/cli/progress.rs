//! Progress of a run: bars on a terminal, elsewhere a log line every 30 seconds.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use super::output::set_bars;
use super::report::size;
use crate::metrics::Metrics;

/// The task that shows the progress of a run until it is stopped.
#[derive(Debug)]
pub(super) struct Progress(JoinHandle<()>);

impl Progress {
    #[expect(clippy::disallowed_methods, reason = "the task only shows counters, and its owner aborts it")]
    pub(super) fn start(metrics: Arc<Metrics>) -> Self {
        Self(if std::io::stderr().is_terminal() {
            tokio::spawn(bars(metrics))
        } else {
            tokio::spawn(log_lines(metrics))
        })
    }

    /// Stops the task and removes its bars from the terminal.
    pub(super) async fn stop(self) {
        self.0.abort();
        // The only outcome is that it was cancelled.
        let _ = self.0.await;
    }
}

/// Interval between updates of the bars.
const BAR_INTERVAL: Duration = Duration::from_millis(250);
/// Interval between log lines.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

async fn log_lines(metrics: Arc<Metrics>) {
    let mut rate = Rate::new();
    loop {
        tokio::time::sleep(LOG_INTERVAL).await;
        let figures = rate.figures(&metrics);
        tracing::info!(
            events = metrics.events_received.get(),
            events_per_second = figures.events as u64,
            files = metrics.files_committed.get(),
            lag = figures.lag,
            "running"
        );
    }
}

async fn bars(metrics: Arc<Metrics>) {
    let bars = Bars::show();
    let head = bars.0.add(ProgressBar::new_spinner());
    let mut partitions: Vec<ProgressBar> = Vec::new();
    let mut rate = Rate::new();
    loop {
        tokio::time::sleep(BAR_INTERVAL).await;
        let figures = rate.figures(&metrics);
        head.set_message(format!(
            "{} events, {:.0}/s, {}/s, {} files, {}",
            metrics.events_received.get(),
            figures.events,
            size(figures.bytes as u64),
            metrics.files_committed.get(),
            lag_in_words(figures.lag)
        ));
        head.tick();
        let lags = metrics.lags();
        for (index, (partition, lag)) in lags.iter().take(PARTITION_BARS_MAX).enumerate() {
            if partitions.len() <= index {
                partitions.push(bars.0.add(partition_bar()));
            }
            let bar = &partitions[index];
            bar.set_prefix(format!("partition {partition:>3}"));
            bar.set_length(lag.last_enqueued.unwrap_or(lag.received).get().max(0) as u64 + 1);
            bar.set_position(lag.received.get().max(0) as u64 + 1);
            bar.set_message(lag_in_words(lag.events()));
        }
    }
}

/// Upper bound on bars: more would push everything else off the screen.
const PARTITION_BARS_MAX: usize = 16;

/// Progress bars on the terminal, below the log lines; removed on drop.
struct Bars(MultiProgress);

impl Bars {
    fn show() -> Self {
        let bars = MultiProgress::new();
        set_bars(Some(bars.clone()));
        Self(bars)
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        set_bars(None);
        // It fails only if the terminal is gone.
        drop(self.0.clear());
    }
}

fn partition_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:40}] {pos}/{len} {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn lag_in_words(lag: Option<u64>) -> String {
    lag.map_or_else(|| "lag unknown".to_owned(), |events| format!("lag {events}"))
}

struct Rate {
    since: Instant,
    events: u64,
    bytes: u64,
}

struct Figures {
    events: f64,
    bytes: f64,
    lag: Option<u64>,
}

impl Rate {
    #[expect(clippy::disallowed_methods, reason = "elapsed time, for a rate")]
    fn new() -> Self {
        Self { since: Instant::now(), events: 0, bytes: 0 }
    }

    /// The rates since the last call, and the lag.
    #[expect(clippy::disallowed_methods, reason = "elapsed time, for a rate")]
    fn figures(&mut self, metrics: &Metrics) -> Figures {
        let (events, bytes) = (metrics.events_received.get(), metrics.bytes_received.get());
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        let figures = Figures {
            events: (events - self.events) as f64 / seconds,
            bytes: (bytes - self.bytes) as f64 / seconds,
            lag: metrics.total_lag(),
        };
        *self = Self { since: Instant::now(), events, bytes };
        figures
    }
}
