//! A connection whose token is kept valid, on which partitions are read.

use std::sync::Arc;

use super::access::HubAccess;
use super::authorization::Authorization;
use super::connection::Connection;
use super::credential::TokenSource;
use super::error::Error;
use super::link::{LinkBudget, PartitionLink, RequestClient};
use super::options::ReceiveOptions;
use super::timeouts::Timeouts;
use super::transport;
use crate::position::PartitionId;

/// An authorized connection. Dropping it ends it, and every link on it.
#[derive(Debug)]
pub(super) struct AuthorizedConnection {
    connection: Connection,
    _authorization: Authorization,
}

/// Parameters of an [`AuthorizedConnection`].
#[derive(Debug)]
pub(super) struct OpenOptions<'a> {
    pub(super) access: &'a HubAccess,
    /// The connection's container id.
    pub(super) name: &'a str,
    pub(super) tokens: &'a Arc<TokenSource>,
    pub(super) timeouts: Timeouts,
}

impl AuthorizedConnection {
    /// Dials, opens a connection and puts its first token.
    pub(super) async fn open(options: OpenOptions<'_>) -> Result<Self, Error> {
        let OpenOptions { access, name, tokens, timeouts } = options;
        let stream = transport::dial(&access.address, &access.transport).await?;
        let clock = Arc::clone(tokens.clock());
        let connection = Connection::open(stream, &access.address, name, timeouts.idle, clock).await?;
        let client = RequestClient::attach(connection.table(), name)?;
        let authorization = Authorization::start(client, Arc::clone(tokens)).await?;
        Ok(Self { connection, _authorization: authorization })
    }

    /// Returns whether partitions can still be attached.
    pub(super) fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// Attaches to a partition.
    pub(super) async fn attach(
        &self,
        hub: &str,
        partition: PartitionId,
        options: &ReceiveOptions,
        budget: &LinkBudget,
    ) -> Result<PartitionLink, Error> {
        PartitionLink::attach(self.connection.table(), hub, partition, options, budget).await
    }

    /// Closes the connection and waits for the hub to close its side.
    pub(super) async fn close(self) {
        self.connection.close().await;
    }
}
