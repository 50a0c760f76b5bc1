//! A data file, read back: what it says of itself, and some of its columns a few rows at a time.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef};
use bytes::Bytes;
use object_store::path::Path;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::push_decoder::ParquetPushDecoderBuilder;
use parquet::errors::ParquetError;
use parquet::schema::types::TypePtr;

use super::error::Error;
use super::facts::{Footer, FooterFacts, facts_of, read_footer};
use super::field_ids;
use crate::store::Store;

/// A column of a data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInFile {
    /// Its name and type.
    pub field: FieldRef,
    /// Its field ids, as [`Body::complete`](super::Body::complete) takes them; none if one is missing.
    pub field_ids: Option<Vec<i32>>,
}

/// A data file, open for reading.
pub struct DataFile<'a> {
    pub(super) store: &'a Store,
    pub(super) path: &'a Path,
    pub(super) footer: Footer,
    facts: FooterFacts,
}

impl<'a> DataFile<'a> {
    /// Reads the end of a file; `None` if there is no such file.
    pub async fn open(store: &'a Store, path: &'a Path) -> Result<Option<Self>, Error> {
        let Some(footer) = read_footer(store, path).await? else {
            return Ok(None);
        };
        let facts = facts_of(&footer.metadata, path)?;
        Ok(Some(Self { store, path, footer, facts }))
    }

    /// The facts in its footer.
    pub fn facts(&self) -> &FooterFacts {
        &self.facts
    }

    /// Its columns, as far as Parquet tells their types.
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

    /// Reads some of its plain columns and gives the rows to `each`, at most `rows` at once.
    ///
    /// A column that the file does not have is in no batch: it is null throughout. Where the file is larger than
    /// its end, fetches the pages of these columns.
    pub async fn batches<E: From<Error>>(
        &self,
        columns: &[&str],
        rows: usize,
        mut each: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let decoder = self.decoder_of(columns)?.with_batch_size(rows);
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

    /// Makes a decoder of those of the columns that the file has.
    fn decoder_of(&self, columns: &[&str]) -> Result<ParquetPushDecoderBuilder, Error> {
        let schema = self.footer.metadata.file_metadata().schema_descr();
        let is_asked_for = |parts: &[String]| matches!(parts, [name] if columns.contains(&name.as_str()));
        let leaves =
            schema.columns().iter().enumerate().filter(|(_, leaf)| is_asked_for(leaf.path().parts()));
        let mask = ProjectionMask::leaves(schema, leaves.map(|(at, _)| at));
        Ok(ParquetPushDecoderBuilder::new_with_metadata(self.arrow_metadata()?).with_projection(mask))
    }

    fn arrow_metadata(&self) -> Result<ArrowReaderMetadata, Error> {
        ArrowReaderMetadata::try_new(Arc::clone(&self.footer.metadata), ArrowReaderOptions::new())
            .map_err(unreadable(self.path))
    }

    /// Takes what is needed from the end that is there already, and fetches the rest.
    pub(super) async fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        let footer = &self.footer;
        if ranges.iter().any(|range| range.start < footer.tail_start) {
            return Ok(self.store.get_ranges(self.path, ranges).await?);
        }
        let in_tail = |at: u64| (at - footer.tail_start) as usize;
        let has = |range: &&Range<u64>| range.start <= range.end && in_tail(range.end) <= footer.tail.len();
        let bytes: Vec<Bytes> = ranges
            .iter()
            .take_while(has)
            .map(|range| footer.tail.slice(in_tail(range.start)..in_tail(range.end)))
            .collect();
        if bytes.len() == ranges.len() {
            return Ok(bytes);
        }
        Err(foreign(self.path, "its footer names pages beyond its end".to_owned()))
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

/// Reads a file's facts and some of its plain columns, as [`DataFile::batches`] does; `None` if there is no such file.
pub async fn read_batches<E: From<Error>>(
    store: &Store,
    path: &Path,
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

/// The same field without what the reader adds at each level: field ids among it.
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

pub(super) fn unreadable(path: &Path) -> impl Fn(ParquetError) -> Error + use<> {
    let path = path.to_string();
    move |source| Error::Unreadable { path: path.clone(), source }
}

pub(super) fn foreign(path: &Path, reason: String) -> Error {
    Error::Foreign { path: path.to_string(), reason }
}
