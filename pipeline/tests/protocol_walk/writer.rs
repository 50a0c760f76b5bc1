//! A writer made of the real protocol: start rule, rules chain, recovery, skip rule, chain and ledger.
//! Where a [`Bug`] is planted, and only there, it does something else.

use std::collections::VecDeque;

use catchwater::position::Position;
use catchwater::run::ledger::{self, Before, FileId, Ledger};
use catchwater_sinks::lake::chain::{self, Chain, Step, covers};
use catchwater_sinks::lake::ordinals::OrdinalSet;
use catchwater_sinks::lake::records::LostRange;
use catchwater_sinks::lake::rules::{Entered, OldVersions, Rules, Verdict, judge};
use catchwater_sinks::lake::start::{self, LakeBehind, PositionLost};
use catchwater_sinks::lake::{recovery, start::Claim};
use catchwater_sinks::paths::Ordinal;

use crate::bug::Bug;
use crate::dice::Dice;
use crate::network::Errand;
use crate::setup::Trait;
use crate::world::{At, Finding, Row, World};

/// A process that may write to the lake.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) id: usize,
    /// The version of its routing rules: 1 or 2.
    pub(crate) version: u32,
    pub(crate) run: Option<Run>,
    /// What it knows of files that beat it: gone with the process.
    winners: Vec<(At, usize, Ordinal)>,
    /// With a bug only: rows that outlived their run, by destination.
    kept: Vec<Vec<Row>>,
}

/// From a start to a crash or the next start.
#[derive(Debug)]
pub(crate) struct Run {
    at: At,
    /// The event that is due.
    next: Ordinal,
    /// The last event that was read.
    read: Option<Position>,
    /// What the lake proved at the start.
    proven: Option<Ordinal>,
    ledger: Ledger,
    files: u64,
    lanes: Vec<Lane>,
}

/// One destination of a run.
#[derive(Debug)]
struct Lane {
    chain: Chain,
    open: Option<Open>,
    closed: VecDeque<Closed>,
    sent: VecDeque<Sent>,
}

#[derive(Debug)]
struct Open {
    rows: Vec<Row>,
    before: Before,
}

#[derive(Clone, Debug)]
struct Closed {
    id: FileId,
    rows: Vec<Row>,
}

/// A file on its way, and what the chain wants done about it.
#[derive(Debug)]
struct Sent {
    file: Closed,
    step: Step,
    /// With a bug only: a chain of its own, that supposes the file before to be there.
    supposed: Option<Chain>,
}

impl Closed {
    fn first(&self) -> Ordinal {
        self.rows[0].event
    }

    fn last(&self) -> Ordinal {
        self.rows[self.rows.len() - 1].event
    }
}

impl Writer {
    pub(crate) fn new(id: usize, destinations: usize) -> Self {
        Self { id, version: 1, run: None, winners: Vec::new(), kept: vec![Vec::new(); destinations] }
    }

    /// The process dies: what it put may still land.
    pub(crate) fn crash(&mut self, world: &mut World) {
        if self.run.take().is_some() {
            world.tally.crashes += 1;
        }
        self.winners.clear();
        self.kept.iter_mut().for_each(Vec::clear);
    }

    /// The run ends, the process stays.
    fn stop(&mut self, world: &World) {
        let Some(run) = self.run.take() else { return };
        if world.has(Bug::BuffersKept) {
            for (kept, lane) in self.kept.iter_mut().zip(run.lanes) {
                let unsent = lane.sent.into_iter().map(|sent| sent.file).chain(lane.closed);
                kept.extend(unsent.flat_map(|file| file.rows));
                kept.extend(lane.open.into_iter().flat_map(|open| open.rows));
            }
        }
    }

    /// The start path, for the first start and for every other. Does nothing if the rules or a lost position
    /// forbid it; `resolute` says that somebody chose to go on without what is gone.
    pub(crate) fn start(
        &mut self,
        world: &mut World,
        dice: &mut Dice,
        resolute: bool,
    ) -> Result<(), Finding> {
        let at = world.today;
        let checkpoint = read_checkpoint(world, at);
        let (lanes, found) = self.recover(world, dice, at);
        let extent = world.log().extent();
        let renumbered = start::numbers_go_on(found.highest_row, extent).is_err();
        if renumbered && !world.has(Bug::RenumberedNotNoticed) {
            return Ok(());
        }
        let origin = record_origin(world, at, self.version);
        let proven = start::proven(found.durable, &world.source(at).lost);
        let needs_rows = start::needs_rows(proven, checkpoint, origin, extent);
        let settled = if needs_rows && !world.has(Bug::RowsNotAsked) {
            world.settled_above(at, proven)
        } else {
            OrdinalSet::default()
        };
        let Ok(done) = done(world, proven, checkpoint, origin, &settled)? else { return Ok(()) };
        let Some(entered) = self.enter(world, at, done) else { return Ok(()) };
        let from = first_of(world, at, checkpoint, entered);
        let next = match start::begin_reading(done, from, extent, &settled) {
            Ok(next) => next,
            Err(PositionLost::Gone { .. }) if world.has(Bug::RetentionPassedOver) => extent.begin,
            Err(gone @ PositionLost::Gone { .. }) if resolute => {
                world.give_up(at, gone.ranges())?;
                extent.begin
            }
            // Nobody chose to go on, or the hub counts anew and is behind the position.
            Err(_) => return Ok(()),
        };
        world.tally.starts_by_footer += usize::from(checkpoint.is_none() && found.durable.is_some());
        let behind = checkpoint.map(|last| world.position(last));
        let ledger = Ledger::starting_behind(behind);
        self.run = Some(Run { at, next, read: None, proven: done, ledger, files: 0, lanes });
        Ok(())
    }

    /// Asks the rules chain; records a boundary and displaces older readers where that is due.
    fn enter(&self, world: &mut World, at: At, done: Option<Ordinal>) -> Option<Entered> {
        let newest = world.source(at).newest_rules()?;
        let last_enqueued = world.log().last();
        if world.has(Bug::RulesWithoutBoundary) {
            return Some(Entered { from: world.source(at).origin?.from });
        }
        let old = if world.old_stopped {
            let rows_above_durable =
                !world.rows_above(at, done).is_empty() && !world.has(Bug::BoundaryBelowRows);
            OldVersions::Stopped { rows_above_durable }
        } else {
            OldVersions::MayRun
        };
        let record = match judge(self.version, newest, done, last_enqueued, old) {
            Verdict::Start(entered) => return Some(entered),
            Verdict::Record(rules) => rules,
            Verdict::NotCaughtUp if world.has(Bug::BoundaryBeforeCaughtUp) => {
                let from = Ordinal(last_enqueued?.0 + 1);
                Rules { n: newest.n + 1, from, routing_version: self.version }
            }
            Verdict::NotCaughtUp | Verdict::NotDrained | Verdict::Newer => return None,
        };
        world.tally.boundaries += 1;
        world.tally.boundaries_on_a_busy_hub +=
            usize::from(last_enqueued.is_some_and(|last| record.from <= last));
        world.source_mut(at).rules.push(record);
        Some(Entered { from: record.from })
    }

    /// Lists the chains, which may show any file as the last, and reads the footers.
    fn recover(&mut self, world: &mut World, dice: &mut Dice, at: At) -> (Vec<Lane>, Found) {
        let destinations = world.setup.destinations;
        let mut listed = Vec::new();
        for destination in 0..destinations {
            let chain = &world.source(at).chains[world.path(destination)];
            let stale = !world.lists_freshly && dice.chance(30);
            let shown = if stale { dice.below(chain.len() + 1) } else { chain.len() };
            listed.extend(chain[..shown].iter().map(|file| (destination, file.continues_at)));
            world.tally.stale_lists += usize::from(shown < chain.len());
        }
        let newest = recovery::newest(listed.into_iter());
        let mut found = Found::default();
        let lane = |destination: usize| {
            let path = world.path(destination);
            let name = newest.get(&destination);
            let file = name.and_then(|name| world.find(at, path, *name));
            let footer = file.map(|file| file.last);
            found.durable = found.durable.max(file.and_then(|file| file.durable));
            found.highest_row = found.highest_row.max(footer);
            let beaten = self.winners.iter().filter(|(of, on, _)| (*of, *on) == (at, path));
            let known = beaten.map(|(_, _, last)| *last).max().max(footer);
            let kept = std::mem::take(&mut self.kept[destination]);
            let open = (!kept.is_empty()).then_some(Open { rows: kept, before: Before::Start });
            Lane { chain: Chain::recovered(known), open, closed: VecDeque::new(), sent: VecDeque::new() }
        };
        let lanes = (0..destinations).map(lane).collect();
        (lanes, found)
    }

    /// Reads one event. Says if there was one.
    pub(crate) fn read(&mut self, world: &mut World, dice: &mut Dice) -> Result<bool, Finding> {
        let Some(run) = &mut self.run else { return Ok(false) };
        // After each attach the generation is compared: a hub created again is another source.
        if run.at != world.today && !world.has(Bug::GenerationKeptInMemory) {
            self.stop(world);
            return Ok(false);
        }
        let Some(event) = world.log().receive(run.next).cloned() else { return Ok(false) };
        let judged = start::follows(run.next, event.ordinal, world.log().begin());
        if judged.is_err() && !world.has(Bug::RetentionPassedOver) {
            self.stop(world);
            return Ok(false);
        }
        if event.ordinal > run.next && !world.has(Bug::GapNotRecorded) {
            world.tally.gaps += 1;
            let gap = LostRange { from: run.next, to: Ordinal(event.ordinal.0 - 1) };
            world.source_mut(run.at).gaps.push(gap);
        }
        let destination = event.routes[self.version as usize - 1];
        let row = |index| Row { log: world.today.log, event: event.ordinal, index };
        let rows: Vec<Row> = (0..event.rows).map(row).collect();
        if covers(run.lanes[destination].chain.last(), event.ordinal) && !world.has(Bug::NothingSkipped) {
            world.tally.skipped += 1;
            world.rows_are_there(run.at, &rows)?;
        } else if world.has(Bug::EventsSplit) && rows.len() > 1 && dice.chance(50) {
            run.push(destination, &rows[..1]);
            run.roll(destination)?;
            run.push(destination, &rows[1..]);
        } else {
            run.push(destination, &rows);
        }
        run.next = Ordinal(event.ordinal.0 + 1);
        run.read = Some(world.position(event.ordinal));
        run.report()?;
        Ok(true)
    }

    /// Closes the open file of a destination, if there is one.
    pub(crate) fn roll(&mut self, destination: usize) -> Result<(), Finding> {
        self.run.as_mut().map_or(Ok(()), |run| run.roll(destination))
    }

    /// Does the next thing about a destination's closed files. Says if there was one.
    pub(crate) fn commit(
        &mut self,
        destination: usize,
        world: &mut World,
        dice: &mut Dice,
    ) -> Result<bool, Finding> {
        let Some(run) = &mut self.run else { return Ok(false) };
        if run.lanes[destination].offer(world)? {
            return Ok(true);
        }
        let durable = run.footer(world);
        let lane = &mut run.lanes[destination];
        if lane.sent.is_empty() {
            return Ok(false);
        }
        // Without a bug there is one at most.
        let n = dice.below(lane.sent.len());
        let errand = Errand {
            writer: self.id,
            at: run.at,
            path: world.path(destination),
            rows: &lane.sent[n].file.rows,
            durable,
        };
        let fact = errand.ask(lane.sent[n].step, world, dice)?;
        let sent = &mut lane.sent[n];
        let chain = sent.supposed.as_mut().unwrap_or(&mut lane.chain);
        sent.step = chain.on(fact).map_err(in_chain)?;
        match sent.step {
            Step::Put { .. } | Step::ReadFooter { .. } => {}
            Step::Durable { last } => run.landed(destination, n, last, world)?,
            Step::Lost { last } => self.lost(destination, n, last, world)?,
        }
        Ok(true)
    }

    /// Another file has the name: the run is over, the start path begins.
    fn lost(
        &mut self,
        destination: usize,
        n: usize,
        last: Ordinal,
        world: &mut World,
    ) -> Result<(), Finding> {
        world.tally.lost_names += 1;
        if world.has(Bug::LostIsDone) {
            let Some(run) = &mut self.run else { return Ok(()) };
            return run.landed(destination, n, last, world);
        }
        if let Some(run) = &self.run
            && world.setup.has(Trait::RemembersWinners)
        {
            self.winners.push((run.at, world.path(destination), last));
        }
        self.stop(world);
        Ok(())
    }

    /// Stores the checkpoint, if there is one.
    pub(crate) fn checkpoint(&self, world: &mut World) -> Result<(), Finding> {
        let Some(run) = &self.run else { return Ok(()) };
        let durable = run.ledger.checkpoint();
        let position = if world.has(Bug::CheckpointLeads) { run.read.as_ref() } else { durable };
        match position {
            Some(position) => world.store_checkpoint(run.at, Ordinal(position.sequence_number.0)),
            None => Ok(()),
        }
    }

    /// Puts what is open and saves the checkpoint, unless a name is lost on the way.
    pub(crate) fn drain(&mut self, world: &mut World, dice: &mut Dice) -> Result<(), Finding> {
        for destination in 0..world.setup.destinations {
            self.roll(destination)?;
            while self.commit(destination, world, dice)? {}
        }
        self.checkpoint(world)
    }

    /// Runs until caught up: everything that can be read is durable and checkpointed.
    pub(crate) fn catch_up(&mut self, world: &mut World, dice: &mut Dice) -> Result<(), Finding> {
        /// Starts of one run that find their names taken: each collision teaches it one file at least.
        const STARTS_MAX: usize = 400;
        for _ in 0..STARTS_MAX {
            if self.run.is_none() {
                self.start(world, dice, true)?;
            }
            while self.read(world, dice)? {
                for destination in 0..world.setup.destinations {
                    if dice.chance(15) {
                        self.roll(destination)?;
                    }
                }
            }
            self.drain(world, dice)?;
            if self.run.is_some() {
                return Ok(());
            }
        }
        Err(Finding::new("progress", "a run alone does not come to its end"))
    }
}

/// What the last files of a source say, as far as they were listed.
#[derive(Debug, Default)]
struct Found {
    durable: Option<Ordinal>,
    highest_row: Option<Ordinal>,
}

impl Run {
    /// How far the footer of the next file says that the source is durable.
    fn footer(&self, world: &World) -> Option<Ordinal> {
        let of = |position: &Position| Ordinal(position.sequence_number.0);
        if world.has(Bug::FootersLead) {
            return self.read.as_ref().map(of);
        }
        self.ledger.checkpoint().map(of).max(self.proven)
    }

    fn push(&mut self, destination: usize, rows: &[Row]) {
        let before = || Open { rows: Vec::new(), before: self.read.clone().into() };
        self.lanes[destination].open.get_or_insert_with(before).rows.extend(rows);
    }

    fn roll(&mut self, destination: usize) -> Result<(), Finding> {
        let Some(open) = self.lanes[destination].open.take() else { return Ok(()) };
        self.files += 1;
        let id = FileId(self.files);
        self.ledger.closed(id, open.before).map_err(in_ledger)?;
        self.lanes[destination].closed.push_back(Closed { id, rows: open.rows });
        self.report()
    }

    /// Tells the ledger how far the lane is and what lies open.
    fn report(&mut self) -> Result<(), Finding> {
        let Some(read) = &self.read else { return Ok(()) };
        let open = self.lanes.iter().filter_map(|lane| lane.open.as_ref()).map(|open| &open.before);
        let oldest = open.min_by_key(|before| match before {
            Before::Start => None,
            Before::Event(position) => Some(position.sequence_number),
        });
        self.ledger.advanced(read.clone(), oldest.cloned()).map_err(in_ledger)
    }

    /// A file's rows are in the lake, as far as the writer knows.
    fn landed(&mut self, destination: usize, n: usize, last: Ordinal, world: &World) -> Result<(), Finding> {
        let lane = &mut self.lanes[destination];
        let Some(sent) = lane.sent.remove(n) else { return Ok(()) };
        // A chain that lost takes no more files; only a bug goes on from there.
        if sent.supposed.is_some() || world.has(Bug::LostIsDone) {
            lane.chain = Chain::recovered(lane.chain.last().max(Some(last)));
        }
        world.rows_are_there(self.at, &sent.file.rows)?;
        self.ledger.durable(sent.file.id).map_err(in_ledger)
    }
}

impl Lane {
    /// Offers the next closed file to the chain. Says if there was one and its turn had come.
    fn offer(&mut self, world: &World) -> Result<bool, Finding> {
        let pipelined = world.has(Bug::PipelinedPuts);
        if !self.sent.is_empty() && !pipelined {
            return Ok(false);
        }
        let Some(file) = self.closed.pop_front() else { return Ok(false) };
        let before = self.sent.back().map(|before| before.file.last());
        let supposed = pipelined.then(|| Chain::recovered(before.max(self.chain.last())));
        let mut sent = Sent { file, step: Step::Put { continues_at: Ordinal(0) }, supposed };
        let chain = sent.supposed.as_mut().unwrap_or(&mut self.chain);
        let offered = chain.offer(sent.file.first(), sent.file.last());
        sent.step = offered.map_err(in_chain)?;
        self.sent.push_back(sent);
        Ok(true)
    }
}

/// What is done, or that the rows contradict the checkpoint. The operator then removes it, as the sentence says.
fn done(
    world: &mut World,
    proven: Option<Ordinal>,
    checkpoint: Option<Ordinal>,
    origin: Ordinal,
    settled: &OrdinalSet,
) -> Result<Result<Option<Ordinal>, LakeBehind>, Finding> {
    // Rows that confirm a checkpoint hide that it is another's: these mistakes are planted where nobody asks the rows.
    let believed = [Bug::CheckpointBelieved, Bug::AnyGenerationsCheckpoint, Bug::AnyLakesCheckpoint];
    let rows_not_asked = world.has(Bug::RowsNotAsked) && !world.restored;
    if rows_not_asked || world.bug.is_some_and(|bug| believed.contains(&bug)) {
        return Ok(Ok(checkpoint.max(proven)));
    }
    match start::done(proven, checkpoint, origin, settled) {
        Ok(done) => Ok(Ok(done)),
        Err(behind) if !world.restored => Err(Finding::new("I7", behind)),
        Err(behind) => {
            world.tally.refused_checkpoints += 1;
            world.checkpoint = None;
            Ok(Err(behind))
        }
    }
}

/// The stored checkpoint, if it counts.
fn read_checkpoint(world: &World, at: At) -> Option<Ordinal> {
    let me = &world.source(at).identity;
    let mut stored: Option<Claim> = world.checkpoint.clone();
    if let Some(claim) = &mut stored {
        if world.has(Bug::AnyGenerationsCheckpoint) {
            claim.identity.source = me.source.clone();
        }
        if world.has(Bug::AnyLakesCheckpoint) {
            claim.identity.lake.clone_from(&me.lake);
        }
    }
    start::checkpoint(me, stored.as_ref())
}

/// Put once: the first start says where the source begins in this lake.
fn record_origin(world: &mut World, at: At, routing_version: u32) -> Ordinal {
    let extent = world.log().extent();
    let latest = extent.last.map_or(extent.begin, |last| Ordinal(last.0 + 1));
    let from = if world.setup.has(Trait::PartitionIsNew) && !world.has(Bug::NewPartitionBeginsAtOldest) {
        Ordinal(0)
    } else if world.setup.has(Trait::BeginsAtLatest) {
        latest
    } else {
        extent.begin
    };
    world.source_mut(at).origin.get_or_insert(Rules { n: 0, from, routing_version }).from
}

/// Where the rules say that reading begins, and where two bugs say it does.
fn first_of(world: &World, at: At, checkpoint: Option<Ordinal>, entered: Entered) -> Ordinal {
    let extent = world.log().extent();
    let origin = world.source(at).origin.map_or(entered.from, |origin| origin.from);
    if checkpoint.is_some() {
        return entered.from;
    }
    match world.bug {
        Some(Bug::LatestWithoutOrigin) if world.setup.has(Trait::BeginsAtLatest) => {
            extent.last.map_or(extent.begin, |last| Ordinal(last.0 + 1))
        }
        Some(Bug::BoundaryInCheckpointOnly) => origin,
        _ => entered.from,
    }
}

fn in_ledger(violation: ledger::Violation) -> Finding {
    Finding::new("ledger", violation)
}

fn in_chain(violation: chain::Violation) -> Finding {
    Finding::new("chain", violation)
}
