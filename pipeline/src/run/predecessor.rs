//! The consumer with an official SDK that a new lake replaces: where it stopped.
//!
//! Owns: which of its checkpoints count. Does not own: their form (`partitions`), or what the first start of a hub records
//! (`known_hub`).

use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::store::Store;

use super::config::Config;
use super::error::Error;
use crate::eventhubs::{Client, HubProperties, PartitionProperties};
use crate::partitions::{Checkpoints, ConsumerGroup, SdkCheckpoint};

/// The first number of each partition after the checkpoints that other consumers wrote for this consumer group, in the
/// order of the hub's partitions; `None` if no checkpoint counts.
///
/// A checkpoint counts if it was written after the hub was created, and if the hub has assigned its number. Otherwise it
/// is of an earlier hub of this name.
pub(super) async fn first_after_checkpoints(
    client: &Client,
    hub: &HubProperties,
    state: &Store,
    config: &Config,
) -> Result<Option<Vec<Option<Ordinal>>>, Error> {
    let group = ConsumerGroup {
        host: config.hub.address.endpoint_host(),
        event_hub: hub.name.clone(),
        name: config.consumer_group.clone(),
    };
    let found = Checkpoints::of_sdks(state, &group).await?;
    let mut first = vec![None; hub.partitions.len()];
    for checkpoint in &found {
        let Some(at) = hub.partitions.iter().position(|id| *id == checkpoint.partition) else { continue };
        let partition = client.partition(checkpoint.partition).await?;
        let is_of_hub = checkpoint.written.get() > hub.generation.get();
        first[at] = first_after(checkpoint, &partition).filter(|_| is_of_hub);
        let (id, sequence_number) = (checkpoint.partition, checkpoint.sequence_number);
        if let Some(first) = first[at] {
            tracing::info!(
                partition = %id, %sequence_number, %first, "found the checkpoint of another consumer of this group"
            );
            let expired = expired_after(checkpoint, first);
            if expired > 0 {
                tracing::warn!(
                    partition = %id, %sequence_number, expired,
                    "the hub no longer has the next events after this checkpoint: no consumer can read them any more"
                );
            }
        } else {
            tracing::warn!(
                partition = %id, %sequence_number,
                "ignored the checkpoint of another consumer: it is of an earlier hub of this name"
            );
        }
    }
    Ok(first.iter().any(Option::is_some).then_some(first))
}

/// The first event after a checkpoint that the hub still has; `None` if the hub has not assigned the checkpoint's number.
fn first_after(checkpoint: &SdkCheckpoint, partition: &PartitionProperties) -> Option<Ordinal> {
    let oldest = if partition.is_empty { partition.last.next() } else { partition.begin };
    let first = checkpoint.sequence_number.next().max(oldest);
    (checkpoint.sequence_number <= partition.last).then(|| Ordinal::new(first.get()))
}

/// Number of events between a checkpoint and the first event that is read: retention has removed them.
fn expired_after(checkpoint: &SdkCheckpoint, first: Ordinal) -> i64 {
    first.get() - checkpoint.sequence_number.next().get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixMillis;
    use crate::position::{PartitionId, SequenceNumber};

    #[test]
    fn first_event_is_the_next_one_that_the_hub_still_has() {
        // The last value is the first event, with the number of events before it that have expired.
        for (checkpoint, begin, last, is_empty, expected) in [
            (4, 0, 9, false, Some((5, 0))),
            (9, 0, 9, false, Some((10, 0))),
            (10, 0, 9, false, None),
            (4, 7, 9, false, Some((7, 2))),
            (4, 0, 9, true, Some((10, 5))),
            (-1, 0, -1, true, Some((0, 0))),
        ] {
            let checkpoint = SdkCheckpoint {
                partition: PartitionId::new(0),
                sequence_number: SequenceNumber::new(checkpoint),
                written: UnixMillis::new(1),
            };
            let (begin, last) = (SequenceNumber::new(begin), SequenceNumber::new(last));
            let partition = PartitionProperties {
                begin,
                last,
                last_offset: String::new(),
                last_enqueued_time: UnixMillis::EPOCH,
                is_empty,
            };
            let found = first_after(&checkpoint, &partition);
            let found = found.map(|first| (first.get(), expired_after(&checkpoint, first)));
            assert_eq!(found, expected, "{checkpoint:?}");
        }
    }
}
