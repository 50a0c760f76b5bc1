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

    /// The address of a namespace: `NAME`, `NAME.servicebus.windows.net`, `HOST:PORT`, or one of these after `sb://`.
    pub fn of_namespace(text: &str, event_hub: &str) -> Result<Self, NamespaceError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("sb", text));
        if !["sb", "amqps", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return Err(NamespaceError);
        }
        let (mut host, port) = host_and_port(rest).ok_or(NamespaceError)?;
        if namespace_of(&host) != "localhost" && !host.contains(['.', ':']) {
            host.push_str(SUFFIX);
        }
        Ok(Self::new(host, port, false, Some(event_hub.to_owned())))
    }

    /// The host as written.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host in lower case, with the port if one is written: the namespace in the checkpoints of the official SDKs.
    pub fn endpoint_host(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        self.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
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

/// The namespace is not a host name. The text is not shown: a connection string may have been given in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the namespace is not like NAME or NAME.servicebus.windows.net; is it a connection string?")]
pub struct NamespaceError;

/// Host and port of an authority; none if it has other parts. What follows a slash is ignored.
pub(super) fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let authority = text.split('/').next().unwrap_or_default();
    // An IPv6 address is in brackets because of its colons.
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    // Hosts are shown. Other characters, as in user info or a query, could belong to a secret.
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || !host.chars().all(plain) {
        return None;
    }
    let port = port.map(str::parse).transpose().ok()?;
    Some((host.to_owned(), port))
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
/// Domain of a namespace in the public cloud.
const SUFFIX: &str = ".servicebus.windows.net";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_names_hosts_or_addresses() {
        for (text, expected) in [
            ("contoso", Ok("sb://contoso.servicebus.windows.net:5671/hub")),
            (" Contoso.servicebus.windows.net/ ", Ok("sb://Contoso.servicebus.windows.net:5671/hub")),
            (
                "sb://contoso.servicebus.usgovcloudapi.net/",
                Ok("sb://contoso.servicebus.usgovcloudapi.net:5671/hub"),
            ),
            ("contoso.example:5555", Ok("sb://contoso.example:5555/hub")),
            ("localhost:5671", Ok("sb://localhost:5671/hub")),
            ("amqp://contoso", Err(NamespaceError)),
            ("Endpoint=sb://contoso;SharedAccessKey=secret", Err(NamespaceError)),
            ("user:secret@contoso", Err(NamespaceError)),
            ("", Err(NamespaceError)),
        ] {
            let read = Address::of_namespace(text, "hub").map(|address| address.to_string());
            assert_eq!(read, expected.map(str::to_owned), "{text}");
        }
    }
}
