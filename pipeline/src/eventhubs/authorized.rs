//! A connection whose token is kept valid, on which partitions are read and properties requested.
//!
//! Owns: the links to `$cbs` and `$management`. Does not own: when it is opened again (`connections`).

use std::sync::{Arc, Mutex, PoisonError};

use super::access::HubAccess;
use super::authorization::Authorization;
use super::connection::Connection;
use super::credential::TokenSource;
use super::error::Error;
use super::link::{LinkBudget, PartitionLink, RequestClient};
use super::names::{CBS, MANAGEMENT};
use super::options::ReceiveOptions;
use super::timeouts::Timeouts;
use super::transport;
use crate::position::PartitionId;

/// An authorized connection. Dropping it ends it, and every link on it.
#[derive(Debug)]
pub(super) struct AuthorizedConnection {
    connection: Connection,
    authorization: Authorization<RequestClient>,
    /// The link to the management node: attached for the first request, and again after the hub has ended it.
    management: Mutex<Option<Arc<RequestClient>>>,
    /// Its container id.
    name: String,
}

impl AuthorizedConnection {
    /// Dials, opens a connection and puts its first token. `name` is its container id.
    pub(super) async fn open(
        access: &HubAccess,
        tokens: Arc<TokenSource>,
        name: &str,
        timeouts: Timeouts,
    ) -> Result<Self, Error> {
        let stream = transport::dial(&access.address, &access.transport).await?;
        let clock = Arc::clone(tokens.clock());
        let connection = Connection::open(stream, &access.address, name, timeouts.idle, clock).await?;
        let cbs = RequestClient::attach(connection.table(), CBS, name)?;
        let authorization = Authorization::start(cbs, tokens).await?;
        Ok(Self { connection, authorization, management: Mutex::default(), name: name.to_owned() })
    }

    /// Returns whether partitions can still be attached.
    pub(super) fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// Puts a new token.
    pub(super) async fn renew_token(&self) -> Result<(), Error> {
        self.authorization.renew().await
    }

    /// The token that was put last.
    pub(super) fn token(&self) -> String {
        self.authorization.token()
    }

    /// The link to the management node.
    pub(super) fn management(&self) -> Result<Arc<RequestClient>, Error> {
        let mut management = self.management.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = management.as_ref().filter(|link| link.is_open()) {
            return Ok(Arc::clone(open));
        }
        let attached = RequestClient::attach(self.connection.table(), MANAGEMENT, &self.name)?;
        Ok(Arc::clone(management.insert(Arc::new(attached))))
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
