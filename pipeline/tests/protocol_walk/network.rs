//! Outcomes of requests: answered, refused, carried out without an answer, or late.

use catchwater_sinks::lake::chain::{Answer, Step};
use catchwater_sinks::ordinals::Ordinal;

use crate::bug::Bug;
use crate::dice::Dice;
use crate::setup::Trait;
use crate::simulation::{File, Finding, Put, Row, Simulation, SourceKey};

/// One request about a file.
pub(crate) struct Request<'a> {
    pub(crate) writer: usize,
    pub(crate) at: SourceKey,
    pub(crate) path: usize,
    pub(crate) rows: &'a [Row],
    /// The durable position in the footer.
    pub(crate) durable: Option<Ordinal>,
}

impl Request<'_> {
    fn first(&self) -> Ordinal {
        self.rows[0].event
    }

    fn last(&self) -> Ordinal {
        self.rows[self.rows.len() - 1].event
    }

    /// Carries out the step that the chain asks for and returns the answer.
    pub(crate) fn carry_out(
        &self,
        step: Step,
        simulation: &mut Simulation,
        dice: &mut Dice,
    ) -> Result<Answer, Finding> {
        match step {
            Step::Put { continues_at } => {
                let answer = self.put(continues_at, simulation, dice)?;
                Ok(match answer {
                    Answer::Unknown if simulation.has(Bug::TimeoutIsSuccess) => Answer::Created,
                    Answer::Taken if simulation.has(Bug::ConflictIsSuccess) => Answer::Created,
                    answer => answer,
                })
            }
            Step::ReadFooter { .. } if dice.chance(10) => Ok(Answer::Unknown),
            Step::ReadFooter { continues_at } => Ok(self.footer(continues_at, simulation)),
            Step::Durable { .. } | Step::Conflict { .. } => {
                Err(Finding::new("chain", "a finished chain asked for a step"))
            }
        }
    }

    fn put(
        &self,
        continues_at: Ordinal,
        simulation: &mut Simulation,
        dice: &mut Dice,
    ) -> Result<Answer, Finding> {
        let mut put = Put { at: self.at, path: self.path, file: self.to_file(continues_at, simulation) };
        // Carried out and answered, carried out and not answered, delayed, or lost.
        match dice.below(100) {
            0..50 => {
                put.file.synced = true;
                let created = simulation.put_if_absent(put)?;
                simulation.tally.conflicts += usize::from(!created);
                Ok(if created { Answer::Created } else { Answer::Taken })
            }
            50..62 => {
                put.file.synced = !simulation.setup.has(Trait::LocalDisk) || dice.chance(50);
                simulation.put_if_absent(put)?;
                Ok(Answer::Unknown)
            }
            62..88 => {
                if simulation.in_flight.len() < simulation.setup.late_puts_max {
                    simulation.in_flight.push(put);
                }
                Ok(Answer::Unknown)
            }
            _ => Ok(Answer::Unknown),
        }
    }

    fn to_file(&self, continues_at: Ordinal, simulation: &Simulation) -> File {
        let own = simulation.has(Bug::NamedAfterFirstRow);
        File {
            continues_at: if own { self.first() } else { continues_at },
            last: self.last(),
            rows: self.rows.to_vec(),
            writer: self.writer,
            durable: self.durable,
            synced: false,
        }
    }

    fn footer(&self, continues_at: Ordinal, simulation: &mut Simulation) -> Answer {
        let own = simulation.has(Bug::NamedAfterFirstRow);
        let trusts_itself = simulation.has(Bug::IdentifiedByWriter);
        let name = if own { self.first() } else { continues_at };
        match simulation.find(self.at, self.path, name) {
            Some(found) if trusts_itself && found.writer == self.writer => {
                Answer::Footer { last: self.last() }
            }
            Some(found) => Answer::Footer { last: found.last },
            None => Answer::Absent,
        }
    }
}
