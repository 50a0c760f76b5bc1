//! Listeners: accept connections, and open the protocols below AMQP on them.
//!
//! Owns the accept loop. A handshake is a part of its connection's task, so that a slow peer delays no other one. Does
//! not own: the protocol (`connection`).
//!
//! ```text
//! accept ──► tls, if the hub has it ──► websocket, on its port ──► socket ◄──► connection
//! accept ──► http
//! ```

mod error; // errors before AMQP
mod tls; // TLS, for the hub
mod control; // faults on request, over HTTP
mod http; // health, and the routes of HTTP
mod websocket; // WebSocket, for the hub
mod socket; // one connection on a stream of any kind

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::injector::Injector;
use super::namespace::Namespace;

use error::Error;
use socket::Socket;

pub(super) use socket::Timeouts;

/// Pause after a failed accept, so that a lack of file descriptors does not spin.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Time between two warnings that connections can't be accepted.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// AMQP, in TLS if the hub has it.
    Amqp,
    /// AMQP over WebSocket, in TLS if the hub has it.
    WebSocket,
    /// HTTP, without TLS: health and faults.
    Http,
}

/// Needs of every connection.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) namespace: Arc<Namespace>,
    pub(super) timeouts: Timeouts,
    pub(super) tls: Option<TlsAcceptor>,
    /// Injects faults that are posted to the HTTP server, if it takes them.
    pub(super) faults: Option<Arc<Injector>>,
}

impl Service {
    /// Serves a connection until it ends, or `stop` changes.
    async fn serve(self, port: Port, stream: TcpStream, stop: watch::Receiver<()>) {
        if let Err(error) = self.open(port, stream, stop).await {
            tracing::debug!(?port, error = &error as &dyn std::error::Error, "connection failed");
        }
    }

    async fn open(self, port: Port, stream: TcpStream, stop: watch::Receiver<()>) -> Result<(), Error> {
        // Frames are small and waited for; Nagle's algorithm would delay them.
        stream.set_nodelay(true)?;
        // Boxes keep the task of a plain connection small: there may be thousands.
        match (port, self.tls.clone()) {
            (Port::Http, _) => {
                Box::pin(unless(stop, http::serve(stream, self.faults))).await.unwrap_or(Ok(()))
            }
            (_, None) => self.amqp(port, stream, stop).await,
            (_, Some(tls)) => match Box::pin(unless(stop.clone(), tls::accept(stream, &tls))).await {
                Some(stream) => Box::pin(self.amqp(port, stream?, stop)).await,
                None => Ok(()),
            },
        }
    }

    async fn amqp<S>(self, port: Port, stream: S, stop: watch::Receiver<()>) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Self { namespace, timeouts, .. } = self;
        if port == Port::Amqp {
            return Ok(Socket::new(stream, namespace, timeouts).run(stop).await?);
        }
        match Box::pin(unless(stop.clone(), websocket::accept(stream))).await.transpose()?.flatten() {
            Some(stream) => Ok(Box::pin(Socket::new(stream, namespace, timeouts).run(stop)).await?),
            None => Ok(()),
        }
    }
}

/// Waits for a future; `None` once `stop` changes, or its sender is dropped.
async fn unless<T>(mut stop: watch::Receiver<()>, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        output = future => Some(output),
        _ = stop.changed() => None,
    }
}

/// Accepts connections until `stop` changes, then ends the open ones.
pub(super) async fn listen(
    listener: TcpListener,
    port: Port,
    service: Service,
    mut stop: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let mut warned: Option<Instant> = None;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(service.clone().serve(port, stream, stop.clone()));
                }
                // Out of file descriptors, or the peer has gone already: the next connection may succeed.
                Err(error) => {
                    if warned.is_none_or(|warned| warned.elapsed() > WARNING_INTERVAL) {
                        warned = Some(Instant::now());
                        let (error, connections) = (&error as &dyn std::error::Error, connections.len());
                        tracing::warn!(error, connections, "can't accept connections; trying again until it works");
                    }
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
            // A dropped sender is a stop too.
            _ = stop.changed() => break,
            Some(ended) = connections.join_next() => report(ended),
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Reports a connection whose task has failed; the others continue.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = &error as &dyn std::error::Error, "a connection ended by a fault of the hub");
    }
}
