//! Options of the transport: certificates, WebSocket, proxy.

use std::path::PathBuf;

use clap::Args;

use crate::eventhubs::{TransportOptions, TransportOptionsError};

/// Options that select the way to the hub.
#[derive(Clone, Debug, Args)]
pub(super) struct TransportArgs {
    /// PEM file with certificates to trust, beside those of this machine: for a proxy that inspects TLS, or a hub with a
    /// certificate authority of its own
    #[arg(long, env = "CATCHWATER_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl TransportArgs {
    /// The options of the client.
    pub(super) fn options(&self) -> Result<TransportOptions, TransportOptionsError> {
        let file = self.ca_file.as_deref();
        file.map_or_else(|| Ok(TransportOptions::default()), TransportOptions::with_ca_file)
    }
}
