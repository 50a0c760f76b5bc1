//! Bodies become change events.
//!
//! Owns: telling what a body is, reading JSON and XML into the same tree in its normal form, finding the known
//! members, and what decides a body's table. Does not own: what a value means (`columns`), nor what becomes of
//! a body that is rejected (`columns` again: quarantine).

mod context;
mod fault;
mod json;
mod keys;
mod limits;
mod scan;
mod sniff;
#[cfg(test)]
mod tests;
mod walk;
mod xml;

use std::fmt;

use self::context::Reader;
use self::limits::OUTSIZED_BODY;
pub use self::limits::{GROWTH_BASE_BYTES, GROWTH_FACTOR};
use self::scan::Scanner;
use self::sniff::sniff;
use crate::event::{ChangeEvent, Reject};

/// The version of what decides a body's table.
///
/// A lake records it, and a writer of another version does not write there. It is changed by hand, together
/// with whatever changes the table of any body; `tests/data/routing_v3.tsv` holds it in place.
///
/// Version 3 sends bodies to `_quarantine` that would take too much memory, and messages that can't be decoded: before, such
/// a message ended the run.
pub const ROUTING_VERSION: u32 = 3;

/// What becomes of `ParentContext`, the copy of what the caller sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentContext {
    /// It is not written to the tree.
    Drop,
    /// It is a member like the others.
    Keep,
}

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
        Self::with(Reader::new(parent_context, Some(Scanner::default())))
    }

    /// A parser that sends every JSON body the general way, which most are spared: what it makes of a body is what
    /// [`new`](Self::new) has to make of it.
    pub fn general(parent_context: ParentContext) -> Self {
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
