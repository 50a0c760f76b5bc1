//! One destination's chain of files, as one writer sees it: the commit protocol as pure code.
//!
//! Owns what the next file is called, when it may be put, and what an answer proves. Does not own bytes,
//! stores or waiting: [`super::commit`] sends the requests and reports the answers to this module.
//! `docs/EXACTLY_ONCE.md` has the rules by number.

use crate::ordinals::Ordinal;

/// The chain of one destination.
///
/// # Shape
/// `offer` a closed file, do the [`Step`] that comes back, report the [`Fact`] with `on`, and so on until the
/// step is [`Step::Durable`] or [`Step::Conflict`]. After a conflict a chain accepts no more files: its source starts
/// again from its checkpoint, with a new chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The last row known to be durable. Only a hint when it comes from a listing: the chain may be longer.
    last: Option<Ordinal>,
    state: State,
}

/// True if a destination already has all rows of an event (rule 5).
///
/// `last` is the last row of the destination's last file. Its writer has read every event up to there, so
/// an event at or below it is done, whether or not its rows are in that file.
pub fn covers(last: Option<Ordinal>, event: Ordinal) -> bool {
    last.is_some_and(|last| event <= last)
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
    /// [`Violation`] if a file of this destination is still on its way (rule 4), or if the file's rows are not
    /// above all rows of the chain.
    pub fn offer(&mut self, file_first: Ordinal, file_last: Ordinal) -> Result<Step, Violation> {
        let rows = Rows { first: file_first, last: file_last };
        one_put_in_flight(self.state)?;
        rows_rise(rows)?;
        rows_lie_above(self.last, rows)?;
        Ok(self.put(rows))
    }

    /// Accepts the answer to the last step and returns the next step.
    ///
    /// # Errors
    /// [`Violation`] if nothing was asked that this could answer, or if the footer contradicts its name.
    pub fn on(&mut self, fact: Fact) -> Result<Step, Violation> {
        match (self.state, fact) {
            (State::Putting(rows), Fact::Created) => self.durable(rows.last),
            // The one decision (rule 3): after any answer but success, only the footer under the name counts.
            (State::Putting(rows) | State::Judging(rows), Fact::Unknown)
            | (State::Putting(rows), Fact::Taken) => Ok(self.judge(rows)),
            (State::Judging(rows), Fact::Absent) => Ok(self.put(rows)),
            (State::Judging(rows), Fact::Footer { last }) => {
                footer_lies_above_its_name(self.next(), last)?;
                if last == rows.last { self.durable(last) } else { self.conflict(last) }
            }
            (state, fact) => Err(Violation::AnswersNothing { state, fact }),
        }
    }

    fn put(&mut self, rows: Rows) -> Step {
        self.state = State::Putting(rows);
        Step::Put { continues_at: self.next() }
    }

    fn judge(&mut self, rows: Rows) -> Step {
        self.state = State::Judging(rows);
        Step::ReadFooter { continues_at: self.next() }
    }

    /// Every writer reads the log without a gap, by the same rules, from behind a durable position: a file
    /// under this name with this last row contains all our rows, whichever writer put it there.
    fn durable(&mut self, last: Ordinal) -> Result<Step, Violation> {
        self.grow(last)?;
        self.state = State::Idle;
        Ok(Step::Durable { last })
    }

    /// A shorter file under our name leaves rows of ours undone, a longer one has rows that our open buffers
    /// hold as well. Files can't be edited and buffers not be split, so either way the source starts again.
    fn conflict(&mut self, last: Ordinal) -> Result<Step, Violation> {
        self.grow(last)?;
        self.state = State::Conflict;
        Ok(Step::Conflict { last })
    }

    fn grow(&mut self, last: Ordinal) -> Result<(), Violation> {
        chain_only_grows(self.last, last)?;
        self.last = Some(last);
        Ok(())
    }
}

/// Answer of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The put succeeded: our bytes are under the name and durable.
    Created,
    /// The name had an object already; it may be of an earlier attempt of ours.
    Taken,
    /// No answer, or one that leaves the name unknown ("busy", 5xx).
    Unknown,
    /// A whole, durable file is under the name.
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
    /// Put the file under this name, if nothing is there.
    Put {
        /// The name.
        continues_at: Ordinal,
    },
    /// Read the footer of the file under this name.
    ReadFooter {
        /// The name.
        continues_at: Ordinal,
    },
    /// The file's rows are in the lake; the next file may be offered.
    Durable {
        /// Its last row.
        last: Ordinal,
    },
    /// Another file has the name: drop what is in memory of the source, start it again from its checkpoint.
    Conflict {
        /// The last row of the other file.
        last: Ordinal,
    },
}

/// A broken invariant of the protocol: a fault of the program or of the lake, never of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Two files of one destination at once: if only the second were committed, the chain would have a hole.
    #[error("a file was offered while the chain is {state:?}: one put in flight per destination")]
    NotIdle {
        /// State of the chain.
        state: State,
    },
    /// A file whose last row is below its first.
    #[error("a file's rows go from {first} back to {last}")]
    RowsFall {
        /// Its first row.
        first: Ordinal,
        /// Its last row.
        last: Ordinal,
    },
    /// Rows that the chain has already.
    #[error("a file begins at {first}, but its chain already reaches {last}")]
    RowsBelowChain {
        /// The file's first row.
        first: Ordinal,
        /// The chain's last row.
        last: Ordinal,
    },
    /// A footer that contradicts its name.
    #[error("the file that continues at {continues_at} says its last row is {last}")]
    FooterBelowName {
        /// The name.
        continues_at: Ordinal,
        /// The last row in the footer.
        last: Ordinal,
    },
    /// The chain would become shorter.
    #[error("a chain that reaches {from} can't go to {to}")]
    ChainShrinks {
        /// The last row known.
        from: Ordinal,
        /// The last row claimed.
        to: Ordinal,
    },
    /// An answer without a question.
    #[error("{fact:?} answers nothing while the chain is {state:?}")]
    AnswersNothing {
        /// State of the chain.
        state: State,
        /// The answer.
        fact: Fact,
    },
}

/// State of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is on its way.
    Idle,
    /// A put was sent.
    Putting(Rows),
    /// The put's outcome is open: the footer under the name decides.
    Judging(Rows),
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

/// The name of a chain's first file: it must not depend on what its writer happened to read first.
const FIRST_NAME: Ordinal = Ordinal::new(0);

fn one_put_in_flight(state: State) -> Result<(), Violation> {
    if state == State::Idle { Ok(()) } else { Err(Violation::NotIdle { state }) }
}

fn rows_rise(Rows { first, last }: Rows) -> Result<(), Violation> {
    if first <= last { Ok(()) } else { Err(Violation::RowsFall { first, last }) }
}

fn rows_lie_above(chain: Option<Ordinal>, rows: Rows) -> Result<(), Violation> {
    match chain {
        Some(last) if covers(chain, rows.first) => Err(Violation::RowsBelowChain { first: rows.first, last }),
        _ => Ok(()),
    }
}

fn footer_lies_above_its_name(continues_at: Ordinal, last: Ordinal) -> Result<(), Violation> {
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
