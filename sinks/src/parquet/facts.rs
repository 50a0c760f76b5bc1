//! What a data file's footer says about its place in its chain, and how it is read back.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use parquet::DecodeResult;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::footer_checksum;
use crate::ordinals::Ordinal;
use crate::paths::{self, Destination};
use crate::store::{Store, Tail};

/// The one entry of ours among a footer's key-value metadata.
pub const FACTS_KEY: &str = "catchwater";

/// What a data file says of itself; nothing in it depends on a clock.
///
/// # Shape
/// A JSON object under [`FACTS_KEY`]; `docs/FORMATS.md`. Members of a later version are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FooterFacts {
    /// The lake's id.
    pub lake: String,
    /// The chain that the file belongs to: `table`, `date` and `source` of the JSON object.
    #[serde(flatten)]
    pub destination: Destination,
    /// One past the last row of the destination's file before this, 0 for its first; as in the file's name.
    pub continues_at: Ordinal,
    /// The ordinal of the first row.
    pub first: Ordinal,
    /// The ordinal of the last row: all rows of the destination up to it are in this file or before it.
    pub last: Ordinal,
    /// How many rows the file has.
    pub rows: u64,
    /// The version of the rules that sent the rows here.
    pub routing_version: u32,
    /// Who wrote the file: for counting, never for judging.
    pub writer: String,
    /// The version of the contract that the file keeps: see [`CONTRACT`](crate::CONTRACT).
    pub contract: u32,
    /// Files whose rows this one holds in their place: compaction wrote it, and it is in no chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<Replaced>,
    /// Rows that the file had once and that were removed on purpose. Its chain facts stay as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removed>,
    /// When the file was put, everything of the source up to here was in the lake already: a lower bound that stays
    /// true, whatever becomes of checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable: Option<Ordinal>,
}

impl FooterFacts {
    /// The key of the file, unless it is that of a redrive: its name in the chain of its destination.
    pub fn data_file(&self) -> Path {
        paths::data_file(&self.destination, self.continues_at)
    }

    /// Facts of a file in tests: written by "a writer" into "this lake" under the first version of the routing rules, with
    /// one row of `first` and, if that is another one, one of `last`.
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

/// A file that another one replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Its key in the lake.
    pub file: String,
    /// How many rows it had.
    pub rows: u64,
}

/// Rows that were removed from a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// How many.
    pub rows: u64,
    /// Why: `compacted`, `forgotten`, or a word of a later version.
    pub reason: String,
}

/// Reads a file's facts from its end; `None` if there is no such file.
pub async fn read_facts(store: &Store, path: &Path) -> Result<Option<FooterFacts>, Error> {
    match read_footer(store, path).await? {
        // A position that a flipped bit made would be believed.
        Some(footer) if footer_checksum::is_intact(&footer.tail) == Some(false) => Err(Error::Foreign {
            path: path.to_string(),
            reason: "its footer does not match its checksum".to_owned(),
        }),
        Some(footer) => facts_of(&footer.metadata, path).map(Some),
        None => Ok(None),
    }
}

/// Finds the facts among a footer's metadata.
pub(super) fn facts_of(metadata: &ParquetMetaData, path: &Path) -> Result<FooterFacts, Error> {
    let entries = metadata.file_metadata().key_value_metadata();
    let ours = entries.into_iter().flatten().find(|entry| entry.key == FACTS_KEY);
    let text = ours.and_then(|entry| entry.value.as_deref()).ok_or_else(|| Error::Foreign {
        path: path.to_string(),
        reason: format!("its footer has no entry {FACTS_KEY:?}"),
    })?;
    serde_json::from_str(text).map_err(|error| Error::Foreign {
        path: path.to_string(),
        reason: format!("the entry {FACTS_KEY:?} of its footer can't be read: {error}"),
    })
}

/// Writes the facts as an entry of a footer's metadata.
pub(super) fn entry_of(facts: &FooterFacts) -> KeyValue {
    // A struct of strings and numbers always has a JSON form.
    KeyValue::new(
        FACTS_KEY.to_owned(),
        footer_checksum::with_placeholder(&serde_json::to_string(facts).unwrap_or_default()),
    )
}

/// A file's footer, and what was fetched with it.
pub(super) struct Footer {
    /// The footer without its page indexes.
    pub(super) metadata: Arc<ParquetMetaData>,
    /// The file's last bytes.
    pub(super) tail: Bytes,
    /// Where in the file they begin.
    pub(super) tail_start: u64,
}

impl Footer {
    /// The size of the file.
    pub(super) fn file_bytes(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }
}

/// Reads a file's footer; `None` if there is no such file.
pub(super) async fn read_footer(store: &Store, path: &Path) -> Result<Option<Footer>, Error> {
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

/// How much of a file's end is fetched at first: a footer of a hundred columns takes ten kilobytes, small
/// files are within it as a whole, and a second request costs more than the bytes.
const TAIL_BYTES: u64 = 64 * 1024;
