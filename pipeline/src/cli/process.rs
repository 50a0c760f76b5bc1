//! The process around a command: its runtime, its signals and its end.
//!
//! Owns that the process always ends: within [`LEAVE_MAX`] after its command, and within [`DRAIN_MAX`] after the first
//! signal, even if a store call, a lane or a full pipe hangs. Does not own the commands and the exit codes (`exit`).
//!
//! A thread of its own waits for signals. The first signal asks a command that can drain to do so and ends every other
//! command at once. The second signal ends every command. The thread ends the process itself, since the first process
//! of a container does not get the default action of a signal.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};

use super::exit::Exit;
use super::output::{flush_log, note};
use super::text::causes;

/// Runs a command to its end on a runtime of `threads` workers, and prints its error.
pub(super) fn run<F>(threads: usize, command: impl FnOnce(StopRequests) -> F) -> Exit
where
    F: Future<Output = anyhow::Result<Exit>>,
{
    let started = Guard::start().context("start the thread that waits for signals").and_then(|guard| {
        let runtime =
            Builder::new_multi_thread().worker_threads(threads).thread_name("io").enable_all().build();
        Ok((guard, runtime.context("start the threads for input and output")?))
    });
    let ((guard, stops), runtime) = match started {
        Ok(started) => started,
        Err(error) => return fail(&error),
    };
    let ended = block_on(&runtime, command(stops));
    let exit =
        ended.as_ref().map_or_else(|error| error.as_ref().map_or(Exit::Internal, Exit::of), |exit| *exit);
    guard.ended(exit);
    if let Err(Some(error)) = &ended {
        fail(error);
    }
    runtime.shutdown_timeout(SHUTDOWN);
    flush_log();
    exit
}

/// Runs a command. A panic is an error without text: the panic hook has printed it.
///
/// The caller keeps the runtime: unwinding would drop it, which waits for every store call.
fn block_on(
    runtime: &Runtime,
    command: impl Future<Output = anyhow::Result<Exit>>,
) -> Result<Exit, Option<anyhow::Error>> {
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(command))).map_err(|_| None)?.map_err(Some)
}

/// Prints an error and returns its exit code.
pub(super) fn fail(error: &anyhow::Error) -> Exit {
    note(&causes(error.as_ref()));
    Exit::of(error)
}

/// Number of I/O threads: half of the cores; lanes take the others.
pub(super) fn io_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get() / 2).max(1)
}

/// Timeout for a command to end after the first signal. A drain ends itself after ten seconds; supervisors wait
/// fifteen.
const DRAIN_MAX: Duration = Duration::from_secs(14);

/// Timeout for the process to exit once its command has ended.
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// Timeout for tasks still running at shutdown, such as store calls.
const SHUTDOWN: Duration = Duration::from_millis(100);

/// Requests to stop, for commands that drain before they end.
#[derive(Clone, Debug)]
pub(super) struct StopRequests(watch::Sender<Option<Signal>>);

impl StopRequests {
    /// As long as the returned value lives, the first signal only asks the command to stop.
    pub(super) fn subscribe(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

/// The first signal, as a command sees it.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<Option<Signal>>);

impl Stop {
    /// Waits for the request to stop.
    pub(super) async fn requested(&mut self) {
        if self.0.wait_for(Option::is_some).await.is_err() {
            // The thread is gone, so a request can no longer come.
            std::future::pending::<()>().await;
        }
    }

    /// The exit code of a command that stopped before it was done; none without a signal.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.0.borrow().map(|signal| match signal {
            Signal::Interrupt => Exit::Interrupted,
            #[cfg(unix)]
            Signal::Terminate => Exit::Terminated,
        })
    }
}

/// The thread that waits for signals and ends the process if nothing else does.
struct Guard(oneshot::Sender<Exit>);

impl Guard {
    #[expect(
        clippy::disallowed_methods,
        reason = "signals are handled by a thread, because the runtime may be busy or gone"
    )]
    fn start() -> io::Result<(Self, StopRequests)> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _entered = runtime.enter();
            Signals::listen()?
        };
        let stop = watch::Sender::new(None);
        let requests = StopRequests(stop.clone());
        let (ended, command) = oneshot::channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            std::process::exit(runtime.block_on(guard(signals, &stop, command)));
        })?;
        Ok((Self(ended), requests))
    }

    /// Reports that the command has ended: the thread ends the process with this code after [`LEAVE_MAX`].
    fn ended(self, exit: Exit) {
        // Sending fails only when the thread is just ending the process.
        let _ = self.0.send(exit);
    }
}

/// Waits until the process has to end and returns the exit code.
#[expect(
    clippy::disallowed_methods,
    reason = "the note is written by a thread, because nothing may delay the exit"
)]
async fn guard(
    mut signals: Signals,
    stop: &watch::Sender<Option<Signal>>,
    mut command: oneshot::Receiver<Exit>,
) -> i32 {
    let signal = tokio::select! {
        biased;
        exit = &mut command => return left(exit, signals).await,
        signal = signals.next() => signal,
    };
    if stop.send(Some(signal)).is_err() {
        return signal.exit_code();
    }
    tokio::select! {
        biased;
        exit = command => left(exit, signals).await,
        again = signals.next() => again.exit_code(),
        () = tokio::time::sleep(DRAIN_MAX) => {
            // In a thread, since standard error may be what blocks.
            thread::spawn(|| note("the drain did not end in time; the next run reads the events again that are not durable"));
            tokio::time::sleep(SHUTDOWN).await;
            signal.exit_code()
        }
    }
}

/// Waits for [`LEAVE_MAX`] after the command has ended. A signal shortens the wait but does not change the exit code.
async fn left(exit: Result<Exit, oneshot::error::RecvError>, mut signals: Signals) -> i32 {
    tokio::select! {
        _ = signals.next() => {}
        () = tokio::time::sleep(LEAVE_MAX) => {}
    }
    exit.unwrap_or(Exit::Internal) as i32
}

/// A signal that ends the process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    Interrupt = 2,
    #[cfg(unix)]
    Terminate = 15,
}

impl Signal {
    /// The code that a shell shows for a command killed by the signal.
    fn exit_code(self) -> i32 {
        128 + self as i32
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_is_caught_and_keeps_the_runtime() {
        let runtime = Builder::new_current_thread().build().unwrap();
        assert!(matches!(block_on(&runtime, async { panic!("a bug") }), Err(None)));
        assert!(matches!(block_on(&runtime, async { Ok(Exit::Done) }), Ok(Exit::Done)));
        let failed = block_on(&runtime, async { Err(anyhow::anyhow!("not a bug")) });
        assert!(matches!(failed, Err(Some(_))));
    }
}
