//! The name of one ordered log.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::escape::{bounded, is_escaped, is_plain_in_log};

/// One ordered log, by its name in file names: `<log>-<generation>-p<partition>`.
///
/// # Shape
/// `orders.servicebus-1763800000000-p0007`. The log's name is folded to lower case, because the names of logs ignore
/// case, and escaped to `[a-z0-9._-]`. A name over [`MAX_NAME_BYTES`](super::MAX_NAME_BYTES) is cut, and its hash
/// appended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceId(Arc<str>);

impl SourceId {
    /// Names a partition of one generation of a log.
    ///
    /// `log` must be unique among all logs that may ever write into one lake: a caller whose logs are unique only
    /// within a namespace puts the namespace into it.
    ///
    /// # Units
    /// `generation` is the log's creation time in unix milliseconds.
    pub fn new(log: &str, generation: i64, partition: u32) -> Self {
        let folded = log.to_lowercase();
        let log = bounded("", &folded, is_plain_in_log);
        // A minus sign would parse as one more hyphen of the log's name.
        let sign = if generation < 0 { "n" } else { "" };
        Self(format!("{log}-{sign}{}-p{partition:04}", generation.unsigned_abs()).into())
    }

    /// Another partition of the same log.
    #[must_use]
    pub fn of_partition(&self, partition: u32) -> Self {
        let log = self.0.rsplit_once("-p").map_or(&*self.0, |(log, _)| log);
        Self(format!("{log}-p{partition:04}").into())
    }

    /// The name as paths contain it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Parses the output of [`SourceId::new`], and nothing else.
impl FromStr for SourceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::SourceId { text: text.to_owned() };
        let (rest, partition) = text.rsplit_once("-p").ok_or_else(invalid)?;
        let (log, generation) = rest.rsplit_once('-').ok_or_else(invalid)?;
        let number: u64 =
            generation.strip_prefix('n').unwrap_or(generation).parse().map_err(|_| invalid())?;
        let partition: u32 = partition.parse().map_err(|_| invalid())?;
        let sign = if generation.starts_with('n') { "n" } else { "" };
        // Comparing with the canonical form rejects "+7", "007" and every other second form of a number.
        let canonical = format!("{log}-{sign}{number}-p{partition:04}");
        if canonical != text || !is_escaped(log, is_plain_in_log) {
            return Err(invalid());
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for SourceId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<SourceId> for String {
    fn from(source: SourceId) -> Self {
        source.0.as_ref().to_owned()
    }
}
