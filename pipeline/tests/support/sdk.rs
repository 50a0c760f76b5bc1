//! The official SDKs: their checks of a hub, as processes.
//!
//! Does not own: the checks (`tests/python/sdk`, `tests/node/sdk`).

use std::process::{Command, Output};

use catchwater::internals::emulator::Emulator;
use tokio::task::spawn_blocking;

use super::{node, python};

/// An official SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sdk {
    /// `azure-eventhub`.
    Python,
    /// `@azure/event-hubs`.
    JavaScript,
}

impl Sdk {
    /// Runs the checks of these subjects; returns false if the tests of this SDK are turned off.
    ///
    /// # Panics
    /// If a check fails.
    pub(crate) async fn check(self, hub: &Emulator, subjects: &[&str], variables: &[(&str, &str)]) -> bool {
        let Some(mut command) = spawn_blocking(move || self.command()).await.unwrap() else { return false };
        let hub = serde_json::json!({ "connection_string": hub.connection_string() });
        command.arg(hub.to_string()).args(subjects).envs(variables.iter().copied());
        // The script blocks a thread of its own, because the hub runs on this one.
        let Output { status, stdout, stderr } =
            spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{self:?} {subjects:?}: {status}\n{stdout}\n{stderr}");
        true
    }

    fn command(self) -> Option<Command> {
        match self {
            Self::Python => {
                let mut command = Command::new(python::interpreter()?);
                // Leave no compiled files among the sources.
                command.arg(python::script("sdk")).env("PYTHONDONTWRITEBYTECODE", "1");
                Some(command)
            }
            Self::JavaScript => node::script("sdk.js"),
        }
    }
}
