//! Table buffers of a lane, without its files.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use catchwater::internals::clock::UnixMillis;
use catchwater::internals::columns::{Catalog, Context, Full, TableBuffer};
use catchwater::internals::event::{ChangeEvent, RawEvent};
use catchwater::internals::parse::Parser;
use catchwater::internals::position::{PartitionId, SequenceNumber};
use catchwater::internals::run::RollRules;
use catchwater_benches::bodies::Bodies;
use catchwater_sinks::CONTRACT;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::{self, FooterFacts};
use catchwater_sinks::paths::{Date, Destination, SourceId};

/// Events between two checks of the row group size: a lane checks once per batch.
const CHECK_INTERVAL: i64 = 64;

/// Table buffers and their context.
pub(crate) struct Rows {
    context: Context,
    tables: HashMap<Box<str>, TableBuffer>,
    events: i64,
}

impl Rows {
    pub(crate) fn new() -> Self {
        let context = Context::new(Arc::from("events"), Catalog::new());
        Self { context, tables: HashMap::new(), events: 0 }
    }

    /// Appends an event; returns the rows of its table once they are as large as a row group.
    pub(crate) fn push(&mut self, event: &ChangeEvent<'_>, body: &[u8]) -> Option<RecordBatch> {
        let table = event.table.name();
        if !self.tables.contains_key(table) {
            self.tables.insert(table.into(), TableBuffer::open(&mut self.context, table));
        }
        let buffer = self.tables.get_mut(table)?;
        let raw = raw_event(self.events, body);
        self.events += 1;
        if let Err(Full) = buffer.push(&mut self.context, event, &raw, PartitionId::new(0)) {
            let rows = buffer.take(&mut self.context).batch;
            assert_eq!(
                buffer.push(&mut self.context, event, &raw, PartitionId::new(0)),
                Ok(()),
                "event of usual size"
            );
            return Some(rows);
        }
        let due = self.events % CHECK_INTERVAL == 0 && buffer.byte_size() >= RollRules::GROUP_BYTES;
        due.then(|| buffer.take(&mut self.context).batch)
    }

    /// Returns the remaining rows: a batch per table, sorted by table name.
    pub(crate) fn take(&mut self) -> Vec<RecordBatch> {
        let mut tables: Vec<_> = self.tables.iter_mut().filter(|(_, buffer)| buffer.rows() > 0).collect();
        tables.sort_by(|one, other| one.0.cmp(other.0));
        tables.into_iter().map(|(_, buffer)| buffer.take(&mut self.context).batch).collect()
    }

    /// Parses and appends all bodies; returns all batches.
    pub(crate) fn batches(&mut self, parser: &mut Parser, bodies: &Bodies) -> io::Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        for body in bodies.iter() {
            let event = parser.parse(body).map_err(|reject| io::Error::other(reject.reason.to_string()))?;
            batches.extend(self.push(&event, body));
        }
        batches.extend(self.take());
        Ok(batches)
    }
}

/// Wraps a body as an event of the hub.
fn raw_event(number: i64, body: &[u8]) -> RawEvent<'_> {
    RawEvent {
        body,
        sequence_number: SequenceNumber::new(number),
        offset: "4294967296",
        enqueued_time: UnixMillis::new(1_767_600_000_000 + number),
        content_type: "application/json",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: None,
    }
}

/// Encodes a batch as a file of one row group.
pub(crate) fn file_of(batch: &RecordBatch) -> Result<Vec<u8>, parquet::Error> {
    let group = parquet::encode_row_group(batch, parquet::ChunkWriter::default())?;
    let facts = FooterFacts {
        lake: "lake".to_owned(),
        destination: Destination {
            table: "table".into(),
            date: Date::from_unix_ms(0),
            source: SourceId::new("events", 0, 0),
        },
        continues_at: Ordinal::new(0),
        first: Ordinal::new(0),
        last: Ordinal::new(group.rows() as i64),
        rows: group.rows() as u64,
        routing_version: 1,
        writer: "bench".to_owned(),
        contract: CONTRACT,
        replaces: Vec::new(),
        removed: None,
        durable: None,
    };
    let body = parquet::assemble(vec![group])?;
    let mut free = 2..;
    let counts = body.field_id_counts().into_iter();
    let ids: HashMap<String, Vec<i32>> =
        counts.map(|(name, count)| (name, free.by_ref().take(count).collect())).collect();
    body.complete(&facts, |column| ids.get(column).map(Vec::as_slice)).map(Vec::from)
}
