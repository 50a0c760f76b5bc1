//! Errors of a hub's folder.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Error of the data folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read or written.
    #[error("{} can't be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The metadata of the hub is malformed.
    #[error(
        "{} is not the metadata of a hub: restore the file, or remove the folder of the event hub to begin with an \
         empty one",
        path.display()
    )]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The metadata of the hub do not match their checksum.
    #[error(
        "{} does not match its checksum: restore the file, or remove the folder of the event hub to begin with an \
         empty one",
        path.display()
    )]
    DamagedMetadata {
        /// The file.
        path: PathBuf,
    },
    /// The metadata are missing, or older than a log with events.
    #[error(
        "{} is missing or older than the events in {}: restore the file, or remove that folder to lose these events",
        path.display(), log.display()
    )]
    OtherMetadata {
        /// The file.
        path: PathBuf,
        /// The folder of the log.
        log: PathBuf,
    },
    /// The folder with the log is missing.
    #[error(
        "{} is missing: restore it, or remove the folder of the event hub to begin with an empty one",
        path.display()
    )]
    MissingLog {
        /// The folder of the log.
        path: PathBuf,
    },
    /// The folder has the layout of another version.
    #[error("{} has the layout {version}, and this version reads {known} only; use another data folder", path.display())]
    Layout {
        /// The metadata of the hub.
        path: PathBuf,
        /// The layout of the folder.
        version: u32,
        /// The layout that is read.
        known: u32,
    },
    /// A segment is damaged before its end, so that later events would be lost.
    #[error(
        "{} is damaged at byte {at}, and events follow it: restore the file, or remove the folder of the event hub to \
         begin with an empty one",
        path.display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Offset of the first byte that can't be read.
        at: u64,
    },
    /// A segment is missing, or does not continue the one before.
    #[error(
        "{} does not begin with event {expected}: a file of this log is missing; restore it, or remove the \
         folder of the event hub to begin with an empty one",
        path.display()
    )]
    Missing {
        /// The segment after the missing one, or the folder of the log.
        path: PathBuf,
        /// The sequence number that has to come next.
        expected: i64,
    },
    /// The events of one batch are too large for a write.
    #[error("{size} bytes are too many for one write to the log")]
    TooLarge {
        /// Encoded size of the events.
        size: usize,
    },
}

impl Error {
    /// Returns whether the disk, a quota or a limit on the size of files leaves no room.
    pub(in crate::emulator) fn is_full(&self) -> bool {
        let Self::Io { source, .. } = self else { return false };
        matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
    }
}

/// Returns the error of an operation on a file.
pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}
