//! One partition, read within a budget.
//!
//! Owns: waiting for events or for the budget. Does not own: the link (`link`), its batches and credit (`receive`).

use std::sync::Arc;

use super::authorized::AuthorizedConnection;
use super::error::Error;
use super::link::{LinkBudget, PartitionLink};
use super::options::ReceiveOptions;
use crate::budget::Budget;
use crate::event::RawBatch;
use crate::position::PartitionId;

/// A link that reads one partition. Dropping it ends the link.
#[derive(Debug)]
pub struct PartitionReceiver {
    partition: PartitionId,
    link: PartitionLink,
    budget: Arc<Budget>,
    /// Open as long as one of its links is in use.
    connection: Arc<AuthorizedConnection>,
}

impl PartitionReceiver {
    pub(super) async fn attach(
        connection: Arc<AuthorizedConnection>,
        hub: &str,
        partition: PartitionId,
        options: &ReceiveOptions,
        budget: LinkBudget,
    ) -> Result<Self, Error> {
        let link = connection.attach(hub, partition, options, &budget).await?;
        Ok(Self { partition, link, budget: budget.budget, connection })
    }

    /// The partition it reads.
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// The connection it is on.
    pub(super) fn connection(&self) -> &Arc<AuthorizedConnection> {
        &self.connection
    }

    /// Waits for an event, then returns all that have arrived, up to 256 events or 256 KiB. Cancel-safe.
    ///
    /// # Errors
    /// The error that ended the link, once. The link is of no more use then.
    pub async fn next_batch(&mut self) -> Result<RawBatch, Error> {
        loop {
            if let Some(batch) = self.ready_batch() {
                return Ok(batch);
            }
            if let Some(error) = self.link.take_error() {
                return Err(error);
            }
            tokio::select! {
                () = self.link.changed() => {}
                () = self.budget.wait_available(), if self.link.is_due() => {}
            }
        }
    }

    /// Returns a batch that has arrived. Never waits, and leaves errors to [`next_batch`](Self::next_batch).
    pub fn ready_batch(&mut self) -> Option<RawBatch> {
        self.link.take_batch()
    }

    /// Outstanding credit that the budget covers, in events.
    pub fn outstanding_credit(&self) -> u32 {
        // While the budget is exhausted, the session window may hold events back.
        if self.budget.available() > 0 { self.link.outstanding_credit() } else { 0 }
    }

    /// Deliveries without a usable sequence number since the last event. The batch of the next event counts them too
    /// ([`RawBatch::unreadable`]); without a next event, they are counted here only.
    pub fn unreadable(&self) -> u32 {
        self.link.unreadable()
    }

    /// Detaches.
    ///
    /// # Errors
    /// The error that ended the link before or instead, unless [`next_batch`](Self::next_batch) has returned it.
    pub async fn close(self) -> Result<(), Error> {
        self.link.detach().await
    }
}
