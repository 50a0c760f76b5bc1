//! Host and port of one end of a TCP connection.

use std::fmt;

/// The end of a connection that is dialed: a hub, or a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
}

/// As in a URL: an IPv6 address is in brackets.
impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(out, "[{host}]:{port}") } else { write!(out, "{host}:{port}") }
    }
}
