//! The chains of files of all destinations: listed, read and followed in order.

use crate::store::Object;
use futures::{StreamExt, TryStreamExt, stream};

use super::redrives::Redrives;
use super::report::Report;
use super::scan::{Scan, Scanned};
use super::sources::Sources;
use crate::ordinals::Ordinal;
use crate::parquet::RowColumns;
use crate::paths::{self, DataFileName};
use crate::store::{Error, Store};

/// All data files of a lake with their sizes, by destination and in the order of their chains.
pub(super) struct Chains {
    files: Vec<(DataFileName, u64)>,
}

/// Sorted names of the data files that were read.
pub(super) struct FilesRead(Vec<DataFileName>);

/// Position in a chain while its files are read in order.
#[derive(Default)]
struct Follower {
    /// Files that were read but not listed.
    unlisted: Vec<DataFileName>,
    /// The previous file.
    before: Option<DataFileName>,
    /// Expected `continues_at` of the next file; `None` after a file that could not be read.
    next: Option<Ordinal>,
}

/// Files read at once: enough to hide the latency of an object store. Memory is bounded by this number of megabytes, or
/// of the largest column chunk of a file.
const READ_AT_ONCE: usize = 32;

impl Chains {
    /// Lists data files and redriven files. Any other file that the readers' glob matches is a finding.
    pub(super) async fn list(store: &Store, report: &mut Report) -> Result<(Self, Redrives), Error> {
        let (mut files, mut redriven) = (Vec::new(), Vec::new());
        let tables = store.list_folders(None).await?.into_iter().filter(|name| paths::is_table_folder(name));
        let listed = stream::iter(tables)
            .map(|table| async move { store.list(&paths::listed_folder(&[&table])).await })
            .buffered(READ_AT_ONCE);
        for Object { key: location, size } in listed.try_concat().await? {
            if let Some(name) = paths::parse_data_file(&location) {
                files.push((name, size));
            } else if let Some(name) = paths::parse_redriven_file(&location) {
                redriven.push((name, size));
            } else if paths::is_met_by_glob(&location) {
                report.add_broken(format!(
                    "{location} is not a data file, but the readers' glob matches it: move it out of the lake"
                ));
            } else if paths::is_parquet(&location) {
                report.foreign_files += 1;
                report.first_foreign_file.get_or_insert_with(|| location.to_string());
            }
        }
        // Sorted by the fields of the names, not by their text.
        files.sort();
        Ok((Self { files }, Redrives::new(redriven)))
    }

    /// Reads every file and follows every chain.
    ///
    /// # Errors
    /// The store does not answer.
    pub(super) async fn read(
        self,
        store: &Store,
        columns: RowColumns,
        sources: &mut Sources,
        report: &mut Report,
    ) -> Result<FilesRead, Error> {
        let mut names: Vec<DataFileName> = self.files.iter().map(|(name, _)| name.clone()).collect();
        let reads = self.files.into_iter().map(|(name, size)| async move {
            let read = Scan::read(store, &name.path(), columns).await;
            read.map(|read| (name, size, read))
        });
        // In order: chains are followed, and equal lakes have equal findings.
        let mut reads = stream::iter(reads).buffered(READ_AT_ONCE);
        let mut follower = Follower::default();
        while let Some((name, size, read)) = reads.try_next().await? {
            follower.begin_chain(&name);
            follower.read_unlisted(&name, store, columns, sources, report).await?;
            follower.check_link(&name, report);
            follower.count_file(name, size, read, sources, report);
        }
        names.append(&mut follower.unlisted);
        names.sort();
        Ok(FilesRead(names))
    }
}

impl FilesRead {
    /// Reads the files that were committed since the listing. The next audit checks their chains.
    pub(super) async fn add_late(
        &mut self,
        store: &Store,
        columns: RowColumns,
        sources: &mut Sources,
        report: &mut Report,
    ) -> Result<(), Error> {
        // The first listing already reported its findings.
        let (Chains { files }, _) = Chains::list(store, &mut Report::default()).await?;
        for (name, size) in files {
            if self.0.binary_search(&name).is_err() {
                let read = Scan::read(store, &name.path(), columns).await?;
                Follower::default().count_file(name, size, read, sources, report);
            }
        }
        Ok(())
    }
}

impl Follower {
    /// Begins a chain if the file has another destination than the previous one.
    fn begin_chain(&mut self, name: &DataFileName) {
        let chain = |name: &DataFileName| (name.folder.clone(), name.date, name.source.clone());
        if self.before.as_ref().is_none_or(|before| chain(before) != chain(name)) {
            (self.before, self.next) = (None, Some(Ordinal::new(0)));
        }
    }

    /// Reads the files before `name` that the listing lacks: a listing may omit a file that was put while it ran and
    /// contain the next one.
    async fn read_unlisted(
        &mut self,
        name: &DataFileName,
        store: &Store,
        columns: RowColumns,
        sources: &mut Sources,
        report: &mut Report,
    ) -> Result<(), Error> {
        while let Some(next) = self.next.filter(|next| *next < name.continues_at) {
            let unlisted = DataFileName { continues_at: next, ..name.clone() };
            let read = Scan::read(store, &unlisted.path(), columns).await?;
            if matches!(read, Ok(None)) {
                break;
            }
            self.unlisted.push(unlisted.clone());
            // Only a listing has the size.
            self.count_file(unlisted, 0, read, sources, report);
        }
        Ok(())
    }

    /// Compares a file's `continues_at` with the end of the previous file.
    fn check_link(&self, name: &DataFileName, report: &mut Report) {
        let Some(next) = self.next.filter(|next| *next != name.continues_at) else {
            return;
        };
        let path = name.path();
        report.add_broken(match &self.before {
            Some(before) => format!("{path} should continue at {next}, where {} ends", before.path()),
            None => format!("{path} is the first of its chain and should continue at 0"),
        });
    }

    /// Counts a file and adds its findings.
    fn count_file(
        &mut self,
        name: DataFileName,
        size: u64,
        read: Scanned,
        sources: &mut Sources,
        report: &mut Report,
    ) {
        self.next = None;
        match read {
            Ok(Some(scan)) => {
                if let Some(fault) = scan.fault(&name) {
                    report.add_broken(format!("{}: {fault}", name.path()));
                }
                if let Some(damage) = scan.damage() {
                    report.add_broken(damage.to_owned());
                }
                // No file can continue after the highest number.
                self.next = scan.facts.last.checked_next();
                let table = report.tables.entry(scan.facts.destination.table.to_string()).or_default();
                (table.rows, table.files, table.bytes) =
                    (table.rows + scan.rows.count, table.files + 1, table.bytes + size);
                sources.add_file(&name, scan, report);
            }
            Ok(None) => report.add_broken(format!("{} was listed, but is missing now", name.path())),
            Err(reason) => report.add_broken(reason),
        }
        self.before = Some(name);
    }
}
