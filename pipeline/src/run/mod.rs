//! The job: from an event hub into a lake.
//!
//! Read `wiring` for what runs where, `reader` for how a partition is read, `lane` for how events become
//! files, `publisher` for how files become durable.

mod wiring;
mod reader;
mod readers;
mod lane;
mod publisher;
mod staging;
mod kind; // what each error means to whoever started a command
pub mod ledger; // what is durable of one partition
pub mod redrive; // what `_quarantine` holds and is understood now

use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::records;
use catchwater_sinks::paths;
use catchwater_sinks::store::Address;

use crate::columns::Metadata;
use crate::eventhubs::ConnectionString;
use crate::parse::ParentContext;

pub use kind::Kind;
pub use lane::open_file::{ClosedFile, RunFacts, StartId};
pub use lane::{Error as LaneError, Lane, LaneInput, LaneOutput, RollRules};
pub use ledger::Ledger;
pub use publisher::Error as PublisherError;
pub use reader::Error as ReaderError;
pub use wiring::{Drain, run};

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

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Events received, without those that were read again.
    pub events: u64,
    /// Rows that became durable.
    pub rows: u64,
    /// Of those, rows in `_quarantine`.
    pub quarantined: u64,
    /// Rows by table.
    pub tables: std::collections::BTreeMap<String, u64>,
    /// Files put.
    pub files: u64,
    /// Bytes of bodies received.
    pub bytes_in: u64,
    /// Bytes of files put.
    pub bytes_out: u64,
    /// Events that the lake already had.
    pub skipped: u64,
    /// Events whose `ParentContext` was left out.
    pub parent_contexts_dropped: u64,
    /// Bodies with lone surrogates.
    pub repaired: u64,
    /// JSON bodies that took the slow path of the parser.
    pub slow_path_bodies: u64,
    /// Events that were read but not made durable in time; they will be read again.
    pub left: u64,
    /// Deliveries without a readable sequence number, which were dropped.
    pub unreadable: u64,
    /// Numbers without an event: the hub left them out, or their delivery was unreadable.
    pub accepted_gaps: u64,
    /// True if all that the hub had at the start is durable; `None` if that was not the aim.
    pub caught_up: Option<bool>,
}

/// Why a run ended badly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lake or the state can't be opened.
    #[error("open the store {address}")]
    Store {
        /// Which.
        address: Address,
        /// Why.
        source: catchwater_sinks::store::Error,
    },
    /// The lake's records can't be read or written.
    #[error("read the lake's records")]
    Records(#[from] records::Error),
    /// The lake's schemas can't be read.
    #[error("read the lake's schemas")]
    Schemas(#[from] catchwater_sinks::lake::schema::Error),
    /// The hub can't be reached or asked.
    #[error("reach the event hub")]
    Hub(#[from] crate::eventhubs::Error),
    /// A partition can no longer be read.
    #[error(transparent)]
    Reader(#[from] reader::Error),
    /// Files can't be put.
    #[error(transparent)]
    Publisher(#[from] publisher::Error),
    /// The hub that was read is another one now.
    #[error("the event hub {event_hub} was deleted and created again; the next run reads it as another log")]
    HubCreatedAgain {
        /// Its name.
        event_hub: String,
    },
    /// A lane can't go on.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// A thread could not be started.
    #[error("start a thread")]
    Thread(#[source] std::io::Error),
    /// A task ended without an answer.
    #[error("{0} ended without an answer")]
    Died(&'static str),
    /// Partitions were taken by another run: all of them, or some that this run was to catch up with.
    #[error("another run has taken partitions of this consumer group; this one stops")]
    OwnershipLost,
}

/// The default folder of state inside a lake.
pub(crate) fn default_state(lake: &Address) -> Address {
    lake.below(paths::RECORDS_FOLDER)
}

#[cfg(test)]
mod tests;
