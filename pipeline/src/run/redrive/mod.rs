//! Redrive: reads `_quarantine`, parses again with today's rules and writes what is now understood, once.
//!
//! Owns: which bodies are parsed, in which order plan, schema and files become durable. Does not own: what stands in
//! a plan and when its file is there (`catchwater_sinks::lake::redrive`), what a row looks like (`columns`).
//! Nothing is remembered between two redrives but what stands in the lake, so any number of them may run.

mod rows; // the rows of a plan become files

use std::collections::BTreeMap;
use std::sync::Arc;

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::records::{self, Records};
use catchwater_sinks::lake::redrive::{self, Plan, places_of};
use catchwater_sinks::lake::schema;
use catchwater_sinks::parquet::{self, ChunkWriter};
use catchwater_sinks::paths::{self, DataFileName, Ordinal};
use catchwater_sinks::store::{self, Store};

use super::footer::RunFacts;
use super::publisher::schemas::LakeSchemas;
use crate::columns::Catalog;
use crate::event::{ChangeEvent, Reject};
use crate::parse::{ParentContext, Parser, ROUTING_VERSION};

/// The rules that understand bodies.
pub trait Rules {
    /// The version of what decides a body's table.
    fn version(&self) -> u32;

    /// Reads one body.
    ///
    /// # Errors
    /// A [`Reject`] for a body that stays where it is.
    fn parse<'a>(&'a mut self, body: &'a [u8]) -> Result<ChangeEvent<'a>, Reject>;
}

impl Rules for Parser {
    fn version(&self) -> u32 {
        ROUTING_VERSION
    }

    fn parse<'a>(&'a mut self, body: &'a [u8]) -> Result<ChangeEvent<'a>, Reject> {
        Self::parse(self, body)
    }
}

/// What a redrive did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Quarantine files read.
    pub files: u64,
    /// Bodies in them that were not redriven before: what is redriven now and what is left.
    pub examined: u64,
    /// Events that are in their tables now, or would be.
    pub redriven: u64,
    /// The rows they have there; none in a dry run.
    pub rows: u64,
    /// Bodies that are still not understood, whole messages that could not be decoded among them.
    pub left: u64,
    /// Events redriven, by table.
    pub tables: BTreeMap<String, u64>,
    /// Bodies left, by what is wrong with them.
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

/// How a redrive goes about it.
struct Settings {
    /// Retry policy for a store that does not answer.
    backoff: Backoff,
    /// Plain size at which rows become a row group.
    group_bytes: usize,
    /// Writer of the column chunks of files.
    chunk_writer: ChunkWriter,
    /// Only tell what would be redriven.
    dry_run: bool,
}

/// Half of a run's: no budget bounds what the tables of a quarantine file hold together.
const GROUP_BYTES: usize = 16 << 20;

/// Redrives a lake by some rules.
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
    let world = rows::World { store, schemas, backoff, catalog, facts, group_bytes };
    Redrive { world, records, rules, dry_run, report: Report::default() }.all().await
}

/// One redrive at work.
struct Redrive<R> {
    world: rows::World,
    records: Records,
    rules: R,
    dry_run: bool,
    report: Report,
}

/// What is in a quarantine file beside what was planned.
#[derive(Default)]
struct Survey {
    understood: Vec<(Ordinal, String)>,
    left: BTreeMap<String, u64>,
}

impl<R: Rules> Redrive<R> {
    /// Takes one file after the other: no more than one is held.
    async fn all(mut self) -> Result<Report, Error> {
        let mut refused = None;
        for file in self.quarantine_files().await? {
            match self.file(&file).await {
                // Another version has to finish what it planned; the other files don't wait for it.
                Err(error @ Error::OtherRules { .. }) => refused = refused.or(Some(error)),
                done => done?,
            }
        }
        refused.map_or(Ok(self.report), Err)
    }

    async fn quarantine_files(&self) -> Result<Vec<DataFileName>, Error> {
        let found = self.world.store.list(&paths::table_folder(paths::QUARANTINE_TABLE)).await?;
        Ok(found.iter().filter_map(|object| paths::parse_data_file(&object.location)).collect())
    }

    /// Finishes the plans that stand, then plans what they leave, until nothing of it is understood.
    async fn file(&mut self, file: &DataFileName) -> Result<(), Error> {
        // A plan must not outlive what it is about: whoever wrote the file may have lost power before it synced.
        self.world.store.make_durable(&file.path()).await?;
        let mut plans = self.records.redrive_plans(file).await?;
        self.report.files += 1;
        for plan in &plans {
            self.carry_out(file, plan).await?;
        }
        loop {
            let survey = self.survey(file, &plans).await?;
            let Some(ours) = Plan::next(file, &plans, self.world.facts.routing_version, survey.understood)
            else {
                self.left(survey.left);
                return Ok(());
            };
            let standing = if self.dry_run {
                ours.clone()
            } else {
                self.records.plan_redrive(file, ours.clone()).await?
            };
            self.carry_out(file, &standing).await?;
            if standing == ours {
                self.left(survey.left);
                return Ok(());
            }
            plans.push(standing);
        }
    }

    /// Parses what stands in no plan.
    async fn survey(&mut self, file: &DataFileName, plans: &[Plan]) -> Result<Survey, Error> {
        let planned = places_of(plans);
        let mut survey = Survey::default();
        let rules = &mut self.rules;
        rows::read(&self.world.store, file, |event| {
            let place = Ordinal(event.raw.sequence_number.get());
            if planned.contains(&place) {
                return Ok(());
            }
            // An undecodable message is kept as raw bytes, which no parser reads.
            match event.raw.reject().map_or_else(|| rules.parse(event.raw.body), Err) {
                Ok(event) => survey.understood.push((place, event.table.name().to_owned())),
                Err(reject) => *survey.left.entry(reject.reason.to_string()).or_default() += 1,
            }
            Ok(())
        })
        .await?;
        Ok(survey)
    }

    fn left(&mut self, left: BTreeMap<String, u64>) {
        for (reason, count) in left {
            self.report.left += count;
            self.report.examined += count;
            *self.report.reasons.entry(reason).or_default() += count;
        }
    }

    /// Makes every file of a plan be there. A plan that is finished asks for no rules.
    async fn carry_out(&mut self, file: &DataFileName, plan: &Plan) -> Result<(), Error> {
        let missing = self.missing(file, plan).await?;
        if missing.is_empty() {
            return Ok(());
        }
        if plan.routing_version != self.world.facts.routing_version {
            let path = paths::redrive_plan(file, plan.n).to_string();
            return Err(Error::OtherRules {
                path,
                theirs: plan.routing_version,
                ours: self.world.facts.routing_version,
            });
        }
        for (table, places) in &missing {
            let events = places.len() as u64;
            self.report.examined += events;
            self.report.redriven += events;
            *self.report.tables.entry(table.clone()).or_default() += events;
        }
        if !self.dry_run {
            self.report.rows += self.world.put_all(file, plan, missing, &mut self.rules).await?;
        }
        Ok(())
    }

    /// The tables of a plan whose file is not there.
    async fn missing<'p>(
        &self,
        file: &DataFileName,
        plan: &'p Plan,
    ) -> Result<BTreeMap<String, &'p [Ordinal]>, Error> {
        let mut missing = BTreeMap::new();
        for (table, places) in &plan.rows {
            let least = places.len() as u64;
            let facts = plan.facts(file, table, least, &self.world.facts.lake, &self.world.facts.writer);
            let path = paths::redriven_file(table, file, plan.n);
            let there = match &facts {
                Some(facts) => {
                    redrive::find_file(&self.world.store, &path, facts, &self.world.backoff).await?
                }
                None => false,
            };
            if !there {
                missing.insert(table.clone(), places.as_slice());
            }
        }
        Ok(missing)
    }
}

/// A redrive that can't go on. What it did stays done, and the next one goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lake can't be listed.
    #[error("list the files of _quarantine")]
    Store(#[from] store::Error),
    /// The lake's records can't be read.
    #[error("read the lake's records")]
    Records(#[from] records::Error),
    /// The lake's schemas can't be read or extended.
    #[error("read or extend the lake's schemas")]
    Schemas(#[from] schema::Error),
    /// A plan or one of its files can't be read or put.
    #[error(transparent)]
    Redrive(#[from] redrive::Error),
    /// A quarantine file can't be read, or rows can't be encoded.
    #[error("read bodies or encode rows")]
    Parquet(#[from] parquet::Error),
    /// A quarantine file is gone.
    #[error("quarantine file {path:?} was listed and is not there: a name once taken is never freed")]
    Gone {
        /// Which.
        path: String,
    },
    /// A quarantine file without what it must have.
    #[error(
        "quarantine file {path:?} can't be redriven: its column {column:?} lacks a value or holds another type"
    )]
    Column {
        /// Which file.
        path: String,
        /// Which column.
        column: &'static str,
    },
    /// A plan of other rules that is not finished.
    #[error(
        "plan {path:?} was made by routing rules of version {theirs} and is not finished, and this catchwater has \
         version {ours}: run `catchwater redrive` of the version that made it once more, then this one"
    )]
    OtherRules {
        /// Which plan.
        path: String,
        /// Its version.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
    /// A plan that our rules, of its own version, don't bear out.
    #[error(
        "plan {path:?} sends the row of {place} to {table:?}, and the rules of its version don't; \
         was that version changed without a new number?"
    )]
    Disagrees {
        /// Which plan.
        path: String,
        /// Which row.
        place: Ordinal,
        /// Where the plan sends it.
        table: String,
    },
    /// A plan names rows that its quarantine file does not have.
    #[error("plan {path:?} names rows for {table:?} that its quarantine file does not have")]
    NoSuchRows {
        /// Which plan.
        path: String,
        /// For which table.
        table: String,
    },
    /// The types of a table changed time and again.
    #[error("the columns of {table:?} changed their types each time its rows were written; try again")]
    Unsettled {
        /// Which table.
        table: String,
    },
}

#[cfg(test)]
mod tests;
