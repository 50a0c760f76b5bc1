//! Errors of table metadata.

use std::path::PathBuf;

/// Why metadata can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder can't be read.
    #[error("table metadata: {path} can't be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder without a file to read.
    #[error("table metadata: the folder {0} holds no .json file")]
    Nothing(PathBuf),
    /// Bytes that are not UTF-8.
    #[error("table metadata: {path} is not UTF-8{hint}")]
    NotText {
        /// Which file.
        path: PathBuf,
        /// What it seems to be.
        hint: &'static str,
    },
    /// Text that is not JSON.
    #[error("table metadata: {path} is not JSON")]
    NotJson {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// JSON that is no response of `EntityDefinitions`.
    #[error("table metadata: {path} at {place}: {what}")]
    Shape {
        /// Which file.
        path: PathBuf,
        /// Where in its JSON.
        place: String,
        /// What is wrong there.
        what: String,
    },
    /// Two answers that can't both be true.
    #[error("table metadata: {table}.{attribute} is {one} in {first} and {other} in {second} at {place}")]
    Contradiction {
        /// The table's logical name.
        table: String,
        /// The attribute's logical name.
        attribute: String,
        /// What the first says.
        one: String,
        /// The file that says so.
        first: PathBuf,
        /// What the other says.
        other: String,
        /// The file that says so.
        second: PathBuf,
        /// Where in its JSON.
        place: String,
    },
    /// Answers that name no attribute with a type.
    #[error(
        "table metadata: {0} states no type of any attribute; does the query have \
         $expand=Attributes($select=LogicalName,AttributeType,AttributeTypeName,AttributeOf)?"
    )]
    NoTypes(PathBuf),
}
