//! The job: from an event hub into a lake.
//!
//! Read `wiring` for threads, tasks and channels, `reader` for how a partition is read, `lane` for how events become
//! files, `publisher` for how files become durable.

mod config; // what a run reads and writes, and its bounds
mod summary; // what a run did
mod error; // why a run failed
mod kind; // the meaning of each error for the caller of a command
mod drain; // the request to stop, and its deadline
mod messages; // what reader, lane and publisher send each other
mod footer; // facts that every footer of a run states
pub mod ledger; // what is durable of one partition
mod reader; // one partition: where to start, what to do about gaps
mod lane; // events into files
mod publisher; // files into the lake
mod predecessor; // the consumer that a new lake replaces
mod known_hub; // the hub in the lake's records: its name, its first start
mod readers; // the tasks that read, and how they ended
mod wiring; // every thread, task and channel
mod staging; // removes stale staging files at the start
pub mod redrive; // parses the bodies in `_quarantine` again

pub(crate) use config::default_state;
pub use config::{Config, Decisions, PollIntervals, StartAt, Until};
pub use drain::Drain;
pub use error::Error;
pub use footer::RunFacts;
pub use kind::Kind;
pub use lane::{Deps as LaneDeps, Error as LaneError, Lane, RollRules};
pub use ledger::Ledger;
pub use messages::{ClosedFile, LaneInput, LaneOutput, StartId};
pub use publisher::Error as PublisherError;
pub use reader::Error as ReaderError;
pub use summary::Summary;
pub use wiring::run;

#[cfg(test)]
mod tests;
