//! The ports of a running namespace: opens them, and writes the addresses for clients.
//!
//! Owns: binding, the TLS of all ports, connection strings and URLs. Does not own: connections (`listener`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::clock::{Clock as _, SystemClock};
use crate::websocket;

use super::access::AccessKey;
use super::authority::{self, Authority};
use super::config::{Config, TlsConfig};
use super::error::Error;
use super::injector::Injector;
use super::listener::{Port, Service, Timeouts, listen};
use super::namespace::Namespace;

/// The open ports of a namespace.
#[derive(Debug)]
pub(super) struct Ports {
    amqp: SocketAddr,
    websocket: Option<SocketAddr>,
    health: Option<SocketAddr>,
    authority: Option<Authority>,
    ca_file: Option<PathBuf>,
    listening: Vec<JoinHandle<()>>,
}

impl Ports {
    /// Opens the ports of a configuration. They close once `stopped` changes.
    pub(super) async fn open(
        config: &Config,
        namespace: &Arc<Namespace>,
        injector: &Arc<Injector>,
        stopped: &watch::Receiver<()>,
    ) -> Result<Self, Error> {
        let (amqp_listener, amqp) = bind(config.listen).await?;
        let websocket = match config.websocket {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let health = match config.health {
            Some(health) => match bind(health.listen).await {
                Err(error) if !health.is_required => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the hub has no health check");
                    None
                }
                bound => Some(bound?),
            },
            None => None,
        };
        let mut ports = Self {
            amqp,
            websocket: websocket.as_ref().map(|(_, address)| *address),
            health: health.as_ref().map(|(_, address)| *address),
            authority: None,
            ca_file: None,
            listening: Vec::new(),
        };
        let tls = match &config.tls {
            Some(tls) => Some(ports.open_tls(tls, config)?),
            None => None,
        };
        let timeouts = Timeouts { idle: config.idle_timeout, links: config.link_timeouts };
        let takes_faults =
            config.remote_faults || ports.health.is_some_and(|health| health.ip().is_loopback());
        let faults = takes_faults.then(|| Arc::clone(injector));
        let service = Service { namespace: Arc::clone(namespace), timeouts, tls, faults };
        ports.start(amqp_listener, Port::Amqp, &service, stopped);
        if let Some((listener, _)) = websocket {
            ports.start(listener, Port::WebSocket, &service, stopped);
        }
        if let Some((listener, _)) = health {
            ports.start(listener, Port::Http, &service, stopped);
        }
        Ok(ports)
    }

    /// Opens the authority, and writes its certificate for clients.
    fn open_tls(&mut self, tls: &TlsConfig, config: &Config) -> Result<TlsAcceptor, Error> {
        // Clients check certificates by this machine's time, not by the time of the hub's events.
        let now = SystemClock.now();
        let authority = match &config.data {
            Some(data) => Authority::open(data, now)?,
            None => Authority::new(now)?,
        };
        if let Some(path) = &tls.ca_out {
            authority.write_certificate(path)?;
        }
        self.ca_file = tls.ca_out.clone().or_else(|| config.data.as_deref().map(authority::certificate_path));
        let addresses = [Some(self.amqp), self.websocket];
        let addresses: Vec<IpAddr> = addresses.into_iter().flatten().map(|address| address.ip()).collect();
        let server = authority.server(&authority::names(&addresses, &tls.names), now)?;
        self.authority = Some(authority);
        Ok(TlsAcceptor::from(Arc::new(server)))
    }

    #[expect(clippy::disallowed_methods, reason = "the emulator owns its listeners and ends them")]
    fn start(&mut self, listener: TcpListener, port: Port, service: &Service, stopped: &watch::Receiver<()>) {
        self.listening.push(tokio::spawn(listen(listener, port, service.clone(), stopped.clone())));
    }

    /// Waits until every connection has ended.
    pub(super) async fn closed(self) {
        for listening in self.listening {
            if let Err(error) = listening.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a listener failed");
            }
        }
    }

    /// The address of AMQP.
    pub(super) fn amqp(&self) -> SocketAddr {
        self.amqp
    }

    /// The address of AMQP over WebSocket.
    pub(super) fn websocket(&self) -> Option<SocketAddr> {
        self.websocket
    }

    /// The URL of AMQP over WebSocket.
    pub(super) fn websocket_url(&self) -> Option<String> {
        let scheme = if self.authority.is_some() { "wss" } else { "ws" };
        self.websocket.map(|address| format!("{scheme}://{}{}", self.host_and_port(address), websocket::PATH))
    }

    /// The URL of the hub's health.
    pub(super) fn health_url(&self) -> Option<String> {
        self.health.map(|address| format!("http://{}/health", reachable(address)))
    }

    /// The certificate of the hub's authority, PEM.
    pub(super) fn ca(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::certificate)
    }

    /// The file with the certificate of the hub's authority.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The connection string of the namespace, by one of the addresses.
    pub(super) fn connection_string(&self, address: SocketAddr, access: &AccessKey) -> String {
        let AccessKey { name, key } = access;
        let key = format!("SharedAccessKeyName={name};SharedAccessKey={key}");
        if self.authority.is_some() {
            return format!("Endpoint=sb://{}/;{key}", self.host_and_port(address));
        }
        format!("Endpoint=sb://{};{key};UseDevelopmentEmulator=true", self.host_and_port(address))
    }

    /// Host and port as a client on this machine writes them: with TLS a name of the certificate, so `localhost` for
    /// 127.0.0.1.
    fn host_and_port(&self, address: SocketAddr) -> String {
        let address = reachable(address);
        if self.authority.is_some() && address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return format!("localhost:{}", address.port());
        }
        address.to_string()
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The address for a client on this machine: loopback if the listener has all addresses.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
