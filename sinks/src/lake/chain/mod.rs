//! One destination's chain of files, as one writer sees it: the commit protocol as pure code.
//!
//! Owns what the next file is called, when it may be put, and what an answer proves. Does not own bytes,
//! stores or waiting: [`super::commit`] asks the store and tells this module what came back.
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

/// Says if an event's rows are in a destination already (rule 5).
///
/// `last` is the last row of the destination's last file. Whoever wrote it read every event up to there, so
/// an event at or below it is done, whether or not its rows are in that file.
pub fn covers(last: Option<Ordinal>, event: Ordinal) -> bool {
    last.is_some_and(|last| event <= last)
}

impl Chain {
    /// Begins where a listing and a footer say that the chain ends.
    pub fn recovered(last: Option<Ordinal>) -> Self {
        Self { last, state: State::Idle }
    }

    /// Where the next file continues, which is its name: one past the last row, 0 for the first file (rule 2).
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

    /// Takes what came back for the last step and says what to do next.
    ///
    /// # Errors
    /// [`Violation`] if nothing was asked that this could answer, or if the footer contradicts its name.
    pub fn on(&mut self, fact: Fact) -> Result<Step, Violation> {
        match (self.state, fact) {
            (State::Putting(rows), Fact::Created) => self.durable(rows.last),
            // The one judgement (rule 3): any answer but success leaves open what stands under the name.
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
    /// under this name with this last row leaves nothing of ours undone, whoever wrote it.
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

/// What the store answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The put succeeded: our bytes stand under the name, durably.
    Created,
    /// Something stood under the name already; it may be an earlier attempt of ours.
    Taken,
    /// No answer, or one that says nothing about the name ("busy", 5xx).
    Unknown,
    /// A whole file stands under the name, durably, and its last row is this.
    Footer {
        /// The last ordinal in the file.
        last: Ordinal,
    },
    /// Nothing stands under the name.
    Absent,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Put the file under this name, if nothing is there.
    Put {
        /// The name.
        continues_at: Ordinal,
    },
    /// Read the footer of what stands under this name.
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
        /// What the chain was doing.
        state: State,
    },
    /// A file whose last row stands before its first.
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
    /// A footer that can't stand under this name.
    #[error("the file that continues at {continues_at} says its last row is {last}")]
    FooterBelowName {
        /// The name.
        continues_at: Ordinal,
        /// What the footer says.
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
        /// What the chain was doing.
        state: State,
        /// What it was told.
        fact: Fact,
    },
}

/// What a chain is doing.
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
