//! The way to a hub, as an operator chooses it.

use std::path::Path;

use super::error::TransportOptionsError;
use super::tls::Tls;

/// The way to a hub: protocol below AMQP, trusted certificates, proxy. Clones share TLS sessions.
#[derive(Clone, Debug, Default)]
pub struct TransportOptions {
    tls: Tls,
}

impl TransportOptions {
    /// Also trusts the certificates of a PEM file, beside those of this machine. The file is read now.
    pub fn with_ca_file(path: &Path) -> Result<Self, TransportOptionsError> {
        Ok(Self { tls: Tls::with_ca_file(path)? })
    }

    pub(super) fn tls(&self) -> &Tls {
        &self.tls
    }
}
