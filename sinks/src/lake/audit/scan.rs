//! Scan of one file: its footer, its rows, and the differences between the two.

use crate::store::Key;

use super::bitmap::Bitmap;
use crate::error_chain::error_chain;
use crate::ordinals::Ordinal;
use crate::parquet::{self, ColumnInFile, DataFile, FooterFacts, RowColumns};
use crate::paths::{DataFileName, folder_name};
use crate::store::{self, Store};

/// The contents of one file that an audit needs.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) facts: FooterFacts,
    pub(super) rows: Rows,
    /// The columns of the file.
    pub(super) columns: Vec<ColumnInFile>,
    /// Damage that leaves the rows readable.
    damage: Option<String>,
}

/// The contents of a file, `None` if it does not exist, or a sentence with the file and the reason why it can't be read.
pub(super) type Scanned = Result<Option<Scan>, String>;

/// A file without its contents.
enum Unread {
    /// The store does not answer. The lake may have no fault.
    Outage(store::Error),
    /// A fault of this file.
    Fault(String),
}

/// Summary of the rows of a file.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) count: u64,
    pub(super) ordinals: Bitmap,
    /// Rows that repeat another row of this file.
    pub(super) repeated: u64,
    first: Option<Ordinal>,
    last: Option<Ordinal>,
    /// Expected index of the next row, if it has the same ordinal.
    next_index: i32,
    /// Description of the first row that is out of order.
    misplaced: Option<String>,
}

impl Scan {
    /// Reads a file on a task of its own: decoding runs in parallel, and a panic of the decoder on a damaged file is
    /// contained.
    ///
    /// # Errors
    /// The store does not answer.
    #[expect(
        clippy::disallowed_methods,
        reason = "a task per file, so that a panic over a damaged file becomes a finding; awaited at once"
    )]
    pub(super) async fn read(
        store: &Store,
        path: &Key,
        columns: RowColumns,
    ) -> Result<Scanned, store::Error> {
        let (store, reading) = (store.clone(), path.clone());
        match tokio::spawn(async move { Self::read_file(&store, &reading, columns).await }).await {
            Ok(Ok(scan)) => Ok(Ok(scan)),
            Ok(Err(Unread::Fault(sentence))) => Ok(Err(sentence)),
            Ok(Err(Unread::Outage(error))) => Err(error),
            Err(stopped) => Ok(Err(format!("{path} can't be read: {}", error_chain(&stopped)))),
        }
    }

    async fn read_file(store: &Store, path: &Key, columns: RowColumns) -> Result<Option<Self>, Unread> {
        let Some(file) = DataFile::open(store, path).await? else { return Ok(None) };
        let damage = file.verify().await?;
        let damaged = damage.as_ref().map(|damage| format!("{path} is damaged: {}", damage.reason));
        let is_damaged = |column: &str| damage.as_ref().is_some_and(|damage| damage.columns.contains(column));
        if let Some(damaged) = &damaged
            && (is_damaged(columns.ordinal) || is_damaged(columns.row_index))
        {
            return Err(Unread::Fault(damaged.clone()));
        }
        let mut rows = Rows::default();
        let read = file.ordinals(columns, |ordinals, indexes| rows.add(ordinals, indexes)).await;
        // Known damage is the reason, rather than the decoder's error.
        read.map_err(|error| damaged.clone().map_or_else(|| error.into(), Unread::Fault))?;
        let (facts, columns) = (file.facts().clone(), file.columns()?);
        Ok(Some(Self { facts, rows, columns, damage: damaged }))
    }

    /// Damage that leaves the rows readable.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// First fault that is visible in this file alone.
    pub(super) fn fault(&self, name: &DataFileName) -> Option<String> {
        self.path_fault(name).or_else(|| self.row_fault())
    }

    /// First difference between footer and path.
    fn path_fault(&self, name: &DataFileName) -> Option<String> {
        let facts = &self.facts;
        let destination = &facts.destination;
        let differs =
            |fact: &str, value: String| Some(format!("its footer has {fact} {value}, unlike its path"));
        if folder_name(&destination.table) != name.folder {
            differs("table", format!("{:?}", destination.table))
        } else if destination.date != name.date {
            differs("date", destination.date.to_string())
        } else if destination.source != name.source {
            differs("source", destination.source.to_string())
        } else if facts.continues_at != name.continues_at {
            differs("continues_at", facts.continues_at.to_string())
        } else {
            None
        }
    }

    /// First difference between rows and footer.
    fn row_fault(&self) -> Option<String> {
        let (facts, rows) = (&self.facts, &self.rows);
        let (Some(first), Some(last)) = (rows.first, rows.last) else {
            let is_emptied = facts.removed.is_some() && facts.rows == 0;
            return (!is_emptied).then(|| "it has no rows".to_owned());
        };
        if rows.misplaced.is_some() {
            rows.misplaced.clone()
        } else if (first, last) != (facts.first, facts.last) {
            Some(format!(
                "its rows are {first} to {last}, but its footer has {} to {}",
                facts.first, facts.last
            ))
        } else if rows.count != facts.rows {
            Some(format!("it has {} rows, but its footer has {}", rows.count, facts.rows))
        } else if let Some(durable) = facts.durable.filter(|durable| *durable >= first) {
            Some(format!(
                "its footer has durable position {durable}, which is not below its first row {first}"
            ))
        } else if first < facts.continues_at {
            Some(format!("its first row {first} is below {}, where it continues", facts.continues_at))
        } else {
            None
        }
    }
}

impl From<parquet::Error> for Unread {
    fn from(error: parquet::Error) -> Self {
        match error {
            parquet::Error::Store(error) if error.kind() == store::Kind::Unknown => Self::Outage(error),
            error => Self::Fault(error_chain(&error).to_string()),
        }
    }
}

impl Rows {
    fn add(&mut self, ordinals: &[i64], indexes: Option<&[i32]>) {
        for (at, &ordinal) in ordinals.iter().enumerate() {
            self.add_row(Ordinal::new(ordinal), indexes.map_or(0, |indexes| indexes[at]));
        }
        self.count += ordinals.len() as u64;
    }

    /// Adds a row. Ordinals ascend; the rows of one ordinal are adjacent and numbered from 0.
    fn add_row(&mut self, ordinal: Ordinal, index: i32) {
        let is_new = self.ordinals.insert(ordinal);
        let continues = self.last == Some(ordinal);
        let expected = if continues { self.next_index } else { 0 };
        let falls = self.last.is_some_and(|last| last > ordinal) || (continues && index == 0);
        self.repeated += u64::from(if continues { index < expected } else { !is_new });
        if falls {
            self.set_misplaced(|| format!("the row of {ordinal} is not above the row before it"));
        } else if index != expected {
            self.set_misplaced(|| {
                format!("row {index} of {ordinal} is stored where row {expected} is expected")
            });
        }
        self.first = self.first.or(Some(ordinal));
        self.last = Some(ordinal);
        self.next_index = index.max(expected).saturating_add(i32::from(index >= expected));
    }

    fn set_misplaced(&mut self, describe: impl FnOnce() -> String) {
        if self.misplaced.is_none() {
            self.misplaced = Some(describe());
        }
    }
}
