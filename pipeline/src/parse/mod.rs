//! Bodies become change events.
//!
//! Owns: telling what a body is, reading JSON and XML into the same tree in its normal form, finding the known
//! members, and what decides a body's table. Does not own: what a value means (`columns`), nor what becomes of
//! a body that is rejected (`columns` again: quarantine).

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

/// Reads bodies, one after the other, into the same buffers.
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

    /// A parser without the fast path, for tests: [`new`](Self::new) must make the same of every body.
    pub fn slow_path_only(parent_context: ParentContext) -> Self {
        Self::with(Reader::new(parent_context, None))
    }

    fn with(reader: Reader) -> Self {
        Self { reader, unquoted: String::new(), longest: 0 }
    }

    /// Reads one body.
    ///
    /// # Errors
    /// A [`Reject`] for a body that is no `RemoteExecutionContext` in JSON or XML.
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
                .map_err(|reject| moved(reject, sniffed.start));
        }
        let repaired = self
            .reader
            .unquote(sniffed.text, &mut self.unquoted)
            .map_err(|reject| moved(reject, sniffed.start))?;
        let inner = sniff(self.unquoted.as_bytes()).map_err(placeless)?;
        let mut event = self.reader.read(inner.text, inner.format).map_err(placeless)?;
        event.repaired |= repaired;
        Ok(event)
    }

    /// Returns the memory of outsized bodies, if there was one since the last call. For the pause between batches.
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

/// A place in the text becomes a place in the body, whose text begins at `start`.
fn moved(reject: Reject, start: usize) -> Reject {
    Reject { byte_offset: reject.byte_offset.map(|place| place + start), ..reject }
}

/// A place in unquoted text is none in the body.
fn placeless(reject: Reject) -> Reject {
    Reject::new(reject.reason)
}
