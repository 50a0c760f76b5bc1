//! Options of the transport: certificates, WebSocket, proxy.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::eventhubs::{Proxy, TransportKind, TransportOptions, TransportOptionsError};

/// Options that select the way to the hub.
#[derive(Clone, Debug, Args)]
pub(super) struct TransportArgs {
    /// Protocol that carries AMQP: amqp (TLS, port 5671), or websocket (port 443) where a firewall or a proxy blocks
    /// other ports. A port in the connection string counts for both
    #[arg(long, env = "CATCHWATER_TRANSPORT", value_enum, default_value_t, value_name = "PROTOCOL")]
    transport: Protocol,
    /// PEM file with certificates to trust, beside those of this machine: for a proxy that inspects TLS, or a hub with a
    /// certificate authority of its own
    #[arg(long, env = "CATCHWATER_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// HTTP proxy for the connection to the hub (`http://HOST:PORT`), or none [default: `HTTPS_PROXY` or `ALL_PROXY`,
    /// except for this machine and the hosts of `NO_PROXY`]. With user name and password, `http://USER:PASSWORD@HOST:PORT`,
    /// set it in the environment: other users can see arguments
    #[arg(long, env = "CATCHWATER_PROXY", hide_env_values = true, value_parser = proxy, value_name = "URL|none")]
    proxy: Option<ParsedProxy>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Protocol {
    #[default]
    Amqp,
    Websocket,
}

/// An invalid value is kept and reported later: an error of clap would repeat it, and it may hold a password.
type ParsedProxy = Result<Proxy, TransportOptionsError>;

#[expect(clippy::unnecessary_wraps, reason = "clap takes a result, and would report the error itself")]
fn proxy(text: &str) -> Result<ParsedProxy, Infallible> {
    Ok(Proxy::parse(text))
}

impl TransportArgs {
    /// The options of the client.
    pub(super) fn options(&self) -> Result<TransportOptions, TransportOptionsError> {
        let kind = match self.transport {
            Protocol::Amqp => TransportKind::Amqp,
            Protocol::Websocket => TransportKind::WebSocket,
        };
        let proxy = self.proxy.clone().unwrap_or_else(|| Ok(Proxy::from_environment()))?;
        let options = TransportOptions::default().with_kind(kind).with_proxy(proxy);
        match &self.ca_file {
            Some(file) => options.with_ca_file(file),
            None => Ok(options),
        }
    }
}
