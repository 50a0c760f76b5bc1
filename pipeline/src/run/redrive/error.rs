//! Failures that end a redrive. Does not own their exit codes (`run::kind`).

use catchwater_sinks::lake::{records, redrive, schema};
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::{parquet, store};

/// Failures that end a redrive. Files written so far stay, and the next redrive continues after them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lake can't be listed.
    #[error("list the files of _quarantine")]
    Store(#[from] store::Error),
    /// The lake's records can't be read.
    #[error("read the lake's records")]
    Records(#[from] records::Error),
    /// The lake's schemas can't be read or extended.
    #[error("read or extend the lake's schemas")]
    Schemas(#[from] schema::Error),
    /// A plan or one of its files can't be read or written.
    #[error(transparent)]
    Redrive(#[from] redrive::Error),
    /// A quarantine file can't be read, or rows can't be encoded.
    #[error("read bodies or encode rows")]
    Parquet(#[from] parquet::Error),
    /// A quarantine file is gone.
    #[error(
        "quarantine file {path:?} was listed but does not exist: something removed it, although a name once taken is \
         never freed"
    )]
    Gone {
        /// The file.
        path: String,
    },
    /// A quarantine file with an invalid column.
    #[error(
        "quarantine file {path:?} can't be redriven: its column {column:?} lacks a value or holds another type"
    )]
    Column {
        /// The file.
        path: String,
        /// The column.
        column: &'static str,
    },
    /// An unfinished plan of other rules.
    #[error(
        "plan {path:?} of routing rules version {theirs} is not finished, and this catchwater has version {ours}: run \
         `catchwater redrive` of the release that made the plan, then this one"
    )]
    OtherRules {
        /// The plan.
        path: String,
        /// Version of its routing rules.
        theirs: u32,
        /// Version of this program's routing rules.
        ours: u32,
    },
    /// A plan that contradicts this program's rules of the same version.
    #[error(
        "plan {path:?} sends the event {place} to {table:?}, but the routing rules of the same version do not; \
         was their version number not raised with a change?"
    )]
    Disagrees {
        /// The plan.
        path: String,
        /// The event's number.
        place: Ordinal,
        /// The planned table.
        table: String,
    },
    /// A plan names rows that its quarantine file does not have.
    #[error("plan {path:?} names rows for {table:?} that its quarantine file does not have")]
    NoSuchRows {
        /// The plan.
        path: String,
        /// The table of these rows.
        table: String,
    },
    /// The types of a table changed with every attempt.
    #[error(
        "the columns of {table:?} changed their types at every attempt to write its rows; run the redrive again"
    )]
    Unsettled {
        /// The table.
        table: String,
    },
}
