//! The files that survive a restart of the hub: an append-only log per partition, and the hub's metadata.
//!
//! Owns the record format and the repair of a torn tail. Does not own: the encoding of an event (`log`). A completed
//! write is in the operating system's cache: it survives a killed process, but not a power failure.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::clock::UnixMillis;
use serde::{Deserialize, Serialize};

/// Bytes before each event: its size (4), enqueued time (8), size of its header section (4), and a checksum of these
/// and the event (8); big-endian.
const PREFIX_SIZE: usize = 4 + 8 + 4 + 8;

/// Metadata of the hub, the file `hub.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HubMetadata {
    /// Name of the hub.
    pub(super) event_hub: String,
    /// Number of partitions.
    pub(super) partitions: u32,
    /// Creation time.
    #[serde(rename = "created_ms")]
    pub(super) created_at: UnixMillis,
}

impl HubMetadata {
    /// Reads the metadata of a folder, or writes `fresh` if it has none.
    pub(super) fn read_or_write(folder: &Path, fresh: HubMetadata) -> Result<HubMetadata, Error> {
        let path = folder.join("hub.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| Error::Metadata { path: path.clone(), source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(io_error(folder))?;
                let json = serde_json::to_vec(&fresh)
                    .map_err(|source| Error::Metadata { path: path.clone(), source })?;
                let draft = folder.join("hub.json.draft");
                fs::write(&draft, json).map_err(io_error(&draft))?;
                fs::rename(&draft, &path).map_err(io_error(&path))?;
                Ok(fresh)
            }
            Err(source) => Err(Error::Io { path, source }),
        }
    }
}

/// One event in a log file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) enqueued_time: UnixMillis,
    pub(super) header_size: u32,
    pub(super) encoded: Box<[u8]>,
}

impl Record {
    fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&(self.encoded.len() as u32).to_be_bytes());
        out.extend_from_slice(&self.enqueued_time.get().to_be_bytes());
        out.extend_from_slice(&self.header_size.to_be_bytes());
        let sum = checksum(&[&out[start..], &self.encoded]);
        out.extend_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(&self.encoded);
    }
}

/// The append-only file of one partition.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    buffer: Vec<u8>,
}

impl LogFile {
    /// Opens the file of a partition, reads its records and truncates a torn tail.
    pub(super) fn open(folder: &Path, partition: u32) -> Result<(Self, Vec<Record>), Error> {
        let path = folder.join(format!("p{partition:04}.log"));
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error(&path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io_error(&path))?;
        let (records, whole) = read_records(&bytes);
        let mut log = Self { path, file, size: whole as u64, buffer: Vec::new() };
        log.truncate()?;
        Ok((log, records))
    }

    /// Appends records in one write.
    ///
    /// # Errors
    /// A failed write. The file is truncated, so that the next record does not follow a torn one.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        self.buffer.clear();
        for record in records {
            record.encode(&mut self.buffer);
        }
        if let Err(source) = self.file.write_all(&self.buffer) {
            self.truncate()?;
            return Err(Error::Io { path: self.path.clone(), source });
        }
        self.size += self.buffer.len() as u64;
        Ok(())
    }

    fn truncate(&mut self) -> Result<(), Error> {
        self.file.set_len(self.size).map_err(io_error(&self.path))?;
        self.file.seek(SeekFrom::Start(self.size)).map_err(io_error(&self.path))?;
        Ok(())
    }
}

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
    #[error("{} is not the metadata of a hub", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

/// Returns the complete records and the offset at which the last one ends.
fn read_records(bytes: &[u8]) -> (Vec<Record>, usize) {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some((record, after)) = read_record(rest) {
        records.push(record);
        rest = after;
    }
    (records, bytes.len() - rest.len())
}

fn read_record(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (prefix, rest) = bytes.split_at_checked(PREFIX_SIZE)?;
    let size = u32::from_be_bytes(*prefix.first_chunk()?) as usize;
    let enqueued_time = UnixMillis::new(i64::from_be_bytes(*prefix[4..].first_chunk()?));
    let header_size = u32::from_be_bytes(*prefix[12..].first_chunk()?);
    let sum = u64::from_be_bytes(*prefix[16..].first_chunk()?);
    let (encoded, rest) = rest.split_at_checked(size)?;
    if checksum(&[&prefix[..16], encoded]) != sum || header_size as usize > size {
        return None;
    }
    Some((Record { enqueued_time, header_size, encoded: encoded.into() }, rest))
}

/// FNV-1a of 64 bits. It detects torn records; it is not meant to resist an attacker.
pub(super) fn checksum(parts: &[&[u8]]) -> u64 {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(enqueued_time: UnixMillis, encoded: &[u8]) -> Record {
        Record { enqueued_time, header_size: 0, encoded: encoded.into() }
    }

    fn contents(folder: &Path) -> Vec<(i64, Vec<u8>)> {
        let (_, records) = LogFile::open(folder, 3).unwrap();
        records.into_iter().map(|record| (record.enqueued_time.get(), record.encoded.into())).collect()
    }

    #[test]
    fn reopening_keeps_records_and_truncates_a_torn_tail() {
        let folder = tempfile::tempdir().unwrap();
        let expected = [(5, b"first".to_vec()), (6, b"second".to_vec())];
        let (mut log, records) = LogFile::open(folder.path(), 3).unwrap();
        assert_eq!(records, []);
        log.append(&[record(UnixMillis::new(5), b"first"), record(UnixMillis::new(6), b"second")]).unwrap();
        drop(log);
        assert_eq!(contents(folder.path()), expected);

        let path = folder.path().join("p0003.log");
        let whole = fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let kept = usize::from(cut >= PREFIX_SIZE + 5);
            assert_eq!(contents(folder.path()), expected[..kept], "cut at {cut}");
        }

        let (mut log, _) = LogFile::open(folder.path(), 3).unwrap();
        log.append(&[record(UnixMillis::new(6), b"second")]).unwrap();
        assert_eq!(contents(folder.path()), expected, "appending continues after the last complete record");
    }

    #[test]
    fn a_changed_byte_ends_the_log_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = LogFile::open(folder.path(), 3).unwrap();
        log.append(&[record(UnixMillis::new(5), b"first"), record(UnixMillis::new(6), b"second")]).unwrap();
        let path = folder.path().join("p0003.log");
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(contents(folder.path()), [(5, b"first".to_vec())]);
    }

    #[test]
    fn metadata_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let metadata = |created_at| HubMetadata { event_hub: "events".into(), partitions: 4, created_at };
        assert_eq!(
            HubMetadata::read_or_write(folder.path(), metadata(UnixMillis::new(1))).unwrap(),
            metadata(UnixMillis::new(1))
        );
        assert_eq!(
            HubMetadata::read_or_write(folder.path(), metadata(UnixMillis::new(2))).unwrap(),
            metadata(UnixMillis::new(1))
        );
    }
}
