//! The open file of one destination, from its first row to its last byte.
//!
//! Owns: the rows of the file, and the facts that its footer states about them. Does not own: when a file is closed
//! (`lane`), or whether its name is still free (`publisher`).

use std::sync::Arc;

use catchwater_sinks::CONTRACT;
use catchwater_sinks::lake::chain::{self, Chain};
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::{self, FooterFacts, RowGroup};
use catchwater_sinks::paths::Destination;

use crate::budget::{Budget, LaneBudget, Permit};
use crate::clock::UnixMillis;
use crate::columns::{self, ColumnTypes, Rows, TableBuffer};
use crate::event::{ChangeEvent, RawEvent, Reject};
use crate::position::SequenceNumber;
use crate::run::footer::{RunFacts, file_columns};
use crate::run::ledger::Before;
use crate::run::messages::{ClosedFile, LaneOutput, StartId};

/// The open file of one destination, and the end of that destination's chain.
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
    opened_at: UnixMillis,
    /// Charge for the buffer and the row groups.
    permit: Permit,
    /// Budget that closed files are charged to.
    closed: Arc<Budget>,
}

/// The lane's part in writing its files: context of their columns, facts of their footers, and the output that closed
/// files go to.
pub(super) struct Files<'a> {
    pub(super) context: &'a mut columns::Context,
    pub(super) facts: &'a RunFacts,
    pub(super) out: &'a mut Vec<LaneOutput>,
}

/// Dependencies of writing events into files.
pub(super) struct Writing<'a> {
    pub(super) files: Files<'a>,
    pub(super) budget: &'a LaneBudget,
    pub(super) now: UnixMillis,
}

/// Events from `first` to `last`, and the place just before the first.
#[derive(Clone, Debug)]
struct Span {
    first: SequenceNumber,
    last: SequenceNumber,
    before: Before,
    events: u64,
}

/// An encoded row group, not yet part of a file.
struct EncodedRows {
    group: RowGroup,
    types: ColumnTypes,
}

impl EncodedRows {
    fn encode(Rows { batch, types }: Rows, facts: &RunFacts) -> Result<Self, parquet::Error> {
        Ok(Self { group: parquet::encode_row_group(&batch, facts.chunk_writer)?, types })
    }
}

impl OpenFile {
    /// Opens a file of a destination whose closed files reach up to `chain_last`.
    pub(super) fn new(
        start: StartId,
        destination: Destination,
        chain_last: Option<Ordinal>,
        to: &mut Writing<'_>,
    ) -> Self {
        let buffer = TableBuffer::open(to.files.context, &destination.table);
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
            opened_at: to.now,
            permit: to.budget.lane.charge(0),
            closed: Arc::clone(&to.budget.closed),
        }
    }

    /// The destination of its rows.
    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The last row of the destination's closed files.
    pub(super) fn chain_last(&self) -> Option<Ordinal> {
        self.chain_last
    }

    /// True if the lake, or a file on its way there, already holds this event.
    pub(super) fn covers(&self, event: SequenceNumber) -> bool {
        chain::covers(self.chain_last, Ordinal::new(event.get()))
    }

    /// Appends an event. All its rows are in one file; they become row groups of their own if they have no room beside
    /// earlier rows. Closes the file first when one of these row groups can't join it.
    ///
    /// `before` is called only for the first event of a row group.
    pub(super) fn append(
        &mut self,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
        before: impl FnOnce() -> Before,
        files: &mut Files<'_>,
    ) -> Result<(), parquet::Error> {
        let (partition, number) = (self.start.partition, raw.sequence_number);
        if self.buffer.push(files.context, event, raw, partition).is_ok() {
            self.extend_buffered(number, before);
            return Ok(());
        }
        if self.buffer.rows() > 0 {
            self.push_row_group(files)?;
            if self.buffer.push(files.context, event, raw, partition).is_ok() {
                self.extend_buffered(number, before);
                return Ok(());
            }
        }
        let mut groups = Vec::new();
        self.buffer.push_in_parts(files.context, event, raw, partition, |rows| {
            groups.push(EncodedRows::encode(rows, files.facts)?);
            Ok::<(), parquet::Error>(())
        })?;
        let span = Span { first: number, last: number, before: before(), events: 1 };
        self.add_groups(span, groups, files)
    }

    /// Appends a rejected body as one row, with its application properties as JSON.
    pub(super) fn append_reject(
        &mut self,
        reject: &Reject,
        raw: &RawEvent<'_>,
        properties: &str,
        before: impl FnOnce() -> Before,
        context: &mut columns::Context,
    ) {
        self.buffer.push_reject(context, reject, raw, properties, self.start.partition);
        self.extend_buffered(raw.sequence_number, before);
    }

    /// Extends the span of the buffered events.
    fn extend_buffered(&mut self, event: SequenceNumber, before: impl FnOnce() -> Before) {
        let span = self.buffered.get_or_insert_with(|| Span {
            first: event,
            last: event,
            before: before(),
            events: 0,
        });
        span.last = event;
        span.events += 1;
    }

    /// The first row, and the place just before it.
    pub(super) fn oldest(&self) -> Option<(SequenceNumber, &Before)> {
        self.grouped.as_ref().or(self.buffered.as_ref()).map(|span| (span.first, &span.before))
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.grouped_rows + self.buffer.rows() as u64
    }

    /// Number of events that the rows come from.
    pub(super) fn events(&self) -> u64 {
        [&self.grouped, &self.buffered].into_iter().flatten().map(|span| span.events).sum()
    }

    /// Time of its first row.
    pub(super) fn opened_at(&self) -> UnixMillis {
        self.opened_at
    }

    /// Bytes in plain buffers.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.buffer.byte_size()
    }

    /// Encoded bytes of finished row groups.
    pub(super) fn group_bytes(&self) -> usize {
        self.group_bytes
    }

    /// Bytes of buffers and row groups together.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.byte_size() + self.group_bytes
    }

    /// Adjusts the charge to the bytes held now.
    pub(super) fn update_charge(&mut self) {
        self.permit.resize(self.bytes());
    }

    /// Encodes the buffered rows into a row group. Closes the file first when the group can't join it, because the lake
    /// gave one of its columns another type meanwhile; the group then begins the next file.
    pub(super) fn push_row_group(&mut self, files: &mut Files<'_>) -> Result<(), parquet::Error> {
        let Some(span) = self.buffered.take() else { return Ok(()) };
        let rows = self.buffer.take(files.context);
        self.add_groups(span, vec![EncodedRows::encode(rows, files.facts)?], files)
    }

    /// Adds the row groups of whole events. Closes the file first when they can't join it.
    fn add_groups(
        &mut self,
        span: Span,
        groups: Vec<EncodedRows>,
        files: &mut Files<'_>,
    ) -> Result<(), parquet::Error> {
        if !groups.iter().all(|rows| rows.group.joins(&self.groups)) {
            self.seal(files)?;
        }
        for rows in groups {
            self.group_bytes += rows.group.byte_size();
            self.grouped_rows += rows.group.rows() as u64;
            self.groups.push(rows.group);
            self.types.extend(rows.types);
        }
        self.grouped = Some(match self.grouped.take() {
            Some(grouped) => Span { last: span.last, events: grouped.events + span.events, ..grouped },
            None => span,
        });
        self.update_charge();
        Ok(())
    }

    /// Closes the file with all its rows. Two files come out when the last row group can't join the earlier ones.
    pub(super) fn close(&mut self, files: &mut Files<'_>) -> Result<(), parquet::Error> {
        self.push_row_group(files)?;
        self.seal(files)?;
        self.update_charge();
        Ok(())
    }

    /// Closes the file with the row groups it has.
    fn seal(&mut self, files: &mut Files<'_>) -> Result<(), parquet::Error> {
        let Some(span) = self.grouped.take() else { return Ok(()) };
        let facts = FooterFacts {
            lake: files.facts.lake.clone(),
            destination: self.destination.clone(),
            continues_at: Chain::recovered(self.chain_last).next(),
            first: Ordinal::new(span.first.get()),
            last: Ordinal::new(span.last.get()),
            rows: std::mem::take(&mut self.grouped_rows),
            routing_version: files.facts.routing_version,
            writer: files.facts.writer.clone(),
            contract: CONTRACT,
            replaces: Vec::new(),
            removed: None,
            durable: None,
        };
        let body = parquet::assemble(std::mem::take(&mut self.groups))?;
        self.group_bytes = 0;
        self.chain_last = Some(Ordinal::new(span.last.get()));
        files.out.push(LaneOutput::Closed(Box::new(ClosedFile {
            start: self.start,
            facts,
            events: span.events,
            before: span.before,
            columns: file_columns(std::mem::take(&mut self.types), &body),
            permit: self.closed.charge(body.byte_size()),
            body,
        })));
        Ok(())
    }
}
