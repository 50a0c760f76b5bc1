//! The values of a column, or of its lists, and which are null.
//!
//! Owns: levels, and which values belong to which rows. Does not own: what a value is (`values`).

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use parquet::schema::types::ColumnDescPtr;

use super::rle::{put_bits, put_numbers, put_run};
use crate::parquet::limits::PAGE_ROWS;

/// A column without what is around its values. A value is an *item*: of a list, or of its row.
pub(super) struct Leaf<'a> {
    pub(super) rows: usize,
    /// All items; those of other rows may stand among them.
    pub(super) values: &'a ArrayRef,
    lists: Option<Lists<'a>>,
    /// Of the items; absent if none is null.
    nulls: Option<&'a NullBuffer>,
}

/// Where the lists of a column begin and end in its items.
struct Lists<'a> {
    offsets: &'a [i32],
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Leaf<'a> {
    /// `None` if it is neither a plain column nor one of lists of plain items, all of which may be null.
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
        let suits = levels == expected && lists.as_ref().is_none_or(Lists::null_is_empty);
        suits.then_some(Self { rows: array.len(), values, lists, nulls })
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

    /// How many levels some rows have.
    pub(super) fn slots(&self, rows: Range<usize>) -> usize {
        match &self.lists {
            None => rows.len(),
            // A list without items has a level too.
            Some(lists) => rows.map(|row| lists.items(row).len().max(1)).sum(),
        }
    }

    /// How many of some items are values.
    pub(super) fn count(&self, items: Range<usize>) -> usize {
        match self.nulls {
            None => items.len(),
            Some(nulls) => nulls.inner().slice(items.start, items.len()).count_set_bits(),
        }
    }

    /// How many of all levels stand for no value.
    pub(super) fn nulls(&self) -> usize {
        self.slots(0..self.rows) - self.count(self.all())
    }

    /// Gives those of some items that are values.
    #[inline]
    pub(super) fn for_each(&self, items: Range<usize>, mut each: impl FnMut(usize)) {
        self.for_each_run(items, |run| {
            for item in run {
                each(item);
            }
        });
    }

    /// Gives those of some items that are values, as ranges.
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

    /// Where a page ends that begins at a row; it has one row at least.
    pub(super) fn page_end(&self, from: usize, size: impl Fn(Range<usize>) -> usize) -> usize {
        let mut to = self.rows.min(from + PAGE_ROWS);
        while to - from > 1 && size(self.items(from..to)) > PAGE_BYTES {
            to = from + (to - from) / 2;
        }
        to
    }

    /// Appends the levels of some rows: of repetition, where there are lists, and of definition.
    pub(super) fn put_levels(&self, rows: Range<usize>, out: &mut Vec<u8>) {
        match (&self.lists, self.nulls) {
            (Some(lists), _) => {
                let (mut repeated, mut defined) = (Vec::new(), Vec::new());
                for row in rows {
                    let items = lists.items(row);
                    if items.is_empty() {
                        repeated.push(0);
                        defined.push(if lists.is_null(row) { 0 } else { EMPTY_LIST });
                    }
                    for (at, item) in items.enumerate() {
                        repeated.push(u32::from(at > 0));
                        let is_null = self.nulls.is_some_and(|nulls| nulls.is_null(item));
                        defined.push(if is_null { NULL_ITEM } else { LIST_ITEM });
                    }
                }
                put_sized(out, |out| put_numbers(&repeated, 1, out));
                put_sized(out, |out| put_numbers(&defined, 2, out));
            }
            (None, Some(nulls)) => {
                put_sized(out, |out| put_bits(&nulls.inner().slice(rows.start, rows.len()), out));
            }
            (None, None) => put_sized(out, |out| put_run(1, rows.len(), 1, out)),
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

    /// No items stand behind a list that is null.
    fn null_is_empty(&self) -> bool {
        (0..self.offsets.len() - 1).all(|row| !self.is_null(row) || self.items(row).is_empty())
    }
}

/// Puts the length of what is put before it.
fn put_sized(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    put(out);
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// Definition levels of lists; 0 is a list that is null.
const EMPTY_LIST: u32 = 1;
const NULL_ITEM: u32 = 2;
const LIST_ITEM: u32 = 3;

/// Plain values behind which a page is closed, as in the library.
const PAGE_BYTES: usize = 1 << 20;
