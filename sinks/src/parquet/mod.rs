//! Record batches become the bytes of a file.
//!
//! A row group is encoded at once, and what is kept of it are bytes: column writers hold over a megabyte
//! per open table, and hundreds of tables are open. The file is put together at the end, over the union of
//! its row groups' columns, and gets its footer just before it is put.

mod assemble; // row groups become a file
mod chunk; // one column of a row group becomes pages
mod data_file; // a file, read back: its facts and some of its columns
mod encodings; // the encoding of each column, and why
mod error; // errors of files that could not be written or read
mod facts; // what the footer says about the file's place in its chain
mod field_ids; // the numbers of columns in a file's schema
mod footer_checksum; // the checksum of a footer
mod guid; // GUIDs as the text that files hold
mod library; // columns that the library writes
mod limits; // limits of pages and dictionaries
mod ordinals; // the columns of a file that number its rows, read back
mod page_header; // the header before a page, with its checksum
mod row_group; // a record batch becomes encoded column chunks
mod sample; // what some values of a column say of all
mod schema; // the schema that files have for the columns of a batch
mod verify; // are pages what was written

pub use assemble::{Body, assemble};
pub use data_file::{ColumnInFile, DataFile, read_batches};
pub use error::Error;
pub use facts::{FACTS_KEY, FooterFacts, Removed, Replaced, read_facts};
pub use ordinals::RowColumns;
pub use row_group::{RowGroup, encode_row_group};
pub use verify::Damage;

#[cfg(test)]
mod tests;
