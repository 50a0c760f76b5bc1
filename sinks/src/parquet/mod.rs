//! Record batches become the bytes of a file.
//!
//! A row group is encoded at once, and what is kept of it are bytes: column writers hold over a megabyte
//! per open table, and hundreds of tables are open. The file is put together at the end, over the union of
//! its row groups' columns, and gets its footer just before it is put.

mod batches; // a file, read back: its facts and some of its columns
mod chunk; // one column of a row group becomes pages
mod facts; // what the footer says about the file's place in its chain
mod field_ids; // the numbers of columns in a file's schema
mod file; // row groups become a file
mod guid; // GUIDs as the text that files hold
mod library; // columns that the library writes
mod page_header; // the header before a page, with its checksum
mod verify; // are pages what was written
mod ordinals; // the columns of a file that number its rows, read back
mod properties; // how each column is encoded, and why
mod row_group; // a record batch becomes encoded column chunks
mod seal; // the checksum of a footer
mod sample; // what some values of a column say of all

pub use batches::{ColumnInFile, DataFile, read_batches};
pub use facts::{FACTS_KEY, FooterFacts, Removed, Replaced, read_facts};
pub use file::{Body, assemble};
pub use ordinals::RowColumns;
pub use row_group::{RowGroup, encode_row_group};
pub use verify::Damage;

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
    Store(#[from] crate::store::Error),
}

impl Error {
    /// What a caller does about it; only a store can answer later.
    pub fn kind(&self) -> crate::store::Kind {
        match self {
            Self::Store(error) => error.kind(),
            _ => crate::store::Kind::Fatal,
        }
    }
}

#[cfg(test)]
mod tests;
