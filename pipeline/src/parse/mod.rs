//! From the bytes of a body to a change event.
//!
//! Owns: detecting the format of a body, reading JSON and XML into one tree in normal form, finding the known members,
//! and routing an event to its table. Does not own: the meaning of values (`columns`), or the quarantine of a rejected
//! body (`run`).

mod fault; // reasons for texts that are not JSON, and the two repairs
mod json; // slow path: simd-json's tape
mod keys; // distinct keys of a list
mod limits; // length, depth and memory of one body
mod reader; // choice of a path; the buffers of all paths
mod root_object; // known members, treatment of ParentContext
mod routing; // table, message and target
mod scan; // fast path of JSON
mod sink; // output of every path
mod sniff; // format of a body
mod walk; // slow path: from the tape to the tree
mod xml; // XML
#[cfg(test)]
mod tests;

use std::fmt;

use self::limits::OUTSIZED_BODY;
pub use self::limits::{GROWTH_BASE_BYTES, GROWTH_FACTOR};
use self::reader::Reader;
pub use self::root_object::ParentContext;
pub use self::routing::ROUTING_VERSION;
use self::scan::FastPath;
use self::sniff::sniff;
use crate::event::{ChangeEvent, Reject};

/// Parses bodies, one after the other, in the same buffers. An event borrows them until the next body.
pub struct Parser {
    reader: Reader,
    unquoted: String,
    /// Length of the longest body since [`shrink`](Self::shrink).
    longest: usize,
}

impl Parser {
    /// A parser whose buffers grow with its first bodies.
    pub fn new(parent_context: ParentContext) -> Self {
        Self::with(Reader::new(parent_context, Some(FastPath::default())))
    }

    /// A parser without the fast path, for tests and benches. It gives the same event or reject for every body.
    pub fn slow_path_only(parent_context: ParentContext) -> Self {
        Self::with(Reader::new(parent_context, None))
    }

    fn with(reader: Reader) -> Self {
        Self { reader, unquoted: String::new(), longest: 0 }
    }

    /// Parses one body: JSON or XML in UTF-8, with or without a byte order mark, or a JSON string that contains one.
    ///
    /// # Shape
    /// The event's tree borrows the body wherever the text of a node is in it unchanged.
    ///
    /// # Errors
    /// A [`Reject`] for a body that is not a `RemoteExecutionContext`, or that exceeds a limit. Its byte offset counts
    /// from the start of the body; a reject of the content of a JSON string has none.
    ///
    /// # Memory
    /// Up to [`GROWTH_FACTOR`] times the body and [`GROWTH_BASE_BYTES`], the row in `columns` included.
    pub fn parse<'a>(&'a mut self, body: &'a [u8]) -> Result<ChangeEvent<'a>, Reject> {
        self.longest = self.longest.max(body.len());
        let sniffed = sniff(body)?;
        if !sniffed.quoted {
            return self
                .reader
                .read(sniffed.text, sniffed.format)
                .map_err(|reject| shifted(reject, sniffed.start));
        }
        let repaired = self
            .reader
            .unquote(sniffed.text, &mut self.unquoted)
            .map_err(|reject| shifted(reject, sniffed.start))?;
        let inner = sniff(self.unquoted.as_bytes()).map_err(without_offset)?;
        let mut event = self.reader.read(inner.text, inner.format).map_err(without_offset)?;
        event.repaired |= repaired;
        Ok(event)
    }

    /// Releases the memory of outsized bodies, if there was one since the last call. Call it between batches.
    pub fn shrink(&mut self) {
        if std::mem::take(&mut self.longest) > OUTSIZED_BODY {
            *self = Self::with(self.reader.fresh());
        }
    }
}

impl fmt::Debug for Parser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Parser").finish_non_exhaustive()
    }
}

/// Turns an offset in the text into one in the body, whose text begins at `start`.
fn shifted(reject: Reject, start: usize) -> Reject {
    Reject { byte_offset: reject.byte_offset.map(|offset| offset + start), ..reject }
}

/// Removes the offset: one in unquoted text has no counterpart in the body.
fn without_offset(reject: Reject) -> Reject {
    Reject::new(reject.reason)
}
