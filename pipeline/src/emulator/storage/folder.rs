//! The folder of one hub: its metadata, and the folder with the logs of its partitions.
//!
//! Owns the change to an empty log, which happens as a whole or not at all. Does not own: the files of a partition
//! (`partition`).

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;

use super::disk::{Disk, SystemDisk};
use super::error::{Error, io_error};

/// Layout of the folder, as its metadata states it.
const LAYOUT: u32 = 2;

/// Layout of metadata that do not state one: a file for each partition, without segments.
const FIRST_LAYOUT: u32 = 1;

/// Size at which a segment ends, bytes: retention frees the disk in steps of this size, and a partition of a hundred
/// gigabytes has no more than about 1,600 files.
const SEGMENT_SIZE: u64 = 64 << 20;

/// Metadata of the hub, the file `hub.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) struct HubMetadata {
    /// Name of the hub.
    pub(in crate::emulator) event_hub: String,
    /// Number of partitions.
    pub(in crate::emulator) partitions: u32,
    /// Creation time.
    #[serde(rename = "created_ms")]
    pub(in crate::emulator) created_at: UnixMillis,
    /// Layout of the folder.
    #[serde(default = "first_layout")]
    layout: u32,
    /// Number of the log folder. A hub that begins with an empty log gets another one.
    #[serde(default)]
    log: u32,
}

impl HubMetadata {
    /// Returns the metadata of a new hub.
    pub(in crate::emulator) fn new(event_hub: String, partitions: u32, created_at: UnixMillis) -> Self {
        Self { event_hub, partitions, created_at, layout: LAYOUT, log: 0 }
    }

    fn read(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(io_error(path))?,
        };
        let metadata: Self = serde_json::from_slice(&bytes)
            .map_err(|source| Error::Metadata { path: path.to_owned(), source })?;
        if metadata.layout != LAYOUT {
            return Err(Error::Layout { path: path.to_owned(), version: metadata.layout, known: LAYOUT });
        }
        Ok(Some(metadata))
    }

    /// Writes the metadata, as a whole or not at all.
    fn write(&self, path: &Path) -> Result<(), Error> {
        let json =
            serde_json::to_vec(self).map_err(|source| Error::Metadata { path: path.to_owned(), source })?;
        let draft = path.with_extension("json.draft");
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(&json)?;
            file.sync_all()
        };
        write().map_err(io_error(&draft))?;
        fs::rename(&draft, path).map_err(io_error(path))
    }
}

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
        let metadata = if let Some(metadata) = HubMetadata::read(&file)? {
            metadata
        } else {
            fresh.write(&file)?;
            fresh
        };
        let folder = Self { path: path.to_owned(), metadata };
        folder.create_logs()?;
        folder.remove_other_logs();
        Ok(folder)
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
        self.change(HubMetadata { partitions, ..self.metadata.clone() })
    }

    /// Gives every partition an empty log, which begins at sequence number 0, and the hub a creation time. After a
    /// crash the folder has the hub of before or the new one.
    pub(in crate::emulator) fn begin_again(&mut self, created_at: UnixMillis) -> Result<(), Error> {
        let log = self.metadata.log.wrapping_add(1);
        let changed = HubMetadata { created_at, log, ..self.metadata.clone() };
        // Left by a change that did not happen.
        drop(fs::remove_dir_all(self.path.join(log_name(log))));
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

    fn create_logs(&self) -> Result<(), Error> {
        let path = self.log_path();
        fs::create_dir_all(&path).map_err(io_error(&path))
    }

    /// Removes the log folders of before. What can't be removed now is removed at the next start.
    fn remove_other_logs(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        let current = log_name(self.metadata.log);
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_log = name.to_str().is_some_and(|name| name.starts_with(LOG_PREFIX) && name != current);
            if is_log && let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(folder = %entry.path().display(), %error, "a log of before can't be removed");
            }
        }
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
            let Some((partition, number, kind)) = name.to_str().and_then(parse_name) else { continue };
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
        self.path(first, "log")
    }

    /// Returns the path of the file that records the oldest sequence number.
    pub(super) fn begin(&self, number: i64) -> PathBuf {
        self.path(number, "begin")
    }

    fn path(&self, number: i64, extension: &str) -> PathBuf {
        self.folder.join(format!("p{:04}.{number:020}.{extension}", self.partition))
    }
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

fn first_layout() -> u32 {
    FIRST_LAYOUT
}

/// Name of the file with the metadata.
const METADATA: &str = "hub.json";

/// Beginning of the name of a log folder.
const LOG_PREFIX: &str = "log-";
