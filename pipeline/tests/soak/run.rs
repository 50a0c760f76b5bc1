//! One of the two runs: started, displaced by the other, killed or stopped, and started again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::bed::Bed;
use super::processes::catchwater;

/// A run, as its supervisor sees it.
#[derive(Debug)]
pub(crate) struct Run {
    name: &'static str,
    state: State,
    log: PathBuf,
    restart_after: Duration,
    random: fastrand::Rng,
    pub(crate) counts: Counts,
}

#[derive(Debug)]
enum State {
    /// It is started at this time.
    Waits(Instant),
    Runs(Child),
    /// It continues at this time.
    Stopped(Child, Instant),
    /// It is dead once it is waited for.
    Killed(Child),
}

/// Number of times that each thing has happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) started: u64,
    pub(crate) displaced: u64,
    pub(crate) killed: u64,
    pub(crate) stopped: u64,
}

impl Run {
    pub(crate) fn new(name: &'static str, bed: &Bed, first: Instant, restart_after: Duration) -> Self {
        Self {
            name,
            state: State::Waits(first),
            log: bed.folder.path().join(name).with_extension("log"),
            restart_after,
            random: fastrand::Rng::with_seed(name.len() as u64),
            counts: Counts::default(),
        }
    }

    /// The process, unless it waits for its start.
    pub(crate) fn process(&self) -> Option<u32> {
        match &self.state {
            State::Waits(_) => None,
            State::Runs(child) | State::Stopped(child, _) | State::Killed(child) => Some(child.id()),
        }
    }

    /// Starts, continues or buries the process, as it is due.
    ///
    /// # Panics
    /// With its log if it ended for another reason than another run.
    pub(crate) fn tick(&mut self, lake: &Path, connection_string: &str) {
        let now = Instant::now();
        self.state = match std::mem::replace(&mut self.state, State::Waits(now)) {
            State::Waits(due) if due <= now => State::Runs(self.start(lake, connection_string)),
            State::Stopped(child, until) if until <= now => {
                signal(&child, "CONT");
                State::Runs(child)
            }
            State::Killed(mut child) => {
                child.wait().unwrap();
                State::Waits(self.next_start())
            }
            State::Runs(mut child) => match child.try_wait().unwrap() {
                None => State::Runs(child),
                Some(status) => {
                    self.check_end(status, &[DISPLACED]);
                    self.counts.displaced += 1;
                    State::Waits(self.next_start())
                }
            },
            other => other,
        };
    }

    /// Kills or stops the process; returns false if it does not run.
    pub(crate) fn strike(&mut self, kill: bool, pause: Duration) -> bool {
        match std::mem::replace(&mut self.state, State::Waits(Instant::now())) {
            State::Runs(child) => {
                signal(&child, if kill { "KILL" } else { "STOP" });
                self.counts.killed += u64::from(kill);
                self.counts.stopped += u64::from(!kill);
                let until = Instant::now() + pause;
                self.state = if kill { State::Killed(child) } else { State::Stopped(child, until) };
                true
            }
            other => {
                self.state = other;
                false
            }
        }
    }

    /// Asks the process to drain, and waits for its end.
    ///
    /// # Panics
    /// With its log if it fails.
    pub(crate) fn end(&mut self) {
        let mut child = match std::mem::replace(&mut self.state, State::Waits(Instant::now())) {
            State::Waits(_) => return,
            State::Killed(mut child) => return drop(child.wait()),
            State::Runs(child) => child,
            State::Stopped(child, _) => {
                signal(&child, "CONT");
                child
            }
        };
        signal(&child, "TERM");
        let status = child.wait().unwrap();
        self.check_end(status, &[0, DISPLACED]);
    }

    fn start(&mut self, lake: &Path, connection_string: &str) -> Child {
        self.counts.started += 1;
        let arguments = [
            "run",
            "--json",
            "--lanes",
            "1",
            "--budget",
            "64MiB",
            "--max-age",
            "2s",
            "--lake",
            lake.to_str().unwrap(),
            "--connection-string",
            connection_string,
        ];
        let log = File::create(&self.log).unwrap();
        catchwater(&arguments).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    /// Not the same for both runs: otherwise they could displace each other from half of the partitions each time.
    fn next_start(&mut self) -> Instant {
        Instant::now() + self.restart_after.mul_f64(0.5 + self.random.f64())
    }

    #[track_caller]
    fn check_end(&self, status: ExitStatus, expected: &[i32]) {
        let fine = status.code().is_some_and(|code| expected.contains(&code));
        assert!(fine, "run {} ended with {status}:\n{}", self.name, fs::read_to_string(&self.log).unwrap());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let State::Runs(child) | State::Stopped(child, _) = &mut self.state {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Exit code of a run whose partitions another run has taken.
const DISPLACED: i32 = 6;

fn signal(child: &Child, name: &str) {
    // It may have ended.
    drop(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status());
}
