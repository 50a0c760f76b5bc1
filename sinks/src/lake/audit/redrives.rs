//! Redriven files, compared with their plans and quarantine files: each row enters a table once.

use std::collections::{BTreeMap, BTreeSet};

use super::places::Places;
use super::report::{Report, parse_record};
use super::scan::Scan;
use super::sources::Sources;
use crate::lake::redrive::Plan;
use crate::parquet::RowColumns;
use crate::paths::{self, DataFileName, RedrivenFileName};
use crate::store::{Error, Store};

/// The redriven files of a lake, with what they weigh.
pub(super) struct Redrives {
    listed: BTreeMap<RedrivenFileName, u64>,
}

/// One quarantine file while its redrives are read.
struct Quarantine<'a> {
    name: &'a DataFileName,
    /// Its places; unknown if it could not be read.
    places: Option<Places>,
    /// Those that some redriven file has.
    redriven: Places,
}

impl Redrives {
    /// The files that a listing found.
    pub(super) fn new(listed: impl IntoIterator<Item = (RedrivenFileName, u64)>) -> Self {
        Self { listed: listed.into_iter().collect() }
    }

    /// Reads every plan and every file, and compares them with the quarantine files.
    pub(super) async fn read(
        self,
        store: &Store,
        columns: RowColumns,
        sources: &mut Sources,
        report: &mut Report,
    ) -> Result<(), Error> {
        for (name, numbers) in self.plans(store).await? {
            let places = places_of(store, &name, columns, report).await;
            let mut quarantine = Quarantine { name: &name, places, redriven: Places::default() };
            for n in numbers {
                let plan = plan_of(store, &name, n, report).await?;
                let missing = plan.as_ref().map_or(0, |plan| plan.rows.len());
                let mut found = 0;
                for (file, size) in self.files_of(&name, n, plan.as_ref()) {
                    let read = Scan::read(store, &file.path(), columns).await;
                    match read {
                        Ok(Some(scan)) => {
                            found += 1;
                            quarantine.take(&file, scan, size.unwrap_or(0), plan.as_ref(), sources, report);
                        }
                        Ok(None) if size.is_some() => {
                            report.broken(format!("{} was listed and is gone", file.path()));
                        }
                        Ok(None) => {}
                        Err(reason) => report.broken(reason),
                    }
                }
                report.unfinished_redrives += u64::from(found < missing);
            }
        }
        Ok(())
    }

    /// The numbers of each quarantine file's plans: those that were listed, and those that some file is of.
    async fn plans(&self, store: &Store) -> Result<BTreeMap<DataFileName, BTreeSet<u64>>, Error> {
        let mut plans: BTreeMap<DataFileName, BTreeSet<u64>> = BTreeMap::new();
        let listed = store.list(&paths::redrive_folder()).await?;
        let listed = listed.iter().filter_map(|found| paths::parse_redrive_plan(&found.location));
        let named = self.listed.keys().map(|file| (file.quarantine.clone(), file.n));
        for (quarantine, n) in listed.chain(named) {
            plans.entry(quarantine).or_default().insert(n);
        }
        Ok(plans)
    }

    /// The files of one plan, those that were listed with what they weigh. The listing may be older than the plan.
    fn files_of(
        &self,
        quarantine: &DataFileName,
        n: u64,
        plan: Option<&Plan>,
    ) -> BTreeMap<RedrivenFileName, Option<u64>> {
        let tables = plan.into_iter().flat_map(|plan| plan.rows.keys());
        let named = |table: &String| {
            let folder = paths::folder_name(table);
            (RedrivenFileName { quarantine: quarantine.clone(), n, folder }, None)
        };
        let mut files: BTreeMap<RedrivenFileName, Option<u64>> = tables.map(named).collect();
        let lowest = RedrivenFileName { quarantine: quarantine.clone(), n, folder: String::new() };
        let of_plan = |file: &&RedrivenFileName| file.quarantine == *quarantine && file.n == n;
        let listed = self.listed.range(&lowest..).map(|(file, _)| file).take_while(of_plan);
        files.extend(listed.map(|file| (file.clone(), self.listed.get(file).copied())));
        files
    }
}

impl Quarantine<'_> {
    /// Counts a redriven file.
    fn take(
        &mut self,
        file: &RedrivenFileName,
        scan: Scan,
        size: u64,
        plan: Option<&Plan>,
        sources: &mut Sources,
        report: &mut Report,
    ) {
        let path = file.path();
        let place = DataFileName { folder: file.folder.clone(), ..self.name.clone() };
        if let Some(fault) = scan.fault(&place) {
            report.broken(format!("{path}: {fault}"));
        }
        if let Some(damage) = scan.damage() {
            report.broken(damage.to_owned());
        }
        if let Some(fault) = fault_by_plan(&scan, plan) {
            report.broken(format!("{path}: {fault}"));
        }
        let outside = self.places.as_ref().map(|places| scan.rows.places.minus(places)).unwrap_or_default();
        if let Some((first, _)) = outside.bounds() {
            let (count, quarantine) = (outside.len(), self.name.path());
            report.broken(format!("{path}: {count} of its places are not in {quarantine}, first {first}"));
        }
        let table = report.tables.entry(scan.facts.destination.table.to_string()).or_default();
        (table.rows, table.files, table.bytes) =
            (table.rows + scan.rows.count, table.files + 1, table.bytes + size);
        sources.take_redriven(file, &scan, outside, report);
        let places = scan.rows.places.len();
        let (twice, first) = self.redriven.merge(scan.rows.places);
        report.redriven += places - twice;
        if let Some(first) = first {
            sources.redriven_twice(file, twice);
            report.found(format!("{path}: {twice} of its places were redriven elsewhere too, first {first}"));
        }
    }
}

/// Difference between a file's rows and its plan.
fn fault_by_plan(scan: &Scan, plan: Option<&Plan>) -> Option<String> {
    let Some(plan) = plan else { return Some("it has no plan".to_owned()) };
    let mut planned = Places::default();
    for place in plan.rows.get(&*scan.facts.destination.table).into_iter().flatten() {
        planned.insert(*place);
    }
    let differs = |places: &Places, words: &str| {
        let (first, _) = places.bounds()?;
        Some(format!("{} of {words}, first {first}", places.len()))
    };
    if scan.facts.removed.is_some() {
        return None;
    }
    differs(&scan.rows.places.minus(&planned), "its places are not in its plan")
        .or_else(|| differs(&planned.minus(&scan.rows.places), "its plan's places are not in it"))
}

/// The places of a quarantine file that was redriven; not to know them is a finding.
async fn places_of(
    store: &Store,
    name: &DataFileName,
    columns: RowColumns,
    report: &mut Report,
) -> Option<Places> {
    match Scan::read(store, &name.path(), columns).await {
        // Bodies that were removed on purpose can't be compared any more.
        Ok(Some(scan)) => scan.facts.removed.is_none().then_some(scan.rows.places),
        Ok(None) => {
            report.broken(format!("{} was redriven and is not there", name.path()));
            None
        }
        // The audit of its chain reported the reason.
        Err(_) => None,
    }
}

async fn plan_of(
    store: &Store,
    name: &DataFileName,
    n: u64,
    report: &mut Report,
) -> Result<Option<Plan>, Error> {
    let path = paths::redrive_plan(name, n);
    let Some(bytes) = store.get(&path).await? else { return Ok(None) };
    let plan: Option<Plan> = parse_record(&path, &bytes, report);
    if let Some(fault) = plan.as_ref().and_then(|plan| plan.fault(name, n)) {
        report.broken(format!("{path}: {fault}"));
    }
    Ok(plan)
}
