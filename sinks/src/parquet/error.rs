//! Errors of files that could not be written or read.

use crate::backoff::Retryable;
use crate::store;

/// A file that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Row groups could not be assembled.
    #[error("could not assemble a file")]
    Assemble {
        /// The cause.
        #[source]
        source: ::parquet::errors::ParquetError,
    },
    /// A column could not be encoded.
    #[error("could not encode column {column:?}")]
    Column {
        /// The column's name.
        column: String,
        /// The cause.
        #[source]
        source: ::parquet::errors::ParquetError,
    },
    /// A column without the field ids that its type needs: a fault of this program.
    #[error("internal error: column {column:?} does not have the field ids that its type needs")]
    Ids {
        /// The column's name.
        column: String,
    },
    /// One column has two types in one file.
    #[error("column {column:?} has two types in one file")]
    Types {
        /// The column's name.
        column: String,
    },
    /// A file that is not a data file of ours.
    #[error("{path:?} is not a data file: {reason}")]
    Foreign {
        /// The file's key.
        path: String,
        /// The reason why it is not one.
        reason: String,
    },
    /// A file that is not Parquet, or is too damaged to read.
    #[error("{path:?} can't be read")]
    Unreadable {
        /// The file's key.
        path: String,
        /// The cause.
        #[source]
        source: ::parquet::errors::ParquetError,
    },
    /// The file could not be fetched.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// The store's kind for its errors; all others are fatal.
    pub fn kind(&self) -> store::Kind {
        match self {
            Self::Store(error) => error.kind(),
            _ => store::Kind::Fatal,
        }
    }
}

impl Retryable for Error {
    fn is_transient(&self) -> bool {
        self.kind() == store::Kind::Unknown
    }
}
