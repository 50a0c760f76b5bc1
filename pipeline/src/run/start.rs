//! The start path of a partition, and the only recovery there is: where to begin, and what is lost.
//!
//! Owns: what is asked of hub, checkpoints and lake before anything is read. Does not own: the rules those
//! answers are judged by (`catchwater_sinks::lake::start`), nor reading (`reader`).

use catchwater_sinks::lake::paths::{Date, Destination, Ordinal};
use catchwater_sinks::lake::records::Origin;
use catchwater_sinks::lake::recovery;
use catchwater_sinks::lake::start::{self, Extent, PositionLost};

use super::reader::{Error, Reader};
use crate::eventhubs::{PartitionProperties, PartitionReceiver, Start};
use crate::parse::ROUTING_VERSION;
use crate::position::{Position, SequenceNumber};

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) checkpoint: Option<Position>,
    pub(super) covered: Vec<(Destination, Ordinal)>,
    pub(super) start: Start,
    pub(super) first: SequenceNumber,
    pub(super) target: SequenceNumber,
}

impl Plan {
    /// Nothing was there at the start that is not durable already.
    pub(super) fn is_caught_up(&self) -> bool {
        self.first > self.target
    }
}

impl Reader {
    /// Finds where to start: behind the largest of checkpoint, origin and rules boundary.
    pub(super) async fn plan(&self, again: bool) -> Result<Plan, Error> {
        // Until the new rules are recorded nobody may read by the old ones: how far hub and lake are is asked behind this.
        let only_reader = self.displace_older_rules().await?;
        let plan = self.plan_undisturbed(again).await;
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

    async fn plan_undisturbed(&self, again: bool) -> Result<Plan, Error> {
        let world = &self.world;
        let (hub, extent) = self.extent().await?;
        let checkpoint = world.checkpoints.load(self.partition).await?.map(|checkpoint| checkpoint.position);
        self.begin(extent).await?;
        let saved = checkpoint.as_ref().map(|position| Ordinal(position.sequence_number.0));
        let first = self.first(saved, extent).await?;
        // A destination of long ago that is not looked up costs one lost name; then all are looked up.
        let since =
            checkpoint.as_ref().filter(|_| !again).map(|at| Date::from_unix_ms(at.enqueued_time_ms - DAY_MS));
        let covered = recovery::recover(&world.store, &self.source, since, &world.backoff).await?;
        let covered = covered.into_iter().map(|found| (found.destination, found.last)).collect();
        let start = match &checkpoint {
            Some(at) if at.sequence_number.0 + 1 == first.0 => {
                Start::After { offset: at.offset.clone(), sequence_number: at.sequence_number }
            }
            _ if first <= extent.begin => Start::Earliest,
            _ => Start::AfterSequence(SequenceNumber(first.0 - 1)),
        };
        Ok(Plan { checkpoint, covered, start, first: SequenceNumber(first.0), target: hub.last })
    }

    /// The first start of a partition records where its chains begin.
    async fn begin(&self, extent: Extent) -> Result<(), Error> {
        let namespace = &self.world.checkpoints.scope().namespace;
        let ours =
            Origin { first: extent.begin, routing_version: ROUTING_VERSION, namespace: namespace.clone() };
        self.world.records.begin(&self.source, ours).await?;
        Ok(())
    }

    /// The first event to read. Going on past events that are gone, if that was asked for, is recorded first.
    async fn first(&self, saved: Option<Ordinal>, extent: Extent) -> Result<Ordinal, Error> {
        let records = &self.world.records;
        loop {
            let done = start::done(saved, &records.lost_ranges(&self.source).await?);
            let entered = records.enter(&self.source, ROUTING_VERSION, done, extent.last).await?;
            let gone = match start::begin_reading(done, entered.from, extent) {
                Ok(first) => return Ok(first),
                Err(gone) => gone,
            };
            match gone.range().filter(|_| self.world.accept_loss) {
                Some(range) => {
                    tracing::warn!(partition = %self.partition, from = %range.from, to = %range.to, "going on without these events, as asked");
                    records.give_up(&self.source, range).await?;
                }
                None => return Err(self.position_lost(gone)),
            }
        }
    }

    /// Whether events are gone between the one that was due and the one that came. A jump in the numbers alone
    /// is none: the hub does not promise that there are no gaps.
    pub(super) async fn has_lost(
        &self,
        expected: SequenceNumber,
        received: SequenceNumber,
    ) -> Result<bool, Error> {
        if received <= expected {
            return Ok(false);
        }
        let (_, extent) = self.extent().await?;
        match start::follows(Ordinal(expected.0), Ordinal(received.0), extent.begin) {
            Ok(()) => Ok(false),
            Err(_) if self.world.accept_loss => Ok(true),
            Err(gone) => Err(self.position_lost(gone)),
        }
    }

    pub(super) async fn extent(&self) -> Result<(PartitionProperties, Extent), Error> {
        let hub =
            self.world.client.partition(self.partition).await.map_err(|source| self.hub_error(source))?;
        let begin = if hub.is_empty { hub.last.0 + 1 } else { hub.begin.0 };
        let last = (hub.last.0 >= 0).then_some(Ordinal(hub.last.0));
        Ok((hub, Extent { begin: Ordinal(begin), last }))
    }

    fn position_lost(&self, source: PositionLost) -> Error {
        Error::PositionLost { partition: self.partition, source }
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
