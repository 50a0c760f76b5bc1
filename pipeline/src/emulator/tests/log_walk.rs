//! The log of a partition under random walks, against a plain list of events.
//!
//! A walk appends batches, removes events as retention does, starts the hub again, tears the last write, fills the disk
//! and frees it. After each step, everything that a reader or `$management` would see is compared with the list. Each
//! mistake of [`Bug`] is planted in turn, by doing to the folder what a log with the mistake does, and has to be found.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::clock::UnixMillis;
use crate::emulator::hub::event::{Batch, NewEvent};
use crate::emulator::hub::filter::{Position, StartPosition};
use crate::emulator::hub::log::PartitionLog;
use crate::emulator::storage::{Disk, LogFolder};

/// Walks without a planted bug: a few seconds.
const SEEDS: u64 = 150;

/// Upper bound on the walks that find a planted bug.
const SEEDS_PER_BUG: u64 = 300;

/// Steps of a walk.
const STEPS: u32 = 60;

/// Size of the header of a segment.
const HEADER_SIZE: u64 = 56;

/// Size at which a segment ends: a few batches.
const SEGMENT_SIZE: u64 = 2_000;

/// Mistakes that are planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    /// The oldest event that retention has left is not recorded: removed events come back after a start.
    BeginNotRecorded,
    /// An emptied log forgets where it was: numbers and offsets are used again.
    EmptiedLogForgets,
    /// The repair of a torn tail removes the whole write before it too.
    RepairCutsWhole,
    /// A torn tail stays: what is appended after it is lost at the next start.
    TailNotRepaired,
    /// A write that a full disk has cut stays in the file.
    FullDiskLeavesPart,
    /// Retention removes one event too many.
    RetentionOneTooMany,
    /// Retention removes the segment with the oldest event that it leaves.
    RetentionCutsSegment,
    /// A reader counts events from the first one of the partition, not from the oldest one left.
    ReaderCountsFromZero,
    /// A batch is acknowledged before it is written.
    AcknowledgedUnwritten,
}

impl Bug {
    const ALL: [Self; 9] = [
        Self::BeginNotRecorded,
        Self::EmptiedLogForgets,
        Self::RepairCutsWhole,
        Self::TailNotRepaired,
        Self::FullDiskLeavesPart,
        Self::RetentionOneTooMany,
        Self::RetentionCutsSegment,
        Self::ReaderCountsFromZero,
        Self::AcknowledgedUnwritten,
    ];
}

/// An event of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expected {
    number: i64,
    offset: u64,
    enqueued_time: UnixMillis,
    body: Vec<u8>,
}

/// The plain list: every event ever acknowledged, and how many of them retention has removed.
#[derive(Debug, Default)]
struct Model {
    events: Vec<Expected>,
    removed: usize,
}

/// A disk with a limit on the bytes that it still takes.
#[derive(Debug)]
struct SmallDisk {
    room: AtomicU64,
    /// Parts of writes, which a log with the mistake leaves in its file.
    parts: Mutex<Vec<(File, Vec<u8>)>>,
}

impl Disk for SmallDisk {
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::Relaxed);
        if bytes.len() as u64 <= room {
            self.room.store(room - bytes.len() as u64, Ordering::Relaxed);
            return file.write_all(bytes);
        }
        let part = &bytes[..room as usize];
        file.write_all(part)?;
        self.room.store(0, Ordering::Relaxed);
        self.parts.lock().unwrap().push((file.try_clone()?, part.to_vec()));
        Err(io::ErrorKind::StorageFull.into())
    }
}

/// A walk: the log, the list, and the folder between them.
struct Walk {
    bug: Option<Bug>,
    random: fastrand::Rng,
    folder: tempfile::TempDir,
    disk: Arc<SmallDisk>,
    log: PartitionLog,
    model: Model,
    now: UnixMillis,
    counts: Counts,
}

/// Number of times that something happened in a walk.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    appended: u32,
    restarts: u32,
    torn: u32,
    purges: u32,
    emptied: u32,
    full: u32,
    segments: u32,
}

impl Walk {
    fn new(bug: Option<Bug>, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(SmallDisk { room: AtomicU64::new(u64::MAX), parts: Mutex::default() });
        let log = open(folder.path(), &disk).unwrap();
        let (random, now) = (fastrand::Rng::with_seed(seed), UnixMillis::new(1_700_000_000_000));
        Self { bug, random, folder, disk, log, model: Model::default(), now, counts: Counts::default() }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn step(&mut self) -> Result<(), String> {
        match self.random.u32(0..20) {
            0..10 => self.append()?,
            10..13 => self.purge(),
            13 => self.fill_disk()?,
            14..17 => self.restart()?,
            _ => {
                self.tear();
                self.restart()?;
            }
        }
        self.counts.segments = self.counts.segments.max(self.files(".log").len() as u32);
        self.compare()
    }

    fn append(&mut self) -> Result<(), String> {
        let bodies = self.bodies();
        let before = self.written();
        let first = publish(&mut self.log, &bodies, self.now).map_err(|error| format!("{error:?}"))?;
        if self.has(Bug::AcknowledgedUnwritten)
            && self.random.u32(0..8) == 0
            && let Some((path, size)) = before
        {
            truncate(&path, size);
        }
        self.record(first, bodies);
        self.counts.appended += 1;
        Ok(())
    }

    fn bodies(&mut self) -> Vec<Vec<u8>> {
        // The clock may go back, as that of a machine does.
        self.now = UnixMillis::new(self.now.get() + self.random.i64(-2..20));
        let count = self.random.usize(1..6);
        (0..count).map(|_| (0..self.random.usize(0..200)).map(|_| self.random.u8(..)).collect()).collect()
    }

    /// Adds acknowledged events to the list; the offset is what the log reports, and is checked to be a later one.
    fn record(&mut self, first: i64, bodies: Vec<Vec<u8>>) {
        let stored: Vec<(u64, UnixMillis)> =
            self.log.events_from(first).map(|event| (event.offset, event.enqueued_time)).collect();
        for (index, body) in bodies.into_iter().enumerate() {
            let (offset, enqueued_time) = stored.get(index).copied().unwrap_or_default();
            self.model.events.push(Expected { number: first + index as i64, offset, enqueued_time, body });
        }
    }

    fn purge(&mut self) {
        let count = self.model.events.len();
        let below = match self.random.u32(0..4) {
            0 => count,
            _ => self.random.usize(self.model.removed..=count),
        };
        let by_log = below as i64 + i64::from(self.has(Bug::RetentionOneTooMany));
        let begin = self.log.begin().max(0);
        let to = by_log.min(count as i64);
        if let Some(record) = self.log.begin_record().filter(|_| to > begin) {
            record.advance(begin, to).unwrap();
        }
        self.log.purge(by_log).finish();
        self.model.removed = below;
        self.counts.purges += 1;
        self.counts.emptied += u32::from(below == count && count > 0);
        if self.has(Bug::RetentionCutsSegment) && self.random.u32(0..4) == 0 {
            self.files(".log").first().map_or(Ok(()), fs::remove_file).unwrap();
        }
    }

    /// The disk takes a part of the next batch only; then there is room again.
    fn fill_disk(&mut self) -> Result<(), String> {
        let bodies = self.bodies();
        self.disk.room.store(self.random.u64(0..60), Ordering::Relaxed);
        let refused = publish(&mut self.log, &bodies, self.now);
        self.disk.room.store(u64::MAX, Ordering::Relaxed);
        for (mut file, part) in std::mem::take(&mut *self.disk.parts.lock().unwrap()) {
            if self.bug == Some(Bug::FullDiskLeavesPart) {
                file.write_all(&part).unwrap();
            }
        }
        self.counts.full += 1;
        match refused {
            Ok(_) => Err("a full disk took a batch".to_owned()),
            Err(_) => Ok(()),
        }
    }

    fn restart(&mut self) -> Result<(), String> {
        if self.has(Bug::BeginNotRecorded) {
            self.forget_begin();
        }
        if self.has(Bug::EmptiedLogForgets) && self.log.is_empty() {
            fs::remove_dir_all(self.folder.path()).unwrap();
            fs::create_dir(self.folder.path()).unwrap();
        }
        self.log = open(self.folder.path(), &self.disk)?;
        self.counts.restarts += 1;
        Ok(())
    }

    /// Leaves a part of a write at the end of the log, as a killed process does.
    fn tear(&mut self) {
        let Some((path, size)) = self.written() else { return };
        let bodies = self.bodies();
        // The batch is not acknowledged, and the list does not have it.
        publish(&mut self.log, &bodies, self.now).unwrap();
        // A new segment is torn in its header or after it.
        let (torn, whole) = self.written().unwrap();
        let from = if torn == path { size } else { 0 };
        let kept = self.random.u64(from..whole);
        truncate(&torn, kept);
        self.counts.torn += 1;
        if self.has(Bug::RepairCutsWhole) && size > HEADER_SIZE {
            if torn != path {
                fs::remove_file(&torn).unwrap();
            }
            truncate(&path, size - 1);
        } else if self.has(Bug::TailNotRepaired) && from > 0 {
            self.append_behind(&torn, kept);
        }
    }

    /// Appends a batch behind a torn write that was not removed.
    fn append_behind(&mut self, path: &Path, torn: u64) {
        let part = fs::read(path).unwrap();
        self.log = open(self.folder.path(), &self.disk).unwrap();
        let (_, size) = self.written().unwrap();
        self.append().unwrap();
        let appended = fs::read(path).unwrap().split_off(size as usize);
        fs::write(path, [&part[..torn as usize], &appended].concat()).unwrap();
    }

    fn forget_begin(&self) {
        let oldest = self.files(".log").first().map(|path| number(path)).unwrap_or_default();
        for path in self.files(".begin") {
            fs::rename(&path, path.with_file_name(format!("p0000.{oldest:020}.begin"))).unwrap();
        }
    }

    /// The segment that is written, and its size.
    fn written(&self) -> Option<(PathBuf, u64)> {
        let path = self.files(".log").pop()?;
        let size = fs::metadata(&path).unwrap().len();
        Some((path, size))
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(extension)).collect();
        paths.sort();
        paths
    }

    /// Compares all that a reader and `$management` see with the list.
    fn compare(&mut self) -> Result<(), String> {
        let Model { events, removed } = &self.model;
        let (left, log) = (&events[*removed..], &self.log);
        check("number of events", log.len(), left.len())?;
        check("emptiness", log.is_empty(), left.is_empty())?;
        check("last number", log.last(), events.len() as i64 - 1)?;
        let begin = if events.is_empty() { -1 } else { *removed as i64 };
        check("oldest number", log.begin(), begin)?;
        let last = events.last();
        check(
            "last offset",
            log.last_offset(),
            last.map_or_else(|| "-1".to_owned(), |last| last.offset.to_string()),
        )?;
        let time = last.map_or(UnixMillis::EPOCH, |last| last.enqueued_time);
        check("last enqueued time", log.last_enqueued_time(), time)?;
        for pair in events.windows(2) {
            check("order of offsets", pair[0].offset < pair[1].offset, true)?;
            check("order of times", pair[0].enqueued_time <= pair[1].enqueued_time, true)?;
        }
        let start = self.random.i64(-1..=events.len() as i64);
        let position = StartPosition { position: Position::SequenceNumber(start), inclusive: false };
        match log.find_start(&position) {
            Err(_) => check("refused position", start > log.last(), true),
            Ok(next) => {
                let next = next + if self.has(Bug::ReaderCountsFromZero) { *removed as i64 } else { 0 };
                let first = (start + 1).max(*removed as i64) as usize;
                let read: Vec<_> = log.events_from(next).map(|event| read(event.rest())).collect();
                let expected: Vec<_> =
                    events[first..].iter().map(|event| (event.number, event.body.clone())).collect();
                check("events after a position", read, expected)
            }
        }
    }
}

fn truncate(path: &Path, size: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(size).unwrap();
}

#[expect(clippy::needless_pass_by_value, reason = "callers pass values that they have just made")]
fn check<T: PartialEq + std::fmt::Debug>(what: &str, is: T, expected: T) -> Result<(), String> {
    if is == expected { Ok(()) } else { Err(format!("{what}: {is:?} instead of {expected:?}")) }
}

fn number(path: &Path) -> i64 {
    path.file_name().unwrap().to_str().unwrap().split('.').nth(1).unwrap().parse().unwrap()
}

/// Reads the sequence number and the body of an event.
fn read(message: &[u8]) -> (i64, Vec<u8>) {
    use crate::amqp::sections::{Message, lookup};
    let message = Message::scan(message).unwrap();
    let number = lookup(message.message_annotations, "x-opt-sequence-number").unwrap().unwrap();
    (number.integer().unwrap(), message.data().next().unwrap().unwrap().to_vec())
}

fn publish(log: &mut PartitionLog, bodies: &[Vec<u8>], now: UnixMillis) -> Result<i64, String> {
    let encoded: Vec<_> =
        bodies.iter().map(|body| NewEvent { body, ..NewEvent::default() }.encode()).collect();
    let messages: Vec<_> = encoded.iter().flat_map(|event| Batch::read(0, event).unwrap().events).collect();
    log.append(&messages, None, now).map_err(|error| format!("{error:?}"))
}

fn open(folder: &Path, disk: &Arc<SmallDisk>) -> Result<PartitionLog, String> {
    let mut logs = LogFolder::list(folder.to_owned(), Arc::clone(disk) as Arc<dyn Disk>).unwrap();
    logs.segment_size = SEGMENT_SIZE;
    PartitionLog::open(&logs, 0).map_err(|error| format!("the log can't be opened: {error:?}"))
}

fn walk(bug: Option<Bug>, seed: u64) -> Result<Counts, String> {
    let mut walk = Walk::new(bug, seed);
    for step in 0..STEPS {
        walk.step().map_err(|what| format!("step {step}: {what}"))?;
    }
    Ok(walk.counts)
}

#[test]
fn walks_find_nothing_in_the_log() {
    let mut sum = Counts::default();
    for seed in 0..SEEDS {
        let counts = walk(None, seed).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        sum.appended += counts.appended;
        sum.restarts += counts.restarts;
        sum.torn += counts.torn;
        sum.purges += counts.purges;
        sum.emptied += counts.emptied;
        sum.full += counts.full;
        sum.segments += counts.segments;
    }
    println!("{sum:?}");
    // Walks in which something does not happen prove nothing about it.
    let Counts { appended, restarts, torn, purges, emptied, full, segments } = sum;
    for often in [appended, restarts, torn, purges, emptied, full, segments] {
        assert!(u64::from(often) >= SEEDS, "{sum:?}");
    }
}

#[test]
fn walks_find_every_planted_bug() {
    for bug in Bug::ALL {
        let found = (0..SEEDS_PER_BUG).find_map(|seed| walk(Some(bug), seed).err().map(|what| (seed, what)));
        let Some((seed, what)) = found else { panic!("{bug:?} was not found in {SEEDS_PER_BUG} walks") };
        println!("{bug:?}: seed {seed}, {what}");
    }
}
