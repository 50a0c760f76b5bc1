//! The start path of a partition, which is also the recovery path: where reading begins, and what is lost.
//!
//! Owns: the order in which checkpoint, lake and hub are asked, so that each answer is newer than the one before. Does
//! not own: the rules that compare these answers (`catchwater_sinks::lake::start`), or reading (`reader`).

use std::collections::BTreeSet;
use std::time::Duration;

use catchwater_sinks::lake::first_start::PartitionBeginning;
use catchwater_sinks::lake::records::Origin;
use catchwater_sinks::lake::recovery::{Days, Found};
use catchwater_sinks::lake::rules::{Entered, OldVersions};
use catchwater_sinks::lake::start::{self, Extent, LakeBehind};
use catchwater_sinks::ordinals::{Ordinal, OrdinalSet};
use catchwater_sinks::paths::{Date, Destination};
use tokio::sync::watch;

use super::error::Error;
use super::hub_partition::HubPartition;
use super::listings::Age;
use super::reading::{Goal, Reading};
use super::retries::{ATTEMPTS, RETRY_DELAY};
use crate::clock::UnixMillis;
use crate::eventhubs::{PartitionProperties, PartitionReceiver, Start};
use crate::parse::ROUTING_VERSION;
use crate::position::{Position, SequenceNumber};
use crate::run::messages::{PartitionStatus, StartId};

/// The plan of one start.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) checkpoint: Option<Position>,
    /// Everything up to here is in the lake or was given up.
    pub(super) done: Option<Ordinal>,
    /// The last row of each destination.
    pub(super) covered: Vec<(Destination, Ordinal)>,
    /// Position at which the link attaches.
    pub(super) start: Start,
    /// The first event to read.
    pub(super) first: SequenceNumber,
    /// The last event that the hub had.
    pub(super) target: SequenceNumber,
    /// The end of reading.
    pub(super) goal: Goal,
}

impl Plan {
    /// The progress of the start that follows this plan.
    pub(super) fn into_reading(self, start: StartId, status: watch::Receiver<PartitionStatus>) -> Reading {
        Reading {
            start,
            expected: self.first,
            last: None,
            by_offset: matches!(self.start, Start::After { .. }),
            first_link: self.start,
            was_attached: false,
            attached: None,
            goal: self.goal,
            status,
        }
    }
}

/// Positions from checkpoint and lake, before the hub is asked.
struct Evidence {
    checkpoint: Option<Ordinal>,
    /// The durable position known from an earlier start in this run.
    known: Option<Ordinal>,
    found: Found,
}

/// A partition that starts, and what this run knows from its earlier starts.
pub(super) struct Starting<'a> {
    pub(super) partition: &'a HubPartition,
    /// The durable position.
    pub(super) durable: Option<SequenceNumber>,
    /// Dates of name conflicts, whose files the listing must include.
    pub(super) conflict_dates: &'a BTreeSet<Date>,
}

impl Starting<'_> {
    /// Finds where to start: after the lake's rows, at the origin or at the boundary of the routing rules.
    pub(super) async fn plan(&self) -> Result<Plan, Error> {
        // No other run may read by older rules until ours are recorded, so hub and lake are asked after this.
        let only_reader = self.displace_older_rules().await?;
        let plan = self.plan_as_only_reader().await;
        if let Some(only_reader) = only_reader {
            only_reader.close().await.map_err(|source| self.partition.hub_error(source))?;
        }
        plan
    }

    /// Attaches a link that keeps every other reader away, if the partition follows older rules so far.
    async fn displace_older_rules(&self) -> Result<Option<PartitionReceiver>, Error> {
        let partition = self.partition;
        if !partition.deps.records.follows_older(&partition.source, ROUTING_VERSION).await? {
            return Ok(None);
        }
        tracing::info!(
            partition = %partition.id, routing_version = ROUTING_VERSION,
            "the lake follows older routing rules; the rules of this version begin here"
        );
        partition.link(Start::Earliest).await.map(Some)
    }

    async fn plan_as_only_reader(&self) -> Result<Plan, Error> {
        let checkpoint = self
            .partition
            .deps
            .checkpoints
            .load(self.partition.id)
            .await?
            .map(|checkpoint| checkpoint.position);
        let day_before = |at: &Position| Date::from_unix_ms((at.enqueued_time - DAY).get());
        // An older destination is not listed. Writing to it costs one conflict, after which its date is.
        let days = Days { since: checkpoint.as_ref().map(day_before), also: self.conflict_dates.clone() };
        let evidence = Evidence {
            checkpoint: checkpoint.as_ref().map(|position| Ordinal::new(position.sequence_number.get())),
            known: self.durable.map(|durable| Ordinal::new(durable.get())),
            found: self
                .partition
                .chains()
                .recover(&*self.partition.listing(&days, Age::Shared).await?)
                .await?,
        };
        let (hub, extent) = self.extent_beyond_lake(&evidence).await?;
        let origin = self.origin(&evidence, extent).await?;
        let (done, first) = self.first_event(&evidence, origin, extent).await?;
        let covered =
            evidence.found.destinations.into_iter().map(|found| (found.destination, found.last)).collect();
        let start = match &checkpoint {
            Some(at) if at.sequence_number.get() + 1 == first.get() && !at.offset.is_unknown() => {
                Start::After { offset: at.offset.clone(), sequence_number: at.sequence_number }
            }
            _ if first <= extent.begin => Start::Earliest,
            _ => Start::AfterSequence(SequenceNumber::new(first.get() - 1)),
        };
        Ok(Plan {
            checkpoint,
            done,
            covered,
            start,
            first: SequenceNumber::new(first.get()),
            target: hub.last,
            goal: self.partition.goal(&hub).await?,
        })
    }

    /// The hub's extent, which must reach the lake's last row. Asks again, because the hub's answer may lag.
    async fn extent_beyond_lake(&self, evidence: &Evidence) -> Result<(PartitionProperties, Extent), Error> {
        let mut attempts = ATTEMPTS;
        loop {
            let (hub, extent) = self.partition.extent().await?;
            // After the extent, which is then one of this hub.
            self.partition.check_generation().await?;
            attempts -= 1;
            match start::numbers_go_on(evidence.found.highest_row(), extent) {
                Ok(()) => return Ok((hub, extent)),
                Err(renumbered) if attempts == 0 => return Err(self.partition.position_lost(renumbered)),
                Err(_) => tokio::time::sleep(RETRY_DELAY).await,
            }
        }
    }

    /// The partition's first sequence number in the lake, recorded by its first start: where the lake begins, or number
    /// 0 for a partition that was added after the hub's first start.
    async fn origin(&self, evidence: &Evidence, extent: Extent) -> Result<Ordinal, Error> {
        let records = &self.partition.deps.records;
        if let Some(recorded) = records.origin(&self.partition.source).await? {
            return Ok(recorded.first);
        }
        if !evidence.found.destinations.is_empty() {
            return Err(Error::OriginMissing {
                partition: self.partition.id,
                source_id: self.partition.source.clone(),
            });
        }
        let ours = Origin {
            first: match self.partition.beginning {
                PartitionBeginning::Oldest => extent.begin,
                PartitionBeginning::At(first) => first,
                PartitionBeginning::EnqueuedAt(time) => {
                    self.partition.first_since(UnixMillis::new(time)).await?
                }
            },
            routing_version: ROUTING_VERSION,
            namespace: self.partition.deps.checkpoints.scope().namespace.clone(),
        };
        Ok(records.record_origin(&self.partition.source, ours).await?.first)
    }

    /// The done position, and the first event to read. Records lost events first, if the operator asked to go on
    /// without them.
    async fn first_event(
        &self,
        evidence: &Evidence,
        origin: Ordinal,
        extent: Extent,
    ) -> Result<(Option<Ordinal>, Ordinal), Error> {
        let mut age = Age::Shared;
        loop {
            let lost = self.partition.deps.records.lost_ranges(&self.partition.source).await?;
            let footers = evidence.found.durable.filter(|_| !self.partition.deps.decisions.reread);
            let forgotten =
                self.partition.deps.records.durable_when_forgotten(&self.partition.source).await?;
            let proven = start::proven(footers.max(evidence.known).max(forgotten), &lost);
            let (done, settled) = self.done(evidence, proven, origin, extent, age).await?;
            let entered = self.enter(done, extent).await?;
            match start::begin_reading(done, entered.from, extent, &settled) {
                Ok(first) => return Ok((done, first)),
                // A shared listing may lack recent files.
                Err(_) if age == Age::Shared => age = Age::Fresh,
                Err(gone) => self.partition.give_up(gone).await?,
            }
        }
    }

    /// The done position, and the settled numbers above it, if they had to be read.
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
        let mut attempts = ATTEMPTS;
        loop {
            let settled = self.partition.settled_above(proven, age).await?;
            attempts -= 1;
            match start::done(proven, evidence.checkpoint, origin, &settled) {
                Ok(done) => return Ok((done, settled)),
                Err(source) if attempts == 0 => return Err(self.lake_behind(source)),
                // A listing may lack files that were committed a moment ago.
                Err(_) => {
                    age = Age::Fresh;
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Enters the partition by the rules of this version, and records them first if necessary.
    async fn enter(&self, done: Option<Ordinal>, extent: Extent) -> Result<Entered, Error> {
        let records = &self.partition.deps.records;
        let old = if self.partition.deps.decisions.old_versions_stopped
            && records.follows_older(&self.partition.source, ROUTING_VERSION).await?
        {
            let rows = self.partition.rows_above(done, Age::Fresh).await?;
            OldVersions::Stopped { rows_above_durable: !rows.is_empty() }
        } else {
            OldVersions::MayRun
        };
        Ok(records.enter(&self.partition.source, ROUTING_VERSION, done, extent.last, old).await?)
    }

    fn lake_behind(&self, source: LakeBehind) -> Error {
        let checkpoint = self.partition.deps.checkpoints.path(self.partition.id).to_string();
        Error::LakeBehind { partition: self.partition.id, checkpoint, source }
    }
}

const DAY: Duration = Duration::from_hours(24);
