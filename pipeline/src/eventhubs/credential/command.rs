//! Commands of the Azure CLI, which end with the request that started them.

use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::{Output, Stdio};

use azure_identity::Executor;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;

/// Runs commands, and kills one whose request is given up: a CLI that hangs would be left behind at each attempt.
#[derive(Debug)]
pub(super) struct ShortCommands;

impl Executor for ShortCommands {
    fn run<'a, 'b, 'c, 'd, 'run>(
        &'a self,
        program: &'b OsStr,
        arguments: &'c [&'d OsStr],
    ) -> Pin<Box<dyn Future<Output = io::Result<Output>> + Send + 'run>>
    where
        'a: 'run,
        'b: 'run,
        'c: 'run,
        'd: 'run,
    {
        Box::pin(async move {
            // A group of its own, because the program is a shell that starts the CLI.
            let child = Command::new(program)
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .process_group(0)
                .kill_on_drop(true)
                .spawn()?;
            let group = child.id().and_then(|id| i32::try_from(id).ok()).map(|id| Group(Pid::from_raw(id)));
            let output = child.wait_with_output().await;
            // It has ended: its id may belong to another process from now on.
            if let Some(group) = group {
                std::mem::forget(group);
            }
            output
        })
    }
}

/// A process group that is killed on drop.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // It may have ended just now.
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}
