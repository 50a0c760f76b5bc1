//! The bounds of reading a partition: the number of the first event of a time, and where a bounded run ends.
//!
//! Does not own: the start path (`start`), or the decision to begin or end somewhere (`run::config`).

use std::time::Duration;

use catchwater_sinks::lake::start::Extent;
use catchwater_sinks::ordinals::Ordinal;
use tokio::time::timeout;

use super::error::Error;
use super::hub_partition::HubPartition;
use super::reading::{Goal, Reading};
use crate::clock::UnixMillis;
use crate::eventhubs::{PartitionProperties, PartitionReceiver, Start};
use crate::position::SequenceNumber;
use crate::run::config::Until;

impl HubPartition {
    /// The end of reading this partition, by the hub's properties of it.
    pub(super) async fn goal(&self, hub: &PartitionProperties) -> Result<Goal, Error> {
        match self.deps.until {
            None => Ok(Goal::Open),
            Some(Until::CaughtUp) => Ok(Goal::UpTo(hub.last)),
            Some(Until::Time(time)) if self.is_past(time) => {
                let first = self.first_since(time).await?;
                Ok(Goal::UpTo(SequenceNumber::new(first.previous().get())))
            }
            Some(Until::Time(time)) => Ok(Goal::Time(time)),
        }
    }

    /// True if everything up to the goal was handed over. Asks the hub once, when the time of the goal has passed.
    pub(super) async fn has_reached_goal(&self, at: &mut Reading) -> Result<bool, Error> {
        if let Goal::Time(time) = at.goal
            && self.is_past(time)
        {
            let (hub, _) = self.extent().await?;
            tracing::info!(partition = %self.id, last = %hub.last, "the time of --until has passed");
            at.goal = Goal::UpTo(hub.last);
        }
        Ok(at.goal.is_reached(at.expected))
    }

    /// Time for which the hub may send nothing before it is asked for the partition's state.
    pub(super) fn idle_timeout(&self, goal: Goal) -> Duration {
        match goal {
            Goal::UpTo(_) => self.deps.idle_timeout,
            Goal::Open | Goal::Time(_) => self.deps.idle_poll,
        }
    }

    /// The number of the first event that was enqueued at `time` or later. If the partition has none, the number of its
    /// next event.
    ///
    /// The hub answers with a link that starts there, which displaces every other reader of the consumer group. A
    /// partition whose last event is older needs no link.
    pub(super) async fn first_since(&self, time: UnixMillis) -> Result<Ordinal, Error> {
        let asking = async {
            loop {
                let (hub, extent) = self.extent().await?;
                if hub.is_empty || hub.last_enqueued_time < time {
                    return Ok(end_of(extent));
                }
                // Without an event, retention may have removed all of them: the hub is asked again.
                if let Some(first) = self.first_event_since(time).await? {
                    return Ok(first);
                }
            }
        };
        timeout(QUESTION_TIMEOUT, asking)
            .await
            .unwrap_or_else(|_| Err(Error::NoEventOfTime { partition: self.id, time }))
    }

    async fn first_event_since(&self, time: UnixMillis) -> Result<Option<Ordinal>, Error> {
        let mut link: PartitionReceiver =
            self.link(Start::EnqueuedAfter(time - Duration::from_millis(1))).await?;
        let first = match timeout(EVENT_TIMEOUT, link.next_batch()).await {
            Ok(batch) => batch.map_err(|source| self.hub_error(source))?.first(),
            Err(_) => None,
        };
        link.close().await.map_err(|source| self.hub_error(source))?;
        Ok(first.map(|first| Ordinal::new(first.get())))
    }

    /// True if the hub accepts no more events of an earlier time.
    fn is_past(&self, time: UnixMillis) -> bool {
        self.deps.clock.now() >= time + CLOCK_DIFFERENCE
    }
}

/// The number of the next event.
fn end_of(extent: Extent) -> Ordinal {
    extent.last.map_or(extent.begin, Ordinal::next)
}

/// Limit on the question for the first event of a time: a hub that claims to have one must send it.
const QUESTION_TIMEOUT: Duration = Duration::from_mins(1);

/// Time without the first event after which the hub is asked for its extent again. A hub under throttling is slower,
/// but sends within seconds.
const EVENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Difference between the hub's clock and ours that `--until` allows for: both are synchronized over the network.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(1);
