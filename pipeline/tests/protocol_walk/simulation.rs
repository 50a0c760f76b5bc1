//! State that all writers budget: logs, lakes, records, checkpoints and puts in flight.
//!
//! Owns the invariants, which are checked whenever that state changes.

use catchwater::internals::clock::UnixMillis;
use catchwater::internals::position::{Offset, Position, SequenceNumber};
use catchwater_sinks::lake::rules::Rules;
use catchwater_sinks::lake::start::{Claim, Extent, Identity};
use catchwater_sinks::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use catchwater_sinks::paths::SourceId;

use crate::bug::Bug;
use crate::dice::Dice;
use crate::setup::{Setup, Tally, Trait};

/// An invariant that does not hold.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Its name: I1 to I7, or the part of the program that reported an error.
    pub(crate) invariant: &'static str,
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(invariant: &'static str, what: impl std::fmt::Display) -> Self {
        Self { invariant, what: what.to_string() }
    }
}

/// A lake and a generation of the hub: together one source with its chains and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    pub(crate) lake: usize,
    pub(crate) log: usize,
}

/// One row: an event has one or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) log: usize,
    pub(crate) event: Ordinal,
    pub(crate) index: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) ordinal: Ordinal,
    pub(crate) rows: usize,
    /// The destination by the first version of the rules and by the second.
    pub(crate) routes: [usize; 2],
}

/// One generation of the hub's partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// All events that will ever be, of which the first `enqueued` have arrived.
    pub(crate) events: Vec<Event>,
    pub(crate) enqueued: usize,
    /// Number of events that retention has removed.
    pub(crate) purged: usize,
}

impl Log {
    pub(crate) fn new(dice: &mut Dice, setup: &Setup) -> Self {
        let mut ordinal = -1;
        let events = (0..setup.events).map(|_| {
            // Sequence numbers rise and may have gaps.
            ordinal += if dice.chance(8) { 2 } else { 1 };
            let first = dice.below(setup.destinations);
            let second = if dice.chance(50) { dice.below(setup.destinations) } else { first };
            let rows = if dice.chance(20) { 2 } else { 1 };
            Event { ordinal: Ordinal::new(ordinal), rows, routes: [first, second] }
        });
        let events = events.collect();
        let enqueued = dice.below(setup.events / 2);
        let purged = if setup.has(Trait::PartitionIsNew) { dice.below(enqueued + 1) } else { 0 };
        Self { events, enqueued, purged }
    }

    pub(crate) fn last(&self) -> Option<Ordinal> {
        self.events[..self.enqueued].last().map(|event| event.ordinal)
    }

    fn end(&self) -> Ordinal {
        self.last().map_or(Ordinal::new(0), Ordinal::next)
    }

    pub(crate) fn begin(&self) -> Ordinal {
        match self.events[..self.enqueued].get(self.purged) {
            Some(event) if self.purged > 0 => event.ordinal,
            Some(_) => Ordinal::new(0),
            None => self.end(),
        }
    }

    pub(crate) fn extent(&self) -> Extent {
        Extent { begin: self.begin(), last: self.last() }
    }

    /// The event that a reader gets when it asks for this one. If that is gone, the hub starts at its oldest without a
    /// word.
    pub(crate) fn receive(&self, from: Ordinal) -> Option<&Event> {
        self.events[self.purged..self.enqueued].iter().find(|event| event.ordinal >= from)
    }
}

/// A file of a lake.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) continues_at: Ordinal,
    pub(crate) last: Ordinal,
    pub(crate) rows: Vec<Row>,
    pub(crate) writer: usize,
    /// The durable position in its footer.
    pub(crate) durable: Option<Ordinal>,
    pub(crate) synced: bool,
}

/// One source's part of a lake.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) identity: Identity,
    /// Files in the order of their chain, by path.
    pub(crate) chains: Vec<Vec<File>>,
    pub(crate) origin: Option<Rules>,
    pub(crate) rules: Vec<Rules>,
    pub(crate) lost: Vec<OrdinalRange>,
    /// Numbers that were accepted as gaps.
    pub(crate) gaps: Vec<OrdinalRange>,
}

impl Source {
    /// The rules in force, once there is an origin.
    pub(crate) fn newest_rules(&self) -> Option<Rules> {
        self.rules.last().copied().or(self.origin)
    }

    fn is_lost(&self, event: Ordinal) -> bool {
        self.lost.iter().any(|range| (range.from..=range.to).contains(&event))
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Lake {
    /// By log.
    pub(crate) sources: Vec<Source>,
    /// Number of times that each row is in the lake, by log, event number and row index.
    counts: Vec<Vec<[u8; 2]>>,
}

/// A put in flight whose writer no longer waits for it.
#[derive(Clone, Debug)]
pub(crate) struct Put {
    pub(crate) at: SourceKey,
    pub(crate) path: usize,
    pub(crate) file: File,
}

#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) bug: Option<Bug>,
    pub(crate) setup: Setup,
    pub(crate) logs: Vec<Log>,
    pub(crate) lakes: Vec<Lake>,
    /// The current lake and log.
    pub(crate) current: SourceKey,
    pub(crate) checkpoint: Option<Claim>,
    pub(crate) old_checkpoints: Vec<Claim>,
    /// An earlier copy of the current lake.
    copy: Option<(usize, Lake)>,
    /// A lake was restored from its copy: checkpoints may be ahead of it.
    pub(crate) restored: bool,
    /// Listings show every file: they reveal that a hub restarted its numbers.
    pub(crate) listings_are_current: bool,
    /// An operator has declared older versions of the rules stopped.
    pub(crate) old_versions_stopped: bool,
    pub(crate) in_flight: Vec<Put>,
    pub(crate) tally: Tally,
    offset: Offset,
}

impl Simulation {
    pub(crate) fn new(bug: Option<Bug>, setup: Setup) -> Self {
        Self {
            bug,
            setup,
            logs: Vec::new(),
            lakes: vec![Lake::default()],
            current: SourceKey { lake: 0, log: 0 },
            checkpoint: None,
            old_checkpoints: Vec::new(),
            copy: None,
            restored: false,
            listings_are_current: false,
            old_versions_stopped: false,
            in_flight: Vec::new(),
            tally: Tally::default(),
            offset: Offset::new(""),
        }
    }

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.logs[self.current.log]
    }

    pub(crate) fn source(&self, at: SourceKey) -> &Source {
        &self.lakes[at.lake].sources[at.log]
    }

    pub(crate) fn source_mut(&mut self, at: SourceKey) -> &mut Source {
        &mut self.lakes[at.lake].sources[at.log]
    }

    /// The path of a destination, which no other has (rule 11).
    pub(crate) fn path(&self, destination: usize) -> usize {
        if self.has(Bug::SharedPath) { destination / 2 } else { destination }
    }

    pub(crate) fn position(&self, event: Ordinal) -> Position {
        Position {
            sequence_number: SequenceNumber::new(event.get()),
            offset: self.offset.clone(),
            enqueued_time: UnixMillis::new(event.get()),
        }
    }

    /// Creates the hub, for the first time or again.
    pub(crate) fn create_hub(&mut self, log: Log) {
        self.logs.push(log);
        self.current.log = self.logs.len() - 1;
        for lake in 0..self.lakes.len() {
            self.add_sources(lake);
        }
    }

    /// Replaces the lake by an empty one.
    pub(crate) fn change_lake(&mut self) {
        self.lakes.push(Lake::default());
        self.current.lake = self.lakes.len() - 1;
        self.add_sources(self.current.lake);
    }

    fn add_sources(&mut self, lake: usize) {
        for log in self.lakes[lake].sources.len()..self.logs.len() {
            let identity = Identity {
                lake: format!("lake {lake}"),
                namespace: "ns".to_owned(),
                source: SourceId::new("hub", log as i64, 0),
            };
            let chains = vec![Vec::new(); self.setup.destinations];
            let source = Source {
                identity,
                chains,
                origin: None,
                rules: Vec::new(),
                lost: Vec::new(),
                gaps: Vec::new(),
            };
            let counts = vec![[0; 2]; self.logs[log].events.len()];
            let lake = &mut self.lakes[lake];
            lake.sources.push(source);
            lake.counts.push(counts);
        }
    }

    /// Puts a file unless its name is taken; returns true if it created one.
    pub(crate) fn put_if_absent(&mut self, put: Put) -> Result<bool, Finding> {
        let Put { at, path, file } = put;
        let chain = &self.source(at).chains[path];
        if chain.iter().any(|other| other.continues_at == file.continues_at) {
            return Ok(false);
        }
        self.tally.files += 1;
        for row in &file.rows {
            let count = self.count_mut(at.lake, *row);
            *count += 1;
            if *count > 1 {
                return Err(Finding::new("I1", format!("{row:?} is in the lake twice")));
            }
        }
        // With this bug names mean nothing; the rows are checked nevertheless.
        if !self.has(Bug::NamedAfterFirstRow) {
            check_continues(self.source(at).chains[path].last(), &file)?;
        }
        self.source_mut(at).chains[path].push(file);
        Ok(true)
    }

    /// Finds a file by its name and syncs it before anything relies on it.
    pub(crate) fn find(&mut self, at: SourceKey, path: usize, name: Ordinal) -> Option<&File> {
        let synced = !self.has(Bug::UnsyncedFileCounts);
        let file = self.source_mut(at).chains[path].iter_mut().find(|file| file.continues_at == name)?;
        file.synced |= synced;
        Some(file)
    }

    /// Events above `after` that have a row, synced before anything relies on them, and the accepted gaps.
    pub(crate) fn settled_above(&mut self, at: SourceKey, after: Option<Ordinal>) -> OrdinalSet {
        self.tally.rows_asked += 1;
        let gaps: Vec<_> = self.source(at).gaps.clone();
        self.rows_above(at, after).union(gaps.into_iter().collect())
    }

    /// Events above `after` that have a row.
    pub(crate) fn rows_above(&mut self, at: SourceKey, after: Option<Ordinal>) -> OrdinalSet {
        let synced = !self.has(Bug::UnsyncedFileCounts);
        let files = self.source_mut(at).chains.iter_mut().flatten().filter(|file| Some(file.last) > after);
        let rows = files.flat_map(|file| {
            file.synced |= synced;
            file.rows.iter().map(|row| row.event).filter(|event| Some(*event) > after)
        });
        rows.map(|event| OrdinalRange::new(event, event)).collect()
    }

    /// Records events as lost. Checks I6: none of them is in the lake.
    pub(crate) fn record_loss(&mut self, at: SourceKey, ranges: &[OrdinalRange]) -> Result<(), Finding> {
        for range in ranges {
            let rows: Vec<Row> = self.rows_from_origin(at).collect();
            let there = |row: &&Row| self.lakes[at.lake].counts[row.log][self.number(**row)][row.index] > 0;
            if let Some(row) =
                rows.iter().filter(|row| (range.from..=range.to).contains(&row.event)).find(there)
            {
                return Err(Finding::new("I6", format!("{row:?} is in the lake and was recorded as lost")));
            }
            self.tally.lost_ranges += 1;
            self.source_mut(at).lost.push(*range);
        }
        Ok(())
    }

    /// Copies the lake with all its records, or restores an earlier copy, while no writer runs.
    pub(crate) fn copy_or_restore(&mut self) {
        let lake = self.current.lake;
        match self.copy.take() {
            Some((of, copy)) if of == lake && copy.sources.len() == self.logs.len() => {
                self.lakes[lake] = copy;
                self.in_flight.clear();
                self.restored = true;
                self.tally.restored_lakes += 1;
            }
            _ => self.copy = Some((lake, self.lakes[lake].clone())),
        }
    }

    /// Checks I5: a row that is skipped as present is present.
    pub(crate) fn check_rows_present(&self, at: SourceKey, rows: &[Row]) -> Result<(), Finding> {
        let missing = rows.iter().find(|row| !self.is_settled(at, **row));
        missing.map_or(Ok(()), |row| {
            Err(Finding::new("I5", format!("{row:?} was skipped, but is not in the lake")))
        })
    }

    /// Stores a checkpoint.
    pub(crate) fn store_checkpoint(&mut self, at: SourceKey, last: Ordinal) -> Result<(), Finding> {
        self.tally.checkpoints += 1;
        self.check_checkpoint(at, last)?;
        let identity = self.source(at).identity.clone();
        let claim = Claim { identity, last };
        self.old_checkpoints.push(claim.clone());
        self.checkpoint = Some(claim);
        Ok(())
    }

    /// Checks I3: everything up to a checkpoint is in the lake.
    fn check_checkpoint(&self, at: SourceKey, last: Ordinal) -> Result<(), Finding> {
        let missing = self.rows_from_origin(at).find(|row| row.event <= last && !self.is_settled(at, *row));
        let what = |row| format!("the checkpoint is at {last}, but {row:?} is not in the lake");
        missing.map_or(Ok(()), |row| Err(Finding::new("I3", what(row))))
    }

    /// Fails the power: unsynced files and all puts in flight are gone.
    pub(crate) fn lose_power(&mut self) -> Result<(), Finding> {
        self.tally.power_failures += 1;
        self.in_flight.clear();
        for at in self.sources() {
            self.drop_unsynced(at);
            self.check_chains(at)?;
        }
        match self.checkpoint.clone() {
            _ if self.restored => Ok(()),
            Some(claim) => self.check_checkpoint(self.at(&claim.identity), claim.last),
            None => Ok(()),
        }
    }

    /// Every lake with every log.
    pub(crate) fn sources(&self) -> impl Iterator<Item = SourceKey> + use<> {
        let logs = self.logs.len();
        (0..self.lakes.len()).flat_map(move |lake| (0..logs).map(move |log| SourceKey { lake, log }))
    }

    fn at(&self, identity: &Identity) -> SourceKey {
        self.sources().find(|at| self.source(*at).identity == *identity).unwrap_or(self.current)
    }

    fn drop_unsynced(&mut self, at: SourceKey) {
        for path in 0..self.setup.destinations {
            let files = std::mem::take(&mut self.source_mut(at).chains[path]);
            let (kept, gone): (Vec<File>, Vec<File>) = files.into_iter().partition(|file| file.synced);
            self.source_mut(at).chains[path] = kept;
            self.tally.files_lost_in_power_failures += gone.len();
            for row in gone.iter().flat_map(|file| &file.rows) {
                *self.count_mut(at.lake, *row) -= 1;
            }
        }
    }

    /// Checks I4: each file's name is one past the last row of the file before it.
    pub(crate) fn check_chains(&self, at: SourceKey) -> Result<(), Finding> {
        if self.has(Bug::NamedAfterFirstRow) {
            return Ok(());
        }
        for chain in &self.source(at).chains {
            for (n, file) in chain.iter().enumerate() {
                check_continues(n.checked_sub(1).map(|before| &chain[before]), file)?;
            }
        }
        Ok(())
    }

    /// Checks I2, at the end: each event from the origin on has its rows, or is recorded as lost.
    pub(crate) fn check_all_rows(&self, at: SourceKey) -> Result<(), Finding> {
        let missing = self.rows_from_origin(at).find(|row| !self.is_settled(at, *row));
        missing.map_or(Ok(()), |row| Err(Finding::new("I2", format!("{row:?} is in no file"))))
    }

    fn rows_from_origin(&self, at: SourceKey) -> impl Iterator<Item = Row> + '_ {
        let log = &self.logs[at.log];
        let origin = self.source(at).origin.map_or(Ordinal::new(i64::MAX), |origin| origin.from);
        // The lake owes all events of an added partition, regardless of the recorded origin.
        let is_new = self.setup.has(Trait::PartitionIsNew) && origin < Ordinal::new(i64::MAX);
        let first = if is_new { Ordinal::new(0) } else { origin };
        let events = log.events[..log.enqueued].iter().filter(move |event| event.ordinal >= first);
        events.flat_map(move |event| {
            (0..event.rows).map(move |index| Row { log: at.log, event: event.ordinal, index })
        })
    }

    fn is_settled(&self, at: SourceKey, row: Row) -> bool {
        let number = self.number(row);
        self.lakes[at.lake].counts[row.log][number][row.index] > 0 || self.source(at).is_lost(row.event)
    }

    fn count_mut(&mut self, lake: usize, row: Row) -> &mut u8 {
        let number = self.number(row);
        &mut self.lakes[lake].counts[row.log][number][row.index]
    }

    /// The index of an event in its log.
    fn number(&self, row: Row) -> usize {
        let events = &self.logs[row.log].events;
        events.partition_point(|event| event.ordinal < row.event)
    }
}

/// Checks I4 for one file and the one before it.
fn check_continues(before: Option<&File>, file: &File) -> Result<(), Finding> {
    let expected = before.map_or(Ordinal::new(0), |before| before.last.next());
    let rises = file.rows.iter().all(|row| row.event >= expected && row.event <= file.last);
    if file.continues_at == expected && rises {
        return Ok(());
    }
    Err(Finding::new("I4", format!("{file:?} does not continue at {expected}")))
}
