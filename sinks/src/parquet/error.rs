//! Errors of files that could not be written or read.

use crate::store;

/// A file that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Row groups could not be put together.
    #[error("could not assemble a file")]
    Assemble {
        /// Why not.
        #[source]
        source: ::parquet::errors::ParquetError,
    },
    /// A column could not be encoded.
    #[error("could not encode column {column:?}")]
    Column {
        /// Which column.
        column: String,
        /// Why not.
        #[source]
        source: ::parquet::errors::ParquetError,
    },
    /// A column without the field ids that its type needs: a fault of this program.
    #[error("internal error: column {column:?} does not have the field ids that its type needs")]
    Ids {
        /// Which column.
        column: String,
    },
    /// One column has two types in one file.
    #[error("column {column:?} has two types in one file")]
    Types {
        /// Which column.
        column: String,
    },
    /// A file that is not a data file of ours.
    #[error("{path:?} is not a data file: {reason}")]
    Foreign {
        /// Which file.
        path: String,
        /// What it lacks.
        reason: String,
    },
    /// A file that is no Parquet, or damaged so that it can't be read.
    #[error("{path:?} can't be read")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why not.
        #[source]
        source: ::parquet::errors::ParquetError,
    },
    /// The file could not be fetched.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// What a caller does about it; only a store can answer later.
    pub fn kind(&self) -> store::Kind {
        match self {
            Self::Store(error) => error.kind(),
            _ => store::Kind::Fatal,
        }
    }
}
