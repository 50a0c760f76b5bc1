//! Redrive: reads `_quarantine`, parses its bodies with today's rules and writes those that are understood now, once.
//!
//! Owns: which bodies are parsed, and the order in which plan, schema and files become durable. Does not own: the
//! contents of a plan and when its files exist (`catchwater_sinks::lake::redrive`), the contents of a row (`columns`).
//! All state between two redrives is in the lake, so several of them may run at once.

mod error; // why a redrive fails
mod rules; // what parses bodies
mod rows; // the rows of a plan become files

use std::collections::BTreeMap;
use std::sync::Arc;

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::lake::redrive::{self, Plan, places_of};
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::ChunkWriter;
use catchwater_sinks::paths::{self, DataFileName};
use catchwater_sinks::store::Store;

use super::footer::RunFacts;
use super::publisher::schemas::LakeSchemas;
use crate::columns::Catalog;
use crate::parse::{ParentContext, Parser};
use rows::RowWriter;
use rules::Rules;

pub use error::Error;

/// Result of a redrive, as counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Quarantine files read.
    pub files: u64,
    /// Bodies in them that were not redriven before: those redriven now, and those left.
    pub examined: u64,
    /// Events that are in their tables now, or would be.
    pub redriven: u64,
    /// Their rows in these tables; none in a dry run.
    pub rows: u64,
    /// Bodies that are still rejected, including undecodable messages.
    pub left: u64,
    /// Events redriven, by table.
    pub tables: BTreeMap<String, u64>,
    /// Bodies left, by reason.
    pub reasons: BTreeMap<String, u64>,
}

/// Redrives a lake with the parser.
pub async fn redrive(
    store: Store,
    parent_context: ParentContext,
    chunk_writer: ChunkWriter,
    dry_run: bool,
) -> Result<Report, Error> {
    let backoff = Backoff::for_store(uuid::Uuid::new_v4().as_u64_pair().0);
    let settings = Settings { backoff, group_bytes: GROUP_BYTES, chunk_writer, dry_run };
    redrive_by(store, settings, Parser::new(parent_context)).await
}

/// Settings of a redrive.
struct Settings {
    /// Retry policy for a store that does not answer.
    backoff: Backoff,
    /// Plain size at which rows become a row group.
    group_bytes: usize,
    /// Writer of the column chunks of files.
    chunk_writer: ChunkWriter,
    /// Only report what would be redriven.
    dry_run: bool,
}

/// Plain size of a row group, in bytes. Half of a run's, because no budget bounds what the tables of a quarantine file
/// hold together.
const GROUP_BYTES: usize = 16 << 20;

/// Redrives a lake by these rules.
async fn redrive_by<R: Rules>(store: Store, settings: Settings, rules: R) -> Result<Report, Error> {
    let Settings { backoff, group_bytes, chunk_writer, dry_run } = settings;
    let records = Records::new(store.clone(), backoff.clone());
    let facts = RunFacts {
        lake: records.lake_id().await?,
        writer: uuid::Uuid::new_v4().to_string(),
        routing_version: rules.version(),
        chunk_writer,
    };
    let catalog = Catalog::new();
    let schemas = LakeSchemas::open(records.clone(), Arc::clone(&catalog), None).await?;
    let writer = RowWriter { store, schemas, backoff, catalog, facts, group_bytes };
    Redrive { writer, records, rules, dry_run, report: Report::default() }.redrive_all().await
}

/// A redrive in progress.
struct Redrive<R> {
    writer: RowWriter,
    records: Records,
    rules: R,
    dry_run: bool,
    report: Report,
}

/// Unplanned bodies of a quarantine file: understood ones with their tables, and rejected ones by reason.
#[derive(Default)]
struct Survey {
    understood: Vec<(Ordinal, String)>,
    left: BTreeMap<String, u64>,
}

impl<R: Rules> Redrive<R> {
    /// Redrives one file after the other, so that only one is in memory.
    async fn redrive_all(mut self) -> Result<Report, Error> {
        let mut refused = None;
        for file in self.quarantine_files().await? {
            match self.redrive_file(&file).await {
                // The version that made the plan has to finish it; the other files need not wait for that.
                Err(error @ Error::OtherRules { .. }) => refused = refused.or(Some(error)),
                done => done?,
            }
        }
        refused.map_or(Ok(self.report), Err)
    }

    async fn quarantine_files(&self) -> Result<Vec<DataFileName>, Error> {
        let found = self.writer.reading_store().list(&paths::table_folder(paths::QUARANTINE_TABLE)).await?;
        Ok(found.iter().filter_map(|object| paths::parse_data_file(&object.key)).collect())
    }

    /// Finishes the recorded plans, then plans the remaining bodies that are understood now.
    async fn redrive_file(&mut self, file: &DataFileName) -> Result<(), Error> {
        // A plan must not outlive its file, whose writer may have lost power before it synced.
        self.writer.store.make_durable(&file.path()).await?;
        let mut plans = self.records.redrive_plans(file).await?;
        self.report.files += 1;
        for plan in &plans {
            self.carry_out(file, plan).await?;
        }
        loop {
            let survey = self.survey(file, &plans).await?;
            let Some(ours) = Plan::next(file, &plans, self.writer.facts.routing_version, survey.understood)
            else {
                self.count_left(survey.left);
                return Ok(());
            };
            let recorded = if self.dry_run {
                ours.clone()
            } else {
                self.records.plan_redrive(file, ours.clone()).await?
            };
            self.carry_out(file, &recorded).await?;
            if recorded == ours {
                self.count_left(survey.left);
                return Ok(());
            }
            plans.push(recorded);
        }
    }

    /// Parses the bodies that no plan names.
    async fn survey(&mut self, file: &DataFileName, plans: &[Plan]) -> Result<Survey, Error> {
        let planned = places_of(plans);
        let mut survey = Survey::default();
        let rules = &mut self.rules;
        rows::read(&self.writer.reading_store(), file, |event| {
            let place = Ordinal::new(event.raw.sequence_number.get());
            if planned.contains(&place) {
                return Ok(());
            }
            // An undecodable message is kept as raw bytes, which are not parsed.
            match event.raw.reject().map_or_else(|| rules.parse(event.raw.body), Err) {
                Ok(event) => survey.understood.push((place, event.table.name().to_owned())),
                Err(reject) => *survey.left.entry(reject.reason.to_string()).or_default() += 1,
            }
            Ok(())
        })
        .await?;
        Ok(survey)
    }

    fn count_left(&mut self, left: BTreeMap<String, u64>) {
        for (reason, count) in left {
            self.report.left += count;
            self.report.examined += count;
            *self.report.reasons.entry(reason).or_default() += count;
        }
    }

    /// Writes the missing files of a plan. A finished plan does not need rules of its version.
    async fn carry_out(&mut self, file: &DataFileName, plan: &Plan) -> Result<(), Error> {
        let missing = self.missing(file, plan).await?;
        if missing.is_empty() {
            return Ok(());
        }
        if plan.routing_version != self.writer.facts.routing_version {
            let path = paths::redrive_plan(file, plan.n).to_string();
            return Err(Error::OtherRules {
                path,
                theirs: plan.routing_version,
                ours: self.writer.facts.routing_version,
            });
        }
        for (table, places) in &missing {
            let events = places.len() as u64;
            self.report.examined += events;
            self.report.redriven += events;
            *self.report.tables.entry(table.clone()).or_default() += events;
        }
        if !self.dry_run {
            self.report.rows += self.writer.put_all(file, plan, missing, &mut self.rules).await?;
        }
        Ok(())
    }

    /// The tables of a plan whose file does not exist yet.
    async fn missing<'p>(
        &self,
        file: &DataFileName,
        plan: &'p Plan,
    ) -> Result<BTreeMap<String, &'p [Ordinal]>, Error> {
        let mut missing = BTreeMap::new();
        for (table, places) in &plan.rows {
            let min_rows = places.len() as u64;
            let facts = plan.facts(file, table, min_rows, &self.writer.facts.lake, &self.writer.facts.writer);
            let path = paths::redriven_file(table, file, plan.n);
            let exists = match &facts {
                Some(facts) => {
                    redrive::find_file(&self.writer.store, &path, facts, &self.writer.backoff).await?
                }
                None => false,
            };
            if !exists {
                missing.insert(table.clone(), places.as_slice());
            }
        }
        Ok(missing)
    }
}

#[cfg(test)]
mod tests;
