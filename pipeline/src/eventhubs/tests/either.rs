//! One type for both receivers: each case of the suite runs with ours and with the reference implementation.

use std::sync::Arc;

use super::reference::ReferenceReceiver;
use crate::budget::Budget;
use crate::event::RawBatch;
use crate::eventhubs::{Client, Error, PartitionReceiver, ReceiveOptions};
use crate::position::PartitionId;

/// The implementation of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Reference,
}

/// A receiver of either implementation.
#[derive(Debug)]
pub(super) enum Receiver {
    Ours(PartitionReceiver),
    Reference(Box<ReferenceReceiver>),
}

impl Receiver {
    pub(super) async fn attach(
        kind: Kind,
        client: &Client,
        partition: PartitionId,
        options: ReceiveOptions,
        budget: Arc<Budget>,
        partition_share: usize,
    ) -> Result<Self, Error> {
        Ok(match kind {
            Kind::Ours => Self::Ours(client.receive(partition, options, budget, partition_share).await?),
            Kind::Reference => {
                let attaching = ReferenceReceiver::attach(
                    client.sending_connection().await?,
                    "events",
                    partition,
                    &options,
                    budget,
                    partition_share,
                );
                Self::Reference(Box::new(attaching.await?))
            }
        })
    }

    pub(super) async fn next_batch(&mut self) -> Result<RawBatch, Error> {
        match self {
            Self::Ours(ours) => ours.next_batch().await,
            Self::Reference(reference) => reference.next_batch().await,
        }
    }

    pub(super) async fn close(self) -> Result<(), Error> {
        match self {
            Self::Ours(ours) => ours.close().await,
            Self::Reference(reference) => reference.close().await,
        }
    }
}

/// Makes two tests of a case that takes a [`Kind`].
macro_rules! both {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn ours() {
                super::$case(super::Kind::Ours).await;
            }

            #[tokio::test]
            async fn reference() {
                super::$case(super::Kind::Reference).await;
            }
        })+
    };
}
pub(super) use both;
