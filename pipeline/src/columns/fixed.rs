//! Columns that rows have besides those of attributes.
//!
//! Owns: their names, types and order, and a typed handle for each, so that a value of another type does not compile.
//! Does not own: what an event puts into them (`envelope`, `quarantine`).

use std::marker::PhantomData;

use super::schema::ColumnType;
use super::values::Cell;
use crate::clock::UnixMillis;
use crate::event::QUARANTINE;
use crate::event::scalars::Guid;

/// Name and type of a fixed column.
pub(super) type FixedColumn = (&'static str, ColumnType);

/// A fixed column with values of kind `K`.
#[derive(Debug)]
pub(super) struct Fixed<K> {
    at: u8,
    kind: PhantomData<K>,
}

impl<K> Fixed<K> {
    const fn new(at: u8) -> Self {
        Self { at, kind: PhantomData }
    }

    /// Its index among the columns of its table.
    pub(super) const fn at(self) -> usize {
        self.at as usize
    }
}

impl<K> Clone for Fixed<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Fixed<K> {}

/// Kind of a fixed column's values: its column type.
pub(super) trait Kind {
    const TYPE: ColumnType;
}

/// Kind of values that are one cell each.
pub(super) trait CellKind: Kind {
    type Value<'a>;

    fn cell(value: Self::Value<'_>) -> Cell<'_>;
}

macro_rules! kinds {
    ($($kind:ident($value:ty) |$from:ident| $cell:expr),* $(,)?) => {
        $(
            #[derive(Clone, Copy, Debug)]
            pub(super) enum $kind {}

            impl Kind for $kind {
                const TYPE: ColumnType = ColumnType::$kind;
            }

            impl CellKind for $kind {
                type Value<'a> = $value;

                #[inline]
                fn cell($from: Self::Value<'_>) -> Cell<'_> {
                    $cell
                }
            }
        )*
    };
}

kinds! {
    Uuid(Guid) |id| Cell::Guid(id),
    Boolean(bool) |value| Cell::Boolean(value),
    Int32(i32) |value| Cell::Int32(value),
    Int64(i64) |value| Cell::Int64(value),
    Instant(UnixMillis) |time| Cell::instant(time),
    Text(&'a [u8]) |text| Cell::Bytes(text),
    Json(&'a [u8]) |json| Cell::Bytes(json),
    Binary(&'a [u8]) |bytes| Cell::Bytes(bytes),
}

/// Lists of strings, which have no cell.
#[derive(Clone, Copy, Debug)]
pub(super) enum TextList {}

impl Kind for TextList {
    const TYPE: ColumnType = ColumnType::TextList;
}

macro_rules! fixed {
    ($(#[$doc:meta])* $table:ident: $($column:ident $name:literal $kind:ident),* $(,)?) => {
        $(#[$doc])*
        pub(super) mod $table {
            use super::{Fixed, FixedColumn, Kind};

            pub(in crate::columns) const ALL: &[FixedColumn] = &[$(($name, <super::$kind as Kind>::TYPE)),*];

            #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "named as the constants")]
            enum Index { $($column),* }

            const _: () = assert!(ALL.len() <= u8::MAX as usize, "an index fits its byte");

            $(pub(in crate::columns) const $column: Fixed<super::$kind> = Fixed::new(Index::$column as u8);)*
        }
    };
}

fixed! {
    /// The columns of an event's row, in order. The attributes come after the first [`LEADING`](super::LEADING).
    event_column:
    ID "Id" Uuid,
    IS_DELETE "IsDelete" Boolean,
    SINK_MODIFIED_ON "SinkModifiedOn" Instant,
    MESSAGE "_message" Text,
    OPERATION_ID "_operation_id" Uuid,
    OPERATION_CREATED_ON "_operation_created_on" Instant,
    CORRELATION_ID "_correlation_id" Uuid,
    REQUEST_ID "_request_id" Uuid,
    DEPTH "_depth" Int32,
    STAGE "_stage" Int32,
    MODE "_mode" Int32,
    ISOLATION_MODE "_isolation_mode" Int32,
    IN_TRANSACTION "_in_transaction" Boolean,
    OFFLINE "_offline" Boolean,
    OFFLINE_PLAYBACK "_offline_playback" Boolean,
    USER_ID "_user_id" Uuid,
    INITIATING_USER_ID "_initiating_user_id" Uuid,
    USER_AAD_ID "_user_aad_id" Uuid,
    INITIATING_USER_AAD_ID "_initiating_user_aad_id" Uuid,
    USER_AGENT "_user_agent" Text,
    ORGANIZATION_ID "_organization_id" Uuid,
    ORGANIZATION_NAME "_organization_name" Text,
    BUSINESS_UNIT_ID "_business_unit_id" Uuid,
    STEP_ID "_step_id" Uuid,
    SECONDARY_TABLE "_secondary_table" Text,
    CHANGED "_changed" TextList,
    TRUNCATED "_truncated" Boolean,
    HUB "_hub" Text,
    PARTITION "_partition" Int32,
    SEQUENCE_NUMBER "_sequence_number" Int64,
    OFFSET "_offset" Text,
    ENQUEUED_TIME "_enqueued_time" Instant,
    ROW_INDEX "_row_index" Int32,
    BEFORE "_before" Json,
    INPUTS "_inputs" Json,
    OUTPUTS "_outputs" Json,
    SHARED "_shared" Json,
    LABELS "_labels" Json,
    REST "_rest" Json,
}

fixed! {
    /// The columns of `_quarantine`, in order.
    quarantine_column:
    SINK_MODIFIED_ON "SinkModifiedOn" Instant,
    REASON "_reason" Text,
    BYTE_OFFSET "_byte_offset" Int64,
    BODY "_body" Binary,
    CONTENT_TYPE "_content_type" Text,
    PROPERTIES "_properties" Json,
    HUB "_hub" Text,
    PARTITION "_partition" Int32,
    SEQUENCE_NUMBER "_sequence_number" Int64,
    OFFSET "_offset" Text,
    ENQUEUED_TIME "_enqueued_time" Instant,
    ROW_INDEX "_row_index" Int32,
}

/// Number of fixed columns before the attributes.
pub(super) const LEADING: usize = event_column::SINK_MODIFIED_ON.at() + 1;

/// The fixed columns of a table, and the number of those before the attributes.
pub(super) fn layout(table: &str) -> (&'static [FixedColumn], usize) {
    match table {
        QUARANTINE => (quarantine_column::ALL, quarantine_column::ALL.len()),
        _ => (event_column::ALL, LEADING),
    }
}

/// The fixed columns of a table as (name, lake type): those before the attributes, and those after them.
pub fn fixed_columns(table: &str) -> [Vec<(&'static str, &'static str)>; 2] {
    let (columns, leading) = layout(table);
    let (before, after) = columns.split_at(leading);
    [before, after].map(|part| part.iter().map(|(name, column_type)| (*name, column_type.name())).collect())
}
