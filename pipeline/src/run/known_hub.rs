//! The hub as the lake's records know it: under which name, and where the lake begins.
//!
//! Owns: what the first start of a hub records. Does not own: the records (`catchwater_sinks::lake`), or where a
//! partition starts (`reader`).

use catchwater_sinks::lake::first_start::{Beginning, FirstStart};
use catchwater_sinks::lake::names::FoundLog;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::paths::SourceId;
use catchwater_sinks::store::Store;
use futures::future::try_join_all;

use super::config::{Config, StartAt};
use super::error::Error;
use super::predecessor::first_after_checkpoints;
use crate::eventhubs::{self, Client, HubProperties};

/// Records of a hub that concern all its partitions.
pub(super) struct KnownHub {
    /// The namespace under which the lake knows it.
    pub(super) namespace: String,
    /// Its first start.
    pub(super) first_start: FirstStart,
}

impl KnownHub {
    /// Reads the records of a hub, and puts them if this is its first start.
    pub(super) async fn read_or_record(
        records: &Records,
        client: &Client,
        hub: &HubProperties,
        config: &Config,
        state: &Store,
    ) -> Result<Self, Error> {
        let source = SourceId::new(&hub.name, hub.generation.get(), 0);
        let partitions: Vec<u32> = hub.partitions.iter().map(|partition| partition.get()).collect();
        let found =
            FoundLog { source: &source, partitions: &partitions, namespace: config.hub.address.namespace() };
        let namespace = records.known_namespace(found, config.known_as.as_deref()).await?;
        let first_start = if let Some(recorded) = records.first_start(&source).await? {
            recorded
        } else {
            let from = match (first_after_checkpoints(client, hub, state, config).await?, config.start_at) {
                (Some(first), None) => Beginning::AfterCheckpoints(first),
                (found, chosen) => {
                    if found.is_some() {
                        tracing::info!("the lake begins where --from states, not after these checkpoints");
                    }
                    beginning(client, hub, chosen.unwrap_or_default()).await?
                }
            };
            if let Beginning::AfterCheckpoints(_) = from {
                tracing::info!("the lake begins after these checkpoints; --from states another beginning");
            }
            records.record_first_start(&source, FirstStart { partitions, from }).await?
        };
        if config.start_at.is_some_and(|chosen| !is_same(chosen, &first_start.from)) {
            tracing::info!(
                from = describe(&first_start.from),
                "the lake has begun already, so --from changes nothing: it begins where its first start recorded it"
            );
        }
        Ok(Self { namespace, first_start })
    }
}

/// Where the lake begins, as this run would record it.
async fn beginning(
    client: &Client,
    hub: &HubProperties,
    chosen: StartAt,
) -> Result<Beginning, eventhubs::Error> {
    Ok(match chosen {
        StartAt::Earliest => Beginning::Earliest,
        StartAt::Time(time) => Beginning::EnqueuedAt(time.get()),
        StartAt::Latest => {
            let all = try_join_all(hub.partitions.iter().map(|id| client.partition(*id))).await?;
            Beginning::Latest(all.iter().map(|partition| Ordinal::new(partition.last.get()).next()).collect())
        }
    })
}

fn is_same(chosen: StartAt, recorded: &Beginning) -> bool {
    match (chosen, recorded) {
        (StartAt::Earliest, Beginning::Earliest) | (StartAt::Latest, Beginning::Latest(_)) => true,
        (StartAt::Time(time), Beginning::EnqueuedAt(recorded)) => time.get() == *recorded,
        _ => false,
    }
}

fn describe(recorded: &Beginning) -> String {
    match recorded {
        Beginning::Earliest => "earliest".to_owned(),
        Beginning::Latest(_) => "latest".to_owned(),
        Beginning::AfterCheckpoints(_) => "after the checkpoints of another consumer".to_owned(),
        Beginning::EnqueuedAt(time) => jiff::Timestamp::from_millisecond(*time)
            .map_or_else(|_| time.to_string(), |time| time.to_string()),
    }
}
