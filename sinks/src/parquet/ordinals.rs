//! Two columns of a file, read back: the place of each row, and which row of its place it is.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type};
use object_store::path::Path;

use super::data_file::{DataFile, foreign};
use super::error::Error;

/// The columns that say which row of which place a row is.
#[derive(Clone, Copy, Debug)]
pub struct RowColumns {
    /// The place: 64-bit integers, in every file.
    pub ordinal: &'static str,
    /// Which of its place's rows it is: 32-bit integers. In a file without it every row is its place's first.
    pub row_index: &'static str,
}

impl DataFile<'_> {
    /// Reads the columns that number the file's rows, and gives places and indexes to `each` in the order of the rows.
    ///
    /// # Errors
    /// Also for a file without a column of places, or with a null in either.
    pub async fn ordinals(
        &self,
        columns: RowColumns,
        mut each: impl FnMut(&[i64], Option<&[i32]>),
    ) -> Result<(), Error> {
        /// Rows decoded at once: 96 KiB of values.
        const BATCH_ROWS: usize = 8 * 1024;
        let path = self.path;
        self.batches(&[columns.ordinal, columns.row_index], BATCH_ROWS, |batch| {
            let places = values_of::<Int64Type>(batch, path, columns.ordinal)?;
            let places =
                places.ok_or_else(|| foreign(path, format!("it has no column {:?}", columns.ordinal)))?;
            each(places, values_of::<Int32Type>(batch, path, columns.row_index)?);
            Ok(())
        })
        .await
    }
}

/// The values of a column; `None` if there is no such column.
fn values_of<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    path: &Path,
    column: &str,
) -> Result<Option<&'a [T::Native]>, Error> {
    let Some(array) = batch.column_by_name(column) else { return Ok(None) };
    match array.as_primitive_opt::<T>().filter(|array| array.null_count() == 0) {
        Some(array) => Ok(Some(array.values())),
        None => Err(foreign(path, format!("its column {column:?} holds something else than integers"))),
    }
}
