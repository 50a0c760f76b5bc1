//! TLS in front of a hub, on the hub's core: encrypting takes none of a client's CPU time.
//!
//! Owns: the certificate authority, and access to the hub through it. Does not own: the front itself, which the tests of
//! the product share.

#[expect(dead_code, clippy::unwrap_used, reason = "shared with tests, which use all of it and may panic")]
#[path = "../../pipeline/tests/support/fronts.rs"]
mod fronts;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use catchwater::internals::eventhubs::{ConnectionString, HubAccess, TransportOptions};
use catchwater_benches::machine::on_cores;
use tempfile::NamedTempFile;

use self::fronts::{Authority, Front, Kind};
use super::hub::Hub;

/// A front with TLS, until it is dropped.
pub(crate) struct TlsFront {
    front: Front,
    hub: String,
    /// Certificate of the authority.
    ca_file: NamedTempFile,
}

impl TlsFront {
    /// Starts a front of the hub.
    pub(crate) fn start(hub: &Hub) -> io::Result<Self> {
        let authority = Authority::new();
        let mut ca_file = NamedTempFile::new()?;
        ca_file.write_all(authority.pem().as_bytes())?;
        let kind = Kind::Tls(authority.tls(&[HOST]));
        let front = on_cores(&[hub.core()], || Ok::<_, io::Error>(Front::start(kind, hub.address())))?;
        Ok(Self { front, hub: hub.connection_string(), ca_file })
    }

    /// Address that the front listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// Host and port, as clients name them that check the certificate.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{HOST}:{}", self.front.address.port())
    }

    /// PEM file with the certificate of the authority.
    pub(crate) fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }

    /// The hub through this front, for our client.
    pub(crate) fn access(&self) -> io::Result<HubAccess> {
        // Without the word for an emulator our client speaks TLS.
        let parts = self.hub.split(';').filter(|part| !part.starts_with("UseDevelopmentEmulator"));
        let parts = parts.map(|part| match part.strip_prefix("Endpoint=") {
            Some(_) => format!("Endpoint=sb://{}", self.host_and_port()),
            None => part.to_owned(),
        });
        let text = parts.collect::<Vec<_>>().join(";");
        let access = HubAccess::from(ConnectionString::parse(&text).map_err(io::Error::other)?);
        let transport =
            TransportOptions::default().with_ca_file(self.ca_file.path()).map_err(io::Error::other)?;
        Ok(access.with_transport(transport))
    }
}

/// Name in the certificate.
pub(crate) const HOST: &str = "localhost";
