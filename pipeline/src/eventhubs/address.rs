//! The address of an event hub: host, port and name.
//!
//! Does not own: the credential (`credential`), or dialing (`transport`).

use std::fmt;

/// The address of an event hub, or of a namespace as long as no hub is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: Option<u16>,
    default_port: u16,
    is_development: bool,
    namespace: String,
    event_hub: Option<String>,
}

impl Address {
    /// The address of a host. Without a port it is the default one of AMQP, until a transport is chosen.
    pub fn new(host: String, port: Option<u16>, is_development: bool, event_hub: Option<String>) -> Self {
        let default_port = if is_development { PLAIN_PORT } else { TLS_PORT };
        Self { namespace: namespace_of(&host), host, port, default_port, is_development, event_hub }
    }

    /// The host as written.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port as written, or the default.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.default_port)
    }

    /// The port, if one is written.
    pub fn explicit_port(&self) -> Option<u16> {
        self.port
    }

    /// True for an emulator, which has no TLS.
    pub fn is_development(&self) -> bool {
        self.is_development
    }

    /// The namespace: the host in lower case without port. Loopback addresses are `localhost`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name of the event hub, if one is named.
    pub fn event_hub(&self) -> Option<&str> {
        self.event_hub.as_deref()
    }

    /// Sets the port of an address without one.
    pub(super) fn set_default_port(&mut self, port: u16) {
        self.default_port = port;
    }

    /// Names the event hub.
    pub fn set_event_hub(&mut self, event_hub: &str) {
        self.event_hub = Some(event_hub.to_owned());
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "sb://{}:{}/{}", self.host, self.port(), self.event_hub().unwrap_or_default())
    }
}

fn namespace_of(host: &str) -> String {
    match host.to_ascii_lowercase() {
        host if matches!(host.as_str(), "127.0.0.1" | "::1") => "localhost".to_owned(),
        host => host,
    }
}

/// AMQP without TLS, for emulators.
const PLAIN_PORT: u16 = 5672;
/// AMQP inside TLS.
const TLS_PORT: u16 = 5671;
