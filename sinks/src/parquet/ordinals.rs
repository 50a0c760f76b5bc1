//! The ordinal and row index of each row of a file, read back.

use crate::store::Key;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type};

use super::data_file::{DataFile, foreign};
use super::error::Error;

/// The columns that identify the rows of a file.
#[derive(Clone, Copy, Debug)]
pub struct RowColumns {
    /// The ordinal: 64-bit integers, in every file.
    pub ordinal: &'static str,
    /// The index among the rows of one ordinal: 32-bit integers. In a file without the column it is 0 for every row.
    pub row_index: &'static str,
}

impl DataFile<'_> {
    /// Calls `each` with ordinals and row indexes, in the order of the rows.
    ///
    /// # Errors
    /// A file without the column of ordinals, or with a null in either column, among others.
    pub async fn ordinals(
        &self,
        columns: RowColumns,
        mut each: impl FnMut(&[i64], Option<&[i32]>),
    ) -> Result<(), Error> {
        let path = self.path;
        self.batches(&[columns.ordinal, columns.row_index], BATCH_ROWS, |batch| {
            let ordinals = values_of::<Int64Type>(batch, path, columns.ordinal)?;
            let ordinals =
                ordinals.ok_or_else(|| foreign(path, format!("it has no column {:?}", columns.ordinal)))?;
            each(ordinals, values_of::<Int32Type>(batch, path, columns.row_index)?);
            Ok(())
        })
        .await
    }
}

/// Rows decoded at once: 96 KiB of values.
const BATCH_ROWS: usize = 8 * 1024;

/// The values of a column; `None` if the file does not have it.
fn values_of<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    path: &Key,
    column: &str,
) -> Result<Option<&'a [T::Native]>, Error> {
    let Some(array) = batch.column_by_name(column) else { return Ok(None) };
    match array.as_primitive_opt::<T>().filter(|array| array.null_count() == 0) {
        Some(array) => Ok(Some(array.values())),
        None => Err(foreign(path, format!("its column {column:?} is not of integers, or has nulls"))),
    }
}
