//! The format of a segment: a header with the place where it begins, then frames.
//!
//! Owns the header, and the decision between a torn tail and damage. Does not own: which segments there are
//! (`partition`).

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::clock::UnixMillis;

use super::disk::Disk;
use super::error::{Error, io_error};
use super::frame::{self, LastEvent, LogPosition, PREFIX_SIZE, Prefix, Record, checksum, long};

/// First bytes of a segment: a name, and the version of the format.
const MAGIC: [u8; 8] = *b"cwhub\0\0\x02";

/// Size of the header: magic (8), salt (8), the segment's place in the log (8 + 8 + 8 + 8), and a checksum (8).
const HEADER_SIZE: usize = 56;

/// Offset of the event before the first one of a log, in a header.
const NO_OFFSET: u64 = u64::MAX;

/// A segment that is written.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    salt: u64,
    /// Size of header and whole frames.
    size: u64,
    /// A write failed, and what it left could not be removed.
    is_torn: bool,
}

impl Segment {
    /// Creates a segment that begins at `start`; replaces one that was never written to.
    pub(super) fn create(disk: &dyn Disk, path: &Path, start: LogPosition) -> Result<Self, Error> {
        let options = || File::options().create(true).append(true).open(path);
        let mut file = options().map_err(io_error(path))?;
        let salt = RandomState::new().hash_one(start.next);
        let header = encode_header(salt, start);
        let written = file.set_len(0).and_then(|()| disk.append(&mut file, &header));
        if let Err(source) = written {
            // A file with a torn header is removed at the next start too.
            drop(fs::remove_file(path));
            return Err(io_error(path)(source));
        }
        Ok(Self { path: path.to_owned(), file, salt, size: HEADER_SIZE as u64, is_torn: false })
    }

    /// Opens a segment to continue it.
    pub(super) fn reopen(path: &Path, end: SegmentEnd) -> Result<Self, Error> {
        let SegmentEnd { salt, size, .. } = end;
        let file = File::options().append(true).open(path).map_err(io_error(path))?;
        Ok(Self { path: path.to_owned(), file, salt, size, is_torn: false })
    }

    /// Returns the size of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Appends one frame.
    ///
    /// # Errors
    /// A failed write. The file is truncated, so that the next frame does not follow a torn one.
    pub(super) fn append(
        &mut self,
        disk: &dyn Disk,
        enqueued_time: UnixMillis,
        records: &[Record],
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        buffer.clear();
        frame::encode(self.salt, enqueued_time, records, buffer)?;
        if self.is_torn {
            self.truncate()?;
        }
        if let Err(source) = disk.append(&mut self.file, buffer) {
            self.is_torn = true;
            self.truncate()?;
            return Err(io_error(&self.path)(source));
        }
        self.size += buffer.len() as u64;
        Ok(())
    }

    fn truncate(&mut self) -> Result<(), Error> {
        self.file.set_len(self.size).map_err(io_error(&self.path))?;
        self.is_torn = false;
        Ok(())
    }
}

/// The end of a segment that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentEnd {
    pub(super) at: LogPosition,
    /// Size of header and whole frames.
    pub(super) size: u64,
    salt: u64,
}

/// A segment that is read, frame by frame.
pub(super) struct SegmentReader {
    path: PathBuf,
    file: BufReader<File>,
    size: u64,
    end: SegmentEnd,
}

impl SegmentReader {
    /// Opens a segment and reads its header; returns `None` if the header is torn, so that the segment was never
    /// written to.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let file = File::open(path).map_err(io_error(path))?;
        let size = file.metadata().map_err(io_error(path))?.len();
        if size < HEADER_SIZE as u64 {
            return Ok(None);
        }
        let mut file = BufReader::with_capacity(READ_SIZE, file);
        let mut header = [0; HEADER_SIZE];
        file.read_exact(&mut header).map_err(io_error(path))?;
        let (salt, at) =
            decode_header(&header).ok_or_else(|| Error::Damaged { path: path.to_owned(), at: 0 })?;
        let end = SegmentEnd { at, size: HEADER_SIZE as u64, salt };
        Ok(Some(Self { path: path.to_owned(), file, size, end }))
    }

    /// Returns the place where the segment begins, before anything is read.
    pub(super) fn start(&self) -> LogPosition {
        self.end.at
    }

    /// Reads the segment and passes each event to `keep`, with its place and enqueued time. Only the last segment of a
    /// log may end in a torn write; it is removed.
    ///
    /// # Errors
    /// Damage that is not a torn tail.
    pub(super) fn read(
        mut self,
        is_last: bool,
        keep: &mut dyn FnMut(LogPosition, UnixMillis, Record),
    ) -> Result<SegmentEnd, Error> {
        let mut payload = Vec::new();
        while self.end.size < self.size {
            let Some(prefix) = self.read_frame(&mut payload).map_err(io_error(&self.path))? else {
                return self.repair(is_last);
            };
            let Some(events) = prefix.events(self.end.salt, &payload) else { return self.repair(is_last) };
            for (header_size, encoded) in events {
                let record = Record { header_size, encoded: encoded.into() };
                keep(self.end.at, prefix.enqueued_time, record);
                self.end.at = self.end.at.after(prefix.enqueued_time, encoded.len());
            }
            self.end.size += (PREFIX_SIZE + payload.len()) as u64;
        }
        Ok(self.end)
    }

    /// Reads the next frame into `payload`; returns `None` if the file ends before it.
    fn read_frame(&mut self, payload: &mut Vec<u8>) -> io::Result<Option<Prefix>> {
        let Some(room) = (self.size - self.end.size).checked_sub(PREFIX_SIZE as u64) else { return Ok(None) };
        let mut prefix = [0; PREFIX_SIZE];
        self.file.read_exact(&mut prefix)?;
        let prefix = Prefix::read(&prefix);
        if prefix.size as u64 > room {
            return Ok(None);
        }
        payload.resize(prefix.size, 0);
        self.file.read_exact(payload)?;
        Ok(Some(prefix))
    }

    /// Removes a torn write at the end of the log.
    fn repair(mut self, is_last: bool) -> Result<SegmentEnd, Error> {
        let (path, end, torn) = (self.path, self.end, self.size - self.end.size);
        if !is_last {
            return Err(Error::Damaged { path, at: end.size });
        }
        let mut rest = Vec::new();
        self.file
            .seek(SeekFrom::Start(end.size))
            .and_then(|_| self.file.read_to_end(&mut rest))
            .map_err(io_error(&path))?;
        if frame::any_follows(end.salt, &rest) {
            return Err(Error::Damaged { path, at: end.size });
        }
        tracing::warn!(file = %path.display(), bytes = torn, "removed a torn write at the end of the log");
        let file = File::options().write(true).open(&path).map_err(io_error(&path))?;
        file.set_len(end.size).map_err(io_error(&path))?;
        Ok(end)
    }
}

/// Size of the read buffer, bytes: several frames of usual size in one call to the system.
const READ_SIZE: usize = 256 * 1024;

fn encode_header(salt: u64, start: LogPosition) -> [u8; HEADER_SIZE] {
    let last = start.last.map(|last| (last.offset, last.enqueued_time.get()));
    let (last_offset, last_time) = last.unwrap_or((NO_OFFSET, 0));
    let numbers = [salt, start.next as u64, start.next_offset, last_offset, last_time as u64];
    let mut header = [0; HEADER_SIZE];
    header[..8].copy_from_slice(&MAGIC);
    for (field, number) in header[8..].chunks_exact_mut(8).zip(numbers) {
        field.copy_from_slice(&number.to_be_bytes());
    }
    let sum = checksum(0, &header[..HEADER_SIZE - 8]);
    header[HEADER_SIZE - 8..].copy_from_slice(&sum.to_be_bytes());
    header
}

fn decode_header(header: &[u8; HEADER_SIZE]) -> Option<(u64, LogPosition)> {
    let field = |index: usize| long(&header[8 * index..]);
    if header[..8] != MAGIC || field(6) != checksum(0, &header[..HEADER_SIZE - 8]) {
        return None;
    }
    let last = LastEvent { offset: field(4), enqueued_time: UnixMillis::new(field(5) as i64) };
    let last = (last.offset != NO_OFFSET).then_some(last);
    Some((field(1), LogPosition { next: field(2) as i64, next_offset: field(3), last }))
}
