//! The metadata of a hub: its name, its creation time and the log that it has now.
//!
//! Owns the file and its checksum. Does not own: the folder (`folder`).

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;

use super::error::{Error, io_error};
use super::frame::checksum;

/// Layout of the folder, as its metadata states it.
const LAYOUT: u32 = 3;

/// Layout of metadata that do not state one: a file for each partition, without segments.
const FIRST_LAYOUT: u32 = 1;

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
    pub(super) log: u32,
    /// Checksum of the other members.
    #[serde(default)]
    sum: u64,
}

impl HubMetadata {
    /// Returns the metadata of a new hub.
    pub(in crate::emulator) fn new(event_hub: String, partitions: u32, created_at: UnixMillis) -> Self {
        Self { event_hub, partitions, created_at, layout: LAYOUT, log: 0, sum: 0 }
    }

    /// Reads a file; returns `None` if it does not exist.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(io_error(path))?,
        };
        let metadata: Self = serde_json::from_slice(&bytes)
            .map_err(|source| Error::Metadata { path: path.to_owned(), source })?;
        if metadata.layout != LAYOUT {
            return Err(Error::Layout { path: path.to_owned(), version: metadata.layout, known: LAYOUT });
        }
        let read = Self { sum: 0, ..metadata.clone() };
        if read.checksum(path)? != metadata.sum {
            return Err(Error::DamagedMetadata { path: path.to_owned() });
        }
        Ok(Some(read))
    }

    /// Writes the metadata, as a whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let json = Self { sum: self.checksum(path)?, ..self.clone() }.encode(path)?;
        let draft = path.with_extension("json.draft");
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(&json)?;
            file.sync_all()
        };
        write().map_err(io_error(&draft))?;
        fs::rename(&draft, path).map_err(io_error(path))
    }

    /// A changed bit would otherwise be another creation time, or another log.
    fn checksum(&self, path: &Path) -> Result<u64, Error> {
        Ok(checksum(u64::from(LAYOUT), &Self { sum: 0, ..self.clone() }.encode(path)?))
    }

    fn encode(&self, path: &Path) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|source| Error::Metadata { path: path.to_owned(), source })
    }
}

fn first_layout() -> u32 {
    FIRST_LAYOUT
}
