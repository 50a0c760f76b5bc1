//! The folder of one hub: its metadata, and the folder with the logs of its partitions.
//!
//! Owns the change to an empty log, which happens as a whole or not at all. Does not own: the files of a partition
//! (`partition`).

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::UnixMillis;

use super::disk::{Disk, SystemDisk};
use super::error::{Error, io_error};
use super::metadata::HubMetadata;

/// Size at which a segment ends, bytes: retention frees the disk in steps of this size, and a partition of a hundred
/// gigabytes has no more than about 1,600 files.
const SEGMENT_SIZE: u64 = 64 << 20;

/// The folder of one hub.
#[derive(Debug)]
pub(in crate::emulator) struct HubFolder {
    path: PathBuf,
    metadata: HubMetadata,
}

impl HubFolder {
    /// Opens the folder of a hub, or creates it with `fresh` metadata.
    pub(in crate::emulator) fn open(path: &Path, fresh: HubMetadata) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(io_error(path))?;
        let file = path.join(METADATA);
        let found = HubMetadata::read(&file)?;
        let is_new = found.is_none();
        let folder = Self { path: path.to_owned(), metadata: found.unwrap_or(fresh) };
        folder.check_logs(is_new)?;
        if is_new {
            let logs = folder.log_path();
            fs::create_dir_all(&logs).map_err(io_error(&logs))?;
            folder.metadata.write(&file)?;
        }
        folder.remove_other_logs();
        Ok(folder)
    }

    /// Checks that the metadata name the newest log: events of another one would be lost.
    fn check_logs(&self, is_new: bool) -> Result<(), Error> {
        let file = self.path.join(METADATA);
        let current = self.metadata.log;
        for (number, path) in self.log_folders() {
            let is_empty = fs::read_dir(&path).map_err(io_error(&path))?.next().is_none();
            if !is_empty && (is_new || number > current) {
                return Err(Error::OtherMetadata { path: file, log: path });
            }
        }
        let path = self.log_path();
        if is_new || path.is_dir() { Ok(()) } else { Err(Error::MissingLog { path }) }
    }

    /// Returns the metadata.
    pub(in crate::emulator) fn metadata(&self) -> &HubMetadata {
        &self.metadata
    }

    /// Returns the folder with the logs of the partitions.
    pub(in crate::emulator) fn logs(&self) -> Result<LogFolder, Error> {
        LogFolder::list(self.log_path(), Arc::new(SystemDisk))
    }

    /// Records another number of partitions.
    pub(in crate::emulator) fn set_partitions(&mut self, partitions: u32) -> Result<(), Error> {
        let mut changed = self.metadata.clone();
        changed.partitions = partitions;
        self.change(changed)
    }

    /// Gives every partition an empty log, which begins at sequence number 0, and the hub a creation time. After a
    /// crash the folder has the hub of before or the new one.
    pub(in crate::emulator) fn begin_again(&mut self, created_at: UnixMillis) -> Result<(), Error> {
        let log = self.metadata.log.wrapping_add(1);
        let mut changed = self.metadata.clone();
        (changed.created_at, changed.log) = (created_at, log);
        let path = self.path.join(log_name(log));
        fs::create_dir_all(&path).map_err(io_error(&path))?;
        self.change(changed)?;
        self.remove_other_logs();
        Ok(())
    }

    fn change(&mut self, metadata: HubMetadata) -> Result<(), Error> {
        metadata.write(&self.path.join(METADATA))?;
        self.metadata = metadata;
        Ok(())
    }

    fn log_path(&self) -> PathBuf {
        self.path.join(log_name(self.metadata.log))
    }

    /// Removes the log folders of before, and what a change that did not happen has left. What can't be removed now is
    /// removed at the next start.
    fn remove_other_logs(&self) {
        for (number, path) in self.log_folders() {
            let removed = match number.cmp(&self.metadata.log) {
                Ordering::Less => fs::remove_dir_all(&path),
                Ordering::Equal => Ok(()),
                Ordering::Greater => fs::remove_dir(&path),
            };
            if let Err(error) = removed {
                tracing::warn!(folder = %path.display(), %error, "a log of before can't be removed");
            }
        }
    }

    /// Lists the log folders; a copy of one has another name.
    fn log_folders(&self) -> Vec<(u32, PathBuf)> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let number = |name: &str| {
            let number = name.strip_prefix(LOG_PREFIX)?.parse().ok()?;
            (log_name(number) == name).then_some(number)
        };
        let numbered = |entry: fs::DirEntry| Some((number(entry.file_name().to_str()?)?, entry.path()));
        entries.flatten().filter_map(numbered).collect()
    }
}

/// The folder with the logs of a hub's partitions.
#[derive(Debug)]
pub(in crate::emulator) struct LogFolder {
    path: PathBuf,
    numbers: BTreeMap<u32, Numbers>,
    pub(super) disk: Arc<dyn Disk>,
    /// Size at which a segment ends, bytes.
    pub(in crate::emulator) segment_size: u64,
}

/// The numbers in the names of a partition's files.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// Oldest sequence number that retention has left.
    pub(super) begin: i64,
    /// First sequence numbers of the segments, in order.
    pub(super) segments: VecDeque<i64>,
}

impl LogFolder {
    /// Lists a folder.
    pub(in crate::emulator) fn list(path: PathBuf, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        let mut numbers: BTreeMap<u32, Numbers> = BTreeMap::new();
        for entry in fs::read_dir(&path).map_err(io_error(&path))? {
            let name = entry.map_err(io_error(&path))?.file_name();
            let parsed = name.to_str().and_then(|name| Some((name, parse_name(name)?)));
            let Some((name, (partition, number, kind))) = parsed else { continue };
            // A name in another form is not one of ours.
            if file_name(partition, number, kind) != name {
                continue;
            }
            let known = numbers.entry(partition).or_default();
            match kind {
                Kind::Begin => known.begin = known.begin.max(number),
                Kind::Segment => known.segments.push_back(number),
            }
        }
        for known in numbers.values_mut() {
            known.segments.make_contiguous().sort_unstable();
        }
        Ok(Self { path, numbers, disk, segment_size: SEGMENT_SIZE })
    }

    pub(super) fn numbers(&self, partition: u32) -> Numbers {
        self.numbers.get(&partition).cloned().unwrap_or_default()
    }

    pub(super) fn names(&self, partition: u32) -> Names {
        Names { folder: self.path.clone(), partition }
    }
}

/// The names of one partition's files.
#[derive(Clone, Debug)]
pub(super) struct Names {
    folder: PathBuf,
    partition: u32,
}

/// A kind of file of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Begin,
    Segment,
}

impl Names {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of the segment that begins with a sequence number.
    pub(super) fn segment(&self, first: i64) -> PathBuf {
        self.path(first, Kind::Segment)
    }

    /// Returns the path of the file that records the oldest sequence number.
    pub(super) fn begin(&self, number: i64) -> PathBuf {
        self.path(number, Kind::Begin)
    }

    fn path(&self, number: i64, kind: Kind) -> PathBuf {
        self.folder.join(file_name(self.partition, number, kind))
    }
}

fn file_name(partition: u32, number: i64, kind: Kind) -> String {
    let extension = match kind {
        Kind::Begin => "begin",
        Kind::Segment => "log",
    };
    format!("p{partition:04}.{number:020}.{extension}")
}

fn parse_name(name: &str) -> Option<(u32, i64, Kind)> {
    let mut parts = name.strip_prefix('p')?.split('.');
    let (partition, number, extension) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = match (extension, parts.next()) {
        ("log", None) => Kind::Segment,
        ("begin", None) => Kind::Begin,
        _ => return None,
    };
    Some((partition.parse().ok()?, number.parse().ok()?, kind))
}

fn log_name(number: u32) -> String {
    format!("{LOG_PREFIX}{number}")
}

/// Name of the file with the metadata.
const METADATA: &str = "hub.json";

/// Beginning of the name of a log folder.
const LOG_PREFIX: &str = "log-";
