//! The ledger of one partition: which rows are durable, and so how far its checkpoint may go.
//!
//! Pure bookkeeping: files and positions in, a position out. Does not own: where a checkpoint is stored (`partitions`),
//! or when it is saved (`run::publisher`).

use std::collections::BTreeMap;

use crate::position::{Position, SequenceNumber};

/// Identifies a closed file of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u64);

impl FileId {
    /// The file with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// The place just before a row, which a checkpoint may not pass while that row is not durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// The row is of the first event that this run read.
    Start,
    /// The position of the event read before the row's.
    Event(Position),
}

impl From<Option<Position>> for Before {
    fn from(read_before: Option<Position>) -> Self {
        read_before.map_or(Self::Start, Self::Event)
    }
}

/// Turns what is durable into a checkpoint that may lag the lake and never leads it (rule 6).
///
/// # Shape
/// Every event read so far is in a durable file, in a closed file in flight, in an open file, or was in the lake
/// before. The checkpoint is just before the oldest row of the second and third kind.
///
/// # Errors
/// A [`Violation`] means that the calls contradict each other. The checkpoint is not reliable then, and the partition
/// must stop.
#[derive(Debug)]
pub struct Ledger {
    /// The checkpoint that the run began with.
    start: Option<Position>,
    /// The checkpoint so far, which never moves back.
    checkpoint: Option<Position>,
    /// The last event whose rows the lane has reported.
    processed: Option<Position>,
    /// The place before the oldest row in an open file, as of `processed`.
    oldest_open: Option<Bound>,
    /// The places before the first rows of closed files that are not durable yet.
    in_flight: BTreeMap<FileId, Bound>,
}

impl Ledger {
    /// A ledger that starts after the checkpoint of the run's start, if there is one.
    pub fn starting_after(start: Option<Position>) -> Self {
        let checkpoint = start.clone();
        Self { start, checkpoint, processed: None, oldest_open: None, in_flight: BTreeMap::new() }
    }

    /// Notes a closed file; `before` is the place just before its first row.
    ///
    /// Comes before the first [`advanced`](Self::advanced) that no longer counts the file's rows as open.
    pub fn closed(&mut self, file: FileId, before: Before) -> Result<(), Violation> {
        let bound = self.bound(before)?;
        match self.in_flight.insert(file, bound) {
            None => Ok(()),
            Some(_) => Err(Violation::ClosedTwice { file }),
        }
    }

    /// Notes that every event up to `processed` was skipped, or is in a closed or an open file. `oldest_open` is the
    /// place before the oldest row in an open file.
    pub fn advanced(&mut self, processed: Position, oldest_open: Option<Before>) -> Result<(), Violation> {
        check_not_back(self.processed.as_ref(), &processed)?;
        self.oldest_open = oldest_open.map(|before| self.bound(before)).transpose()?;
        self.processed = Some(processed);
        self.advance_checkpoint();
        Ok(())
    }

    /// Notes that a file's rows are in the lake, even if another run wrote them.
    pub fn durable(&mut self, file: FileId) -> Result<(), Violation> {
        self.in_flight.remove(&file).ok_or(Violation::NeverClosed { file })?;
        self.advance_checkpoint();
        Ok(())
    }

    /// Everything up to here is durable. `None` while nothing is, if the run began without a checkpoint.
    pub fn checkpoint(&self) -> Option<&Position> {
        self.checkpoint.as_ref()
    }

    /// The events that a stop at this moment leaves to be read again.
    pub fn undurable(&self) -> Undurable<'_> {
        Undurable {
            files: self.in_flight.len(),
            after: self.checkpoint.as_ref(),
            through: self.processed.as_ref(),
        }
    }

    /// Moves the checkpoint up to the lowest bound.
    fn advance_checkpoint(&mut self) {
        let open = self.in_flight.values().chain(&self.oldest_open);
        let bounds = open.chain([&self.processed]);
        let lowest = bounds.min_by_key(|bound| place(bound)).cloned().flatten();
        if place(&lowest) > place(&self.checkpoint) {
            self.checkpoint = lowest;
        }
    }

    /// The bound of the checkpoint while the row after `before` is not durable.
    fn bound(&self, before: Before) -> Result<Bound, Violation> {
        let bound = match before {
            Before::Start => self.start.clone(),
            Before::Event(position) => Some(position),
        };
        check_above_checkpoint(&bound, &self.checkpoint)?;
        Ok(bound)
    }
}

/// Contradictions between calls, each a fault of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A row that is not durable lies below the checkpoint.
    #[error("the row just after {before:?} is not durable, but the checkpoint is at {checkpoint:?}")]
    CheckpointLeads {
        /// The event before the row, `None` for the first of the run.
        before: Option<SequenceNumber>,
        /// The checkpoint.
        checkpoint: Option<SequenceNumber>,
    },
    /// The lane moved back in its partition.
    #[error("the lane moved back from event {from} to event {to}")]
    WentBack {
        /// The earlier position.
        from: SequenceNumber,
        /// The later, lower position.
        to: SequenceNumber,
    },
    /// Two files have one id.
    #[error("file {} was closed twice", file.0)]
    ClosedTwice {
        /// The id.
        file: FileId,
    },
    /// A file became durable without being closed.
    #[error("file {} became durable but was never closed", file.0)]
    NeverClosed {
        /// The id.
        file: FileId,
    },
}

/// Events that were read and are above the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undurable<'a> {
    /// Closed files that are not durable.
    pub files: usize,
    /// The checkpoint, after which reading begins again.
    pub after: Option<&'a Position>,
    /// The last event that was read.
    pub through: Option<&'a Position>,
}

impl Undurable<'_> {
    /// Upper bound of events to read again; `first` is the first event that the run read.
    pub fn events(&self, first: SequenceNumber) -> u64 {
        let begin = self.after.map_or(first, |after| after.sequence_number.next().max(first));
        let end = self.through.map_or(begin, |through| through.sequence_number.next());
        u64::try_from(end.get() - begin.get()).unwrap_or(0)
    }
}

/// A place that a checkpoint may not pass; `None` lies before every event.
type Bound = Option<Position>;

fn place(bound: &Bound) -> Option<SequenceNumber> {
    bound.as_ref().map(|position| position.sequence_number)
}

/// Checks that a row is above the checkpoint: its bound may equal the checkpoint but not be below it.
fn check_above_checkpoint(bound: &Bound, checkpoint: &Bound) -> Result<(), Violation> {
    if place(bound) >= place(checkpoint) {
        return Ok(());
    }
    Err(Violation::CheckpointLeads { before: place(bound), checkpoint: place(checkpoint) })
}

/// Checks that reading does not move back.
fn check_not_back(from: Option<&Position>, to: &Position) -> Result<(), Violation> {
    match from {
        Some(from) if to.sequence_number < from.sequence_number => {
            Err(Violation::WentBack { from: from.sequence_number, to: to.sequence_number })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
