//! The folder of a hub that survives a restart: its metadata, and the log of each partition in segments.
//!
//! Owns the layout of the folder, the format of its files, and the repair of a torn tail. Does not own: the encoding of
//! an event (`log`), or the folder's place and lock (`namespace`).
//!
//! ```text
//! hub.json                             name, partitions, creation time, number of the log folder, checksum
//! log-0/p0000.00000000000000000007.begin   empty; its name has the oldest sequence number that retention has left
//! log-0/p0000.00000000000000000000.log     segment; its name has its first sequence number
//! log-0/p0000.00000000000000041213.log     the segment that is written
//! ```
//!
//! A completed write is in the operating system's cache: it survives a killed process, but not a power failure. A write
//! is whole in the log or not at all.

mod disk; // writes, which a test makes fail
mod error; // errors of the folder
mod folder; // the folder of a hub and its log folders
mod metadata; // the metadata of a hub
mod frame; // the format of one write
mod partition; // the segments of one partition
mod segment; // the format of a segment

#[cfg(test)]
pub(super) use disk::Disk;
pub(super) use error::Error;
pub(super) use folder::{HubFolder, LogFolder};
pub(super) use frame::{LogPosition, Record};
pub(super) use metadata::HubMetadata;
pub(super) use partition::{BeginRecord, Leftover, LogFiles};

#[cfg(test)]
mod tests;
