//! The official SDKs: their checks of a hub, as processes.
//!
//! Does not own: the checks (`tests/python/sdk`, `tests/node/sdk`).

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Output};

use catchwater::internals::emulator::{Config, Emulator, TlsConfig};
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

/// The way of a client to the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls,
    WebSocket,
    /// WebSocket over TLS.
    SecureWebSocket,
}

impl Transport {
    /// A hub that can be reached so.
    pub(crate) fn config(self, partitions: u32) -> Config {
        let is_secure = matches!(self, Self::Tls | Self::SecureWebSocket);
        let is_websocket = matches!(self, Self::WebSocket | Self::SecureWebSocket);
        Config {
            partitions,
            tls: is_secure.then(TlsConfig::default),
            websocket: is_websocket.then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            ..Config::default()
        }
    }

    /// The hub as the scripts take it.
    fn describe(hub: &Emulator, ca: &str) -> serde_json::Value {
        let (transport, address) = match (hub.websocket_address(), hub.ca()) {
            (None, None) => ("plain", hub.address()),
            (None, Some(_)) => ("tls", hub.address()),
            (Some(address), None) => ("websocket", address),
            (Some(address), Some(_)) => ("wss", address),
        };
        let mut described = serde_json::json!({
            "connection_string": hub.connection_string(), "transport": transport, "port": address.port(),
        });
        if hub.ca().is_some() {
            described["ca"] = ca.into();
        }
        described
    }
}

impl Sdk {
    /// Runs the checks of these subjects; returns false if the tests of this SDK are turned off.
    ///
    /// # Panics
    /// If a check fails.
    pub(crate) async fn check(self, hub: &Emulator, subjects: &[&str], variables: &[(&str, &str)]) -> bool {
        let Some(mut command) = spawn_blocking(move || self.command()).await.unwrap() else { return false };
        // Both SDKs take further authorities as a file.
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), hub.ca().unwrap_or_default()).unwrap();
        let path = ca.path().to_str().unwrap();
        if hub.ca().is_some() {
            command.env("NODE_EXTRA_CA_CERTS", path);
        }
        let hub = Transport::describe(hub, path);
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
