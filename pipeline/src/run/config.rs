//! Configuration of a run: source, lake, bounds, and the operator's decisions.
//!
//! Does not own: command-line options and their defaults (`cli`).

use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::parquet::ChunkWriter;
use catchwater_sinks::paths;
use catchwater_sinks::store::{Address, StoreOptions};

use crate::clock::UnixMillis;
use crate::columns::Metadata;
use crate::eventhubs::HubAccess;
use crate::parse::ParentContext;

/// Configuration of a run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hub, with its name.
    pub hub: HubAccess,
    /// The consumer group, mostly `$Default`.
    pub consumer_group: String,
    /// The lake.
    pub lake: Address,
    /// The store of the checkpoints; a folder of the lake by default.
    pub state: Option<Address>,
    /// Settings of cloud stores, for lake and state.
    pub store: StoreOptions,
    /// Where the lake begins, if it has not read the hub yet: at the oldest event by default.
    pub start_at: Option<StartAt>,
    /// End at a bound, instead of reading until the run is drained.
    pub until: Option<Until>,
    /// With `until`: time for which the hub may send nothing although it claims to have more events.
    pub idle_timeout: Duration,
    /// Time without success after which an error of the hub ends a bounded run, and the first connection of any run.
    pub retry_for: Duration,
    /// The namespace by which the lake knows this hub, if the operator states that it has a further name.
    pub known_as: Option<String>,
    /// The operator's decisions for this run.
    pub decisions: Decisions,
    /// Treatment of `ParentContext`.
    pub parent_context: ParentContext,
    /// Table metadata, whose types are added to the lake's.
    pub metadata: Option<Arc<Metadata>>,
    /// Maximum age of an open file.
    pub max_age: Duration,
    /// Bytes in flight of all lanes together.
    pub budget_bytes: u64,
    /// Writer of the column chunks of files.
    pub chunk_writer: ChunkWriter,
    /// Lane threads; by default three for four cores.
    pub lanes: Option<usize>,
    /// Intervals of requests to the hub.
    pub poll_intervals: PollIntervals,
    /// The owner level of every link: 0, like the processors of the official SDKs.
    pub owner_level: i64,
}

/// Where a lake begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// The oldest event that the hub has.
    #[default]
    Earliest,
    /// The first event after the first start.
    Latest,
    /// The first event that the hub accepted at this time or later.
    Time(UnixMillis),
}

/// The bound of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Everything that the hub has at the start.
    CaughtUp,
    /// At least everything that the hub accepted before this time, which may be ahead.
    Time(UnixMillis),
}

impl Until {
    /// True for a time that has not come.
    pub fn is_ahead(self, now: UnixMillis) -> bool {
        matches!(self, Self::Time(time) if time > now)
    }
}

/// The operator's decisions for one run, as an error of an earlier run asked for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decisions {
    /// Go on without events that the hub no longer has.
    pub accept_loss: bool,
    /// Read everything that the hub still has and write the missing rows, because files were removed from the lake.
    pub reread: bool,
    /// Begin with this version's routing rules although the hub has more events, because no older version runs any
    /// more.
    pub old_versions_stopped: bool,
}

/// Intervals of requests to the hub. A namespace answers fifty such requests a second.
#[derive(Clone, Copy, Debug)]
pub struct PollIntervals {
    /// Interval of checks for added partitions.
    pub added_partitions: Duration,
    /// Idle time after which the hub is asked for the state of a partition: eight requests a second for 1,000
    /// partitions.
    pub idle_partition: Duration,
}

impl Default for PollIntervals {
    fn default() -> Self {
        Self { added_partitions: Duration::from_mins(1), idle_partition: Duration::from_mins(2) }
    }
}

/// The default state store, a folder of the lake.
pub(crate) fn default_state(lake: &Address) -> Address {
    lake.below(paths::RECORDS_FOLDER)
}
