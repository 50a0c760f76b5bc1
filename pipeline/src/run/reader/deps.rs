//! Clients, stores and settings of a run, as all its readers share them.

use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::store::Store;

use super::generations::Generations;
use super::listings::Listings;
use super::outage::RetryPolicy;
use crate::clock::Clock;
use crate::eventhubs::Client;
use crate::metrics::Metrics;
use crate::partitions::Checkpoints;
use crate::run::config::{Decisions, Until};

/// Collaborators and settings that all readers of a run share.
#[derive(Debug)]
pub(in crate::run) struct Deps {
    /// The hub.
    pub(in crate::run) client: Client,
    /// The lake.
    pub(in crate::run) store: Store,
    /// Listings of the lake, shared by all partitions.
    pub(in crate::run) listings: Listings,
    /// The hub's creation time, which all partitions ask for.
    pub(in crate::run) generations: Generations,
    /// Rules for trying again when the hub is lost.
    pub(in crate::run) retry: RetryPolicy,
    /// Retry policy for a store that does not answer.
    pub(in crate::run) backoff: Backoff,
    /// The lake's records: origins, rules, lost ranges.
    pub(in crate::run) records: Records,
    /// The checkpoints of this hub.
    pub(in crate::run) checkpoints: Checkpoints,
    /// The consumer group.
    pub(in crate::run) consumer_group: String,
    /// The owner level that every link states.
    pub(in crate::run) owner_level: i64,
    /// The bound of the run, if it has one.
    pub(in crate::run) until: Option<Until>,
    /// Time without events, with credit outstanding, after which the hub is asked for the partition's state, where
    /// reading ends at a known event.
    pub(in crate::run) idle_timeout: Duration,
    /// The same where reading goes on.
    pub(in crate::run) idle_poll: Duration,
    /// The time, for the bound.
    pub(in crate::run) clock: Arc<dyn Clock>,
    /// The operator's decisions for this run.
    pub(in crate::run) decisions: Decisions,
    /// Counters of the run.
    pub(in crate::run) metrics: Arc<Metrics>,
}
