//! Files of one destination, from their first row to their last byte.
//!
//! Owns: the rows of one open file, and the facts its footer states. Does not own: when it is closed
//! (`lane`), or whether its name is still free (`publisher`).

use std::sync::Arc;

use catchwater_sinks::CONTRACT;
use catchwater_sinks::lake::chain::{self, Chain};
use catchwater_sinks::paths::{Destination, Ordinal};

use catchwater_sinks::parquet::{self, FooterFacts, RowGroup};

use crate::budget::{LaneBudget, Permit, Share};
use crate::columns::{self, ColumnTypes, Rows, TableBuffer};
use crate::event::{ChangeEvent, RawEvent, Reject};
use crate::position::SequenceNumber;
use crate::run::footer::{RunFacts, in_file};
use crate::run::ledger::Before;
use crate::run::messages::{ClosedFile, StartId};

/// The open file of one destination, and how far its chain has come.
#[derive(Debug)]
pub(super) struct OpenFile {
    start: StartId,
    destination: Destination,
    chain_last: Option<Ordinal>,
    buffer: TableBuffer,
    buffered: Option<Span>,
    groups: Vec<RowGroup>,
    grouped: Option<Span>,
    grouped_rows: u64,
    group_bytes: usize,
    types: ColumnTypes,
    opened_at_ms: i64,
    /// Pays for what it holds.
    permit: Permit,
    /// Budget that closed files are charged to.
    closed: Arc<Share>,
}

/// Events from `first` to `last`, and where reading stood before them.
#[derive(Clone, Debug)]
struct Span {
    first: SequenceNumber,
    last: SequenceNumber,
    before: Before,
    events: u64,
}

/// A row group on its way into a file.
struct EncodedPart {
    group: RowGroup,
    types: ColumnTypes,
}

impl EncodedPart {
    fn of(Rows { batch, types }: Rows, facts: &RunFacts) -> Result<Self, parquet::Error> {
        Ok(Self { group: parquet::encode_row_group(&batch, facts.chunk_writer)?, types })
    }
}

impl OpenFile {
    /// A file of a destination whose closed files reach up to `chain_last`; its first row comes now.
    pub(super) fn new(
        start: StartId,
        destination: Destination,
        chain_last: Option<Ordinal>,
        buffer: TableBuffer,
        budget: &LaneBudget,
        now_ms: i64,
    ) -> Self {
        Self {
            start,
            destination,
            chain_last,
            buffer,
            buffered: None,
            groups: Vec::new(),
            grouped: None,
            grouped_rows: 0,
            group_bytes: 0,
            types: ColumnTypes::new(),
            opened_at_ms: now_ms,
            permit: budget.whole.charge(0),
            closed: Arc::clone(&budget.closed),
        }
    }

    /// Where it belongs.
    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The last row of the destination's closed files.
    pub(super) fn chain_last(&self) -> Option<Ordinal> {
        self.chain_last
    }

    /// Whether the lake, or a file on its way there, already holds this event.
    pub(super) fn covers(&self, event: SequenceNumber) -> bool {
        chain::covers(self.chain_last, Ordinal(event.get()))
    }

    /// Appends an event. Its rows become row groups of their own if they have no room beside those before; all are in one
    /// file. The file before it is closed and returned when they can't join it, or when its last rows can't.
    ///
    /// `before` is asked only when the event is the first of its row group.
    pub(super) fn push(
        &mut self,
        context: &mut columns::Context,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
        before: impl FnOnce() -> Before,
        facts: &RunFacts,
    ) -> Result<Vec<ClosedFile>, parquet::Error> {
        let (partition, number) = (self.start.partition, raw.sequence_number);
        if self.buffer.push(context, event, raw, partition).is_ok() {
            self.note(number, before);
            return Ok(Vec::new());
        }
        let mut closed = Vec::new();
        if self.buffer.rows() > 0 {
            closed.extend(self.encode(context, facts)?);
            if self.buffer.push(context, event, raw, partition).is_ok() {
                self.note(number, before);
                return Ok(closed);
            }
        }
        let mut parts = Vec::new();
        self.buffer.push_in_parts(context, event, raw, partition, |rows| {
            parts.push(EncodedPart::of(rows, facts)?);
            Ok::<(), parquet::Error>(())
        })?;
        let span = Span { first: number, last: number, before: before(), events: 1 };
        closed.extend(self.add(span, parts, facts)?);
        Ok(closed)
    }

    /// Appends a body that can't be understood, with its application properties as JSON.
    pub(super) fn push_reject(
        &mut self,
        context: &mut columns::Context,
        reject: &Reject,
        raw: &RawEvent<'_>,
        properties: &str,
        before: impl FnOnce() -> Before,
    ) {
        self.buffer.push_reject(context, reject, raw, properties, self.start.partition);
        self.note(raw.sequence_number, before);
    }

    /// Notes an event whose rows are in the buffer.
    fn note(&mut self, event: SequenceNumber, before: impl FnOnce() -> Before) {
        let span = self.buffered.get_or_insert_with(|| Span {
            first: event,
            last: event,
            before: before(),
            events: 0,
        });
        span.last = event;
        span.events += 1;
    }

    /// The first row and where reading stood before it.
    pub(super) fn oldest(&self) -> Option<(SequenceNumber, &Before)> {
        self.grouped.as_ref().or(self.buffered.as_ref()).map(|span| (span.first, &span.before))
    }

    /// How many rows are open.
    pub(super) fn rows(&self) -> u64 {
        self.grouped_rows + self.buffer.rows() as u64
    }

    /// How many events they are of.
    pub(super) fn events(&self) -> u64 {
        [&self.grouped, &self.buffered].into_iter().flatten().map(|span| span.events).sum()
    }

    /// When its first row came.
    pub(super) fn opened_at_ms(&self) -> i64 {
        self.opened_at_ms
    }

    /// Bytes in plain buffers.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.buffer.bytes()
    }

    /// Encoded bytes of finished row groups.
    pub(super) fn group_bytes(&self) -> usize {
        self.group_bytes
    }

    /// Everything it holds.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.bytes() + self.group_bytes
    }

    /// Charges for what it holds now.
    pub(super) fn settle(&mut self) {
        self.permit.resize(self.buffer.bytes() + self.group_bytes);
    }

    /// Encodes the plain rows into a row group. When the group can't join the file (the lake gave one of its columns another
    /// type meanwhile), the file before it is closed and returned, and the group begins the next.
    pub(super) fn encode(
        &mut self,
        context: &mut columns::Context,
        facts: &RunFacts,
    ) -> Result<Option<ClosedFile>, parquet::Error> {
        let Some(span) = self.buffered.take() else { return Ok(None) };
        let rows = self.buffer.take(context);
        self.add(span, vec![EncodedPart::of(rows, facts)?], facts)
    }

    /// Adds the row groups of whole events. When they can't join the file, it is closed and returned, and they begin the
    /// next.
    fn add(
        &mut self,
        span: Span,
        parts: Vec<EncodedPart>,
        facts: &RunFacts,
    ) -> Result<Option<ClosedFile>, parquet::Error> {
        let joins = parts.iter().all(|part| part.group.joins(&self.groups));
        let closed = if joins { None } else { self.seal(facts)? };
        for part in parts {
            self.group_bytes += part.group.byte_size();
            self.grouped_rows += part.group.rows() as u64;
            self.groups.push(part.group);
            self.types.extend(part.types);
        }
        self.grouped = Some(match self.grouped.take() {
            Some(grouped) => Span { last: span.last, events: grouped.events + span.events, ..grouped },
            None => span,
        });
        self.settle();
        Ok(closed)
    }

    /// Closes the file, whatever it holds. Two files come out when the last rows can't join the earlier ones.
    pub(super) fn close(
        &mut self,
        context: &mut columns::Context,
        facts: &RunFacts,
    ) -> Result<Vec<ClosedFile>, parquet::Error> {
        let mut closed: Vec<ClosedFile> = self.encode(context, facts)?.into_iter().collect();
        closed.extend(self.seal(facts)?);
        self.settle();
        Ok(closed)
    }

    fn seal(&mut self, run: &RunFacts) -> Result<Option<ClosedFile>, parquet::Error> {
        let Some(span) = self.grouped.take() else { return Ok(None) };
        let facts = FooterFacts {
            lake: run.lake.clone(),
            destination: self.destination.clone(),
            continues_at: Chain::recovered(self.chain_last).next(),
            first: Ordinal(span.first.get()),
            last: Ordinal(span.last.get()),
            rows: std::mem::take(&mut self.grouped_rows),
            routing_version: run.routing_version,
            writer: run.writer.clone(),
            contract: CONTRACT,
            replaces: Vec::new(),
            removed: None,
            durable: None,
        };
        let body = parquet::assemble(std::mem::take(&mut self.groups))?;
        self.group_bytes = 0;
        self.chain_last = Some(Ordinal(span.last.get()));
        Ok(Some(ClosedFile {
            start: self.start,
            facts,
            events: span.events,
            before: span.before,
            columns: in_file(std::mem::take(&mut self.types), &body),
            permit: self.closed.charge(body.byte_size()),
            body,
        }))
    }
}
