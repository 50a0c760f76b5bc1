//! One walk: who does what next, drawn from a seed.

use crate::bug::Bug;
use crate::dice::Dice;
use crate::setup::{Setup, Tally, Trait};
use crate::world::{Finding, Log, World};
use crate::writer::Writer;

/// Plays one walk to its end and says what happened, or which invariant broke.
pub(crate) fn walk(bug: Option<Bug>, seed: u64) -> Result<Tally, Finding> {
    let mut dice = Dice::new(seed);
    let setup = Setup::draw(&mut dice);
    let log = Log::new(&mut dice, &setup);
    let writers = (0..setup.writers).map(|id| Writer::new(id, setup.destinations)).collect();
    let mut world = World::new(bug, setup);
    world.create_hub(log);
    let mut walk = Walk { world, writers, awake: 0, deployed: false, dice };
    for _ in 0..walk.dice.between(400, 1_200) {
        walk.step()?;
    }
    walk.end()?;
    Ok(walk.world.tally)
}

struct Walk {
    world: World,
    writers: Vec<Writer>,
    /// The writer that gets most of the steps: the others are slow, or asleep for long.
    awake: usize,
    /// Writers by the second version of the rules may start.
    deployed: bool,
    dice: Dice,
}

impl Walk {
    fn step(&mut self) -> Result<(), Finding> {
        self.world.tally.steps += 1;
        if self.dice.chance(15) {
            return self.world_step();
        }
        if self.dice.chance(self.world.setup.wake_percent) {
            self.awake = self.dice.below(self.writers.len());
        }
        self.writer_step(self.awake)
    }

    fn writer_step(&mut self, n: usize) -> Result<(), Finding> {
        let Self { world, writers, dice, .. } = self;
        let writer = &mut writers[n];
        if dice.below(1000) < world.setup.crash_permille {
            writer.crash(world);
            return Ok(());
        }
        if writer.run.is_none() {
            return self.start(n);
        }
        let destination = dice.below(world.setup.destinations);
        match dice.below(100) {
            0..30 => writer.read(world, dice).map(|_| ()),
            30..50 => writer.roll(destination),
            50..92 => {
                // Whichever destination has something to do, beginning anywhere.
                for turn in 0..world.setup.destinations {
                    if writer.commit((destination + turn) % world.setup.destinations, world, dice)? {
                        break;
                    }
                }
                Ok(())
            }
            _ => writer.checkpoint(world),
        }
    }

    fn start(&mut self, n: usize) -> Result<(), Finding> {
        if self.deployed && self.dice.chance(50) {
            self.writers[n].version = 2;
        }
        let resolute = self.dice.chance(50);
        let boundaries = self.world.tally.boundaries;
        self.writers[n].start(&mut self.world, &mut self.dice, resolute)?;
        if self.world.tally.boundaries > boundaries {
            self.displace_older(n);
        }
        Ok(())
    }

    /// Attaching with a higher owner level ends every reader by older rules, for good.
    fn displace_older(&mut self, by: usize) {
        if self.world.has(Bug::OldReaderStays) {
            return;
        }
        let version = self.writers[by].version;
        for writer in self.writers.iter_mut().filter(|writer| writer.version < version) {
            writer.crash(&mut self.world);
        }
    }

    fn world_step(&mut self) -> Result<(), Finding> {
        let Self { world, dice, .. } = self;
        match dice.below(100) {
            0..18 => {
                let log = &mut world.logs[world.today.log];
                log.enqueued = (log.enqueued + 1 + usize::from(dice.chance(20))).min(log.events.len());
            }
            18..65 => return self.land_late(),
            65..68 if !world.in_flight.is_empty() => {
                let never = dice.below(world.in_flight.len());
                world.in_flight.swap_remove(never);
            }
            68..78 if world.setup.has(Trait::CheckpointsGetLost) => self.lose_checkpoint(),
            78..82 if world.setup.has(Trait::Retention) => {
                let log = &mut world.logs[world.today.log];
                log.purged = (log.purged + dice.between(1, 3)).min(log.enqueued);
            }
            82..84 if world.setup.has(Trait::HubCreatedAgain) && world.logs.len() < 3 => {
                world.tally.new_hubs += 1;
                let log = Log::new(dice, &world.setup);
                world.create_hub(log);
            }
            84..86 if world.setup.has(Trait::LakeChanges) && world.lakes.len() < 2 => {
                world.tally.new_lakes += 1;
                self.writers.iter_mut().for_each(|writer| writer.crash(world));
                world.change_lake();
            }
            86..89 if world.setup.has(Trait::LocalDisk) => {
                self.writers.iter_mut().for_each(|writer| writer.crash(world));
                return world.lose_power();
            }
            89..93 if world.setup.has(Trait::RulesChange) && !self.deployed => return self.deploy(),
            93..95 if world.setup.has(Trait::LakeRestored) => {
                self.writers.iter_mut().for_each(|writer| writer.crash(world));
                world.copy_or_restore();
            }
            95..97 if world.setup.has(Trait::HubRenumbered) => return self.renumber(),
            93..100 if world.has(Bug::NamesFreed) || world.has(Bug::NamesFreedButTheLast) => self.compact(),
            _ => {}
        }
        Ok(())
    }

    /// One of the puts that nobody waits for any more arrives.
    fn land_late(&mut self) -> Result<(), Finding> {
        let Self { world, dice, .. } = self;
        if world.in_flight.is_empty() {
            return Ok(());
        }
        let mut put = world.in_flight.swap_remove(dice.below(world.in_flight.len()));
        put.file.synced = !world.setup.has(Trait::LocalDisk) || dice.chance(20);
        let landed = world.put_if_absent(put)?;
        world.tally.late_landings += usize::from(landed);
        world.tally.late_and_beaten += usize::from(!landed);
        Ok(())
    }

    fn lose_checkpoint(&mut self) {
        let Self { world, dice, .. } = self;
        world.tally.lost_checkpoints += 1;
        let older = world.old_checkpoints.len();
        let returns = older > 0 && dice.chance(60);
        world.checkpoint = returns.then(|| world.old_checkpoints[dice.below(older)].clone());
    }

    /// The hub is seen with fewer events than the lake has of it: no start may go on.
    fn renumber(&mut self) -> Result<(), Finding> {
        let Self { world, dice, .. } = self;
        let at = world.today;
        let highest = world.source(at).chains.iter().flatten().map(|file| file.last).max();
        let log = world.log().clone();
        let fewer = log.events.partition_point(|event| Some(event.ordinal) < highest);
        if highest.is_none() || world.restored {
            return Ok(());
        }
        world.tally.renumbered_hubs += 1;
        world.logs[at.log].enqueued = dice.below(fewer + 1);
        world.logs[at.log].purged = log.purged.min(world.logs[at.log].enqueued);
        let checkpoint = world.checkpoint.clone();
        if dice.chance(50) {
            world.checkpoint = None;
        }
        let mut writer = Writer::new(self.writers.len(), world.setup.destinations);
        writer.version = world.source(at).newest_rules().map_or(1, |rules| rules.routing_version);
        world.lists_freshly = true;
        writer.start(world, dice, false)?;
        world.lists_freshly = false;
        (world.logs[at.log], world.checkpoint) = (log, checkpoint);
        if writer.run.is_some() {
            return Err(Finding::new("start", "a hub that counts anew was read"));
        }
        Ok(())
    }

    /// The second version of the rules begins on a hub that goes on: all writers by the first are stopped, half of them
    /// with a drain, and nothing of theirs is on its way any more.
    fn deploy_on_a_busy_hub(&mut self) -> Result<(), Finding> {
        for old in 0..self.writers.len() {
            if self.dice.chance(50) {
                self.writers[old].drain(&mut self.world, &mut self.dice)?;
            }
            self.writers[old].crash(&mut self.world);
        }
        while !self.world.in_flight.is_empty() && !self.world.has(Bug::StoppedWhilePutsFly) {
            self.land_late()?;
        }
        self.writers[0].version = 2;
        self.world.old_stopped = true;
        let started = self.start(0);
        self.world.old_stopped = false;
        started
    }

    /// The second version of the rules is rolled out; mostly as the documentation says.
    fn deploy(&mut self) -> Result<(), Finding> {
        self.deployed = true;
        if self.dice.chance(60) {
            return self.deploy_on_a_busy_hub();
        }
        let old = self.dice.below(self.writers.len());
        if self.dice.chance(70) && self.writers[old].version == 1 {
            self.writers[old].crash(&mut self.world);
            self.writers[old].catch_up(&mut self.world, &mut self.dice)?;
            let new = (old + 1) % self.writers.len();
            self.writers[new].crash(&mut self.world);
            self.writers[new].version = 2;
            return self.start(new);
        }
        Ok(())
    }

    /// A planted mistake: two neighbouring files become one, in one instant.
    fn compact(&mut self) {
        let spared = usize::from(self.world.has(Bug::NamesFreedButTheLast));
        let Self { world, dice, .. } = self;
        let path = dice.below(world.setup.destinations);
        let chain = &mut world.source_mut(world.today).chains[path];
        if chain.len() < 2 + spared {
            return;
        }
        let first = dice.below(chain.len() - 1 - spared);
        let second = chain.remove(first + 1);
        chain[first].last = second.last;
        chain[first].rows.extend(second.rows);
    }

    /// Everything arrives, a fresh writer runs until caught up, everything in flight lands, sleepers wake.
    fn end(&mut self) -> Result<(), Finding> {
        let log = &mut self.world.logs[self.world.today.log];
        log.enqueued = log.events.len();
        for _ in 0..self.world.in_flight.len() / 2 {
            self.land_late()?;
        }
        let rules = self.world.source(self.world.today).newest_rules();
        let mut fresh = Writer::new(self.writers.len(), self.world.setup.destinations);
        fresh.version = rules.map_or(1, |rules| rules.routing_version);
        fresh.catch_up(&mut self.world, &mut self.dice)?;
        self.all_is_well()?;
        while !self.world.in_flight.is_empty() {
            self.land_late()?;
        }
        self.all_is_well()?;
        for _ in 0..60 {
            let n = self.dice.below(self.writers.len());
            self.writer_step(n)?;
        }
        while !self.world.in_flight.is_empty() {
            self.land_late()?;
        }
        self.all_is_well()
    }

    /// I2 and I4; I1 is checked whenever a file lands.
    fn all_is_well(&self) -> Result<(), Finding> {
        for at in self.world.sources() {
            self.world.chains_are_whole(at)?;
        }
        self.world.nothing_is_lost(self.world.today)
    }
}
