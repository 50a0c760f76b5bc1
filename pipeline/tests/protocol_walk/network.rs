//! What becomes of a request: answered, refused, landed without an answer, or late.

use catchwater_sinks::lake::chain::{Fact, Step};
use catchwater_sinks::paths::Ordinal;

use crate::bug::Bug;
use crate::dice::Dice;
use crate::setup::Trait;
use crate::world::{At, File, Finding, Put, Row, World};

/// One request about a file, and the network that may answer.
pub(crate) struct Errand<'a> {
    pub(crate) writer: usize,
    pub(crate) at: At,
    pub(crate) path: usize,
    pub(crate) rows: &'a [Row],
    /// What the footer states.
    pub(crate) durable: Option<Ordinal>,
}

impl Errand<'_> {
    fn first(&self) -> Ordinal {
        self.rows[0].event
    }

    fn last(&self) -> Ordinal {
        self.rows[self.rows.len() - 1].event
    }

    /// Does what the chain wants done, and says what came back.
    pub(crate) fn ask(&self, step: Step, world: &mut World, dice: &mut Dice) -> Result<Fact, Finding> {
        match step {
            Step::Put { continues_at } => {
                let fact = self.put(continues_at, world, dice)?;
                Ok(match fact {
                    Fact::Unknown if world.has(Bug::TimeoutIsSuccess) => Fact::Created,
                    Fact::Taken if world.has(Bug::TakenIsSuccess) => Fact::Created,
                    fact => fact,
                })
            }
            Step::ReadFooter { .. } if dice.chance(10) => Ok(Fact::Unknown),
            Step::ReadFooter { continues_at } => Ok(self.footer(continues_at, world)),
            Step::Durable { .. } | Step::Lost { .. } => Err(Finding::new("chain", "nothing was left to do")),
        }
    }

    fn put(&self, continues_at: Ordinal, world: &mut World, dice: &mut Dice) -> Result<Fact, Finding> {
        let mut put = Put { at: self.at, path: self.path, file: self.to_file(continues_at, world) };
        // How the request goes: lands and is answered, lands unanswered, is refused, or waits somewhere.
        match dice.below(100) {
            0..50 => {
                put.file.synced = true;
                let created = world.put_if_absent(put)?;
                world.tally.collisions += usize::from(!created);
                Ok(if created { Fact::Created } else { Fact::Taken })
            }
            50..62 => {
                put.file.synced = !world.setup.has(Trait::LocalDisk) || dice.chance(50);
                world.put_if_absent(put)?;
                Ok(Fact::Unknown)
            }
            62..88 => {
                if world.in_flight.len() < world.setup.late_puts_max {
                    world.in_flight.push(put);
                }
                Ok(Fact::Unknown)
            }
            _ => Ok(Fact::Unknown),
        }
    }

    fn to_file(&self, continues_at: Ordinal, world: &World) -> File {
        let own = world.has(Bug::NameIsOwnFirstRow);
        File {
            continues_at: if own { self.first() } else { continues_at },
            last: self.last(),
            rows: self.rows.to_vec(),
            writer: self.writer,
            durable: self.durable,
            synced: false,
        }
    }

    fn footer(&self, continues_at: Ordinal, world: &mut World) -> Fact {
        let own = world.has(Bug::NameIsOwnFirstRow);
        let trusts_itself = world.has(Bug::JudgedByWriter);
        let name = if own { self.first() } else { continues_at };
        match world.find(self.at, self.path, name) {
            Some(found) if trusts_itself && found.writer == self.writer => Fact::Footer { last: self.last() },
            Some(found) => Fact::Footer { last: found.last },
            None => Fact::Absent,
        }
    }
}
