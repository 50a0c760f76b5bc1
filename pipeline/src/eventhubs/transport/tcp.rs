//! Name resolution and TCP connections.

use std::io;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::endpoint::Endpoint;

/// The step of connecting that failed.
#[derive(Debug)]
pub(super) enum TcpFailure {
    /// The name has no address.
    Resolve(String),
    /// No address of the name accepts the connection.
    Connect(String),
}

/// Connects to the first address of the host that accepts.
pub(super) async fn connect(to: Endpoint<'_>) -> Result<TcpStream, TcpFailure> {
    let addresses = timeout(RESOLVE_TIMEOUT, lookup_host((to.host, to.port)))
        .await
        .map_err(|_| TcpFailure::Resolve(no_answer(RESOLVE_TIMEOUT)))?
        .map_err(|error| TcpFailure::Resolve(error.to_string()))?;
    let mut failure = TcpFailure::Resolve("the name has no address".to_owned());
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, open(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = TcpFailure::Connect(error.to_string()),
            Err(_) => failure = TcpFailure::Connect(no_answer(CONNECT_TIMEOUT)),
        }
    }
    Err(failure)
}

async fn open(address: std::net::SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Frames are small and waited for; Nagle's algorithm would delay them.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The cause of a step that was given up.
pub(super) fn no_answer(limit: Duration) -> String {
    format!("no answer in {} s", limit.as_secs())
}

/// Limit on resolving a name: a resolver asks two servers twice, 5 s each, and the first one answers as a rule.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(15);
/// Limit on one TCP connection: three attempts of the system, which sends again after 1 and 3 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
