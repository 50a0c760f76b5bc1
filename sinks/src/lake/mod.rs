//! The lake: names of files and records, and the proofs that they give.

pub mod chain; // the commit protocol of one destination, pure
pub mod start; // the position at which reading a source begins, pure
pub mod reattach; // a reader that attached again after its link was lost, pure
pub mod first_start; // partitions of a log at its first start, and where the lake begins
pub mod records; // identity of the lake, origin of each source, ordinals given up
pub mod names; // further host names of a log
pub mod gaps; // sequence numbers without a row that a run accepted
pub mod forgotten; // days that were removed on purpose
pub mod rules; // versions of the routing rules, each with its first sequence number
pub mod schema; // columns of each table, with types that never change
pub mod recovery; // the last row of each destination, at a start
pub mod commit; // commit of a closed file
pub mod redrive; // plans that move rows of the quarantine to their tables
pub mod staging; // removal of the staging files of killed writers
pub mod audit; // checks a lake: each row once, no gaps, complete chains

#[cfg(any(test, feature = "test-util"))]
pub(crate) mod fixtures; // data files and a backoff without pauses
