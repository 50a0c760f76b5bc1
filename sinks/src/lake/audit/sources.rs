//! The places of each source: which have a row, and which should.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::places::Places;
use super::report::{Report, SourceReport, parse_record};
use super::scan::Scan;
use super::schemas::{ColumnTypes, Columns};
use crate::CONTRACT;
use crate::lake::forgotten::Forgotten;
use crate::lake::gaps::{self, GapRecord};
use crate::lake::records::FirstStart;
use crate::lake::rules::Rules;
use crate::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use crate::paths::{self, DataFileName, GapCause, RedrivenFileName, SourceId};
use crate::store::{Error, Store};

/// Every source of a lake, with the records about it and the rows seen.
#[derive(Debug, Default)]
pub(super) struct Sources {
    by_id: BTreeMap<SourceId, Source>,
    /// The id in the lake's own record.
    lake: Option<String>,
    /// The ids of the lakes that files are of.
    lakes_of_files: BTreeSet<String>,
    columns: Columns,
}

#[derive(Debug, Default)]
struct Source {
    origin: Option<Ordinal>,
    /// Ordinals that were given up.
    lost: OrdinalSet,
    /// Ranges that a run saw and accepted, in rising order and apart.
    accepted: Vec<OrdinalRange>,
    /// Ranges whose rows were removed from their file on purpose.
    removed: Vec<OrdinalRange>,
    /// The highest durable position in a footer.
    proven: Option<Ordinal>,
    seen: Places,
    rows: u64,
    duplicates: u64,
}

/// The members of [`paths::lake_record`] that an audit needs.
#[derive(Deserialize)]
struct LakeRecord {
    id: String,
    /// Another version is refused before an audit begins; a value that is not a version is a finding.
    #[serde(rename = "contract", default)]
    _contract: u32,
}

/// The members of [`paths::origin`] that an audit needs.
#[derive(Deserialize)]
struct OriginRecord {
    first: Ordinal,
}

impl Sources {
    /// Reads the records of all sources; one that can't be understood is a finding.
    pub(super) async fn load(store: &Store, report: &mut Report) -> Result<Self, Error> {
        let mut sources = Self::default();
        if let Some(bytes) = store.get(&paths::lake_record()).await? {
            let record: Option<LakeRecord> = parse_record(&paths::lake_record(), &bytes, report);
            sources.lake = record.map(|record| record.id);
        }
        for (source, record) in records(store, &paths::origin_folder(), paths::parse_origin, report).await? {
            let OriginRecord { first } = record;
            sources.by_id.entry(source).or_default().origin = Some(first);
        }
        let mut lost: BTreeMap<SourceId, Vec<OrdinalRange>> = BTreeMap::new();
        let parse_lost = |path: &Path| paths::parse_lost(path).map(|(source, _)| source);
        for (source, record) in records(store, &paths::lost_folder(), parse_lost, report).await? {
            let given_up: OrdinalRange = record;
            lost.entry(source).or_default().push(given_up);
        }
        for (_, record) in records(store, &paths::forgotten_folder(), paths::parse_forgotten, report).await? {
            let Forgotten { durable, .. } = record;
            for (source, position) in durable {
                let source = sources.by_id.entry(source).or_default();
                source.proven = source.proven.max(Some(position));
            }
        }
        // Nothing is judged by these here, but a run that can't understand them stops.
        let rules = |path: &Path| paths::parse_rules(path).map(|(source, _)| source);
        let _: Vec<(SourceId, Rules)> = records(store, &paths::rules_folder(), rules, report).await?;
        let listed = store.list(&paths::first_start_folder()).await?.into_iter().map(|found| found.location);
        let listed = listed.filter(paths::is_first_start);
        // It is there before the first origin of its log.
        let needed = sources.by_id.iter().filter(|(_, source)| source.origin.is_some());
        let starts: BTreeSet<Path> = listed.chain(needed.map(|(id, _)| paths::first_start(id))).collect();
        for path in starts {
            match store.get(&path).await? {
                Some(bytes) => drop(parse_record::<FirstStart>(&path, &bytes, report)),
                None => report.broken(format!("{path} is missing: partitions of that log have begun")),
            }
        }
        for cause in GapCause::ALL {
            let name = |path: &Path| paths::parse_gap_record(path).map(|(_, source, from)| (source, from));
            for ((source, from), record) in records(store, &paths::gap_folder(cause), name, report).await? {
                let record: GapRecord = record;
                if !record.covers(from) {
                    let path = paths::gap_record(cause, &source, from);
                    report.broken(format!("{path} does not cover the number in its name"));
                }
                sources.by_id.entry(source).or_default().accepted.extend(record.ranges);
            }
        }
        for (source, ranges) in lost {
            sources.by_id.entry(source).or_default().lost = ranges.into_iter().collect();
        }
        for source in sources.by_id.values_mut() {
            source.accepted = gaps::merged(std::mem::take(&mut source.accepted));
        }
        Ok(sources)
    }

    /// Adds the rows of a file.
    pub(super) fn take(&mut self, name: &DataFileName, scan: Scan, report: &mut Report) {
        let path = name.path();
        self.take_footer(&path, &scan, report);
        let source = self.by_id.entry(name.source.clone()).or_default();
        if scan.facts.removed.is_some() {
            source.removed.push(OrdinalRange::new(scan.facts.first, scan.facts.last));
        }
        let (twice, first) = source.seen.merge(scan.rows.places);
        source.rows += scan.rows.count;
        source.duplicates += scan.rows.repeated + twice;
        // A file that claims its own rows is a finding, and no proof.
        source.proven = source.proven.max(scan.facts.durable.filter(|durable| *durable < scan.facts.first));
        if let Some(first) = first {
            report.found(format!(
                "{path}: {twice} of its places have a row elsewhere too, the first is {first}"
            ));
        }
    }

    /// True if, as far as was read, places at or below the durable position of a footer have no row.
    pub(super) fn lack_what_files_prove(&self) -> bool {
        self.by_id.values().any(|source| {
            let first = source.first();
            let proven = first.zip(source.proven).map(|(first, proven)| OrdinalRange::new(first, proven));
            proven.is_some_and(|range| source.missing(range).0 > 0)
        })
    }

    /// Adds the rows of a redriven file. Its places have their row in the quarantine, but for those `outside`.
    pub(super) fn take_redriven(
        &mut self,
        name: &RedrivenFileName,
        scan: &Scan,
        outside: Places,
        report: &mut Report,
    ) {
        self.take_footer(&name.path(), scan, report);
        let source = self.by_id.entry(name.quarantine.source.clone()).or_default();
        let (twice, _) = source.seen.merge(outside);
        source.rows += scan.rows.count;
        source.duplicates += scan.rows.repeated + twice;
    }

    /// Counts places of a redriven file that another one has.
    pub(super) fn redriven_twice(&mut self, name: &RedrivenFileName, twice: u64) {
        self.by_id.entry(name.quarantine.source.clone()).or_default().duplicates += twice;
    }

    /// Adds lake and columns of a file.
    fn take_footer(&mut self, path: &Path, scan: &Scan, report: &mut Report) {
        let facts = &scan.facts;
        if self.lake.as_ref().is_some_and(|lake| *lake != facts.lake) {
            report.broken(format!("{path} is of another lake, {:?}", facts.lake));
        }
        if !self.lakes_of_files.contains(&facts.lake) {
            self.lakes_of_files.insert(facts.lake.clone());
        }
        self.columns.take(&facts.destination.table, path, scan.columns.clone());
    }

    /// A lake with files has an id.
    fn judge_identity(&self, report: &mut Report) {
        if self.lake.is_some() || self.lakes_of_files.is_empty() {
            return;
        }
        let ids: Vec<String> = self
            .lakes_of_files
            .iter()
            .map(|id| format!("{{\"id\":{id:?},\"contract\":{CONTRACT}}}"))
            .collect();
        report.broken(format!(
            "there are data files without an identity: restore {} before anything is written here; \
             by its files its content is {}",
            paths::lake_record(),
            ids.join(" or ")
        ));
    }

    /// Compares what each source has with what it should have.
    pub(super) async fn judge(
        mut self,
        store: &Store,
        types: ColumnTypes,
        checkpoints: &BTreeMap<SourceId, Ordinal>,
        report: &mut Report,
    ) -> Result<(), Error> {
        self.judge_identity(report);
        std::mem::take(&mut self.columns).judge(store, types, report).await?;
        for id in checkpoints.keys() {
            self.by_id.entry(id.clone()).or_default();
        }
        for (id, source) in self.by_id {
            let (accepted_gaps, accepted_ranges) = source.accepted_gaps();
            let judged =
                SourceReport { accepted_gaps, ..source.judge(&id, checkpoints.get(&id).copied(), report) };
            report.rows += source.rows;
            report.events += judged.events;
            report.gaps += judged.gaps;
            report.accepted_gaps += judged.accepted_gaps;
            report.accepted_ranges += accepted_ranges;
            report.duplicates += judged.duplicates;
            report.in_flight += judged.in_flight;
            report.sources.insert(id, judged);
        }
        Ok(())
    }
}

impl Source {
    fn judge(&self, id: &SourceId, checkpoint: Option<Ordinal>, report: &mut Report) -> SourceReport {
        let (lowest, last) = self.seen.bounds().unzip();
        self.judge_origin(id, lowest, report);
        let events = self.seen.len();
        let mut judged = SourceReport { first: self.first(), last, events, ..SourceReport::default() };
        judged.duplicates = self.duplicates;
        let Some(first) = judged.first else {
            if let Some(checkpoint) = checkpoint {
                report.broken(format!(
                    "{id} has a checkpoint at {checkpoint}, but no origin record and no row"
                ));
            }
            return judged;
        };
        let (durable, proof) = match (checkpoint, self.proven) {
            (None, None) => (first.previous(), ""),
            (Some(checkpoint), proven) if proven <= Some(checkpoint) => (checkpoint, "the checkpoint "),
            (_, proven) => (proven.unwrap_or(first), "where files prove that all was durable, "),
        };
        let (gaps, gap) = self.missing(OrdinalRange::new(first, durable));
        if let Some(gap) = gap {
            report
                .found(format!("{id}: {gaps} places up to {proof}{durable} have no row, the first is {gap}"));
        }
        let above = OrdinalRange::new(durable.next().max(first), last.unwrap_or(Ordinal::MIN));
        let in_flight = self.missing(above).0;
        SourceReport { gaps, in_flight, ..judged }
    }

    /// The first place of the source: its origin, or its lowest row.
    fn first(&self) -> Option<Ordinal> {
        self.origin.or_else(|| self.seen.bounds().map(|(lowest, _)| lowest))
    }

    /// Every source with a row has an origin, and no row is below it.
    fn judge_origin(&self, id: &SourceId, lowest: Option<Ordinal>, report: &mut Report) {
        match (self.origin, lowest) {
            (None, Some(_)) => report.broken(format!("{id} has rows and no origin record")),
            (Some(origin), Some(lowest)) if lowest < origin => {
                report.broken(format!("{id} has a row of {lowest}, below its origin {origin}"));
            }
            _ => {}
        }
    }

    /// Counts the places of a range that were neither seen, given up, accepted nor removed, and finds the first of these.
    fn missing(&self, range: OrdinalRange) -> (u64, Option<Ordinal>) {
        let holes = self.lost.ranges().iter().chain(&self.removed).chain(&self.accepted);
        let holes: OrdinalSet = holes.copied().collect();
        let parts = holes.missing_in(range).into_iter().map(|part| self.seen.missing(part));
        parts.fold((0, None), |(count, first), (more, next)| (count + more, first.or(next)))
    }

    /// Counts the places that were accepted as gaps and neither given up nor seen after all, and the ranges they are in.
    fn accepted_gaps(&self) -> (u64, u64) {
        let in_range = |gap: &OrdinalRange| -> u64 {
            self.lost.missing_in(*gap).into_iter().map(|part| self.seen.missing(part).0).sum()
        };
        let counts = self.accepted.iter().map(in_range).filter(|count| *count > 0);
        counts.fold((0, 0), |(places, ranges), count| (places + count, ranges + 1))
    }
}

/// Reads the records of a folder, with their parsed names.
async fn records<N, T: DeserializeOwned>(
    store: &Store,
    folder: &Path,
    name_of: impl Fn(&Path) -> Option<N>,
    report: &mut Report,
) -> Result<Vec<(N, T)>, Error> {
    /// A lake has one origin per source; a thousand of them take a second of an object store's time.
    const READ_AT_ONCE: usize = 16;
    let named = |path: Path| name_of(&path).map(|name| (path, name));
    let found: Vec<_> =
        store.list(folder).await?.into_iter().filter_map(|found| named(found.location)).collect();
    let reads = found
        .into_iter()
        .map(|(path, name)| async move { store.get(&path).await.map(|bytes| (path, name, bytes)) });
    let read: Vec<_> = stream::iter(reads).buffered(READ_AT_ONCE).try_collect().await?;
    let records = read
        .into_iter()
        .filter_map(|(path, name, bytes)| parse_record(&path, &bytes?, report).map(|record| (name, record)));
    Ok(records.collect())
}
