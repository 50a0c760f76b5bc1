//! One AMQP connection to one event hub.

use std::sync::Arc;

use crate::budget::Share;
use crate::position::{Generation, PartitionId, SequenceNumber};

use super::{ConnectionString, Error, PartitionReceiver, ReceiveOptions, Sender};

/// One AMQP connection to one event hub, authorised for as long as it lives.
#[derive(Debug)]
pub struct Client {}

/// What a hub says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubProperties {
    /// Its name, as the hub spells it.
    pub name: String,
    /// When it was created.
    pub generation: Generation,
    /// Its partitions, in ascending order.
    pub partitions: Vec<PartitionId>,
}

/// What a hub says of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProperties {
    /// The first sequence number it still has; -1 when it never had one.
    pub begin: SequenceNumber,
    /// The last sequence number it gave; -1 when it never gave one.
    pub last: SequenceNumber,
    /// The offset of that event.
    pub last_offset: String,
    /// When that event was taken in, unix milliseconds.
    pub last_enqueued_time_ms: i64,
    /// It holds no event now.
    pub is_empty: bool,
}

impl Client {
    /// Connects, and opens the event hub the connection string names.
    pub async fn connect(connection_string: &ConnectionString, client_name: &str) -> Result<Self, Error> {
        let _ = (connection_string, client_name);
        todo!()
    }

    /// What the hub says of itself.
    pub async fn hub(&self) -> Result<HubProperties, Error> {
        todo!()
    }

    /// What the hub says of one partition.
    pub async fn partition(&self, id: PartitionId) -> Result<PartitionProperties, Error> {
        let _ = id;
        todo!()
    }

    /// Begins to read a partition. `partition_share` is how many bytes of `share` its credit may stand for.
    pub async fn receive(
        &self,
        partition: PartitionId,
        options: ReceiveOptions,
        share: Arc<Share>,
        partition_share: usize,
    ) -> Result<PartitionReceiver, Error> {
        let _ = (partition, options, share, partition_share);
        todo!()
    }

    /// Opens a link to send on: to one partition, or to whichever the hub picks.
    pub async fn sender(&self, partition: Option<PartitionId>) -> Result<Sender, Error> {
        let _ = partition;
        todo!()
    }

    /// Ends the connection.
    pub async fn close(self) {
        todo!()
    }
}
