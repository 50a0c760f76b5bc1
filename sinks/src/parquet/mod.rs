//! Parquet files: record batches become a file, and a file is read back and verified.
//!
//! A record batch is encoded into a row group at once, because column writers would hold over a megabyte for each of
//! hundreds of open tables. The file is assembled at the end, over the union of its row groups' columns, and gets its
//! footer just before it is committed.

mod assemble; // row groups become a file
mod chunk; // our own writer of column chunks
mod data_file; // a file, open for reading
mod encodings; // the encoding of each column, and why
mod error; // errors of files that could not be written or read
mod facts; // footer facts: the file's position in its chain
mod field_ids; // field ids in a file's schema
mod footer_checksum; // the checksum of a footer
mod guid; // GUIDs as strings
mod library; // column chunks by the library's writer
mod limits; // limits of pages and dictionaries
mod ordinals; // the ordinal and row index of each row, read back
mod page_header; // page headers with checksums
mod row_group; // a record batch becomes a row group
mod sample; // a sample of a column's values, from which its encoding follows
mod schema; // the schema that files have for the columns of a batch
mod verify; // verification of a file's pages

pub use assemble::{Body, assemble};
pub use data_file::{ColumnInFile, DataFile, read_batches};
pub use error::Error;
pub use facts::{FACTS_KEY, FooterFacts, Removed, Replaced, read_facts};
pub use ordinals::RowColumns;
pub use row_group::{ChunkWriter, RowGroup, encode_row_group};
pub use verify::Damage;

#[cfg(test)]
mod tests;
