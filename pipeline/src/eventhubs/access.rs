//! Access to one event hub: its address, the credential, and the transport.
//!
//! Owns: the three together, as a command line or a connection string gives them. Does not own: what any of them does.

use super::address::Address;
use super::connection_string::ConnectionString;
use super::credential::Credential;
use super::transport::TransportOptions;

/// Everything that a connection to an event hub needs.
#[derive(Clone, Debug)]
pub struct HubAccess {
    /// The namespace and the event hub.
    pub address: Address,
    /// The secret that opens it.
    pub credential: Credential,
    /// The way to it.
    pub transport: TransportOptions,
}

impl HubAccess {
    /// The same hub over another transport.
    #[must_use]
    pub fn with_transport(mut self, transport: TransportOptions) -> Self {
        self.address.set_default_port(transport.default_port(&self.address));
        Self { transport, ..self }
    }
}

/// Over the default transport.
impl From<&ConnectionString> for HubAccess {
    fn from(text: &ConnectionString) -> Self {
        Self {
            address: text.address().clone(),
            credential: text.credential().clone(),
            transport: TransportOptions::default(),
        }
    }
}

impl From<ConnectionString> for HubAccess {
    fn from(text: ConnectionString) -> Self {
        Self::from(&text)
    }
}
