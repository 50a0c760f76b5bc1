//! One file: its footer, its rows, and where the two differ.

use std::error::Error as StdError;

use object_store::path::Path;

use super::places::Places;
use crate::ordinals::Ordinal;
use crate::parquet::{ColumnInFile, DataFile, Error, FooterFacts, RowColumns};
use crate::paths::{DataFileName, folder_name};
use crate::store::Store;

/// The contents of one file, as far as an audit needs them.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) facts: FooterFacts,
    pub(super) rows: Rows,
    /// The columns it has.
    pub(super) columns: Vec<ColumnInFile>,
    /// Damage to its pages that leaves its rows readable.
    damage: Option<String>,
}

/// Summary of the rows of a file.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) count: u64,
    pub(super) places: Places,
    /// Rows that repeat one of this file.
    pub(super) repeated: u64,
    first: Option<Ordinal>,
    last: Option<Ordinal>,
    /// Expected index of the next row, if it is of the same place.
    next_index: i32,
    /// The first row out of order.
    misplaced: Option<String>,
}

impl Scan {
    /// Reads a file on a thread that is free: decoding uses as many as there are, and a damaged file may make the decoder
    /// panic. `None` if there is no such file.
    ///
    /// # Errors
    /// A sentence with the file and the reason.
    #[expect(
        clippy::disallowed_methods,
        reason = "a task per file, so that a panic over a damaged file becomes a finding; awaited at once"
    )]
    pub(super) async fn read(
        store: &Store,
        path: &Path,
        columns: RowColumns,
    ) -> Result<Option<Self>, String> {
        let (store, reading) = (store.clone(), path.clone());
        match tokio::spawn(async move { Self::read_here(&store, &reading, columns).await }).await {
            Ok(read) => read,
            Err(stopped) => Err(format!("{path} can't be read: {}", in_full(&stopped))),
        }
    }

    async fn read_here(store: &Store, path: &Path, columns: RowColumns) -> Result<Option<Self>, String> {
        let said = |error: Error| in_full(&error);
        let Some(file) = DataFile::open(store, path).await.map_err(said)? else { return Ok(None) };
        let damage = file.verify().await.map_err(said)?;
        let damaged = damage.as_ref().map(|damage| format!("{path} is damaged: {}", damage.reason));
        let is_damaged = |column: &str| damage.as_ref().is_some_and(|damage| damage.columns.contains(column));
        if let Some(damaged) = &damaged
            && (is_damaged(columns.ordinal) || is_damaged(columns.row_index))
        {
            return Err(damaged.clone());
        }
        let mut rows = Rows::default();
        let read = file.ordinals(columns, |ordinals, indexes| rows.take(ordinals, indexes)).await;
        // What is damaged is why it can't be read.
        read.map_err(|error| damaged.clone().unwrap_or_else(|| in_full(&error)))?;
        let (facts, columns) = (file.facts().clone(), file.columns().map_err(said)?);
        Ok(Some(Self { facts, rows, columns, damage: damaged }))
    }

    /// Damage to its pages.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// First fault of the file that shows without other files.
    pub(super) fn fault(&self, name: &DataFileName) -> Option<String> {
        self.fault_of_place(name).or_else(|| self.fault_of_rows())
    }

    /// First difference between footer and path.
    fn fault_of_place(&self, name: &DataFileName) -> Option<String> {
        let facts = &self.facts;
        let destination = &facts.destination;
        let says = |what: &str, said: String| Some(format!("its footer says {what} {said}"));
        if folder_name(&destination.table) != name.folder {
            says("table", format!("{:?}", destination.table))
        } else if destination.date != name.date {
            says("day", destination.date.to_string())
        } else if destination.source != name.source {
            says("source", destination.source.to_string())
        } else if facts.continues_at != name.continues_at {
            says("that it continues at", facts.continues_at.to_string())
        } else {
            None
        }
    }

    /// First difference between rows and footer.
    fn fault_of_rows(&self) -> Option<String> {
        let (facts, rows) = (&self.facts, &self.rows);
        let (Some(first), Some(last)) = (rows.first, rows.last) else {
            let is_emptied = facts.removed.is_some() && facts.rows == 0;
            return (!is_emptied).then(|| "it has no rows".to_owned());
        };
        if rows.misplaced.is_some() {
            rows.misplaced.clone()
        } else if (first, last) != (facts.first, facts.last) {
            Some(format!(
                "it has rows of {first} to {last}, its footer says {} to {}",
                facts.first, facts.last
            ))
        } else if rows.count != facts.rows {
            Some(format!("it has {} rows, its footer says {}", rows.count, facts.rows))
        } else if let Some(durable) = facts.durable.filter(|durable| *durable >= first) {
            Some(format!(
                "its footer says that everything up to {durable} was durable before it, and its first row is of {first}"
            ))
        } else if first < facts.continues_at {
            Some(format!("its first row is of {first}, below where it continues"))
        } else {
            None
        }
    }
}

impl Rows {
    fn take(&mut self, ordinals: &[i64], indexes: Option<&[i32]>) {
        for (at, &ordinal) in ordinals.iter().enumerate() {
            self.row(Ordinal::new(ordinal), indexes.map_or(0, |indexes| indexes[at]));
        }
        self.count += ordinals.len() as u64;
    }

    /// Adds a row: the rows of one place are adjacent and numbered from 0.
    fn row(&mut self, place: Ordinal, index: i32) {
        let is_new = self.places.insert(place);
        let continues = self.last == Some(place);
        let due = if continues { self.next_index } else { 0 };
        let falls = self.last.is_some_and(|last| last > place) || (continues && index == 0);
        self.repeated += u64::from(if continues { index < due } else { !is_new });
        if falls {
            self.misplaced(|| format!("the row of {place} follows one that is not below it"));
        } else if index != due {
            self.misplaced(|| format!("row {index} of {place} stands where its row {due} should"));
        }
        self.first = self.first.or(Some(place));
        self.last = Some(place);
        self.next_index = index.max(due).saturating_add(i32::from(index >= due));
    }

    fn misplaced(&mut self, words: impl FnOnce() -> String) {
        if self.misplaced.is_none() {
            self.misplaced = Some(words());
        }
    }
}

/// An error and its causes in one line.
fn in_full(error: &dyn StdError) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
