//! One event hub: reading partitions and asking for properties on shared connections, sending on others.
//!
//! Owns: repeating a request while the hub is busy. Does not own: the connections (`connections`, `sending`), or the
//! links that carry events (`receiver`, `sending`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::access::HubAccess;
use super::condition::ErrorKind;
use super::connections::{Connections, Opener, connection_name};
use super::credential::{TokenLife, TokenSource};
use super::error::Error;
use super::link::LinkBudget;
use super::management::{
    HubProperties, PartitionProperties, hub_properties, partition_properties, read_request,
};
use super::options::ReceiveOptions;
use super::receiver::PartitionReceiver;
use super::sending::{Sender, SendingConnection};
use super::timeouts::Timeouts;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::position::PartitionId;

/// One event hub.
#[derive(Debug)]
pub struct Client {
    access: HubAccess,
    hub: String,
    /// Beginning of container ids.
    name: String,
    tokens: Arc<TokenSource>,
    connections: Connections,
    /// Limits requests in flight.
    window: Semaphore,
    timeouts: Timeouts,
}

/// Limits that tests shorten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Life of tokens that are made of a key.
    pub(super) life: TokenLife,
    pub(super) timeouts: Timeouts,
}

impl Default for Limits {
    fn default() -> Self {
        Self { life: TokenLife::DEFAULT, timeouts: Timeouts::DEFAULT }
    }
}

impl Client {
    /// A client that has not connected yet. `client_name` appears in the hub's logs.
    ///
    /// # Errors
    /// [`Error::NoEventHub`].
    pub fn new(
        access: impl Into<HubAccess>,
        client_name: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        Self::with_limits(access.into(), client_name, Limits::default(), clock)
    }

    /// A client whose first connection is open.
    pub async fn connect(
        access: impl Into<HubAccess>,
        client_name: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let client = Self::new(access, client_name, clock)?;
        client.open().await?;
        Ok(client)
    }

    pub(super) fn with_limits(
        access: HubAccess,
        client_name: &str,
        Limits { life, timeouts }: Limits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let hub = access.address.event_hub().ok_or(Error::NoEventHub)?.to_owned();
        // A token for the hub covers its consumer groups, its partitions and the management node.
        let audience = format!("sb://{}/{hub}", access.address.host());
        let tokens = Arc::new(TokenSource::new(access.credential.clone(), audience, life, clock));
        let connections = Connections::new(Opener {
            access: access.clone(),
            tokens: Arc::clone(&tokens),
            client_name: client_name.to_owned(),
            timeouts,
        });
        let (name, window) = (client_name.to_owned(), Semaphore::new(MAX_IN_FLIGHT));
        Ok(Self { access, hub, name, tokens, connections, window, timeouts })
    }

    /// Obtains a token, without a connection to the hub.
    pub async fn obtain_token(&self) -> Result<(), Error> {
        self.tokens.token().await?;
        Ok(())
    }

    /// Opens the first connection and puts its token, unless one is open.
    pub async fn open(&self) -> Result<(), Error> {
        self.connections.any().await.map(|_| ())
    }

    /// Requests the properties of the hub.
    pub async fn hub(&self) -> Result<HubProperties, Error> {
        let subject = format!("event hub {}", self.hub);
        hub_properties(&self.read(&subject, None).await?, &subject)
    }

    /// Requests the properties of the hub, and gives up after `limit`.
    pub async fn hub_within(&self, limit: Duration) -> Result<HubProperties, Error> {
        self.within(limit, self.hub()).await
    }

    /// Waits for an answer of the hub, and gives up after `limit`.
    pub async fn within<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let late = || Error::lost(&self.access.address.to_string(), format!("no answer within {limit:?}"));
        timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
    }

    /// Requests the properties of a partition.
    pub async fn partition(&self, id: PartitionId) -> Result<PartitionProperties, Error> {
        let subject = format!("partition {id} of {}", self.hub);
        partition_properties(&self.read(&subject, Some(id)).await?, &subject)
    }

    /// Starts to read a partition. Its credit is worth at most `credit_bytes` of `budget`.
    ///
    /// # Errors
    /// `PositionLost` if the hub refuses the start; `OwnershipLost` if a reader of a higher owner level has the
    /// partition.
    pub async fn receive(
        &self,
        partition: PartitionId,
        options: ReceiveOptions,
        budget: Arc<Budget>,
        credit_bytes: usize,
    ) -> Result<PartitionReceiver, Error> {
        let connection = self.connections.of(partition).await?;
        let budget = LinkBudget { budget, credit_bytes };
        PartitionReceiver::attach(connection, &self.hub, partition, &options, budget).await
    }

    /// Leaves the connection of a receiver: the partition uses another one when it attaches again.
    pub fn leave_connection(&self, receiver: &PartitionReceiver) {
        self.connections.replace(receiver.connection());
    }

    /// Puts a new token on the connection of a partition.
    pub async fn renew_token(&self, partition: PartitionId) -> Result<(), Error> {
        self.connections.of(partition).await?.renew_token().await
    }

    /// Opens a connection and a link to send on: to one partition, or to partitions that the hub picks.
    pub async fn sender(&self, partition: Option<PartitionId>) -> Result<Sender, Error> {
        Sender::attach(self.sending_connection().await?, &self.hub, partition).await
    }

    pub(super) async fn sending_connection(&self) -> Result<SendingConnection, Error> {
        let name = connection_name(&self.name);
        SendingConnection::open(&self.access, Arc::clone(&self.tokens), &name).await
    }

    /// Closes all connections that read, and every link on them.
    pub async fn close(self) {
        self.connections.close().await;
    }

    /// The token of an open connection.
    #[cfg(test)]
    pub(super) async fn token(&self) -> String {
        self.connections.any().await.map_or_else(|error| error.to_string(), |connection| connection.token())
    }

    /// Sends a READ request for the hub or a partition to the management node, again while the hub is busy.
    async fn read(&self, subject: &str, partition: Option<PartitionId>) -> Result<Vec<u8>, Error> {
        // The semaphore is never closed. A request keeps its permit while it waits for a busy hub, which so receives
        // fewer requests at once.
        let _permit = self.window.acquire().await;
        let mut retries_left = MAX_RETRIES;
        loop {
            let connection = match partition {
                Some(partition) => self.connections.of(partition).await?,
                None => self.connections.any().await?,
            };
            let token = connection.token();
            let request = read_request(&self.hub, partition, &token);
            let response = connection.management()?.send(subject, &request, self.timeouts.response).await;
            match response {
                // The token was renewed while the request was on its way.
                Err(error)
                    if error.kind() == ErrorKind::Unauthorized
                        && connection.token() != token
                        && retries_left > 0 =>
                {
                    retries_left -= 1;
                }
                Err(error) if error.is_busy() && retries_left > 0 => {
                    retries_left -= 1;
                    tracing::debug!(%error, retries_left, "the hub is busy; retrying the request");
                    sleep(self.timeouts.busy_delay).await;
                }
                response => {
                    // The connection lives but its node does not answer: later requests take another one.
                    if matches!(response, Err(Error::Lost { .. })) {
                        self.connections.replace(&connection);
                    }
                    return response;
                }
            }
        }
    }
}

/// Upper bound on requests in flight: a thousand partitions take a few round trips, and a namespace allows 50 such
/// requests a second.
const MAX_IN_FLIGHT: usize = 64;
/// Retries of a request that the hub was too busy for, or whose token was renewed meanwhile.
const MAX_RETRIES: u32 = 10;
