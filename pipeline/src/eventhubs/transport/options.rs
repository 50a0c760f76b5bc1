//! The way to a hub, as an operator chooses it.

use std::path::Path;

use super::error::TransportOptionsError;
use super::proxy::Proxy;
use super::tls::Tls;
use crate::eventhubs::address::Address;

/// The protocol that carries AMQP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransportKind {
    /// AMQP directly on TLS, or on TCP for an emulator.
    #[default]
    Amqp,
    /// AMQP in the messages of a WebSocket.
    WebSocket,
}

/// The way to a hub: protocol below AMQP, trusted certificates, proxy. Clones share TLS sessions.
#[derive(Clone, Debug, Default)]
pub struct TransportOptions {
    kind: TransportKind,
    tls: Tls,
    proxy: Proxy,
}

impl TransportOptions {
    /// Over this protocol.
    #[must_use]
    pub fn with_kind(self, kind: TransportKind) -> Self {
        Self { kind, ..self }
    }

    /// Through this proxy.
    #[must_use]
    pub fn with_proxy(self, proxy: Proxy) -> Self {
        Self { proxy, ..self }
    }

    /// Also trusts the certificates of a PEM file, beside those of this machine. The file is read now.
    pub fn with_ca_file(self, path: &Path) -> Result<Self, TransportOptionsError> {
        Ok(Self { tls: Tls::with_ca_file(path)?, ..self })
    }

    /// The protocol that carries AMQP.
    pub fn kind(&self) -> TransportKind {
        self.kind
    }

    /// The certificates that are trusted beside those of this machine, in DER.
    pub fn extra_roots(&self) -> Vec<Vec<u8>> {
        self.tls.extra_roots().iter().map(|root| root.to_vec()).collect()
    }

    pub(super) fn tls(&self) -> &Tls {
        &self.tls
    }

    pub(super) fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The port to dial if the address has none.
    pub(in crate::eventhubs) fn default_port(&self, to: &Address) -> u16 {
        match self.kind {
            TransportKind::WebSocket => WEBSOCKET_PORT,
            TransportKind::Amqp if to.is_development() => PLAIN_PORT,
            TransportKind::Amqp => TLS_PORT,
        }
    }

    /// The port to dial.
    pub(super) fn port(&self, to: &Address) -> u16 {
        to.explicit_port().unwrap_or_else(|| self.default_port(to))
    }
}

/// AMQP without TLS, for emulators.
const PLAIN_PORT: u16 = 5672;
/// AMQP inside TLS.
const TLS_PORT: u16 = 5671;
/// WebSocket, with TLS or without.
const WEBSOCKET_PORT: u16 = 443;
