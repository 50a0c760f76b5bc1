//! Configuration of a run: source, lake, bounds, and the operator's decisions.
//!
//! Does not own: command-line options and their defaults (`cli`).

use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::parquet::ChunkWriter;
use catchwater_sinks::paths;
use catchwater_sinks::store::Address;

use crate::columns::Metadata;
use crate::eventhubs::ConnectionString;
use crate::parse::ParentContext;

/// What to read, where to put it, and within which bounds.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hub, with its name.
    pub connection_string: ConnectionString,
    /// The consumer group; `$Default` mostly.
    pub consumer_group: String,
    /// The lake.
    pub lake: Address,
    /// Where checkpoints stand; inside the lake if not said.
    pub state: Option<Address>,
    /// Read what the hub has at the start, then end.
    pub until_caught_up: bool,
    /// With `until_caught_up`: how long the hub may send nothing although it claims to have more.
    pub idle_timeout: Duration,
    /// The operator's decisions for this run.
    pub decisions: Decisions,
    /// What becomes of `ParentContext`.
    pub parent_context: ParentContext,
    /// Table metadata, whose types are added to the lake's.
    pub metadata: Option<Arc<Metadata>>,
    /// How long a file may stay open.
    pub max_age: Duration,
    /// Bytes in flight, of all lanes together.
    pub budget_bytes: u64,
    /// Writer of the column chunks of files.
    pub chunk_writer: ChunkWriter,
    /// Lane threads; three for four cores if not said.
    pub lanes: Option<usize>,
    /// Interval of asking the hub for changes.
    pub questions: Questions,
    /// The owner level of every link. 0, as the official SDKs' processors have it.
    pub owner_level: i64,
}

/// The operator's decisions for one run, which the error of its last start asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decisions {
    /// Go on past events the hub no longer has.
    pub accept_loss: bool,
    /// Read everything that the hub still has, and put what the lake lacks of it: files were removed from the lake.
    pub reread: bool,
    /// Let this version's routing rules begin although the hub has more events: no older version runs any more.
    pub old_versions_stopped: bool,
}

/// Interval of asking the hub for changes. A namespace answers fifty such requests a second.
#[derive(Clone, Copy, Debug)]
pub struct Questions {
    /// Which partitions it has: some may have been added.
    pub partitions_every: Duration,
    /// Why a partition sends nothing: of 1,000 idle partitions that makes eight questions a second.
    pub idle_partition_after: Duration,
}

impl Default for Questions {
    fn default() -> Self {
        Self { partitions_every: Duration::from_mins(1), idle_partition_after: Duration::from_mins(2) }
    }
}

/// The default folder of state inside a lake.
pub(crate) fn default_state(lake: &Address) -> Address {
    lake.below(paths::RECORDS_FOLDER)
}
