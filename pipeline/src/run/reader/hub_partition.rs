//! One partition of the hub: its links, its extent, and the rows that the lake has of it.
//!
//! Does not own: where reading starts (`start`), or what a gap in the numbers means (`gaps`).

use std::sync::Arc;

use catchwater_sinks::lake::first_start::PartitionBeginning;
use catchwater_sinks::lake::reattach::{AfterAttach, Changed, may_go_on};
use catchwater_sinks::lake::recovery::{Chains, Days, Listing};
use catchwater_sinks::lake::start::{Extent, PositionLost};
use catchwater_sinks::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use catchwater_sinks::parquet::RowColumns;
use catchwater_sinks::paths::SourceId;

use super::deps::Deps;
use super::error::Error;
use super::listings::Age;
use super::retries::{ATTEMPTS, RETRY_DELAY};
use crate::budget::Budget;
use crate::columns::{ROW_INDEX, SEQUENCE_NUMBER};
use crate::eventhubs::{self, Distrust, PartitionProperties, PartitionReceiver, ReceiveOptions, Start};
use crate::parse::ROUTING_VERSION;
use crate::position::{Generation, PartitionId, SequenceNumber};

/// One partition of the hub, with access to the hub and the lake.
#[derive(Debug)]
pub(in crate::run) struct HubPartition {
    pub(in crate::run) deps: Arc<Deps>,
    pub(in crate::run) id: PartitionId,
    /// Name of the partition's chains in the lake.
    pub(in crate::run) source: SourceId,
    /// Where it begins in the lake, if it has no origin yet.
    pub(in crate::run) beginning: PartitionBeginning,
    /// Faults that its links have proven.
    pub(in crate::run) distrust: Distrust,
    /// Budget of its lane that arriving events are charged to.
    pub(in crate::run) intake: Arc<Budget>,
    /// Bytes of that budget which the partition's credit may claim.
    pub(in crate::run) credit_bytes: usize,
}

impl HubPartition {
    /// Attaches a link for the events from `expected` on. Before it hands over an event, the hub's creation time, its
    /// numbers and the routing rules are checked: all of them may have changed while there was no link. `None` if the
    /// partition has to start again.
    pub(super) async fn attach(
        &self,
        start: Start,
        expected: SequenceNumber,
    ) -> Result<Option<PartitionReceiver>, Error> {
        let receiver = self.link(start).await?;
        let known = self.deps.checkpoints.scope().generation;
        let mut attempts = ATTEMPTS;
        loop {
            let now = AfterAttach {
                generation: self.generation().await?.get(),
                extent: self.extent().await?.1,
                rules_hold: self.deps.records.still_current(&self.source, ROUTING_VERSION).await?,
            };
            attempts -= 1;
            match may_go_on(known.get(), Ordinal::new(expected.get()), now) {
                Ok(()) => return Ok(Some(receiver)),
                Err(changed @ Changed::Rules) => {
                    self.warn_of_change(&changed);
                    return Ok(None);
                }
                Err(changed @ Changed::Generation { .. }) => {
                    return Err(Error::HubCreatedAgain { partition: self.id, source: changed });
                }
                Err(changed @ Changed::Numbers(_)) if attempts == 0 => {
                    self.warn_of_change(&changed);
                    return Ok(None);
                }
                // The hub's answer may lag behind its links.
                Err(Changed::Numbers(_)) => tokio::time::sleep(RETRY_DELAY).await,
            }
        }
    }

    /// Checks that the hub is the one that the run has started with.
    ///
    /// # Errors
    /// [`Error::HubCreatedAgain`].
    pub(super) async fn check_generation(&self) -> Result<(), Error> {
        let (known, found) = (self.deps.checkpoints.scope().generation, self.generation().await?);
        if known == found {
            return Ok(());
        }
        let source = Changed::Generation { known: known.get(), found: found.get() };
        Err(Error::HubCreatedAgain { partition: self.id, source })
    }

    async fn generation(&self) -> Result<Generation, Error> {
        let asked = self.deps.generations.current(&self.deps.client).await;
        asked.map_err(|source| self.hub_error(source))
    }

    fn warn_of_change(&self, changed: &Changed) {
        let error = changed as &dyn std::error::Error;
        tracing::warn!(partition = %self.id, error, "hub or lake have changed since the partition started");
    }

    /// Attaches a link, which displaces every other reader of the consumer group.
    pub(super) async fn link(&self, start: Start) -> Result<PartitionReceiver, Error> {
        let options = ReceiveOptions {
            consumer_group: self.deps.consumer_group.clone(),
            start,
            owner_level: Some(self.deps.owner_level),
            name: format!("catchwater-{}", std::process::id()),
            distrust: self.distrust.clone(),
        };
        let intake = Arc::clone(&self.intake);
        let receiver = self.deps.client.receive(self.id, options, intake, self.credit_bytes).await;
        receiver.map_err(|source| self.hub_error(source))
    }

    /// The hub's properties of the partition, and the range of sequence numbers that it holds now.
    pub(super) async fn extent(&self) -> Result<(PartitionProperties, Extent), Error> {
        let hub = self.deps.client.partition(self.id).await.map_err(|source| self.hub_error(source))?;
        let begin = if hub.is_empty { hub.last.get() + 1 } else { hub.begin.get() };
        let last = (hub.last.get() >= 0).then_some(Ordinal::new(hub.last.get()));
        Ok((hub, Extent { begin: Ordinal::new(begin), last }))
    }

    /// Numbers above `after` that are settled: they have a row, or are accepted gaps.
    pub(super) async fn settled_above(&self, after: Option<Ordinal>, age: Age) -> Result<OrdinalSet, Error> {
        let rows = self.rows_above(after, age).await?;
        let accepted = self.deps.records.accepted_gaps(&self.source).await?;
        Ok(rows.union(accepted.iter().map(|accepted| accepted.gap).collect()))
    }

    /// Numbers above `after` that have a row.
    pub(super) async fn rows_above(&self, after: Option<Ordinal>, age: Age) -> Result<OrdinalSet, Error> {
        let listing = self.listing(&Days::default(), age).await?;
        Ok(self.chains().rows_above(&listing, after, ROW_COLUMNS).await?)
    }

    /// A listing of the lake's files of these days.
    pub(super) async fn listing(&self, days: &Days, age: Age) -> Result<Arc<Listing>, Error> {
        let Deps { store, listings, backoff, .. } = &*self.deps;
        Ok(listings.get(store, days, age, backoff).await?)
    }

    /// The partition's chains in the lake.
    pub(super) fn chains(&self) -> Chains<'_> {
        let Deps { store, backoff, checkpoints, .. } = &*self.deps;
        Chains { store, lake: &checkpoints.scope().lake, source: &self.source, backoff }
    }

    /// Records that the run goes on without events that are gone, if the operator asked for that.
    pub(super) async fn give_up(&self, gone: PositionLost) -> Result<(), Error> {
        if !self.deps.decisions.accept_loss || gone.ranges().is_empty() {
            return Err(self.position_lost(gone));
        }
        for range @ OrdinalRange { from, to } in gone.ranges() {
            tracing::warn!(
                partition = %self.id, %from, %to,
                "events are lost; going on without them because of --accept-loss"
            );
            self.deps.records.record_loss(&self.source, *range).await?;
        }
        Ok(())
    }

    pub(super) fn position_lost(&self, source: PositionLost) -> Error {
        Error::PositionLost { partition: self.id, source }
    }

    pub(super) fn hub_error(&self, source: eventhubs::Error) -> Error {
        Error::Hub { partition: self.id, source }
    }
}

/// The columns that number the rows of data files.
const ROW_COLUMNS: RowColumns = RowColumns { ordinal: SEQUENCE_NUMBER, row_index: ROW_INDEX };
