//! One walk: its steps, in an order drawn from a seed.

use catchwater_sinks::ordinals::Ordinal;

use crate::bug::Bug;
use crate::dice::Dice;
use crate::setup::{Setup, Tally, Trait};
use crate::simulation::{Finding, Log, Simulation};
use crate::writer::Writer;

/// Runs one walk to its end and returns its counts, or the invariant that broke.
pub(crate) fn walk(bug: Option<Bug>, seed: u64) -> Result<Tally, Finding> {
    let mut dice = Dice::new(seed);
    let setup = Setup::draw(&mut dice);
    let log = Log::new(&mut dice, &setup);
    let writers = (0..setup.writers).map(|id| Writer::new(id, setup.destinations)).collect();
    let mut simulation = Simulation::new(bug, setup);
    simulation.create_hub(log);
    let mut walk = Walk { simulation, writers, awake: 0, deployed: false, dice };
    for _ in 0..walk.dice.between(400, 1_200) {
        walk.step()?;
    }
    walk.end()?;
    Ok(walk.simulation.tally)
}

struct Walk {
    simulation: Simulation,
    writers: Vec<Writer>,
    /// The writer that takes most of the steps; the others are slow or asleep.
    awake: usize,
    /// True once writers with the second version of the rules may start.
    deployed: bool,
    dice: Dice,
}

impl Walk {
    fn step(&mut self) -> Result<(), Finding> {
        self.simulation.tally.steps += 1;
        if self.dice.chance(15) {
            return self.environment_step();
        }
        if self.dice.chance(self.simulation.setup.wake_percent) {
            self.awake = self.dice.below(self.writers.len());
        }
        self.writer_step(self.awake)
    }

    fn writer_step(&mut self, n: usize) -> Result<(), Finding> {
        let Self { simulation, writers, dice, .. } = self;
        let writer = &mut writers[n];
        if dice.below(1000) < simulation.setup.crash_permille {
            writer.crash(simulation);
            return Ok(());
        }
        if writer.run.is_none() {
            return self.start(n);
        }
        let destination = dice.below(simulation.setup.destinations);
        match dice.below(100) {
            0..30 => writer.read(simulation, dice).map(|_| ()),
            30..49 => writer.roll(destination),
            49..51 => {
                writer.disconnect(simulation, dice);
                Ok(())
            }
            51..92 => {
                // The first destination from a random one on that has something to do.
                for turn in 0..simulation.setup.destinations {
                    if writer.commit(
                        (destination + turn) % simulation.setup.destinations,
                        simulation,
                        dice,
                    )? {
                        break;
                    }
                }
                Ok(())
            }
            _ => writer.checkpoint(simulation),
        }
    }

    fn start(&mut self, n: usize) -> Result<(), Finding> {
        if self.deployed && self.dice.chance(50) {
            self.writers[n].version = 2;
        }
        let accept_loss = self.dice.chance(50);
        let boundaries = self.simulation.tally.boundaries;
        self.writers[n].start(&mut self.simulation, &mut self.dice, accept_loss)?;
        if self.simulation.tally.boundaries > boundaries {
            self.displace_older(n);
        }
        Ok(())
    }

    /// Ends the link of every reader with older rules: the new one attaches with a higher owner level.
    fn displace_older(&mut self, by: usize) {
        if self.simulation.has(Bug::OldReaderContinues) {
            return;
        }
        let version = self.writers[by].version;
        for writer in self.writers.iter_mut().filter(|writer| writer.version < version) {
            writer.displace(&mut self.simulation, &mut self.dice);
        }
    }

    fn environment_step(&mut self) -> Result<(), Finding> {
        let Self { simulation, dice, .. } = self;
        match dice.below(100) {
            0..18 => {
                let log = &mut simulation.logs[simulation.current.log];
                log.enqueued = (log.enqueued + 1 + usize::from(dice.chance(20))).min(log.events.len());
            }
            18..65 => return self.deliver_late(),
            65..68 if !simulation.in_flight.is_empty() => {
                let never = dice.below(simulation.in_flight.len());
                simulation.in_flight.swap_remove(never);
            }
            68..78 if simulation.setup.has(Trait::CheckpointsGetLost) => self.lose_checkpoint(),
            78..82 if simulation.setup.has(Trait::Retention) => {
                let log = &mut simulation.logs[simulation.current.log];
                log.purged = (log.purged + dice.between(1, 3)).min(log.enqueued);
            }
            82..84 if simulation.setup.has(Trait::HubCreatedAgain) && simulation.logs.len() < 3 => {
                simulation.tally.new_hubs += 1;
                let log = Log::new(dice, &simulation.setup);
                simulation.create_hub(log);
            }
            84..86 if simulation.setup.has(Trait::LakeChanges) && simulation.lakes.len() < 2 => {
                simulation.tally.new_lakes += 1;
                self.writers.iter_mut().for_each(|writer| writer.crash(simulation));
                simulation.change_lake();
            }
            86..89 if simulation.setup.has(Trait::LocalDisk) => {
                self.writers.iter_mut().for_each(|writer| writer.crash(simulation));
                return simulation.lose_power();
            }
            89..93 if simulation.setup.has(Trait::RulesChange) && !self.deployed => return self.deploy(),
            93..95 if simulation.setup.has(Trait::LakeRestored) => {
                self.writers.iter_mut().for_each(|writer| writer.crash(simulation));
                simulation.copy_or_restore();
            }
            95..97 if simulation.setup.has(Trait::HubRenumbered) => return self.renumber(),
            93..100
                if simulation.has(Bug::CompactionFreesNames)
                    || simulation.has(Bug::CompactionSparesLastFile) =>
            {
                self.compact();
            }
            _ => {}
        }
        Ok(())
    }

    /// One of the puts in flight arrives.
    fn deliver_late(&mut self) -> Result<(), Finding> {
        let Self { simulation, dice, .. } = self;
        if simulation.in_flight.is_empty() {
            return Ok(());
        }
        let mut put = simulation.in_flight.swap_remove(dice.below(simulation.in_flight.len()));
        put.file.synced = !simulation.setup.has(Trait::LocalDisk) || dice.chance(20);
        let created = simulation.put_if_absent(put)?;
        simulation.tally.late_commits += usize::from(created);
        simulation.tally.late_conflicts += usize::from(!created);
        Ok(())
    }

    fn lose_checkpoint(&mut self) {
        let Self { simulation, dice, .. } = self;
        simulation.tally.lost_checkpoints += 1;
        let older = simulation.old_checkpoints.len();
        let returns = older > 0 && dice.chance(60);
        simulation.checkpoint = returns.then(|| simulation.old_checkpoints[dice.below(older)].clone());
    }

    /// Shows the hub with fewer events than the lake has of it: no start may succeed.
    fn renumber(&mut self) -> Result<(), Finding> {
        let Self { simulation, dice, .. } = self;
        let at = simulation.current;
        let highest = simulation.source(at).chains.iter().flatten().map(|file| file.last).max();
        let log = simulation.log().clone();
        let fewer = log.events.partition_point(|event| Some(event.ordinal) < highest);
        if highest.is_none() || simulation.restored {
            return Ok(());
        }
        simulation.tally.renumbered_hubs += 1;
        for writer in &mut self.writers {
            if dice.chance(60) {
                writer.disconnect(simulation, dice);
            }
        }
        simulation.logs[at.log].enqueued = dice.below(fewer + 1);
        simulation.logs[at.log].purged = log.purged.min(simulation.logs[at.log].enqueued);
        let checkpoint = simulation.checkpoint.clone();
        if dice.chance(50) {
            simulation.checkpoint = None;
        }
        let mut writer = Writer::new(self.writers.len(), simulation.setup.destinations);
        writer.version = simulation.source(at).newest_rules().map_or(1, |rules| rules.routing_version);
        simulation.listings_are_current = true;
        writer.start(simulation, dice, false)?;
        simulation.listings_are_current = false;
        let last = simulation.log().last();
        let went_on = self.writers.iter_mut().filter_map(|writer| writer.reattach(simulation)).max();
        (simulation.logs[at.log], simulation.checkpoint) = (log, checkpoint);
        if writer.run.is_some() {
            return Err(Finding::new("start", "a hub that restarted its numbers was read"));
        }
        if went_on.is_some_and(|next| Some(next.previous()) > last.or(Some(Ordinal::new(-1)))) {
            return Err(Finding::new("reattach", "a reader went on with a hub that restarted its numbers"));
        }
        Ok(())
    }

    /// Starts the second version of the rules while events keep coming: all writers with the first are stopped, half of
    /// them with a drain, and none of their puts is in flight any more.
    fn deploy_on_a_busy_hub(&mut self) -> Result<(), Finding> {
        for old in 0..self.writers.len() {
            if self.dice.chance(50) {
                self.writers[old].drain(&mut self.simulation, &mut self.dice)?;
            }
            self.writers[old].crash(&mut self.simulation);
        }
        while !self.simulation.in_flight.is_empty() && !self.simulation.has(Bug::StoppedWithPutsInFlight) {
            self.deliver_late()?;
        }
        self.writers[0].version = 2;
        self.simulation.old_versions_stopped = true;
        let started = self.start(0);
        self.simulation.old_versions_stopped = false;
        started
    }

    /// Rolls out the second version of the rules, mostly as documented.
    fn deploy(&mut self) -> Result<(), Finding> {
        self.deployed = true;
        if self.dice.chance(60) {
            return self.deploy_on_a_busy_hub();
        }
        let old = self.dice.below(self.writers.len());
        if self.dice.chance(70) && self.writers[old].version == 1 {
            self.writers[old].crash(&mut self.simulation);
            self.writers[old].catch_up(&mut self.simulation, &mut self.dice)?;
            let new = (old + 1) % self.writers.len();
            self.writers[new].crash(&mut self.simulation);
            self.writers[new].version = 2;
            return self.start(new);
        }
        Ok(())
    }

    /// A planted bug: two neighbouring files become one, in one instant.
    fn compact(&mut self) {
        let spared = usize::from(self.simulation.has(Bug::CompactionSparesLastFile));
        let Self { simulation, dice, .. } = self;
        let path = dice.below(simulation.setup.destinations);
        let chain = &mut simulation.source_mut(simulation.current).chains[path];
        if chain.len() < 2 + spared {
            return;
        }
        let first = dice.below(chain.len() - 1 - spared);
        let second = chain.remove(first + 1);
        chain[first].last = second.last;
        chain[first].rows.extend(second.rows);
    }

    /// All events arrive, a fresh writer runs until caught up, all puts in flight arrive, and sleeping writers wake.
    fn end(&mut self) -> Result<(), Finding> {
        let log = &mut self.simulation.logs[self.simulation.current.log];
        log.enqueued = log.events.len();
        for _ in 0..self.simulation.in_flight.len() / 2 {
            self.deliver_late()?;
        }
        let rules = self.simulation.source(self.simulation.current).newest_rules();
        let mut fresh = Writer::new(self.writers.len(), self.simulation.setup.destinations);
        fresh.version = rules.map_or(1, |rules| rules.routing_version);
        fresh.catch_up(&mut self.simulation, &mut self.dice)?;
        self.check_invariants()?;
        while !self.simulation.in_flight.is_empty() {
            self.deliver_late()?;
        }
        self.check_invariants()?;
        for _ in 0..60 {
            let n = self.dice.below(self.writers.len());
            self.writer_step(n)?;
        }
        while !self.simulation.in_flight.is_empty() {
            self.deliver_late()?;
        }
        self.check_invariants()
    }

    /// Checks I2 and I4; I1 is checked at each put.
    fn check_invariants(&self) -> Result<(), Finding> {
        for at in self.simulation.sources() {
            self.simulation.check_chains(at)?;
        }
        self.simulation.check_all_rows(self.simulation.current)
    }
}
