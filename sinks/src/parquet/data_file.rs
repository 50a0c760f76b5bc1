//! A data file, open for reading: its facts, its schema, and batches of some of its columns.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::store::Key;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef};
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::push_decoder::ParquetPushDecoderBuilder;
use parquet::errors::ParquetError;
use parquet::schema::types::TypePtr;

use super::error::Error;
use super::facts::{Footer, FooterFacts, find_facts, read_footer};
use super::field_ids;
use crate::store::Store;

/// A column of a data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInFile {
    /// Its name and type.
    pub field: FieldRef,
    /// Its field ids, in the order of [`Body::complete`](super::Body::complete); `None` if one is missing.
    pub field_ids: Option<Vec<i32>>,
}

/// A data file, open for reading.
pub struct DataFile<'a> {
    pub(super) store: &'a Store,
    pub(super) path: &'a Key,
    pub(super) footer: Footer,
    facts: FooterFacts,
}

impl<'a> DataFile<'a> {
    /// Reads the end of a file; `None` if the file does not exist.
    pub async fn open(store: &'a Store, path: &'a Key) -> Result<Option<Self>, Error> {
        let Some(footer) = read_footer(store, path).await? else {
            return Ok(None);
        };
        let facts = find_facts(&footer.metadata, path)?;
        Ok(Some(Self { store, path, footer, facts }))
    }

    /// The facts in its footer.
    pub fn facts(&self) -> &FooterFacts {
        &self.facts
    }

    /// Its columns, with the types that Parquet states.
    pub fn columns(&self) -> Result<Vec<ColumnInFile>, Error> {
        let metadata = self.arrow_metadata()?;
        let columns = self.footer.metadata.file_metadata().schema().get_fields();
        let fields = metadata.schema().fields().iter();
        let column = |(field, column): (&FieldRef, &TypePtr)| ColumnInFile {
            field: without_metadata(field),
            field_ids: field_ids::read(column),
        };
        Ok(fields.zip(columns).map(column).collect())
    }

    /// Reads some of its plain columns and calls `each` with batches of at most `rows` rows.
    ///
    /// A column that the file does not have is not in the batches; its values are null. Fetches the pages of these
    /// columns where the end that was read on opening does not hold them.
    pub async fn batches<E: From<Error>>(
        &self,
        columns: &[&str],
        rows: usize,
        mut each: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let decoder = self.decoder(columns)?.with_batch_size(rows);
        let mut decoder = decoder.build().map_err(unreadable(self.path))?;
        loop {
            match decoder.try_decode().map_err(unreadable(self.path))? {
                DecodeResult::Data(batch) => each(&batch)?,
                DecodeResult::NeedsData(ranges) => {
                    let bytes = self.fetch(&ranges).await?;
                    decoder.push_ranges(ranges, bytes).map_err(unreadable(self.path))?;
                }
                DecodeResult::Finished => return Ok(()),
            }
        }
    }

    /// A decoder of those of the columns that the file has.
    fn decoder(&self, columns: &[&str]) -> Result<ParquetPushDecoderBuilder, Error> {
        let schema = self.footer.metadata.file_metadata().schema_descr();
        let is_wanted = |parts: &[String]| matches!(parts, [name] if columns.contains(&name.as_str()));
        let leaves = schema.columns().iter().enumerate().filter(|(_, leaf)| is_wanted(leaf.path().parts()));
        let mask = ProjectionMask::leaves(schema, leaves.map(|(index, _)| index));
        Ok(ParquetPushDecoderBuilder::new_with_metadata(self.arrow_metadata()?).with_projection(mask))
    }

    fn arrow_metadata(&self) -> Result<ArrowReaderMetadata, Error> {
        ArrowReaderMetadata::try_new(Arc::clone(&self.footer.metadata), ArrowReaderOptions::new())
            .map_err(unreadable(self.path))
    }

    /// Ranges of the file, from the end that was read on opening or, if one is before it, all from the store.
    pub(super) async fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        let footer = &self.footer;
        if ranges.iter().any(|range| range.start < footer.tail_start) {
            return Ok(self.store.get_ranges(self.path, ranges).await?);
        }
        let in_tail = |offset: u64| (offset - footer.tail_start) as usize;
        let has = |range: &&Range<u64>| range.start <= range.end && in_tail(range.end) <= footer.tail.len();
        let bytes: Vec<Bytes> = ranges
            .iter()
            .take_while(has)
            .map(|range| footer.tail.slice(in_tail(range.start)..in_tail(range.end)))
            .collect();
        if bytes.len() == ranges.len() {
            return Ok(bytes);
        }
        Err(foreign(self.path, "its footer has offsets beyond its end".to_owned()))
    }
}

impl fmt::Debug for DataFile<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DataFile")
            .field("path", &self.path)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// Reads a file's facts and some of its plain columns, as [`DataFile::batches`] does; `None` if the file does not
/// exist.
pub async fn read_batches<E: From<Error>>(
    store: &Store,
    path: &Key,
    columns: &[&str],
    rows: usize,
    each: impl FnMut(&RecordBatch) -> Result<(), E>,
) -> Result<Option<FooterFacts>, E> {
    let Some(file) = DataFile::open(store, path).await? else {
        return Ok(None);
    };
    file.batches(columns, rows, each).await?;
    Ok(Some(file.facts))
}

/// The same field without the metadata that the reader adds at each level, such as field ids.
pub(super) fn without_metadata(field: &Field) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::List(element) => DataType::List(without_metadata(element)),
        DataType::Struct(members) => {
            DataType::Struct(members.iter().map(|member| without_metadata(member)).collect())
        }
        other => other.clone(),
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
}

pub(super) fn unreadable(path: &Key) -> impl Fn(ParquetError) -> Error + use<> {
    let path = path.to_string();
    move |source| Error::Unreadable { path: path.clone(), source }
}

pub(super) fn foreign(path: &Key, reason: String) -> Error {
    Error::Foreign { path: path.to_string(), reason }
}
