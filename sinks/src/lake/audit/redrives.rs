//! Redriven files, compared with their plans and quarantine files. Each row enters a table once.

use std::collections::{BTreeMap, BTreeSet};

use super::bitmap::Bitmap;
use super::report::{Report, parse_record};
use super::scan::Scan;
use super::sources::Sources;
use crate::lake::redrive::Plan;
use crate::parquet::RowColumns;
use crate::paths::{self, DataFileName, RedrivenFileName};
use crate::store::{Error, Store};

/// The redriven files of a lake, with their sizes in bytes.
pub(super) struct Redrives {
    listed: BTreeMap<RedrivenFileName, u64>,
}

/// State of one quarantine file while its redrives are read.
struct Quarantine<'a> {
    name: &'a DataFileName,
    /// The file's ordinals; `None` if they are unknown.
    ordinals: Option<Bitmap>,
    /// Ordinals found in redriven files.
    redriven: Bitmap,
}

/// A redriven file that was read.
struct RedrivenFile<'a> {
    name: &'a RedrivenFileName,
    scan: Scan,
    /// Bytes by the listing; 0 if the file is not in it.
    size: u64,
    plan: Option<&'a Plan>,
}

impl Redrives {
    /// Redriven files from a listing.
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
            let ordinals = quarantined_ordinals(store, &name, columns, report).await?;
            let mut quarantine = Quarantine { name: &name, ordinals, redriven: Bitmap::default() };
            for n in numbers {
                let plan = read_plan(store, &name, n, report).await?;
                let planned_files = plan.as_ref().map_or(0, |plan| plan.rows.len());
                let mut found = 0;
                for (file, size) in self.files_of(&name, n, plan.as_ref()) {
                    let read = Scan::read(store, &file.path(), columns).await?;
                    match read {
                        Ok(Some(scan)) => {
                            found += 1;
                            let size = size.unwrap_or(0);
                            let redriven = RedrivenFile { name: &file, scan, size, plan: plan.as_ref() };
                            quarantine.count_file(redriven, sources, report);
                        }
                        Ok(None) if size.is_some() => {
                            report.add_broken(format!("{} was listed, but is missing now", file.path()));
                        }
                        // Planned but not written yet: not found, so the redrive counts as unfinished.
                        Ok(None) => {}
                        Err(reason) => report.add_broken(reason),
                    }
                }
                report.unfinished_redrives += u64::from(found < planned_files);
            }
        }
        Ok(())
    }

    /// The plan numbers of each quarantine file, from listed plans and from the names of redriven files.
    async fn plans(&self, store: &Store) -> Result<BTreeMap<DataFileName, BTreeSet<u64>>, Error> {
        let mut plans: BTreeMap<DataFileName, BTreeSet<u64>> = BTreeMap::new();
        let listed = store.list(&paths::redrive_folder()).await?;
        let listed = listed.iter().filter_map(|found| paths::parse_redrive_plan(&found.key));
        let named = self.listed.keys().map(|file| (file.quarantine.clone(), file.n));
        for (quarantine, n) in listed.chain(named) {
            plans.entry(quarantine).or_default().insert(n);
        }
        Ok(plans)
    }

    /// The files of one plan, with their sizes if listed. The listing may be older than the plan.
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
    /// Counts a redriven file and adds its findings.
    fn count_file(&mut self, redriven: RedrivenFile<'_>, sources: &mut Sources, report: &mut Report) {
        let RedrivenFile { name: file, scan, size, plan } = redriven;
        let path = file.path();
        let expected = DataFileName { folder: file.folder.clone(), ..self.name.clone() };
        if let Some(fault) = scan.fault(&expected) {
            report.add_broken(format!("{path}: {fault}"));
        }
        if let Some(damage) = scan.damage() {
            report.add_broken(damage.to_owned());
        }
        if let Some(fault) = plan_fault(&scan, plan) {
            report.add_broken(format!("{path}: {fault}"));
        }
        let outside =
            self.ordinals.as_ref().map(|ordinals| scan.rows.ordinals.minus(ordinals)).unwrap_or_default();
        if let Some((first, _)) = outside.bounds() {
            let (count, quarantine) = (outside.len(), self.name.path());
            report.add_broken(format!(
                "{path}: {count} of its sequence numbers are not in {quarantine}, first {first}"
            ));
        }
        let table = report.tables.entry(scan.facts.destination.table.to_string()).or_default();
        (table.rows, table.files, table.bytes) =
            (table.rows + scan.rows.count, table.files + 1, table.bytes + size);
        sources.add_redriven_file(file, &scan, outside, report);
        let count = scan.rows.ordinals.len();
        let (twice, first) = self.redriven.merge(scan.rows.ordinals);
        report.redriven += count - twice;
        if let Some(first) = first {
            sources.add_redriven_duplicates(file, twice);
            report.add_finding(format!(
                "{path}: {twice} of its sequence numbers are also in another redriven file, first {first}"
            ));
        }
    }
}

/// Difference between a file's rows and its plan.
fn plan_fault(scan: &Scan, plan: Option<&Plan>) -> Option<String> {
    let Some(plan) = plan else { return Some("it has no plan".to_owned()) };
    let mut planned = Bitmap::default();
    for ordinal in plan.rows.get(&*scan.facts.destination.table).into_iter().flatten() {
        planned.insert(*ordinal);
    }
    let differs = |ordinals: &Bitmap, relation: &str| {
        let (first, _) = ordinals.bounds()?;
        Some(format!("{} of {relation}, first {first}", ordinals.len()))
    };
    if scan.facts.removed.is_some() {
        return None;
    }
    differs(&scan.rows.ordinals.minus(&planned), "its sequence numbers are not in its plan")
        .or_else(|| differs(&planned.minus(&scan.rows.ordinals), "its plan's sequence numbers are not in it"))
}

/// Reads the ordinals of a redriven quarantine file; `None` if they are unknown. A missing file is a finding.
async fn quarantined_ordinals(
    store: &Store,
    name: &DataFileName,
    columns: RowColumns,
    report: &mut Report,
) -> Result<Option<Bitmap>, Error> {
    Ok(match Scan::read(store, &name.path(), columns).await? {
        // Rows were removed on purpose: the rest can't be compared.
        Ok(Some(scan)) => scan.facts.removed.is_none().then_some(scan.rows.ordinals),
        Ok(None) => {
            report.add_broken(format!("{} was redriven, but is missing", name.path()));
            None
        }
        // The audit of its chain reported the reason.
        Err(_) => None,
    })
}

async fn read_plan(
    store: &Store,
    name: &DataFileName,
    n: u64,
    report: &mut Report,
) -> Result<Option<Plan>, Error> {
    let path = paths::redrive_plan(name, n);
    let Some(bytes) = store.get(&path).await? else { return Ok(None) };
    let plan: Option<Plan> = parse_record(&path, &bytes, report);
    if let Some(fault) = plan.as_ref().and_then(|plan| plan.fault(name, n)) {
        report.add_broken(format!("{path}: {fault}"));
    }
    Ok(plan)
}
