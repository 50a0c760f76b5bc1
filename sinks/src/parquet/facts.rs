//! Facts of a data file in its footer: its position in its chain, and how the file is read back.
//!
//! Owns: the JSON object and reading a footer. Does not own: the checksum in it (`footer_checksum`).

use std::sync::Arc;

use crate::store::Key;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::footer_checksum;
use crate::ordinals::Ordinal;
use crate::paths::{self, Destination};
use crate::store::{Store, Tail};

/// Key of our entry in the key-value metadata of a footer.
pub const FACTS_KEY: &str = "catchwater";

/// Facts of a data file. None depends on a clock.
///
/// # Shape
/// A JSON object under [`FACTS_KEY`], see `docs/FORMATS.md`. Unknown members of later versions are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterFacts {
    /// The lake's id.
    pub lake: String,
    /// The file's chain: `table`, `date` and `source` in the JSON object.
    #[serde(flatten)]
    pub destination: Destination,
    /// One past the last row of the previous file of the chain; 0 for the first file. It is in the file's name.
    pub continues_at: Ordinal,
    /// The ordinal of the first row.
    pub first: Ordinal,
    /// The ordinal of the last row. All rows of the destination up to it are in this file or an earlier one.
    pub last: Ordinal,
    /// Number of rows.
    pub rows: u64,
    /// Version of the routing rules that chose this destination.
    pub routing_version: u32,
    /// Id of the writer, for statistics. No decision depends on it.
    pub writer: String,
    /// Version of the contract, see [`CONTRACT`](crate::CONTRACT).
    pub contract: u32,
    /// Files that this file replaces. Compaction wrote it, and it is not part of a chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<Replaced>,
    /// Rows that were removed from the file on purpose. The other facts are unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removed>,
    /// Durable position of the source when the file was put: every event up to it was in the lake. It remains a valid
    /// lower bound if checkpoints are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable: Option<Ordinal>,
}

impl FooterFacts {
    /// Key of the file in the chain of its destination. A redriven file has another key.
    pub fn data_file(&self) -> Key {
        paths::data_file(&self.destination, self.continues_at)
    }

    /// Facts for tests, of a file with one row of `first` and, if it differs, one of `last`. The writer is "a writer",
    /// the lake "this lake", the version of the routing rules 1.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn sample(destination: Destination, continues_at: i64, first: i64, last: i64) -> Self {
        Self {
            lake: "this lake".to_owned(),
            destination,
            continues_at: Ordinal::new(continues_at),
            first: Ordinal::new(first),
            last: Ordinal::new(last),
            rows: if first == last { 1 } else { 2 },
            routing_version: 1,
            writer: "a writer".to_owned(),
            contract: crate::CONTRACT,
            replaces: Vec::new(),
            removed: None,
            durable: None,
        }
    }
}

/// A file that another file replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Its key in the lake.
    pub file: String,
    /// Number of its rows.
    pub rows: u64,
}

/// Rows that were removed from a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Number of removed rows.
    pub rows: u64,
    /// `compacted`, `forgotten`, or a reason of a later version.
    pub reason: String,
}

/// Reads the facts of a file from its footer; `None` if the file does not exist.
pub async fn read_facts(store: &Store, path: &Key) -> Result<Option<FooterFacts>, Error> {
    match read_footer(store, path).await? {
        // Without this check, a flipped bit could make a wrong position.
        Some(footer) if footer_checksum::is_intact(&footer.tail) == Some(false) => Err(Error::Foreign {
            path: path.to_string(),
            reason: "its footer does not match its checksum".to_owned(),
        }),
        Some(footer) => find_facts(&footer.metadata, path).map(Some),
        None => Ok(None),
    }
}

/// Finds the facts in the metadata of a footer.
pub(super) fn find_facts(metadata: &ParquetMetaData, path: &Key) -> Result<FooterFacts, Error> {
    let entries = metadata.file_metadata().key_value_metadata();
    let ours = entries.into_iter().flatten().find(|entry| entry.key == FACTS_KEY);
    let text = ours.and_then(|entry| entry.value.as_deref()).ok_or_else(|| Error::Foreign {
        path: path.to_string(),
        reason: format!("its footer has no entry {FACTS_KEY:?}"),
    })?;
    serde_json::from_str(text).map_err(|error| Error::Foreign {
        path: path.to_string(),
        reason: format!("the entry {FACTS_KEY:?} of its footer can't be parsed: {error}"),
    })
}

/// The facts as an entry of a footer's metadata, with a placeholder for the checksum.
pub(super) fn to_entry(facts: &FooterFacts) -> KeyValue {
    // Serializing strings and numbers can't fail.
    KeyValue::new(
        FACTS_KEY.to_owned(),
        footer_checksum::with_placeholder(&serde_json::to_string(facts).unwrap_or_default()),
    )
}

/// Footer of a file, with the bytes that were fetched.
pub(super) struct Footer {
    /// The footer without its page indexes.
    pub(super) metadata: Arc<ParquetMetaData>,
    /// The last bytes of the file.
    pub(super) tail: Bytes,
    /// Offset of `tail` in the file, in bytes.
    pub(super) tail_start: u64,
}

impl Footer {
    /// Size of the file, in bytes.
    pub(super) fn file_bytes(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }
}

/// Reads the footer of a file; `None` if the file does not exist.
pub(super) async fn read_footer(store: &Store, path: &Key) -> Result<Option<Footer>, Error> {
    let Some(Tail { bytes: tail, size }) = store.get_tail(path, TAIL_BYTES).await? else {
        return Ok(None);
    };
    let failed = |source| Error::Unreadable { path: path.to_string(), source };
    let tail_start = size - tail.len() as u64;
    let mut decoder = ParquetMetaDataPushDecoder::try_new(size)
        .map_err(failed)?
        .with_page_index_policy(PageIndexPolicy::Skip);
    decoder.push_range(tail_start..size, tail.clone()).map_err(failed)?;
    loop {
        match decoder.try_decode().map_err(failed)? {
            DecodeResult::Data(metadata) => {
                return Ok(Some(Footer { metadata: Arc::new(metadata), tail, tail_start }));
            }
            DecodeResult::NeedsData(ranges) => {
                let bytes = store.get_ranges(path, &ranges).await?;
                decoder.push_ranges(ranges, bytes).map_err(failed)?;
            }
            DecodeResult::Finished => {
                let reason = "it has no footer".to_owned();
                return Err(Error::Foreign { path: path.to_string(), reason });
            }
        }
    }
}

/// Bytes at the end of a file that the first request fetches. A footer of a hundred columns has ten kilobytes, and a
/// second request costs more than the additional bytes.
const TAIL_BYTES: u64 = 64 * 1024;
