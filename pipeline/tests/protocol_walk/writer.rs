//! A writer that runs the real protocol: start rule, rules chain, recovery, skip rule, chain and ledger.
//! It deviates only where a [`Bug`] is planted.

use std::collections::VecDeque;

use catchwater::internals::position::Position;
use catchwater::internals::run::ledger::{self, Before, FileId, Ledger};
use catchwater_sinks::lake::chain::{self, Chain, Step, covers};
use catchwater_sinks::lake::reattach::{AfterAttach, Changed, may_go_on};
use catchwater_sinks::lake::rules::{Decision, Entered, OldVersions, Rules, check_rules};
use catchwater_sinks::lake::start::{self, LakeBehind, PositionLost};
use catchwater_sinks::lake::{recovery, start::Claim};
use catchwater_sinks::ordinals::{Ordinal, OrdinalRange, OrdinalSet};

use crate::bug::Bug;
use crate::dice::Dice;
use crate::link::{Arrived, End, Link};
use crate::network::Request;
use crate::setup::Trait;
use crate::simulation::{Event, Finding, Row, Simulation, SourceKey};

/// A process that may write to the lake.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) id: usize,
    /// The version of its routing rules: 1 or 2.
    pub(crate) version: u32,
    pub(crate) run: Option<Run>,
    /// Files that its own conflicted with, as (source, path, last row); forgotten in a crash.
    winners: Vec<(SourceKey, usize, Ordinal)>,
    /// Rows that outlive their run, by destination; only with a planted bug.
    kept: Vec<Vec<Row>>,
}

/// From a start to a crash or the next start.
#[derive(Debug)]
pub(crate) struct Run {
    at: SourceKey,
    /// The number of the next event to hand over.
    next: Ordinal,
    /// `None` before the first attach and after the link was lost.
    link: Option<Link>,
    /// Number of attaches.
    attaches: usize,
    /// The first number that the hub had at the start; only for a planted bug.
    begin: Ordinal,
    /// The last event that was read.
    read: Option<Position>,
    /// The durable position that the lake proved at the start.
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

/// A file in flight, and the step that the chain asks for.
#[derive(Debug)]
struct Sent {
    file: Closed,
    step: Step,
    /// A chain of its own that assumes the file before to be durable; only with a planted bug.
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

    /// Kills the process; its puts in flight may still arrive.
    pub(crate) fn crash(&mut self, simulation: &mut Simulation) {
        if self.run.take().is_some() {
            simulation.tally.crashes += 1;
        }
        self.winners.clear();
        self.kept.iter_mut().for_each(Vec::clear);
    }

    /// Ends the run; the process stays.
    fn stop(&mut self, simulation: &Simulation) {
        let Some(run) = self.run.take() else { return };
        if simulation.has(Bug::BuffersSurviveRestart) {
            for (kept, lane) in self.kept.iter_mut().zip(run.lanes) {
                let unsent = lane.sent.into_iter().map(|sent| sent.file).chain(lane.closed);
                kept.extend(unsent.flat_map(|file| file.rows));
                kept.extend(lane.open.into_iter().flat_map(|open| open.rows));
            }
        }
    }

    /// Takes the start path. Does nothing if the rules or a lost position forbid it; with `accept_loss` the operator
    /// has chosen to go on without lost events.
    pub(crate) fn start(
        &mut self,
        simulation: &mut Simulation,
        dice: &mut Dice,
        accept_loss: bool,
    ) -> Result<(), Finding> {
        let at = simulation.current;
        let checkpoint = read_checkpoint(simulation, at);
        let (lanes, found) = self.recover(simulation, dice, at);
        let extent = simulation.log().extent();
        let renumbered = start::numbers_go_on(found.highest_row, extent).is_err();
        if renumbered && !simulation.has(Bug::RenumberingUnnoticed) {
            return Ok(());
        }
        let origin = record_origin(simulation, at, self.version);
        let proven = start::proven(found.durable, &simulation.source(at).lost);
        let needs_rows = start::needs_rows(proven, checkpoint, origin, extent);
        let settled = if needs_rows && !simulation.has(Bug::RowsNotConsulted) {
            simulation.settled_above(at, proven)
        } else {
            OrdinalSet::default()
        };
        let Ok(done) = done(simulation, proven, checkpoint, origin, &settled)? else { return Ok(()) };
        let Some(entered) = self.enter(simulation, at, done) else { return Ok(()) };
        let from = first_of(simulation, at, checkpoint, entered);
        let next = match start::begin_reading(done, from, extent, &settled) {
            Ok(next) => next,
            Err(PositionLost::Gone { .. }) if simulation.has(Bug::RetentionIgnored) => extent.begin,
            Err(gone @ PositionLost::Gone { .. }) if accept_loss => {
                simulation.record_loss(at, gone.ranges())?;
                extent.begin
            }
            // The operator did not choose to go on, or the hub restarted its numbers and is behind the position.
            Err(_) => return Ok(()),
        };
        simulation.tally.starts_by_footer += usize::from(checkpoint.is_none() && found.durable.is_some());
        let behind = checkpoint.map(|last| simulation.position(last));
        let ledger = Ledger::starting_after(behind);
        self.run = Some(Run {
            at,
            next,
            link: None,
            attaches: 0,
            begin: extent.begin,
            read: None,
            proven: done,
            ledger,
            files: 0,
            lanes,
        });
        Ok(())
    }

    /// Consults the rules chain and records a boundary where one is due.
    fn enter(&self, simulation: &mut Simulation, at: SourceKey, done: Option<Ordinal>) -> Option<Entered> {
        let newest = simulation.source(at).newest_rules()?;
        let last_enqueued = simulation.log().last();
        if simulation.has(Bug::RulesWithoutBoundary) {
            return Some(Entered { from: simulation.source(at).origin?.from });
        }
        let old = if simulation.old_versions_stopped {
            let rows_above_durable =
                !simulation.rows_above(at, done).is_empty() && !simulation.has(Bug::BoundaryBelowRows);
            OldVersions::Stopped { rows_above_durable }
        } else {
            OldVersions::MayRun
        };
        let record = match check_rules(self.version, newest, done, last_enqueued, old) {
            Decision::Start(entered) => return Some(entered),
            Decision::Record(rules) => rules,
            Decision::NotCaughtUp if simulation.has(Bug::BoundaryBeforeCaughtUp) => {
                let from = last_enqueued?.next();
                Rules { n: newest.n + 1, from, routing_version: self.version }
            }
            Decision::NotCaughtUp | Decision::NotDrained | Decision::Newer => return None,
        };
        simulation.tally.boundaries += 1;
        simulation.tally.boundaries_on_a_busy_hub +=
            usize::from(last_enqueued.is_some_and(|last| record.from <= last));
        simulation.source_mut(at).rules.push(record);
        Some(Entered { from: record.from })
    }

    /// Lists the chains, where a stale listing may show any file as the last, and reads the footers.
    fn recover(&mut self, simulation: &mut Simulation, dice: &mut Dice, at: SourceKey) -> (Vec<Lane>, Found) {
        let destinations = simulation.setup.destinations;
        let mut listed = Vec::new();
        for destination in 0..destinations {
            let chain = &simulation.source(at).chains[simulation.path(destination)];
            let stale = !simulation.listings_are_current && dice.chance(30);
            let shown = if stale { dice.below(chain.len() + 1) } else { chain.len() };
            listed.extend(chain[..shown].iter().map(|file| (destination, file.continues_at)));
            simulation.tally.stale_lists += usize::from(shown < chain.len());
        }
        let newest = recovery::last_files(listed.into_iter());
        let mut found = Found::default();
        let lane = |destination: usize| {
            let path = simulation.path(destination);
            let name = newest.get(&destination);
            let file = name.and_then(|name| simulation.find(at, path, *name));
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

    /// Hands over one event, or takes a step towards it: attaches, checks what changed, or notices the end of the link.
    /// Returns false if there is nothing to do.
    pub(crate) fn read(&mut self, simulation: &mut Simulation, dice: &mut Dice) -> Result<bool, Finding> {
        let Some(run) = &mut self.run else { return Ok(false) };
        let Some(link) = &mut run.link else {
            run.attach(simulation);
            return Ok(true);
        };
        if !link.is_checked {
            self.check(simulation);
            return Ok(true);
        }
        let log = link.log;
        match link.take(dice.between(1, 3), simulation) {
            Arrived::Event(event) => self.hand_over(&event, log, simulation, dice),
            Arrived::Nothing => Ok(false),
            Arrived::Ended(End::Disconnected) => {
                run.link = None;
                Ok(true)
            }
            Arrived::Ended(End::Stolen) => {
                self.crash(simulation);
                Ok(false)
            }
        }
    }

    /// Loses the link. What it had received is handed over first, or is dropped with it.
    pub(crate) fn disconnect(&mut self, simulation: &mut Simulation, dice: &mut Dice) {
        let Some(run) = &mut self.run else { return };
        let Some(link) = &mut run.link else { return };
        simulation.tally.disconnects += 1;
        link.lose(End::Disconnected, dice.between(0, 2), simulation);
        if dice.chance(50) && link.end() == Some(End::Disconnected) {
            let next = link.next;
            simulation.tally.received_in_vain += link.drop_received();
            run.link = None;
            if simulation.has(Bug::AttachedAfterReceived) {
                run.next = next;
            }
        }
    }

    /// Another reader takes the partition with a higher owner level. A writer that has no link does not notice it, nor
    /// does one that loses it just before.
    pub(crate) fn displace(&mut self, simulation: &mut Simulation, dice: &mut Dice) {
        if dice.chance(50) {
            self.disconnect(simulation, dice);
        }
        if let Some(link) = self.run.as_mut().and_then(|run| run.link.as_mut()) {
            link.lose(End::Stolen, dice.between(0, 2), simulation);
        }
    }

    /// Attaches without a link, and checks what changed meanwhile. Returns the next number to hand over, if the run
    /// goes on.
    pub(crate) fn reattach(&mut self, simulation: &mut Simulation) -> Option<Ordinal> {
        let run = self.run.as_mut().filter(|run| run.link.is_none())?;
        run.attach(simulation);
        self.check(simulation);
        self.run.as_ref().map(|run| run.next)
    }

    /// Asks hub and lake after an attach, and ends the run if it must not go on.
    fn check(&mut self, simulation: &mut Simulation) {
        let Some(run) = &mut self.run else { return };
        let Some(link) = &mut run.link else { return };
        let again = run.attaches > 1;
        let skips = |bug| again && simulation.has(bug);
        let mut now = AfterAttach {
            generation: simulation.current.log as i64,
            extent: simulation.log().extent(),
            rules_hold: simulation
                .source(run.at)
                .newest_rules()
                .is_none_or(|newest| newest.routing_version <= self.version),
        };
        if skips(Bug::GenerationNotAskedAgain) {
            now.generation = run.at.log as i64;
        }
        if skips(Bug::ExtentNotAskedAgain) {
            now.extent.last = now.extent.last.max(Some(run.next.previous()));
        }
        now.rules_hold |= skips(Bug::RulesNotAskedAgain);
        let tally = &mut simulation.tally;
        match may_go_on(run.at.log as i64, run.next, now) {
            Ok(()) => {
                link.is_checked = true;
                let has_rows = run.lanes.iter().any(|lane| lane.open.is_some());
                tally.reattaches_with_open_rows += usize::from(again && has_rows);
            }
            Err(Changed::Generation { .. }) => {
                tally.reattaches_to_new_hubs += usize::from(again);
                self.stop(simulation);
            }
            Err(Changed::Rules) => {
                tally.reattaches_after_new_rules += usize::from(again);
                self.stop(simulation);
            }
            // The position is lost: the process ends.
            Err(Changed::Numbers(_)) => {
                tally.reattaches_to_renumbered_hubs += usize::from(again);
                self.crash(simulation);
            }
        }
    }

    /// Hands an event to its lane, after the gap before it was judged.
    fn hand_over(
        &mut self,
        event: &Event,
        log: usize,
        simulation: &mut Simulation,
        dice: &mut Dice,
    ) -> Result<bool, Finding> {
        let Some(run) = &mut self.run else { return Ok(false) };
        if event.ordinal > run.next {
            // Asks the hub after the event was received; the answer of a hub that was created again means nothing.
            let is_old = simulation.has(Bug::GapJudgedByOldExtent) && run.attaches > 1;
            let begin = if is_old { run.begin } else { simulation.log().begin() };
            let is_lost = start::follows(run.next, event.ordinal, begin).is_err();
            let is_other = log != simulation.current.log && !simulation.has(Bug::GenerationNotAskedAgain);
            if (is_lost && !simulation.has(Bug::RetentionIgnored)) || is_other {
                self.stop(simulation);
                return Ok(false);
            }
            if !simulation.has(Bug::GapNotRecorded) {
                simulation.tally.gaps += 1;
                let gap = OrdinalRange { from: run.next, to: event.ordinal.previous() };
                simulation.source_mut(run.at).gaps.push(gap);
            }
        }
        let destination = event.routes[self.version as usize - 1];
        let row = |index| Row { log, event: event.ordinal, index };
        let rows: Vec<Row> = (0..event.rows).map(row).collect();
        if covers(run.lanes[destination].chain.last(), event.ordinal)
            && !simulation.has(Bug::ExistingRowsNotSkipped)
        {
            simulation.tally.skipped += 1;
            simulation.check_rows_present(run.at, &rows)?;
        } else if simulation.has(Bug::EventSplitAcrossFiles) && rows.len() > 1 && dice.chance(50) {
            run.push(destination, &rows[..1]);
            run.roll(destination)?;
            run.push(destination, &rows[1..]);
        } else {
            run.push(destination, &rows);
        }
        run.next = event.ordinal.next();
        run.read = Some(simulation.position(event.ordinal));
        run.report()?;
        Ok(true)
    }

    /// Closes the open file of a destination, if there is one.
    pub(crate) fn roll(&mut self, destination: usize) -> Result<(), Finding> {
        self.run.as_mut().map_or(Ok(()), |run| run.roll(destination))
    }

    /// Takes the next step for a destination's closed files; returns true if there was one.
    pub(crate) fn commit(
        &mut self,
        destination: usize,
        simulation: &mut Simulation,
        dice: &mut Dice,
    ) -> Result<bool, Finding> {
        let Some(run) = &mut self.run else { return Ok(false) };
        if run.lanes[destination].offer(simulation)? {
            return Ok(true);
        }
        let durable = run.footer(simulation);
        let lane = &mut run.lanes[destination];
        if lane.sent.is_empty() {
            return Ok(false);
        }
        // At most one without a planted bug.
        let n = dice.below(lane.sent.len());
        let request = Request {
            writer: self.id,
            at: run.at,
            path: simulation.path(destination),
            rows: &lane.sent[n].file.rows,
            durable,
        };
        let answer = request.carry_out(lane.sent[n].step, simulation, dice)?;
        let sent = &mut lane.sent[n];
        let chain = sent.supposed.as_mut().unwrap_or(&mut lane.chain);
        sent.step = chain.advance(answer).map_err(in_chain)?;
        match sent.step {
            Step::Put { .. } | Step::ReadFooter { .. } => {}
            Step::Durable { last } => run.on_commit(destination, n, last, simulation)?,
            Step::Conflict { last } => self.on_conflict(destination, n, last, simulation)?,
        }
        Ok(true)
    }

    /// Handles a conflict: the run is over, the start path begins.
    fn on_conflict(
        &mut self,
        destination: usize,
        n: usize,
        last: Ordinal,
        simulation: &mut Simulation,
    ) -> Result<(), Finding> {
        simulation.tally.runs_ended_by_conflict += 1;
        if simulation.has(Bug::ConflictDropsFile) {
            let Some(run) = &mut self.run else { return Ok(()) };
            return run.on_commit(destination, n, last, simulation);
        }
        if let Some(run) = &self.run
            && simulation.setup.has(Trait::RemembersWinners)
        {
            self.winners.push((run.at, simulation.path(destination), last));
        }
        self.stop(simulation);
        Ok(())
    }

    /// Stores the checkpoint, if there is one.
    pub(crate) fn checkpoint(&self, simulation: &mut Simulation) -> Result<(), Finding> {
        let Some(run) = &self.run else { return Ok(()) };
        let durable = run.ledger.checkpoint();
        let position = if simulation.has(Bug::CheckpointAheadOfLake) { run.read.as_ref() } else { durable };
        match position {
            Some(position) => {
                simulation.store_checkpoint(run.at, Ordinal::new(position.sequence_number.get()))
            }
            None => Ok(()),
        }
    }

    /// Puts open files and saves the checkpoint, unless a conflict ends the run.
    pub(crate) fn drain(&mut self, simulation: &mut Simulation, dice: &mut Dice) -> Result<(), Finding> {
        for destination in 0..simulation.setup.destinations {
            self.roll(destination)?;
            while self.commit(destination, simulation, dice)? {}
        }
        self.checkpoint(simulation)
    }

    /// Runs until caught up: everything that can be read is durable and checkpointed.
    pub(crate) fn catch_up(&mut self, simulation: &mut Simulation, dice: &mut Dice) -> Result<(), Finding> {
        /// Upper bound on starts: each conflict teaches the writer at least one file.
        const STARTS_MAX: usize = 400;
        for _ in 0..STARTS_MAX {
            if self.run.is_none() {
                self.start(simulation, dice, true)?;
            }
            while self.read(simulation, dice)? {
                for destination in 0..simulation.setup.destinations {
                    if dice.chance(15) {
                        self.roll(destination)?;
                    }
                }
            }
            self.drain(simulation, dice)?;
            if self.run.is_some() {
                return Ok(());
            }
        }
        Err(Finding::new("progress", "a single run does not catch up"))
    }
}

/// Facts of the last listed files of a source.
#[derive(Debug, Default)]
struct Found {
    durable: Option<Ordinal>,
    highest_row: Option<Ordinal>,
}

impl Run {
    /// Attaches after the last event that was handed over. The lanes keep their rows.
    fn attach(&mut self, simulation: &Simulation) {
        self.attaches += 1;
        if self.attaches > 1 && simulation.has(Bug::AttachedAtDurable) {
            let durable = self.ledger.checkpoint().map(|at| Ordinal::new(at.sequence_number.get()));
            self.next = durable.map_or(self.next, |durable| durable.next().min(self.next));
        }
        if self.attaches > 1 && simulation.has(Bug::LaneForgetsRows) {
            self.lanes.iter_mut().for_each(|lane| lane.open = None);
        }
        self.link = Some(Link::attach(self.next, simulation));
    }

    /// The durable position for the footer of the next file.
    fn footer(&self, simulation: &Simulation) -> Option<Ordinal> {
        let of = |position: &Position| Ordinal::new(position.sequence_number.get());
        if simulation.has(Bug::FooterAheadOfLake) {
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
        let id = FileId::new(self.files);
        self.ledger.closed(id, open.before).map_err(in_ledger)?;
        self.lanes[destination].closed.push_back(Closed { id, rows: open.rows });
        self.report()
    }

    /// Reports the position of the lane and its oldest open row to the ledger.
    fn report(&mut self) -> Result<(), Finding> {
        let Some(read) = &self.read else { return Ok(()) };
        let open = self.lanes.iter().filter_map(|lane| lane.open.as_ref()).map(|open| &open.before);
        let oldest = open.min_by_key(|before| match before {
            Before::Start => None,
            Before::Event(position) => Some(position.sequence_number),
        });
        self.ledger.advanced(read.clone(), oldest.cloned()).map_err(in_ledger)
    }

    /// Notes that a file's rows are in the lake.
    fn on_commit(
        &mut self,
        destination: usize,
        n: usize,
        last: Ordinal,
        simulation: &Simulation,
    ) -> Result<(), Finding> {
        let lane = &mut self.lanes[destination];
        let Some(sent) = lane.sent.remove(n) else { return Ok(()) };
        // A chain takes no more files after a conflict; only a planted bug goes on.
        if sent.supposed.is_some() || simulation.has(Bug::ConflictDropsFile) {
            lane.chain = Chain::recovered(lane.chain.last().max(Some(last)));
        }
        simulation.check_rows_present(self.at, &sent.file.rows)?;
        self.ledger.durable(sent.file.id).map_err(in_ledger)
    }
}

impl Lane {
    /// Offers the next closed file to the chain; returns true if there was one and its turn had come.
    fn offer(&mut self, simulation: &Simulation) -> Result<bool, Finding> {
        let pipelined = simulation.has(Bug::PipelinedPuts);
        if !self.sent.is_empty() && !pipelined {
            return Ok(false);
        }
        let Some(file) = self.closed.pop_front() else { return Ok(false) };
        let before = self.sent.back().map(|before| before.file.last());
        let supposed = pipelined.then(|| Chain::recovered(before.max(self.chain.last())));
        let mut sent = Sent { file, step: Step::Put { continues_at: Ordinal::new(0) }, supposed };
        let chain = sent.supposed.as_mut().unwrap_or(&mut self.chain);
        let offered = chain.begin_commit(sent.file.first(), sent.file.last());
        sent.step = offered.map_err(in_chain)?;
        self.sent.push_back(sent);
        Ok(true)
    }
}

/// The durable position, or the error that rows contradict the checkpoint. The operator then removes the checkpoint, as
/// the error asks.
fn done(
    simulation: &mut Simulation,
    proven: Option<Ordinal>,
    checkpoint: Option<Ordinal>,
    origin: Ordinal,
    settled: &OrdinalSet,
) -> Result<Result<Option<Ordinal>, LakeBehind>, Finding> {
    // Rows that confirm a checkpoint hide that it is another's, so these bugs are planted where rows are not consulted.
    let believed = [Bug::CheckpointTrusted, Bug::CheckpointOfAnyGeneration, Bug::CheckpointOfAnyLake];
    let rows_not_asked = simulation.has(Bug::RowsNotConsulted) && !simulation.restored;
    if rows_not_asked || simulation.bug.is_some_and(|bug| believed.contains(&bug)) {
        return Ok(Ok(checkpoint.max(proven)));
    }
    match start::done(proven, checkpoint, origin, settled) {
        Ok(done) => Ok(Ok(done)),
        Err(behind) if !simulation.restored => Err(Finding::new("I7", behind)),
        Err(behind) => {
            simulation.tally.refused_checkpoints += 1;
            simulation.checkpoint = None;
            Ok(Err(behind))
        }
    }
}

/// The stored checkpoint, if it is of this source.
fn read_checkpoint(simulation: &Simulation, at: SourceKey) -> Option<Ordinal> {
    let me = &simulation.source(at).identity;
    let mut stored: Option<Claim> = simulation.checkpoint.clone();
    if let Some(claim) = &mut stored {
        if simulation.has(Bug::CheckpointOfAnyGeneration) {
            claim.identity.source = me.source.clone();
        }
        if simulation.has(Bug::CheckpointOfAnyLake) {
            claim.identity.lake.clone_from(&me.lake);
        }
    }
    start::checkpoint(me, stored.as_ref())
}

/// Records where the source begins in this lake; the first start's record counts.
fn record_origin(simulation: &mut Simulation, at: SourceKey, routing_version: u32) -> Ordinal {
    let extent = simulation.log().extent();
    let latest = extent.last.map_or(extent.begin, Ordinal::next);
    let from =
        if simulation.setup.has(Trait::PartitionIsNew) && !simulation.has(Bug::NewPartitionStartsAtOldest) {
            Ordinal::new(0)
        } else if simulation.setup.has(Trait::BeginsAtLatest) {
            latest
        } else {
            extent.begin
        };
    simulation.source_mut(at).origin.get_or_insert(Rules { n: 0, from, routing_version }).from
}

/// The first event to read by the rules, or by two planted bugs.
fn first_of(
    simulation: &Simulation,
    at: SourceKey,
    checkpoint: Option<Ordinal>,
    entered: Entered,
) -> Ordinal {
    let extent = simulation.log().extent();
    let origin = simulation.source(at).origin.map_or(entered.from, |origin| origin.from);
    if checkpoint.is_some() {
        return entered.from;
    }
    match simulation.bug {
        Some(Bug::LatestWithoutOrigin) if simulation.setup.has(Trait::BeginsAtLatest) => {
            extent.last.map_or(extent.begin, Ordinal::next)
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
