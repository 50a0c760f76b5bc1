//! Gaps and duplicates of the sources of a lake.
//!
//! Owns: the sequence numbers that have a row or need one. Does not own: chains of files (`chains`), redrives
//! (`redrives`).

use std::collections::{BTreeMap, BTreeSet};

use crate::store::Key;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::bitmap::Bitmap;
use super::report::{Report, SourceReport, parse_record};
use super::scan::Scan;
use super::schemas::{ColumnTypes, Columns};
use crate::CONTRACT;
use crate::lake::first_start::FirstStart;
use crate::lake::forgotten::Forgotten;
use crate::lake::gaps::{self, GapRecord};
use crate::lake::names::FurtherName;
use crate::lake::rules::Rules;
use crate::ordinals::{Ordinal, OrdinalRange, OrdinalSet};
use crate::paths::{self, DataFileName, GapCause, RedrivenFileName, SourceId};
use crate::store::{Error, Store};

/// All sources of a lake, with their records and the rows seen.
#[derive(Debug, Default)]
pub(super) struct Sources {
    by_id: BTreeMap<SourceId, Source>,
    /// The id in the lake's identity record.
    lake: Option<String>,
    /// The lake ids in the files' footers.
    lakes_of_files: BTreeSet<String>,
    columns: Columns,
}

#[derive(Debug, Default)]
struct Source {
    origin: Option<Ordinal>,
    /// Ordinals that were given up.
    lost: OrdinalSet,
    /// Ranges that a run accepted as gaps, ascending and disjoint.
    accepted: Vec<OrdinalRange>,
    /// Ranges whose rows were removed from their file on purpose.
    removed: Vec<OrdinalRange>,
    /// The highest durable position in a footer.
    proven: Option<Ordinal>,
    seen: Bitmap,
    rows: u64,
    duplicates: u64,
}

/// The members of [`paths::lake_record`] that an audit needs.
#[derive(Deserialize)]
struct LakeRecord {
    id: String,
    /// Only parsed: a value that is not a version is a finding. Other versions are rejected before an audit.
    #[serde(rename = "contract", default)]
    _contract: u32,
}

/// The members of [`paths::origin`] that an audit needs.
#[derive(Deserialize)]
struct OriginRecord {
    first: Ordinal,
}

impl Sources {
    /// Reads the records of all sources. A record that can't be parsed is a finding.
    pub(super) async fn load(store: &Store, report: &mut Report) -> Result<Self, Error> {
        let mut sources = Self::default();
        if let Some(bytes) = store.get(&paths::lake_record()).await? {
            let record: Option<LakeRecord> = parse_record(&paths::lake_record(), &bytes, report);
            sources.lake = record.map(|record| record.id);
        }
        for (source, record) in
            read_records(store, &paths::origin_folder(), paths::parse_origin, report).await?
        {
            let OriginRecord { first } = record;
            sources.by_id.entry(source).or_default().origin = Some(first);
        }
        let mut lost: BTreeMap<SourceId, Vec<OrdinalRange>> = BTreeMap::new();
        let parse_lost = |path: &Key| paths::parse_lost(path).map(|(source, _)| source);
        for (source, record) in read_records(store, &paths::lost_folder(), parse_lost, report).await? {
            let given_up: OrdinalRange = record;
            lost.entry(source).or_default().push(given_up);
        }
        for (_, record) in
            read_records(store, &paths::forgotten_folder(), paths::parse_forgotten, report).await?
        {
            let Forgotten { durable, .. } = record;
            for (source, position) in durable {
                let source = sources.by_id.entry(source).or_default();
                source.proven = source.proven.max(Some(position));
            }
        }
        // Only parsed: a run stops at a record of rules that it can't parse.
        let rules = |path: &Key| paths::parse_rules(path).map(|(source, _)| source);
        let _: Vec<(SourceId, Rules)> = read_records(store, &paths::rules_folder(), rules, report).await?;
        for found in store.list(&paths::further_name_folder()).await? {
            // Only parsed: a run under that name stops at a record that it can't parse.
            if paths::is_further_name(&found.key)
                && let Some(bytes) = store.get(&found.key).await?
            {
                drop(parse_record::<FurtherName>(&found.key, &bytes, report));
            }
        }
        let listed = store.list(&paths::first_start_folder()).await?.into_iter().map(|found| found.key);
        let listed = listed.filter(paths::is_first_start);
        // A first start is recorded before the first origin of its log.
        let needed = sources.by_id.iter().filter(|(_, source)| source.origin.is_some());
        let starts: BTreeSet<Key> = listed.chain(needed.map(|(id, _)| paths::first_start(id))).collect();
        for path in starts {
            match store.get(&path).await? {
                Some(bytes) => drop(parse_record::<FirstStart>(&path, &bytes, report)),
                None => report.add_broken(format!(
                    "{path} is missing, but partitions of its log have origins: restore it from a backup"
                )),
            }
        }
        for cause in GapCause::ALL {
            let name = |path: &Key| paths::parse_gap_record(path).map(|(_, source, from)| (source, from));
            for ((source, from), record) in
                read_records(store, &paths::gap_folder(cause), name, report).await?
            {
                let record: GapRecord = record;
                if !record.covers(from) {
                    let path = paths::gap_record(cause, &source, from);
                    report.add_broken(format!("{path} does not cover the sequence number in its name"));
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
    pub(super) fn add_file(&mut self, name: &DataFileName, scan: Scan, report: &mut Report) {
        let path = name.path();
        self.add_footer(&path, &scan, report);
        let source = self.by_id.entry(name.source.clone()).or_default();
        if scan.facts.removed.is_some() {
            source.removed.push(OrdinalRange::new(scan.facts.first, scan.facts.last));
        }
        let (twice, first) = source.seen.merge(scan.rows.ordinals);
        source.rows += scan.rows.count;
        source.duplicates += scan.rows.repeated + twice;
        // A position at or above the file's own rows is a finding and proves nothing.
        source.proven = source.proven.max(scan.facts.durable.filter(|durable| *durable < scan.facts.first));
        if let Some(first) = first {
            report.add_finding(format!(
                "{path}: {twice} of its sequence numbers also have a row in another file, the first is {first}"
            ));
        }
    }

    /// True if the files read so far have gaps at or below the durable position of a footer.
    pub(super) fn have_gaps_below_footers(&self) -> bool {
        self.by_id.values().any(|source| {
            let first = source.first();
            let proven = first.zip(source.proven).map(|(first, proven)| OrdinalRange::new(first, proven));
            proven.is_some_and(|range| source.missing(range).0 > 0)
        })
    }

    /// Adds the rows of a redriven file. All its ordinals except those in `outside` have a row in the quarantine.
    pub(super) fn add_redriven_file(
        &mut self,
        name: &RedrivenFileName,
        scan: &Scan,
        outside: Bitmap,
        report: &mut Report,
    ) {
        self.add_footer(&name.path(), scan, report);
        let source = self.by_id.entry(name.quarantine.source.clone()).or_default();
        let (twice, _) = source.seen.merge(outside);
        source.rows += scan.rows.count;
        source.duplicates += scan.rows.repeated + twice;
    }

    /// Counts ordinals of a redriven file that are also in another one.
    pub(super) fn add_redriven_duplicates(&mut self, name: &RedrivenFileName, twice: u64) {
        self.by_id.entry(name.quarantine.source.clone()).or_default().duplicates += twice;
    }

    /// Adds the lake id and the columns of a file.
    fn add_footer(&mut self, path: &Key, scan: &Scan, report: &mut Report) {
        let facts = &scan.facts;
        if self.lake.as_ref().is_some_and(|lake| *lake != facts.lake) {
            report.add_broken(format!("{path} belongs to another lake, {:?}", facts.lake));
        }
        if !self.lakes_of_files.contains(&facts.lake) {
            self.lakes_of_files.insert(facts.lake.clone());
        }
        self.columns.add_file(&facts.destination.table, path, scan.columns.clone());
    }

    /// Checks that a lake with files has an id.
    fn check_identity(&self, report: &mut Report) {
        if self.lake.is_some() || self.lakes_of_files.is_empty() {
            return;
        }
        let ids: Vec<String> = self
            .lakes_of_files
            .iter()
            .map(|id| format!("{{\"id\":{id:?},\"contract\":{CONTRACT}}}"))
            .collect();
        report.add_broken(format!(
            "the lake has data files, but no identity: restore {} before the next run; \
             according to the files its content is {}",
            paths::lake_record(),
            ids.join(" or ")
        ));
    }

    /// Checks identity, schemas and every source, and adds the results to the report.
    pub(super) async fn check(
        mut self,
        store: &Store,
        types: ColumnTypes,
        checkpoints: &BTreeMap<SourceId, Ordinal>,
        report: &mut Report,
    ) -> Result<(), Error> {
        self.check_identity(report);
        std::mem::take(&mut self.columns).check(store, types, report).await?;
        for id in checkpoints.keys() {
            self.by_id.entry(id.clone()).or_default();
        }
        for (id, source) in self.by_id {
            let (accepted_gaps, accepted_ranges) = source.accepted_gaps();
            let checked =
                SourceReport { accepted_gaps, ..source.check(&id, checkpoints.get(&id).copied(), report) };
            report.rows += source.rows;
            report.events += checked.events;
            report.gaps += checked.gaps;
            report.accepted_gaps += checked.accepted_gaps;
            report.accepted_ranges += accepted_ranges;
            report.duplicates += checked.duplicates;
            report.in_flight += checked.in_flight;
            report.sources.insert(id, checked);
        }
        Ok(())
    }
}

impl Source {
    fn check(&self, id: &SourceId, checkpoint: Option<Ordinal>, report: &mut Report) -> SourceReport {
        let (lowest, last) = self.seen.bounds().unzip();
        self.check_origin(id, lowest, report);
        let events = self.seen.len();
        let mut checked = SourceReport { first: self.first(), last, events, ..SourceReport::default() };
        checked.duplicates = self.duplicates;
        let Some(first) = checked.first else {
            if let Some(checkpoint) = checkpoint {
                report.add_broken(format!(
                    "{id} has a checkpoint at {checkpoint}, but no origin record and no row"
                ));
            }
            return checked;
        };
        let (durable, proof) = match (checkpoint, self.proven) {
            (None, None) => (first.previous(), ""),
            (Some(checkpoint), proven) if proven <= Some(checkpoint) => (checkpoint, "the checkpoint "),
            (_, proven) => (proven.unwrap_or(first), "the files' durable position "),
        };
        let (gaps, gap) = self.missing(OrdinalRange::new(first, durable));
        if let Some(gap) = gap {
            report.add_finding(format!(
                "{id}: {gaps} sequence numbers up to {proof}{durable} have no row, the first is {gap}"
            ));
        }
        let above = OrdinalRange::new(durable.next().max(first), last.unwrap_or(Ordinal::MIN));
        let in_flight = self.missing(above).0;
        SourceReport { gaps, in_flight, ..checked }
    }

    /// The first ordinal of the source: its origin, or its lowest row.
    fn first(&self) -> Option<Ordinal> {
        self.origin.or_else(|| self.seen.bounds().map(|(lowest, _)| lowest))
    }

    /// Checks that a source with rows has an origin, and that no row is below it.
    fn check_origin(&self, id: &SourceId, lowest: Option<Ordinal>, report: &mut Report) {
        match (self.origin, lowest) {
            (None, Some(_)) => report.add_broken(format!("{id} has rows and no origin record")),
            (Some(origin), Some(lowest)) if lowest < origin => {
                report.add_broken(format!("{id} has a row of {lowest}, below its origin {origin}"));
            }
            _ => {}
        }
    }

    /// Number of ordinals of a range that are not seen, given up, accepted or removed, and the first of these.
    fn missing(&self, range: OrdinalRange) -> (u64, Option<Ordinal>) {
        let excused = self.lost.ranges().iter().chain(&self.removed).chain(&self.accepted);
        let excused: OrdinalSet = excused.copied().collect();
        let parts = excused.missing_in(range).into_iter().map(|part| self.seen.missing(part));
        parts.fold((0, None), |(count, first), (more, next)| (count + more, first.or(next)))
    }

    /// Number of ordinals that were accepted as gaps and are not given up or seen, and the number of their ranges.
    fn accepted_gaps(&self) -> (u64, u64) {
        let in_range = |gap: &OrdinalRange| -> u64 {
            self.lost.missing_in(*gap).into_iter().map(|part| self.seen.missing(part).0).sum()
        };
        let counts = self.accepted.iter().map(in_range).filter(|count| *count > 0);
        counts.fold((0, 0), |(ordinals, ranges), count| (ordinals + count, ranges + 1))
    }
}

/// Reads the records of a folder and parses their names.
async fn read_records<N, T: DeserializeOwned>(
    store: &Store,
    folder: &Key,
    name_of: impl Fn(&Key) -> Option<N>,
    report: &mut Report,
) -> Result<Vec<(N, T)>, Error> {
    /// Records read at once: a lake with a thousand sources is read from an object store in about a second.
    const READ_AT_ONCE: usize = 16;
    let named = |path: Key| name_of(&path).map(|name| (path, name));
    let found: Vec<_> = store.list(folder).await?.into_iter().filter_map(|found| named(found.key)).collect();
    let reads = found
        .into_iter()
        .map(|(path, name)| async move { store.get(&path).await.map(|bytes| (path, name, bytes)) });
    let read: Vec<_> = stream::iter(reads).buffered(READ_AT_ONCE).try_collect().await?;
    let records = read
        .into_iter()
        .filter_map(|(path, name, bytes)| parse_record(&path, &bytes?, report).map(|record| (name, record)));
    Ok(records.collect())
}
