//! The job: from an event hub into a lake.
//!
//! Read `wiring` for what runs where, `start` and `reader` for how a partition is read, `lane` for how events become
//! files, `publisher` for how files become durable.

mod wiring;
mod reader;
mod start;
mod lane;
mod partition;
mod file;
mod publisher;
mod waiting;
mod put;
mod schemas;
pub mod ledger; // what is durable of one partition
pub mod redrive; // what `_quarantine` holds and is understood now

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catchwater_sinks::lake::records;

use crate::columns::Metadata;
use crate::eventhubs::ConnectionString;
use crate::parse::ParentContext;

pub use file::{ClosedFile, RunFacts, StartId};
pub use lane::{Lane, LaneInput, LaneOutput, RollRules};
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
    /// The lake: a path or URL.
    pub lake: String,
    /// Where checkpoints stand; inside the lake if not said.
    pub state: Option<String>,
    /// Read what the hub has at the start, then end.
    pub until_caught_up: bool,
    /// Go on past events the hub no longer has.
    pub accept_loss: bool,
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
    /// The owner level of every link. 0, as the official SDKs' processors have it.
    pub owner_level: i64,
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
    /// JSON bodies that took the general path of the parser.
    pub odd: u64,
    /// Events that were read but not made durable in time; they will be read again.
    pub left: u64,
}

/// Why a run ended badly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lake or the state can't be opened.
    #[error("open the store {url}")]
    Store {
        /// Which.
        url: String,
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
    /// Rows could not be encoded.
    #[error("encode rows")]
    Encode(#[from] catchwater_sinks::parquet::Error),
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

/// What an error means to whoever started the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something in the configuration has to change.
    Configuration,
    /// Something could not be reached.
    Unreachable,
    /// Events are gone that the lake does not have.
    PositionLost,
    /// Another run reads the partitions now.
    OwnershipLost,
    /// A fault of this program.
    Internal,
}

impl Error {
    /// What it means to whoever started the run.
    pub fn kind(&self) -> Kind {
        use catchwater_sinks::lake::rules::Error as Rules;
        use catchwater_sinks::store::Error as Store;
        match self {
            Self::OwnershipLost => Kind::OwnershipLost,
            Self::Reader(error) if error.is_position_lost() => Kind::PositionLost,
            Self::Reader(error) if error.is_ownership_lost() => Kind::OwnershipLost,
            Self::Reader(reader::Error::Hub { source, .. }) | Self::Hub(source) => kind_of_hub(source),
            Self::Store { source: Store::NoAddress | Store::FileAddress | Store::Scheme { .. }, .. }
            | Self::Reader(
                reader::Error::Rules(Rules::NotCaughtUp { .. } | Rules::Newer { .. })
                | reader::Error::OtherRules { .. }
                | reader::Error::Records(records::Error::Namespace { .. }),
            ) => Kind::Configuration,
            Self::Encode(_)
            | Self::Died(_)
            | Self::Reader(reader::Error::Ended)
            | Self::Publisher(PublisherError::Ledger(_) | PublisherError::Lost(_)) => Kind::Internal,
            _ => Kind::Unreachable,
        }
    }
}

/// What an answer of the hub means to whoever started a run.
pub(crate) fn kind_of_hub(error: &crate::eventhubs::Error) -> Kind {
    use crate::eventhubs::{Error, ErrorKind};
    match (error, error.kind()) {
        (Error::NeedsTls(_) | Error::NoEventHub, _) | (_, ErrorKind::Unauthorized | ErrorKind::NotFound) => {
            Kind::Configuration
        }
        _ => Kind::Unreachable,
    }
}

/// The default folder of state inside a lake.
pub(crate) fn default_state(lake: &str) -> String {
    match lake.split_once("://") {
        Some(_) => format!("{}/_catchwater", lake.trim_end_matches('/')),
        None => PathBuf::from(lake).join("_catchwater").to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests;
