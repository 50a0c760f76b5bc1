//! The segments of one partition: which there are, where the next event goes, and what retention removes.
//!
//! Owns the order of operations that makes a crash harmless. Does not own: the bytes of a segment (`segment`).

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::UnixMillis;

use super::disk::Disk;
use super::error::{Error, io_error};
use super::folder::{LogFolder, Names, Numbers};
use super::frame::{LogPosition, Record};
use super::segment::{Segment, SegmentEnd, SegmentReader};

/// The files of one partition's log. A file is created by the first event, and opened by the first one after a start.
#[derive(Debug)]
pub(in crate::emulator) struct LogFiles {
    disk: Arc<dyn Disk>,
    names: Names,
    /// First sequence numbers of the segments in order; the last segment is written.
    segments: VecDeque<i64>,
    /// The segment that is written; `None` until the first append.
    written: Option<Segment>,
    /// The end of the last segment, from the start of the hub until the first append.
    end: Option<SegmentEnd>,
    segment_size: u64,
    buffer: Vec<u8>,
}

impl LogFiles {
    /// Reads the log of a partition and passes each event that retention has left to `keep`, with its place and
    /// enqueued time; returns the end of the log. A torn write at its end is removed.
    ///
    /// # Errors
    /// A file that can't be read, is damaged or missing.
    pub(in crate::emulator) fn open(
        folder: &LogFolder,
        partition: u32,
        keep: &mut dyn FnMut(LogPosition, UnixMillis, Record),
    ) -> Result<(Self, LogPosition), Error> {
        let Numbers { begin, mut segments } = folder.numbers(partition);
        let mut files = Self {
            disk: Arc::clone(&folder.disk),
            names: folder.names(partition),
            segments: VecDeque::new(),
            written: None,
            end: None,
            segment_size: folder.segment_size,
            buffer: Vec::new(),
        };
        files.remove_torn_segment(&mut segments)?;
        files.segments = segments;
        Leftover(files.passed(begin)).remove();
        let mut end = files.read(begin, keep)?;
        if end.next < begin {
            // Events that retention had removed were lost with the machine's power. Their numbers are not used again.
            end.next = begin;
            files.end = None;
        }
        Ok((files, end))
    }

    /// Removes a last segment whose header is torn: the process ended while it was created.
    fn remove_torn_segment(&self, segments: &mut VecDeque<i64>) -> Result<(), Error> {
        let Some(last) = segments.back() else { return Ok(()) };
        let path = self.names.segment(*last);
        if SegmentReader::open(&path)?.is_none() {
            fs::remove_file(&path).map_err(io_error(&path))?;
            segments.pop_back();
            let file = path.display();
            tracing::warn!(%file, "removed a segment without a header: new and empty, or truncated");
        }
        Ok(())
    }

    fn read(
        &mut self,
        begin: i64,
        keep: &mut dyn FnMut(LogPosition, UnixMillis, Record),
    ) -> Result<LogPosition, Error> {
        let mut end: Option<SegmentEnd> = None;
        for (index, number) in self.segments.iter().enumerate() {
            let path = self.names.segment(*number);
            let damaged = || Error::Damaged { path: path.clone(), at: 0 };
            let reader = SegmentReader::open(&path)?.ok_or_else(damaged)?;
            let start = reader.start();
            let expected = end.map_or_else(|| begin.min(*number), |end| end.at.next);
            if *number != expected || start.next != expected {
                return Err(Error::Missing { path, expected });
            }
            if end.is_some_and(|end| end.at != start) {
                return Err(damaged());
            }
            let is_last = index + 1 == self.segments.len();
            end = Some(reader.read(is_last, &mut |at, time, record| {
                if at.next >= begin {
                    keep(at, time, record);
                }
            })?);
        }
        self.end = end;
        match end {
            Some(end) => Ok(end.at),
            None if begin == 0 => Ok(LogPosition::default()),
            None => Err(Error::Missing { path: self.names.folder().to_owned(), expected: begin }),
        }
    }

    /// Appends the events of one batch, in one write, at the end of the log.
    ///
    /// # Errors
    /// A failed write. No event is appended.
    pub(in crate::emulator) fn append(
        &mut self,
        end: LogPosition,
        enqueued_time: UnixMillis,
        records: &[Record],
    ) -> Result<(), Error> {
        let is_full = |segment: &Segment| segment.size() >= self.segment_size;
        let segment = match self.written.take_if(|segment| !is_full(segment)) {
            Some(segment) => segment,
            None => self.next_segment(end)?,
        };
        let segment = self.written.insert(segment);
        segment.append(&*self.disk, enqueued_time, records, &mut self.buffer)
    }

    /// Returns the segment for the event at the end of the log: the last one, if it was read at the start and has room,
    /// or a new one.
    fn next_segment(&mut self, end: LogPosition) -> Result<Segment, Error> {
        let last = self.end.take_if(|last| last.size < self.segment_size);
        match (last, self.segments.back()) {
            (Some(last), Some(number)) => {
                let opened = Segment::reopen(&self.names.segment(*number), last);
                opened.inspect_err(|_| self.end = Some(last))
            }
            _ => self.create_segment(end),
        }
    }

    fn create_segment(&mut self, end: LogPosition) -> Result<Segment, Error> {
        if self.segments.is_empty() {
            let path = self.names.begin(end.next);
            File::create(&path).map_err(io_error(&path))?;
        }
        let segment = Segment::create(&*self.disk, &self.names.segment(end.next), end)?;
        self.segments.push_back(end.next);
        Ok(segment)
    }

    /// Returns the record of the oldest event that retention has left.
    pub(in crate::emulator) fn begin(&self) -> BeginRecord {
        BeginRecord { names: self.names.clone() }
    }

    /// Gives up the segments below a sequence number. The caller removes them without the lock of the log, after it has
    /// recorded the [`BeginRecord`].
    pub(in crate::emulator) fn purge(&mut self, below: i64, end: LogPosition) -> Leftover {
        let is_written = self.segments.back().is_some_and(|first| *first < end.next);
        if below >= end.next && is_written {
            // Without a next segment the last one stays: it has the numbers at which the log goes on.
            match self.create_segment(end) {
                Ok(segment) => {
                    self.end = None;
                    self.written = Some(segment);
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "retention keeps the last segment"
                    );
                }
            }
        }
        Leftover(self.passed(below))
    }

    /// Takes the segments with events below `begin` only, and returns their paths.
    fn passed(&mut self, begin: i64) -> Vec<PathBuf> {
        let mut passed = Vec::new();
        while self.segments.get(1).is_some_and(|next| *next <= begin) {
            passed.extend(self.segments.pop_front().map(|first| self.names.segment(first)));
        }
        passed
    }

    #[cfg(test)]
    pub(in crate::emulator) fn replace_disk(&mut self, disk: Arc<dyn Disk>) {
        self.disk = disk;
    }
}

/// The record of the oldest event that retention has left: the name of an empty file, so that a full disk does not
/// prevent a change.
#[derive(Debug)]
pub(in crate::emulator) struct BeginRecord {
    names: Names,
}

impl BeginRecord {
    /// Records that the log begins at `to`, where it began at `from`.
    pub(in crate::emulator) fn advance(&self, from: i64, to: i64) -> Result<(), Error> {
        let (old, new) = (self.names.begin(from), self.names.begin(to));
        match fs::rename(&old, &new) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                File::create(&new).map(drop).map_err(io_error(&new))
            }
            renamed => renamed.map_err(io_error(&old)),
        }
    }
}

/// Segments that retention has passed.
#[derive(Debug, Default)]
#[must_use = "the segments are to be removed"]
pub(in crate::emulator) struct Leftover(Vec<PathBuf>);

impl Leftover {
    /// Removes the segments. One that can't be removed now is removed at the next start.
    pub(in crate::emulator) fn remove(self) {
        for path in &self.0 {
            remove(path);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(file = %path.display(), %error, "a segment that retention has passed can't be removed");
    }
}
