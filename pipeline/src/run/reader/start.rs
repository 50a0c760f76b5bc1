//! The start path of a partition, and the only recovery there is: where to begin, and what is lost.
//!
//! Owns: what is asked of checkpoint, lake and hub before anything is read, in this order, so that each answer is newer
//! than the one before. Does not own: the rules those answers are judged by (`catchwater_sinks::lake::start`), nor
//! reading (`reader`).

use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::ordinals::OrdinalSet;
use catchwater_sinks::lake::records::{LostRange, Origin};
use catchwater_sinks::lake::recovery::{Chains, Days, Found, Listing};
use catchwater_sinks::lake::rules::{Entered, OldVersions};
use catchwater_sinks::lake::start::{self, Extent, LakeBehind, PositionLost};
use catchwater_sinks::parquet::RowColumns;
use catchwater_sinks::paths::{Date, Destination, Ordinal};

use super::listings::Age;
use super::{Error, Reader, World};
use crate::columns::{ROW_INDEX, SEQUENCE_NUMBER};
use crate::eventhubs::{PartitionProperties, PartitionReceiver, Start};
use crate::parse::ROUTING_VERSION;
use crate::position::{Position, SequenceNumber};

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) checkpoint: Option<Position>,
    /// Everything up to here is in the lake or was given up.
    pub(super) done: Option<Ordinal>,
    pub(super) covered: Vec<(Destination, Ordinal)>,
    pub(super) start: Start,
    pub(super) first: SequenceNumber,
    /// The last event that the hub had.
    pub(super) target: SequenceNumber,
}

impl Plan {
    /// Nothing was there at the start that is not durable already.
    pub(super) fn is_caught_up(&self) -> bool {
        self.first > self.target
    }
}

/// Positions from checkpoint and lake, before the hub is asked.
struct Evidence {
    checkpoint: Option<Ordinal>,
    /// What this run knows to be durable from before it started the partition again.
    known: Option<Ordinal>,
    found: Found,
}

impl Reader {
    /// Finds where to start: behind what the lake has, at the origin or at the rules' boundary.
    pub(super) async fn plan(&self) -> Result<Plan, Error> {
        // Until the new rules are recorded nobody may read by the old ones: how far hub and lake are is asked behind this.
        let only_reader = self.displace_older_rules().await?;
        let plan = self.plan_undisturbed().await;
        if let Some(only_reader) = only_reader {
            only_reader.close().await.map_err(|source| self.hub_error(source))?;
        }
        plan
    }

    /// A link that keeps every other reader away, if older rules hold for the partition so far.
    async fn displace_older_rules(&self) -> Result<Option<PartitionReceiver>, Error> {
        if !self.world.records.follows_older(&self.source, ROUTING_VERSION).await? {
            return Ok(None);
        }
        tracing::info!(partition = %self.partition, version = ROUTING_VERSION, "newer routing rules than the lake's: they begin here");
        self.link(Start::Earliest).await.map(Some)
    }

    async fn plan_undisturbed(&self) -> Result<Plan, Error> {
        let checkpoint =
            self.world.checkpoints.load(self.partition).await?.map(|checkpoint| checkpoint.position);
        let day_before = |at: &Position| Date::from_unix_ms(at.enqueued_time_ms.saturating_sub(DAY_MS));
        // A destination of long ago that is not looked at costs one lost name; then its day is.
        let days = Days { since: checkpoint.as_ref().map(day_before), also: self.lost_days.clone() };
        let evidence = Evidence {
            checkpoint: checkpoint.as_ref().map(|position| Ordinal(position.sequence_number.get())),
            known: self.durable.map(|durable| Ordinal(durable.get())),
            found: self.chains().recover(&*self.listing(&days, Age::Shared).await?).await?,
        };
        let (hub, extent) = self.extent_behind(&evidence).await?;
        let origin = self.origin(&evidence, extent).await?;
        let (done, first) = self.first(&evidence, origin, extent).await?;
        let covered =
            evidence.found.destinations.into_iter().map(|found| (found.destination, found.last)).collect();
        let start = match &checkpoint {
            Some(at) if at.sequence_number.get() + 1 == first.0 && !at.offset.is_unknown() => {
                Start::After { offset: at.offset.clone(), sequence_number: at.sequence_number }
            }
            _ if first <= extent.begin => Start::Earliest,
            _ => Start::AfterSequence(SequenceNumber::new(first.0 - 1)),
        };
        Ok(Plan { checkpoint, done, covered, start, first: SequenceNumber::new(first.0), target: hub.last })
    }

    /// How far the hub is, which can't be less than what the lake has of it. An answer that lags is asked for again.
    async fn extent_behind(&self, evidence: &Evidence) -> Result<(PartitionProperties, Extent), Error> {
        let mut tries = TRIES;
        loop {
            let (hub, extent) = self.extent().await?;
            tries -= 1;
            match start::numbers_go_on(evidence.found.highest_row(), extent) {
                Ok(()) => return Ok((hub, extent)),
                Err(renumbered) if tries == 0 => return Err(self.position_lost(renumbered)),
                Err(_) => tokio::time::sleep(RETRY_AFTER).await,
            }
        }
    }

    /// Where the partition begins in the lake. Its first start records that: at the oldest event that the hub has, or at
    /// the very first for a partition that was added since the hub's first start.
    async fn origin(&self, evidence: &Evidence, extent: Extent) -> Result<Ordinal, Error> {
        let records = &self.world.records;
        if !evidence.found.destinations.is_empty() && records.origin(&self.source).await?.is_none() {
            return Err(Error::OriginMissing { partition: self.partition, source_id: self.source.clone() });
        }
        let ours = Origin {
            first: if self.is_new { Ordinal(0) } else { extent.begin },
            routing_version: ROUTING_VERSION,
            namespace: self.world.checkpoints.scope().namespace.clone(),
        };
        Ok(records.begin(&self.source, ours).await?.first)
    }

    /// What is done, and the first event to read. Going on past events that are gone, if that was asked for, is recorded
    /// first.
    async fn first(
        &self,
        evidence: &Evidence,
        origin: Ordinal,
        extent: Extent,
    ) -> Result<(Option<Ordinal>, Ordinal), Error> {
        let mut age = Age::Shared;
        loop {
            let lost = self.world.records.lost_ranges(&self.source).await?;
            let footers = evidence.found.durable.filter(|_| !self.world.decisions.reread);
            let forgotten = self.world.records.durable_when_forgotten(&self.source).await?;
            let proven = start::proven(footers.max(evidence.known).max(forgotten), &lost);
            let (done, settled) = self.done(evidence, proven, origin, extent, age).await?;
            let entered = self.enter(done, extent).await?;
            match start::begin_reading(done, entered.from, extent, &settled) {
                Ok(first) => return Ok((done, first)),
                // What an older listing does not show may be there.
                Err(_) if age == Age::Shared => age = Age::Fresh,
                Err(gone) => self.give_up(gone).await?,
            }
        }
    }

    /// What is done, and what has a row beyond that, as far as it had to be looked at.
    async fn done(
        &self,
        evidence: &Evidence,
        proven: Option<Ordinal>,
        origin: Ordinal,
        extent: Extent,
        mut age: Age,
    ) -> Result<(Option<Ordinal>, OrdinalSet), Error> {
        if !start::needs_rows(proven, evidence.checkpoint, origin, extent) {
            return Ok((proven, OrdinalSet::default()));
        }
        let mut tries = TRIES;
        loop {
            let settled = self.settled_above(proven, age).await?;
            tries -= 1;
            match start::done(proven, evidence.checkpoint, origin, &settled) {
                Ok(done) => return Ok((done, settled)),
                Err(source) if tries == 0 => return Err(self.lake_behind(source)),
                // A listing need not show what was put a moment ago.
                Err(_) => {
                    age = Age::Fresh;
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// The events above `after` that have a row, and the numbers that were accepted as gaps.
    pub(super) async fn settled_above(&self, after: Option<Ordinal>, age: Age) -> Result<OrdinalSet, Error> {
        let rows = self.rows_above(after, age).await?;
        let accepted = self.world.records.accepted_gaps(&self.source).await?;
        Ok(rows.union(accepted.iter().map(|accepted| accepted.gap.from.0..=accepted.gap.to.0).collect()))
    }

    /// The events above `after` that have a row.
    async fn rows_above(&self, after: Option<Ordinal>, age: Age) -> Result<OrdinalSet, Error> {
        let listing = self.listing(&Days::default(), age).await?;
        Ok(self.chains().rows_above(&listing, after, ROW_COLUMNS).await?)
    }

    async fn listing(&self, days: &Days, age: Age) -> Result<Arc<Listing>, Error> {
        let World { store, listings, backoff, .. } = &*self.world;
        Ok(listings.of(store, days, age, backoff).await?)
    }

    /// Enters the partition by our rules, which may have to be recorded first.
    async fn enter(&self, done: Option<Ordinal>, extent: Extent) -> Result<Entered, Error> {
        let records = &self.world.records;
        let old = if self.world.decisions.old_versions_stopped
            && records.follows_older(&self.source, ROUTING_VERSION).await?
        {
            let rows = self.rows_above(done, Age::Fresh).await?;
            OldVersions::Stopped { rows_above_durable: !rows.is_empty() }
        } else {
            OldVersions::MayRun
        };
        Ok(records.enter(&self.source, ROUTING_VERSION, done, extent.last, old).await?)
    }

    /// Records that the run goes on without events that are gone, if that was asked for.
    pub(super) async fn give_up(&self, gone: PositionLost) -> Result<(), Error> {
        if !self.world.decisions.accept_loss || gone.ranges().is_empty() {
            return Err(self.position_lost(gone));
        }
        for range @ LostRange { from, to } in gone.ranges() {
            tracing::warn!(partition = %self.partition, %from, %to, "going on without these events, as asked");
            self.world.records.give_up(&self.source, *range).await?;
        }
        Ok(())
    }

    /// The hub's last sequence number now.
    pub(super) async fn extent(&self) -> Result<(PartitionProperties, Extent), Error> {
        let hub =
            self.world.client.partition(self.partition).await.map_err(|source| self.hub_error(source))?;
        let begin = if hub.is_empty { hub.last.get() + 1 } else { hub.begin.get() };
        let last = (hub.last.get() >= 0).then_some(Ordinal(hub.last.get()));
        Ok((hub, Extent { begin: Ordinal(begin), last }))
    }

    fn chains(&self) -> Chains<'_> {
        let World { store, backoff, .. } = &*self.world;
        Chains { store, lake: &self.world.checkpoints.scope().lake, source: &self.source, backoff }
    }

    pub(super) fn position_lost(&self, source: PositionLost) -> Error {
        Error::PositionLost { partition: self.partition, source }
    }

    fn lake_behind(&self, source: LakeBehind) -> Error {
        let checkpoint = self.world.checkpoints.path(self.partition).to_string();
        Error::LakeBehind { partition: self.partition, checkpoint, source }
    }
}

/// The columns that number the rows of our files.
const ROW_COLUMNS: RowColumns = RowColumns { ordinal: SEQUENCE_NUMBER, row_index: ROW_INDEX };

/// Attempts before a contradiction between hub and lake is believed: either may answer a little late.
pub(super) const TRIES: u32 = 4;

/// The pause between two of these.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(500);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
