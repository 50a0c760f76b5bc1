//! The leaf of a column: its values, or those of its lists, its nulls and its levels.
//!
//! Owns: levels, and the mapping of rows to values. Does not own: the values (`values`).

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use parquet::schema::types::ColumnDescPtr;

use super::rle::{encode_bits, encode_numbers, encode_run};
use crate::parquet::limits::PAGE_ROWS;

/// A plain column, or one of lists. An *item* is a slot of the values: one for each row, or one for each element of a
/// list.
pub(super) struct Leaf<'a> {
    pub(super) rows: usize,
    /// The array of items. It may hold items of other rows, as that of a sliced list does.
    pub(super) values: &'a ArrayRef,
    lists: Option<Lists<'a>>,
    /// Validity of the items; absent if none is null.
    nulls: Option<&'a NullBuffer>,
}

/// The range of items of each list.
struct Lists<'a> {
    offsets: &'a [i32],
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Leaf<'a> {
    /// `None` unless the column is nullable and either plain or of lists of nullable plain items.
    pub(super) fn of(array: &'a ArrayRef, column: &ColumnDescPtr) -> Option<Self> {
        let (values, lists) = match array.data_type() {
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                (lists.values(), Some(Lists { offsets: lists.value_offsets(), nulls: lists.nulls() }))
            }
            _ => (array, None),
        };
        let levels = (column.max_rep_level(), column.max_def_level());
        let expected = if lists.is_some() { (1, LIST_ITEM as i16) } else { (0, 1) };
        let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0);
        let is_supported = levels == expected && lists.as_ref().is_none_or(Lists::nulls_are_empty);
        is_supported.then_some(Self { rows: array.len(), values, lists, nulls })
    }

    /// The items of all rows.
    pub(super) fn all(&self) -> Range<usize> {
        self.items(0..self.rows)
    }

    /// The items of some rows.
    pub(super) fn items(&self, rows: Range<usize>) -> Range<usize> {
        match &self.lists {
            None => rows,
            Some(lists) => lists.offsets[rows.start] as usize..lists.offsets[rows.end] as usize,
        }
    }

    /// Number of levels of some rows.
    pub(super) fn level_count(&self, rows: Range<usize>) -> usize {
        match &self.lists {
            None => rows.len(),
            // An empty list has a level too.
            Some(lists) => rows.map(|row| lists.items(row).len().max(1)).sum(),
        }
    }

    /// Number of values among some items.
    pub(super) fn value_count(&self, items: Range<usize>) -> usize {
        match self.nulls {
            None => items.len(),
            Some(nulls) => nulls.inner().slice(items.start, items.len()).count_set_bits(),
        }
    }

    /// Number of levels without a value.
    pub(super) fn null_count(&self) -> usize {
        self.level_count(0..self.rows) - self.value_count(self.all())
    }

    /// Calls `each` with every value among some items.
    #[inline]
    pub(super) fn for_each(&self, items: Range<usize>, mut each: impl FnMut(usize)) {
        self.for_each_run(items, |run| {
            for item in run {
                each(item);
            }
        });
    }

    /// Calls `each` with every run of values among some items.
    #[inline]
    pub(super) fn for_each_run(&self, items: Range<usize>, mut each: impl FnMut(Range<usize>)) {
        match self.nulls {
            None => each(items),
            Some(nulls) => {
                for (from, to) in nulls.inner().slice(items.start, items.len()).set_slices() {
                    each(items.start + from..items.start + to);
                }
            }
        }
    }

    /// End of the page that begins at row `from`. A page has at least one row.
    pub(super) fn page_end(&self, from: usize, encoded_bytes: impl Fn(Range<usize>) -> usize) -> usize {
        let mut to = self.rows.min(from + PAGE_ROWS);
        while to - from > 1 && encoded_bytes(self.items(from..to)) > PAGE_BYTES {
            to = from + (to - from) / 2;
        }
        to
    }

    /// Appends the levels of some rows: repetition levels if it has lists, then definition levels.
    pub(super) fn encode_levels(&self, rows: Range<usize>, out: &mut Vec<u8>) {
        match (&self.lists, self.nulls) {
            (Some(lists), _) => {
                let (mut repeated, mut defined) = (Vec::new(), Vec::new());
                for row in rows {
                    let items = lists.items(row);
                    if items.is_empty() {
                        repeated.push(0);
                        defined.push(if lists.is_null(row) { NULL_LIST } else { EMPTY_LIST });
                    }
                    for (index, item) in items.enumerate() {
                        repeated.push(u32::from(index > 0));
                        let is_null = self.nulls.is_some_and(|nulls| nulls.is_null(item));
                        defined.push(if is_null { NULL_ITEM } else { LIST_ITEM });
                    }
                }
                with_length(out, |out| encode_numbers(&repeated, 1, out));
                with_length(out, |out| encode_numbers(&defined, 2, out));
            }
            (None, Some(nulls)) => {
                with_length(out, |out| encode_bits(&nulls.inner().slice(rows.start, rows.len()), out));
            }
            (None, None) => with_length(out, |out| encode_run(1, rows.len(), 1, out)),
        }
    }
}

impl Lists<'_> {
    fn items(&self, row: usize) -> Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// True if no null list has items; Arrow allows that.
    fn nulls_are_empty(&self) -> bool {
        (0..self.offsets.len() - 1).all(|row| !self.is_null(row) || self.items(row).is_empty())
    }
}

/// Appends what `encode` appends, after its length in four bytes.
fn with_length(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    encode(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Definition levels of lists.
const NULL_LIST: u32 = 0;
const EMPTY_LIST: u32 = 1;
const NULL_ITEM: u32 = 2;
const LIST_ITEM: u32 = 3;

/// Upper bound on the plain values of a page, in bytes: the library's default.
const PAGE_BYTES: usize = 1 << 20;
