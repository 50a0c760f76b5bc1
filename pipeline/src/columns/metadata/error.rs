//! Errors of table metadata.

use std::path::PathBuf;

/// An error of table metadata.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder can't be read.
    #[error("table metadata: {path} can't be read")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A folder without a file to read.
    #[error("table metadata: the folder {0} holds no .json file")]
    Nothing(PathBuf),
    /// Bytes that are not UTF-8.
    #[error("table metadata: {path} is not UTF-8{hint}")]
    NotText {
        /// The file.
        path: PathBuf,
        /// Its likely encoding, and the remedy.
        hint: &'static str,
    },
    /// Text that is not JSON.
    #[error("table metadata: {path} is not JSON")]
    NotJson {
        /// The file.
        path: PathBuf,
        /// The place and cause.
        #[source]
        source: serde_json::Error,
    },
    /// JSON that is not a response of `EntityDefinitions`.
    #[error("table metadata: {path} at {place}: {what}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// The path in its JSON.
        place: String,
        /// The fault at that path.
        what: String,
    },
    /// Two answers that can't both be true.
    #[error("table metadata: {table}.{attribute} is {one} in {first} and {other} in {second} at {place}")]
    Contradiction {
        /// The table's logical name.
        table: String,
        /// The attribute's logical name.
        attribute: String,
        /// The type or behavior in the first file.
        one: String,
        /// The first file.
        first: PathBuf,
        /// The type or behavior in the second file.
        other: String,
        /// The second file.
        second: PathBuf,
        /// The path in its JSON.
        place: String,
    },
    /// Answers that name no attribute with a type.
    #[error(
        "table metadata: {0} states no type of any attribute; does the query have \
         $expand=Attributes($select=LogicalName,AttributeType,AttributeTypeName,AttributeOf)?"
    )]
    NoTypes(PathBuf),
}
