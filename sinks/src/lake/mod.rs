//! The lake: which name a file gets, and what the names prove.

pub mod chain; // the commit protocol of one destination, pure
pub mod start; // from where a source is read, pure
pub mod records; // identity of the lake, origin of each source, ordinals given up
pub mod gaps; // numbers that have no row and never will: seen and accepted
pub mod forgotten; // days that were removed on purpose
pub mod rules; // which rules decide an event's table, and from where on
pub mod schema; // columns of each table, with types that never change
pub mod recovery; // how far each destination got
pub mod commit; // a closed file becomes part of the lake
pub mod redrive; // rows of the quarantine enter their tables, by plans
pub mod staging; // files of killed writers, removed at a start
pub mod audit; // checks a lake: each row once, no gaps, complete chains

#[cfg(test)]
pub(crate) mod fixtures; // data files and a backoff without pauses
