//! What is durable of one partition, and so how far its checkpoint may go.
//!
//! Pure bookkeeping: files and positions come in, a position comes out. Does not own where a checkpoint is
//! stored (`partitions`) nor when it is written (`run::publisher`).

use std::collections::BTreeMap;

use crate::position::{Position, SequenceNumber};

/// A closed file of this run, in whatever way the run counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u64);

/// The place just before a row: as far as a checkpoint may go while that row is not durable.
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
/// Everything that was read is in a durable file, in a closed file on its way, in an open buffer, or was there
/// before. The checkpoint stands just before the oldest row of the second and third kind.
///
/// # Errors
/// A [`Violation`] says that the calls contradict each other; the checkpoint can't be trusted any more, so the
/// partition must stop.
#[derive(Debug)]
pub struct Ledger {
    /// The checkpoint that the run began with.
    start: Option<Position>,
    /// The checkpoint so far: never goes back.
    checkpoint: Option<Position>,
    /// The last event of which the lane said where its rows are.
    processed: Option<Position>,
    /// As of `processed`: the place before the oldest row in an open buffer.
    oldest_open: Option<Bound>,
    /// The places before the first rows of closed files that are not durable yet.
    on_their_way: BTreeMap<FileId, Bound>,
}

impl Ledger {
    /// Begins behind the checkpoint that the run began with, if there was one.
    pub fn starting_behind(start: Option<Position>) -> Self {
        let checkpoint = start.clone();
        Self { start, checkpoint, processed: None, oldest_open: None, on_their_way: BTreeMap::new() }
    }

    /// Notes a closed file; `before` is the place just before its first row.
    ///
    /// Comes before the first [`advanced`](Self::advanced) that no longer counts the file's rows as open.
    pub fn closed(&mut self, file: FileId, before: Before) -> Result<(), Violation> {
        let bound = self.bound(before)?;
        match self.on_their_way.insert(file, bound) {
            None => Ok(()),
            Some(_) => Err(Violation::ClosedTwice { file }),
        }
    }

    /// Notes that everything up to `processed` is in closed files, was skipped, or is in open buffers, whose
    /// oldest row has `oldest_open` before it; `None` when all are empty.
    pub fn advanced(&mut self, processed: Position, oldest_open: Option<Before>) -> Result<(), Violation> {
        reading_never_goes_back(self.processed.as_ref(), &processed)?;
        self.oldest_open = oldest_open.map(|before| self.bound(before)).transpose()?;
        self.processed = Some(processed);
        self.settle();
        Ok(())
    }

    /// Notes that a file's rows are in the lake, by whoever wrote them.
    pub fn durable(&mut self, file: FileId) -> Result<(), Violation> {
        self.on_their_way.remove(&file).ok_or(Violation::NeverClosed { file })?;
        self.settle();
        Ok(())
    }

    /// Everything up to here is durable; `None` while nothing is and the run began without a checkpoint.
    pub fn checkpoint(&self) -> Option<&Position> {
        self.checkpoint.as_ref()
    }

    /// What a stop at this moment leaves to be read again.
    pub fn undurable(&self) -> Undurable<'_> {
        Undurable {
            files: self.on_their_way.len(),
            behind: self.checkpoint.as_ref(),
            through: self.processed.as_ref(),
        }
    }

    /// Moves the checkpoint up to the lowest bound.
    fn settle(&mut self) {
        let open = self.on_their_way.values().chain(&self.oldest_open);
        let bounds = open.chain([&self.processed]);
        let lowest = bounds.min_by_key(|bound| place(bound)).cloned().flatten();
        if place(&lowest) > place(&self.checkpoint) {
            self.checkpoint = lowest;
        }
    }

    /// How far the checkpoint may go while the row behind `before` is not durable.
    fn bound(&self, before: Before) -> Result<Bound, Violation> {
        let bound = match before {
            Before::Start => self.start.clone(),
            Before::Event(position) => Some(position),
        };
        rows_lie_above_the_checkpoint(&bound, &self.checkpoint)?;
        Ok(bound)
    }
}

/// Calls that contradict each other: a fault of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A row turned up below a checkpoint that had said everything there is durable.
    #[error("a row just behind {before:?} is not durable, but the checkpoint stands at {checkpoint:?}")]
    CheckpointLeads {
        /// The event before the row, `None` for the first of the run.
        before: Option<SequenceNumber>,
        /// Where the checkpoint stands.
        checkpoint: Option<SequenceNumber>,
    },
    /// The lane went back in its partition.
    #[error("processed up to {from}, and then up to {to}")]
    WentBack {
        /// Where it had been.
        from: SequenceNumber,
        /// Where it says it is.
        to: SequenceNumber,
    },
    /// One id for two files.
    #[error("file {} was closed twice", file.0)]
    ClosedTwice {
        /// The id.
        file: FileId,
    },
    /// A durable file that nobody closed.
    #[error("file {} became durable but was never closed", file.0)]
    NeverClosed {
        /// The id.
        file: FileId,
    },
}

/// What was read and lies behind the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undurable<'a> {
    /// Closed files that are not durable.
    pub files: usize,
    /// The checkpoint: reading begins behind it.
    pub behind: Option<&'a Position>,
    /// The last event that was read.
    pub through: Option<&'a Position>,
}

impl Undurable<'_> {
    /// How many events will be read again, at most; `first` is where the run began to read.
    pub fn events(&self, first: SequenceNumber) -> u64 {
        let begin = self.behind.map_or(first, |behind| behind.sequence_number.next().max(first));
        let end = self.through.map_or(begin, |through| through.sequence_number.next());
        u64::try_from(end.get() - begin.get()).unwrap_or(0)
    }
}

/// A place that a checkpoint may not pass; `None` lies before every event.
type Bound = Option<Position>;

fn place(bound: &Bound) -> Option<SequenceNumber> {
    bound.as_ref().map(|position| position.sequence_number)
}

/// A row is at the place behind its bound: it may stand right behind the checkpoint, but not before it.
fn rows_lie_above_the_checkpoint(bound: &Bound, checkpoint: &Bound) -> Result<(), Violation> {
    if place(bound) >= place(checkpoint) {
        return Ok(());
    }
    Err(Violation::CheckpointLeads { before: place(bound), checkpoint: place(checkpoint) })
}

fn reading_never_goes_back(from: Option<&Position>, to: &Position) -> Result<(), Violation> {
    match from {
        Some(from) if to.sequence_number < from.sequence_number => {
            Err(Violation::WentBack { from: from.sequence_number, to: to.sequence_number })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
