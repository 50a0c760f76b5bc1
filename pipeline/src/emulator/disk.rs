//! The files that let a hub survive a restart: one append-only log per partition and one page about the hub.
//!
//! Owns the record format and the torn tail. Does not own: what an event is (`log`). A write that returned is
//! with the operating system: it survives a killed process, not a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// In front of each record: size of the event (4 bytes), enqueued time (8), size of its header section (4) and
/// checksum of all that and the event (8); big-endian.
const PREFIX_SIZE: usize = 24;

/// The page about the hub.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HubPage {
    /// The hub's name.
    pub(super) event_hub: String,
    /// How many partitions it has.
    pub(super) partitions: u32,
    /// When it was created, unix milliseconds.
    pub(super) created_ms: i64,
}

impl HubPage {
    /// Reads the page of a folder, or writes `fresh` when there is none.
    pub(super) fn read_or_write(folder: &Path, fresh: HubPage) -> Result<HubPage, Error> {
        let path = folder.join("hub.json");
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|source| Error::Page { path: path.clone(), source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(at(folder))?;
                let page = serde_json::to_vec(&fresh)
                    .map_err(|source| Error::Page { path: path.clone(), source })?;
                let draft = folder.join("hub.json.draft");
                fs::write(&draft, page).map_err(at(&draft))?;
                fs::rename(&draft, &path).map_err(at(&path))?;
                Ok(fresh)
            }
            Err(source) => Err(Error::Io { path, source }),
        }
    }
}

/// One event in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) enqueued_ms: i64,
    pub(super) header_size: u32,
    pub(super) encoded: Box<[u8]>,
}

impl Record {
    fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&(self.encoded.len() as u32).to_be_bytes());
        out.extend_from_slice(&self.enqueued_ms.to_be_bytes());
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
    /// Opens a partition's file, reads what it holds and cuts a torn tail off.
    pub(super) fn open(folder: &Path, partition: u32) -> Result<(Self, Vec<Record>), Error> {
        let path = folder.join(format!("p{partition:04}.log"));
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(&path).map_err(at(&path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(at(&path))?;
        let (records, whole) = read_records(&bytes);
        let mut log = Self { path, file, size: whole as u64, buffer: Vec::new() };
        log.cut()?;
        Ok((log, records))
    }

    /// Appends records in one write.
    ///
    /// # Errors
    /// What was written of them is cut off again, so that the next record does not stand behind a torn one.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        self.buffer.clear();
        for record in records {
            record.encode(&mut self.buffer);
        }
        if let Err(source) = self.file.write_all(&self.buffer) {
            self.cut()?;
            return Err(Error::Io { path: self.path.clone(), source });
        }
        self.size += self.buffer.len() as u64;
        Ok(())
    }

    fn cut(&mut self) -> Result<(), Error> {
        self.file.set_len(self.size).map_err(at(&self.path))?;
        self.file.seek(SeekFrom::Start(self.size)).map_err(at(&self.path))?;
        Ok(())
    }
}

/// What a folder may answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read or written.
    #[error("{} can't be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The page about the hub is none.
    #[error("{} is not a page about a hub", path.display())]
    Page {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

/// Reads whole records; returns them and where the last one ends.
fn read_records(bytes: &[u8]) -> (Vec<Record>, usize) {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some((record, behind)) = read_record(rest) {
        records.push(record);
        rest = behind;
    }
    (records, bytes.len() - rest.len())
}

fn read_record(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (prefix, rest) = bytes.split_at_checked(PREFIX_SIZE)?;
    let size = u32::from_be_bytes(*prefix.first_chunk()?) as usize;
    let enqueued_ms = i64::from_be_bytes(*prefix[4..].first_chunk()?);
    let header_size = u32::from_be_bytes(*prefix[12..].first_chunk()?);
    let sum = u64::from_be_bytes(*prefix[16..].first_chunk()?);
    let (encoded, rest) = rest.split_at_checked(size)?;
    if checksum(&[&prefix[..16], encoded]) != sum || header_size as usize > size {
        return None;
    }
    Some((Record { enqueued_ms, header_size, encoded: encoded.into() }, rest))
}

/// FNV-1a of 64 bits: it has to tell a torn record from a whole one, not to withstand anybody.
pub(super) fn checksum(parts: &[&[u8]]) -> u64 {
    parts
        .iter()
        .flat_map(|part| part.iter())
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(enqueued_ms: i64, encoded: &[u8]) -> Record {
        Record { enqueued_ms, header_size: 0, encoded: encoded.into() }
    }

    fn contents(folder: &Path) -> Vec<(i64, Vec<u8>)> {
        let (_, records) = LogFile::open(folder, 3).unwrap();
        records.into_iter().map(|record| (record.enqueued_ms, record.encoded.into())).collect()
    }

    #[test]
    fn what_was_appended_is_there_again_and_a_torn_tail_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let expected = [(5, b"first".to_vec()), (6, b"second".to_vec())];
        let (mut log, records) = LogFile::open(folder.path(), 3).unwrap();
        assert_eq!(records, []);
        log.append(&[record(5, b"first"), record(6, b"second")]).unwrap();
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
        log.append(&[record(6, b"second")]).unwrap();
        assert_eq!(contents(folder.path()), expected, "appending goes on behind the cut");
    }

    #[test]
    fn a_changed_byte_ends_the_log_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = LogFile::open(folder.path(), 3).unwrap();
        log.append(&[record(5, b"first"), record(6, b"second")]).unwrap();
        let path = folder.path().join("p0003.log");
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(contents(folder.path()), [(5, b"first".to_vec())]);
    }

    #[test]
    fn the_page_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let page = |created_ms| HubPage { event_hub: "events".into(), partitions: 4, created_ms };
        assert_eq!(HubPage::read_or_write(folder.path(), page(1)).unwrap(), page(1));
        assert_eq!(HubPage::read_or_write(folder.path(), page(2)).unwrap(), page(1));
    }
}
