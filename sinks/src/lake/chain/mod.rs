//! The commit protocol of one destination's chain of files, as pure code.
//!
//! Owns the name of the next file, the order of puts, and the conclusion from each answer. Does not own bytes, stores
//! or waiting: [`super::commit`] sends the requests and passes the answers to this module. `docs/EXACTLY_ONCE.md`
//! numbers the rules.

use crate::ordinals::Ordinal;

/// The chain of one destination, as one writer knows it.
///
/// # Shape
/// [`begin_commit`](Self::begin_commit) returns the first [`Step`] for a closed file. The caller executes it and passes
/// the [`Answer`] to [`advance`](Self::advance), which returns the next step, until that is [`Step::Durable`] or
/// [`Step::Conflict`]. After a conflict the chain accepts no more files: its source restarts from its checkpoint with a
/// new chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The last row known to be durable. A value from a listing is a lower bound: the chain may be longer.
    last: Option<Ordinal>,
    state: State,
}

impl Chain {
    /// A chain that ends at `last`, according to a listing and a footer.
    pub fn recovered(last: Option<Ordinal>) -> Self {
        Self { last, state: State::Idle }
    }

    /// The name of the next file: one past the last row, 0 for the first file (rule 2).
    pub fn next(&self) -> Ordinal {
        self.last.map_or(FIRST_NAME, Ordinal::next)
    }

    /// The last row known to be durable.
    pub fn last(&self) -> Option<Ordinal> {
        self.last
    }

    /// Begins the commit of a closed file.
    ///
    /// # Errors
    /// [`Violation`] if a put of this destination is in flight (rule 4), or if the file's rows are not above all rows
    /// of the chain.
    pub fn begin_commit(&mut self, file_first: Ordinal, file_last: Ordinal) -> Result<Step, Violation> {
        let rows = Rows { first: file_first, last: file_last };
        one_put_in_flight(self.state)?;
        rows_ascend(rows)?;
        rows_are_above_chain(self.last, rows)?;
        Ok(self.start_put(rows))
    }

    /// Accepts the answer to the last step and returns the next step.
    ///
    /// # Errors
    /// [`Violation`] if the last step can't have this answer, or if the footer contradicts its name.
    pub fn advance(&mut self, answer: Answer) -> Result<Step, Violation> {
        match (self.state, answer) {
            (State::Putting(rows), Answer::Created) => self.finish_durable(rows.last),
            // Rule 3: after any answer but success, the footer under the name decides.
            (State::Putting(rows) | State::ReadingFooter(rows), Answer::Unknown)
            | (State::Putting(rows), Answer::Taken) => Ok(self.start_read(rows)),
            (State::ReadingFooter(rows), Answer::Absent) => Ok(self.start_put(rows)),
            (State::ReadingFooter(rows), Answer::Footer { last }) => {
                footer_is_not_below_name(self.next(), last)?;
                if last == rows.last { self.finish_durable(last) } else { self.finish_conflict(last) }
            }
            (state, answer) => Err(Violation::UnexpectedAnswer { state, answer }),
        }
    }

    fn start_put(&mut self, rows: Rows) -> Step {
        self.state = State::Putting(rows);
        Step::Put { continues_at: self.next() }
    }

    fn start_read(&mut self, rows: Rows) -> Step {
        self.state = State::ReadingFooter(rows);
        Step::ReadFooter { continues_at: self.next() }
    }

    /// Every writer reads the log without gaps, by the same rules, from a position that is durable. So a file with
    /// this name and this last row contains all our rows, whichever writer put it.
    fn finish_durable(&mut self, last: Ordinal) -> Result<Step, Violation> {
        self.extend_to(last)?;
        self.state = State::Idle;
        Ok(Step::Durable { last })
    }

    /// A shorter file under our name lacks some of our rows; a longer one has rows that our open buffers also hold.
    /// Files are never edited and buffers are never split, so in both cases the source restarts.
    fn finish_conflict(&mut self, last: Ordinal) -> Result<Step, Violation> {
        self.extend_to(last)?;
        self.state = State::Conflict;
        Ok(Step::Conflict { last })
    }

    fn extend_to(&mut self, last: Ordinal) -> Result<(), Violation> {
        chain_only_grows(self.last, last)?;
        self.last = Some(last);
        Ok(())
    }
}

/// True if a destination already has all rows of an event (rule 5).
///
/// `last` is the last ordinal in the destination's last file. The writer of that file had read every event up to
/// `last`, so each row of an event at or below `last` is in that file or an earlier one.
pub fn covers(last: Option<Ordinal>, event: Ordinal) -> bool {
    last.is_some_and(|last| event <= last)
}

/// Answer of the store to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The put succeeded: our bytes are under the name and durable.
    Created,
    /// The name already has an object, possibly from an earlier attempt of ours.
    Taken,
    /// No answer, or one that leaves the outcome open (busy, 5xx).
    Unknown,
    /// A complete, durable file is under the name.
    Footer {
        /// The last ordinal in the file.
        last: Ordinal,
    },
    /// No object has the name.
    Absent,
}

/// Next step of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Put the file under this name unless the name has an object.
    Put {
        /// The ordinal that is the file's name.
        continues_at: Ordinal,
    },
    /// Read the footer of the file under this name.
    ReadFooter {
        /// The ordinal that is the file's name.
        continues_at: Ordinal,
    },
    /// The file's rows are in the lake; the next file may be offered.
    Durable {
        /// Its last row.
        last: Ordinal,
    },
    /// Another file has the name: drop the source's rows from memory and restart it from its checkpoint.
    Conflict {
        /// The last row of the other file.
        last: Ordinal,
    },
}

/// A violated invariant of the protocol: a bug of the program or damage of the lake, never a network failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Two files of one destination at once: if only the second were committed, the chain would have a gap.
    #[error("a commit began while the chain is {state:?}: a destination has at most one put in flight")]
    NotIdle {
        /// State of the chain.
        state: State,
    },
    /// A file whose last row is below its first.
    #[error("the file's last row {last} is below its first row {first}")]
    RowsReversed {
        /// Its first row.
        first: Ordinal,
        /// Its last row.
        last: Ordinal,
    },
    /// Rows that the chain already has.
    #[error("the file's first row is {first}, but its chain already ends at {last}")]
    RowsBelowChain {
        /// The file's first row.
        first: Ordinal,
        /// The chain's last row.
        last: Ordinal,
    },
    /// A footer that contradicts its name.
    #[error(
        "the footer of the file that continues at {continues_at} has last row {last}, which is below its name"
    )]
    FooterBelowName {
        /// The ordinal that is the file's name.
        continues_at: Ordinal,
        /// The last row in the footer.
        last: Ordinal,
    },
    /// A commit that would not extend the chain.
    #[error("the chain ends at {from} already and can't be set to end at {to}")]
    ChainShrinks {
        /// The last row known.
        from: Ordinal,
        /// The last row claimed.
        to: Ordinal,
    },
    /// An answer that the last step can't have.
    #[error("unexpected answer {answer:?} while the chain is {state:?}")]
    UnexpectedAnswer {
        /// State of the chain.
        state: State,
        /// The answer.
        answer: Answer,
    },
}

/// State of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No put is in flight.
    Idle,
    /// A put was sent.
    Putting(Rows),
    /// The put's outcome is open until the footer under the name has been read.
    ReadingFooter(Rows),
    /// Another writer committed a different file under the name.
    Conflict,
}

/// The rows of a closed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The first ordinal in the file.
    pub first: Ordinal,
    /// The last ordinal in the file.
    pub last: Ordinal,
}

/// Name of a chain's first file. It is fixed, so that it does not depend on which event its writer read first.
const FIRST_NAME: Ordinal = Ordinal::new(0);

fn one_put_in_flight(state: State) -> Result<(), Violation> {
    if state == State::Idle { Ok(()) } else { Err(Violation::NotIdle { state }) }
}

fn rows_ascend(Rows { first, last }: Rows) -> Result<(), Violation> {
    if first <= last { Ok(()) } else { Err(Violation::RowsReversed { first, last }) }
}

fn rows_are_above_chain(chain: Option<Ordinal>, rows: Rows) -> Result<(), Violation> {
    match chain {
        Some(last) if covers(chain, rows.first) => Err(Violation::RowsBelowChain { first: rows.first, last }),
        _ => Ok(()),
    }
}

fn footer_is_not_below_name(continues_at: Ordinal, last: Ordinal) -> Result<(), Violation> {
    if last >= continues_at { Ok(()) } else { Err(Violation::FooterBelowName { continues_at, last }) }
}

fn chain_only_grows(from: Option<Ordinal>, to: Ordinal) -> Result<(), Violation> {
    match from {
        Some(from) if to <= from => Err(Violation::ChainShrinks { from, to }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
