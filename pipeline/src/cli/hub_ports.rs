//! Options for the ports of `catchwater hub`: TLS, WebSocket, health.
//!
//! Owns: the default ports, and the file of the authority's certificate. Does not own: the ports (`emulator`).

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Usage;
use crate::emulator::{Config, Emulator, HealthConfig, TlsConfig};

/// The addresses of the hub, and the protocols below AMQP.
#[derive(Debug, Args)]
pub(super) struct PortOptions {
    /// Address to listen on; port 0 takes a free port [default: 127.0.0.1:5672; with --tls 127.0.0.1:5671]
    #[arg(long, env = "CATCHWATER_LISTEN", value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// TLS, with a certificate authority of the hub's own: that of --data, else a new one at each start
    #[arg(long, env = "CATCHWATER_TLS")]
    tls: bool,
    /// File that gets the authority's certificate, the --ca-file of the other commands [default: a file in --data, else a
    /// temporary one]
    #[arg(long, env = "CATCHWATER_CA_OUT", value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// Names and addresses of this machine for the certificate, beside its host name and localhost: such as the name of
    /// a container
    #[arg(long, env = "CATCHWATER_TLS_NAME", num_args = 1.., value_delimiter = ',', value_name = "NAME")]
    tls_name: Vec<String>,
    /// Address of AMQP over WebSocket (wss with --tls), beside --listen
    #[arg(long, env = "CATCHWATER_WEBSOCKET", value_name = "ADDR")]
    websocket: Option<SocketAddr>,
    /// Address of the HTTP server with GET /health [default: port 5300 if the hub has its default port, else none]
    #[arg(long, env = "CATCHWATER_HEALTH", value_name = "ADDR")]
    health: Option<SocketAddr>,
}

impl PortOptions {
    /// Adds the ports to a configuration, whose data folder is set. The file lasts until the result is dropped.
    ///
    /// # Errors
    /// An option of TLS without --tls.
    pub(super) fn configure(&self, config: &mut Config) -> Result<TemporaryCa, Usage> {
        if !self.tls && (self.ca_out.is_some() || !self.tls_name.is_empty()) {
            return Err(Usage("--ca-out and --tls-name are for a hub with TLS: add --tls".to_owned()));
        }
        let listen = self.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, self.default_port()).into());
        let temporary = self.temporary_ca(config.data.as_deref());
        config.listen = listen;
        config.tls = self.tls.then(|| TlsConfig {
            names: self.tls_name.clone(),
            ca_out: self.ca_out.clone().or_else(|| temporary.0.clone()),
        });
        config.websocket = self.websocket;
        config.health = self.health(listen);
        Ok(temporary)
    }

    fn default_port(&self) -> u16 {
        if self.tls { TLS_PORT } else { PLAIN_PORT }
    }

    /// The health check: where it was asked for, or beside the default port, as with the official emulator.
    fn health(&self, listen: SocketAddr) -> Option<HealthConfig> {
        let beside = SocketAddr::new(listen.ip(), HEALTH_PORT);
        match self.health {
            Some(listen) => Some(HealthConfig { listen, is_required: true }),
            None if listen.port() == self.default_port() => {
                Some(HealthConfig { listen: beside, is_required: false })
            }
            None => None,
        }
    }

    fn temporary_ca(&self, data: Option<&Path>) -> TemporaryCa {
        let is_needed = self.tls && self.ca_out.is_none() && data.is_none();
        let name = format!("catchwater-hub-{}-ca.pem", std::process::id());
        TemporaryCa(is_needed.then(|| env::temp_dir().join(name)))
    }
}

/// The file of the authority's certificate if no other one is named; removed at the end.
#[derive(Debug)]
pub(super) struct TemporaryCa(Option<PathBuf>);

impl Drop for TemporaryCa {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // A cleaner of temporary files may have been here.
            drop(fs::remove_file(path));
        }
    }
}

/// The file for --ca-file, from any working directory.
pub(super) fn ca_file(emulator: &Emulator) -> Option<String> {
    let path = emulator.ca_file()?;
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Some(path.to_string_lossy().into_owned())
}

/// AMQP without TLS, as of the official emulator.
const PLAIN_PORT: u16 = 5672;
/// AMQP inside TLS, as of the service.
const TLS_PORT: u16 = 5671;
/// Health, as of the official emulator.
const HEALTH_PORT: u16 = 5300;
