//! Writes the rows of a plan into files.
//!
//! Owns: reading bodies back, and writing them to one file per table, encoded again when the lake's types changed
//! meanwhile. Does not own: which rows these are (`redrive`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::redrive::{self, Plan};
use catchwater_sinks::lake::schema::TableSchema;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::{self, Body, ChunkWriter, RowGroup};
use catchwater_sinks::paths::{self, DataFileName};
use catchwater_sinks::store::Store;

use super::error::Error;
use super::rules::Rules;
use crate::columns::{
    Catalog, ColumnTypes, Context, Full, QUARANTINED_COLUMNS, QuarantinedEvent, QuarantinedRows, Rows,
    TableBuffer,
};
use crate::event::{ChangeEvent, RawEvent};
use crate::eventhubs::SIZE_EXCEEDED;
use crate::position::PartitionId;
use crate::run::footer::{RunFacts, file_columns};
use crate::run::publisher::schemas::LakeSchemas;

/// Passes every event of a quarantine file to `each`, in order.
pub(super) async fn read(
    store: &Store,
    file: &DataFileName,
    mut each: impl FnMut(QuarantinedEvent<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    /// Bodies in memory at once: mostly a few kilobytes each, at most a megabyte.
    const BATCH_ROWS: usize = 32;
    let path = file.path();
    let found = parquet::read_batches(store, &path, &QUARANTINED_COLUMNS, BATCH_ROWS, |batch| {
        for event in QuarantinedRows::new(batch).events() {
            let mut event = event.map_err(|column| Error::Column { path: path.to_string(), column })?;
            event.raw.size_exceeded = has_size_exceeded(event.properties);
            each(event)?;
        }
        Ok::<(), Error>(())
    });
    match found.await? {
        Some(_) => Ok(()),
        None => Err(Error::Gone { path: path.to_string() }),
    }
}

/// True if a property name states that the sender left parts out because of their size.
fn has_size_exceeded(properties: &str) -> bool {
    // Rare, so the text is searched before it is parsed.
    if !properties.contains(SIZE_EXCEEDED) {
        return false;
    }
    let properties: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(properties);
    properties.is_ok_and(|properties| properties.keys().any(|name| name.contains(SIZE_EXCEEDED)))
}

/// Writes redriven rows into the lake.
pub(super) struct RowWriter {
    pub(super) store: Store,
    pub(super) schemas: LakeSchemas,
    pub(super) backoff: Backoff,
    pub(super) catalog: Arc<Catalog>,
    pub(super) facts: RunFacts,
    pub(super) group_bytes: usize,
}

/// The unfinished file of one table.
struct TableFile {
    buffer: TableBuffer,
    encoded: EncodedGroups,
    events: usize,
}

/// Its encoded row groups.
struct EncodedGroups {
    writer: ChunkWriter,
    groups: Vec<RowGroup>,
    types: ColumnTypes,
    rows: u64,
    /// True if all row groups so far fit into one file.
    joins: bool,
}

impl RowWriter {
    /// The store with attempts of its own, for reads that have none.
    pub(super) fn reading_store(&self) -> Store {
        self.store.with_read_backoff(self.backoff.clone())
    }

    /// Writes the files of these tables and returns their number of rows.
    ///
    /// If another writer gave the lake a type first, the table's rows are encoded once more.
    pub(super) async fn put_all(
        &mut self,
        file: &DataFileName,
        plan: &Plan,
        mut missing: BTreeMap<String, &[Ordinal]>,
        rules: &mut impl Rules,
    ) -> Result<u64, Error> {
        /// Attempts per plan. Each uses the types that the one before found; several writers may change them.
        const ATTEMPTS: usize = 8;
        let (mut rows, mut context) = (0, None);
        for _ in 0..ATTEMPTS {
            for (table, building) in self.build(file, plan, &missing, rules, &mut context).await? {
                let EncodedGroups { groups, types, rows: file_rows, joins, .. } = building.encoded;
                if !joins {
                    continue;
                }
                let body = parquet::assemble(groups)?;
                let Some(schema) = self.schemas.ensure(&table, &file_columns(types, &body)).await? else {
                    continue;
                };
                self.put(file, plan, &schema, (body, file_rows)).await?;
                rows += file_rows;
                missing.remove(&table);
            }
            let Some(table) = missing.keys().next() else { return Ok(rows) };
            tracing::info!(%table, plan = path_of(file, plan), "the lake's types changed; writing the rows again");
        }
        let table = missing.into_keys().next().unwrap_or_default();
        Err(Error::Unsettled { table })
    }

    /// Reads the quarantine file once, and encodes the rows of all these tables.
    async fn build(
        &self,
        file: &DataFileName,
        plan: &Plan,
        missing: &BTreeMap<String, &[Ordinal]>,
        rules: &mut impl Rules,
        context: &mut Option<Context>,
    ) -> Result<BTreeMap<String, TableFile>, Error> {
        let mut tables: HashMap<Ordinal, &str> = HashMap::new();
        for (table, places) in missing {
            tables.extend(places.iter().map(|place| (*place, table.as_str())));
        }
        let mut building: BTreeMap<String, TableFile> = BTreeMap::new();
        read(&self.reading_store(), file, |event| {
            let place = Ordinal::new(event.raw.sequence_number.get());
            let Some(table) = tables.get(&place).copied() else { return Ok(()) };
            // All events of a file are of one hub, because one run wrote it.
            let context =
                context.get_or_insert_with(|| Context::new(event.hub.into(), Arc::clone(&self.catalog)));
            let parsed = rules.parse(event.raw.body).ok().filter(|parsed| parsed.table.name() == table);
            let Some(parsed) = parsed else {
                return Err(Error::Disagrees { path: path_of(file, plan), place, table: table.to_owned() });
            };
            let open = building
                .entry(table.to_owned())
                .or_insert_with(|| TableFile::open(context, table, self.facts.chunk_writer));
            open.events += 1;
            open.push(context, &parsed, &event.raw, event.partition)?;
            if open.buffer.byte_size() >= self.group_bytes { open.encode(context) } else { Ok(()) }
        })
        .await?;
        for (table, places) in missing {
            match (building.get_mut(table), context.as_mut()) {
                (Some(open), Some(context)) if open.events == places.len() => open.encode(context)?,
                _ => return Err(Error::NoSuchRows { path: path_of(file, plan), table: table.clone() }),
            }
        }
        Ok(building)
    }

    async fn put(
        &self,
        file: &DataFileName,
        plan: &Plan,
        schema: &TableSchema,
        (body, rows): (Body, u64),
    ) -> Result<(), Error> {
        let table = &schema.table;
        let facts = plan.facts(file, table, rows, &self.facts.lake, &self.facts.writer);
        let no_rows = || Error::NoSuchRows { path: path_of(file, plan), table: table.to_owned() };
        let mut facts = facts.ok_or_else(no_rows)?;
        let bytes = body.complete(&facts, |column| schema.ids(column))?;
        // Another redrive's file has the same events, but maybe another number of rows: state the minimum.
        facts.rows = plan.rows.get(table).map_or(0, |places| places.len() as u64);
        let path = paths::redriven_file(table, file, plan.n);
        redrive::commit_file(&self.store, &path, &facts, bytes, &self.backoff).await?;
        Ok(())
    }
}

fn path_of(file: &DataFileName, plan: &Plan) -> String {
    paths::redrive_plan(file, plan.n).to_string()
}

impl TableFile {
    fn open(context: &mut Context, table: &str, writer: ChunkWriter) -> Self {
        let buffer = TableBuffer::open(context, table);
        let encoded =
            EncodedGroups { writer, groups: Vec::new(), types: ColumnTypes::new(), rows: 0, joins: true };
        Self { buffer, encoded, events: 0 }
    }

    /// Appends an event, as row groups of its own if it has no room beside the others.
    fn push(
        &mut self,
        context: &mut Context,
        event: &ChangeEvent<'_>,
        raw: &RawEvent<'_>,
        partition: PartitionId,
    ) -> Result<(), Error> {
        if self.buffer.push(context, event, raw, partition).is_ok() {
            return Ok(());
        }
        self.encode(context)?;
        let Self { buffer, encoded, .. } = self;
        buffer
            .push(context, event, raw, partition)
            .or_else(|Full| buffer.push_in_parts(context, event, raw, partition, |rows| encoded.add(rows)))
    }

    /// Encodes the buffered rows into a row group.
    fn encode(&mut self, context: &mut Context) -> Result<(), Error> {
        self.encoded.add(self.buffer.take(context))
    }
}

impl EncodedGroups {
    /// Adds a row group. Groups after one that can't join are ignored, because the table is encoded again.
    fn add(&mut self, Rows { batch, types }: Rows) -> Result<(), Error> {
        if batch.num_rows() == 0 || !self.joins {
            return Ok(());
        }
        self.types.extend(types);
        self.rows += batch.num_rows() as u64;
        let group = parquet::encode_row_group(&batch, self.writer)?;
        self.joins = group.joins(&self.groups);
        self.groups.push(group);
        Ok(())
    }
}
