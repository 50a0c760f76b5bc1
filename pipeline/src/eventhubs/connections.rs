//! The connections of a client: opened when they are needed, and again after they were lost.
//!
//! Owns: which connection a partition rides on, and one attempt to open it at a time. Does not own: waiting between
//! attempts (`run::reader`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::timeout;
use uuid::Uuid;

use super::access::HubAccess;
use super::authorized::AuthorizedConnection;
use super::credential::TokenSource;
use super::error::Error;
use super::timeouts::Timeouts;
use crate::position::PartitionId;

/// The connections of a client.
#[derive(Debug)]
pub(super) struct Connections {
    opener: Opener,
    /// By partition, [`PARTITIONS_PER_CONNECTION`] each.
    slots: Mutex<Vec<Arc<Slot>>>,
}

/// Arguments of opening a connection.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) access: HubAccess,
    /// Shared by all connections.
    pub(super) tokens: Arc<TokenSource>,
    /// Beginning of the connections' container ids.
    pub(super) client_name: String,
    pub(super) timeouts: Timeouts,
}

impl Connections {
    pub(super) fn new(opener: Opener) -> Self {
        Self { opener, slots: Mutex::default() }
    }

    /// The connection of a partition, opened if necessary.
    pub(super) async fn of(&self, partition: PartitionId) -> Result<Arc<AuthorizedConnection>, Error> {
        self.slot(partition.get() as usize / PARTITIONS_PER_CONNECTION).get(&self.opener).await
    }

    /// Any connection: an open one, or the first.
    pub(super) async fn any(&self) -> Result<Arc<AuthorizedConnection>, Error> {
        let open = self.slots().iter().find_map(|slot| slot.open());
        match open {
            Some(open) => Ok(open),
            None => self.slot(0).get(&self.opener).await,
        }
    }

    /// Opens another connection the next time that this one is asked for. Its links stay until their readers leave.
    pub(super) fn replace(&self, connection: &Arc<AuthorizedConnection>) {
        for slot in self.slots().iter() {
            slot.current().take_if(|current| Arc::ptr_eq(current, connection));
        }
    }

    /// Closes all connections.
    pub(super) async fn close(self) {
        let slots = std::mem::take(&mut *self.slots());
        for slot in slots {
            let connection = slot.current().take();
            if let Some(connection) = connection.and_then(Arc::into_inner) {
                connection.close().await;
            }
        }
    }

    fn slot(&self, index: usize) -> Arc<Slot> {
        let mut slots = self.slots();
        if slots.len() <= index {
            slots.resize_with(index + 1, Arc::default);
        }
        Arc::clone(&slots[index])
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opener {
    async fn open(&self) -> Result<AuthorizedConnection, Error> {
        let name = connection_name(&self.client_name);
        let opening =
            AuthorizedConnection::open(&self.access, Arc::clone(&self.tokens), &name, self.timeouts);
        timeout(Timeouts::OPEN, opening)
            .await
            .unwrap_or_else(|_| Err(Error::opening_timed_out(&self.access.address)))
    }
}

/// One connection of a client, as long as it is open.
#[derive(Debug, Default)]
struct Slot {
    current: Mutex<Option<Arc<AuthorizedConnection>>>,
    /// Attempts to open it that have failed.
    failures: AtomicU64,
    /// The error of the last one. Locked during an attempt.
    failure: tokio::sync::Mutex<Option<Arc<Error>>>,
}

impl Slot {
    /// The connection, opened if necessary. Callers that wait for one attempt share its result.
    async fn get(&self, opener: &Opener) -> Result<Arc<AuthorizedConnection>, Error> {
        let seen = self.failures.load(Ordering::Acquire);
        let mut failure = self.failure.lock().await;
        if let Some(open) = self.open() {
            return Ok(open);
        }
        if let Some(error) = failure.as_ref().filter(|_| self.failures.load(Ordering::Acquire) > seen) {
            return Err(Error::NoConnection(Arc::clone(error)));
        }
        match opener.open().await {
            Ok(connection) => Ok(Arc::clone(self.current().insert(Arc::new(connection)))),
            Err(error) => {
                self.failures.fetch_add(1, Ordering::AcqRel);
                Err(Error::NoConnection(Arc::clone(failure.insert(Arc::new(error)))))
            }
        }
    }

    fn open(&self) -> Option<Arc<AuthorizedConnection>> {
        self.current().clone().filter(|connection| connection.is_open())
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<AuthorizedConnection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A unique container id. Short: fe2o3-amqp cuts an Open of more than 508 bytes into invalid frames.
pub(super) fn connection_name(client_name: &str) -> String {
    let client_name: String = client_name.chars().take(CLIENT_NAME_LENGTH).collect();
    format!("{client_name}-{}", Uuid::new_v4().simple())
}

/// Partitions that share a connection: all of a standard hub. A connection is one TCP stream and one task, which
/// receives about a million events a second; when it is lost, these partitions attach again.
pub(super) const PARTITIONS_PER_CONNECTION: usize = 32;
/// Upper bound on the characters of a client's name in an Open; the host may take 255 of the 508 bytes.
const CLIENT_NAME_LENGTH: usize = 30;
