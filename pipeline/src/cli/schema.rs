//! `catchwater schema`: shows the column types of a lake, and infers table metadata from bodies.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::lake::schema::{Schemas, TableSchema};
use catchwater_sinks::store::{Address, StoreOptions};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{Exit, Usage};
use super::options::existing_lake;
use super::output::{note, print, print_json};
use super::text::{escaped, shown};
use crate::columns::{Doubt, Inferred, Survey, Unknown, fixed_columns};
use crate::generator::Files;
use crate::parse::{ParentContext, Parser};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Infers table metadata from bodies and prints it as JSON for `run --schema`
    #[command(after_help = ABOUT_INFER)]
    Infer(Infer),
    /// Shows the tables of a lake with their columns and types
    #[command(after_help = ABOUT_SHOW)]
    Show(Show),
}

/// The end of `schema --help`.
pub(super) const ABOUT: &str = "\
With `--schema`, `run` takes column types from the table metadata of Dataverse. Values alone do not
distinguish an integer from a decimal or a day from an instant, and a column keeps its first type
permanently. So fetch the metadata before the first run of a lake. Types that the lake already has stay.

Get it from the Web API, and save the responses as .json files in one folder:

  [org]/api/data/v9.2/EntityDefinitions
    ?$select=LogicalName
    &$expand=Attributes($select=LogicalName,AttributeType,AttributeTypeName,AttributeOf)

For dates without a time get this too, for each table that has some:

  [org]/api/data/v9.2/EntityDefinitions(LogicalName='account')
    /Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata
    ?$select=LogicalName,DateTimeBehavior

Then: catchwater run --schema FOLDER …
Without the Web API: catchwater schema infer --files BODIES > schema.json";

const ABOUT_INFER: &str = "\
A lake keeps its types permanently, so only types that follow from the values without a doubt are
written. Other attributes are left out and listed on stderr: numbers (integer, decimal or double?),
dates that are all at midnight (day or instant?), strings that are all GUIDs, and attributes with
values of different types. Add their types before a run uses the file. Bodies that can't be understood
are counted on stderr.

  catchwater schema infer --files bodies/ > schema.json
  catchwater run --schema schema.json …";

const ABOUT_SHOW: &str = "\
docs/TABLES.md describes the types: their values, and what they are in Parquet and DuckDB.

  catchwater schema show --lake ./lake --table account";

#[derive(Debug, Args)]
struct Infer {
    /// Bodies to read: each file of a folder, or each line of an .ndjson file
    #[arg(long, env = "CATCHWATER_FILES", value_name = "DIR|FILE.ndjson")]
    files: PathBuf,
}

#[derive(Debug, Args)]
struct Show {
    /// Lake: a folder, or az://, abfss://, s3:// or gs:// with container and folder
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    lake: Address,
    /// Show only this table
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Print one JSON object: {"tables": {NAME: {"version", "columns": {NAME: TYPE}}}}
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options, store: &StoreOptions) -> anyhow::Result<Exit> {
    match &options.command {
        Command::Infer(options) => infer(&options.files)?,
        Command::Show(options) => show(options, store).await?,
    }
    Ok(Exit::Done)
}

/// Prints the metadata that bodies show; doubtful attributes go to stderr.
fn infer(path: &Path) -> anyhow::Result<()> {
    let mut survey = Survey::default();
    let mut parser = Parser::new(ParentContext::Drop);
    let mut rejected: BTreeMap<String, u64> = BTreeMap::new();
    let mut bodies = 0_u64;
    for sample in Files::open(path, None).with_context(|| format!("read {}", path.display()))? {
        let body = sample.with_context(|| format!("read {}", path.display()))?.body;
        bodies += 1;
        match parser.parse(&body) {
            Ok(event) => survey.push(&event),
            Err(reject) => *rejected.entry(reject.reason.to_string()).or_default() += 1,
        }
    }
    let unreadable: u64 = rejected.values().sum();
    if unreadable > 0 {
        note(&format!("{unreadable} of {bodies} bodies can't be understood and were not used:"));
        for (reason, count) in &rejected {
            note(&format!("  {count}: {reason}"));
        }
    }
    if unreadable == bodies {
        return Err(Usage(format!("no body of {} could be understood", path.display())).into());
    }
    let inferred = survey.finish();
    report_doubts(&inferred);
    print(&format!("{inferred}\n"))
}

/// Prints the attributes that are left out, by reason.
fn report_doubts(inferred: &Inferred) {
    /// Upper bound on names in a line: a file may have hundreds.
    const NAMES_MAX: usize = 10;
    let mut doubts: BTreeMap<Doubt, Vec<String>> = BTreeMap::new();
    for Unknown { table, attribute, doubt } in &inferred.unknown {
        doubts.entry(*doubt).or_default().push(format!("{}.{}", escaped(table), escaped(attribute)));
    }
    for (doubt, names) in doubts {
        let reason = match doubt {
            Doubt::Number => "are numbers (integers, decimals or doubles?)",
            Doubt::Midnight => "are dates, all at midnight (days or instants?)",
            Doubt::Guid => "are strings, all of them GUIDs (ids or strings?)",
            Doubt::Mixed => "have values of types that no column holds together",
        };
        let more = names.len().saturating_sub(NAMES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = names.iter().take(NAMES_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        note(&format!("left out {} attributes that {reason}: {named}{more}", names.len()));
    }
    if !inferred.unknown.is_empty() {
        note(
            "add their types to the file, or get the metadata from the Web API (see `catchwater schema --help`); otherwise a run \
             takes their types from the first values, permanently",
        );
    }
}

async fn show(options: &Show, store: &StoreOptions) -> anyhow::Result<()> {
    let schemas = read(&options.lake, store).await?;
    let mut tables: Vec<&TableSchema> = schemas.tables().collect();
    tables.sort_by_key(|schema| (schema.table.starts_with('_'), &schema.table));
    if let Some(wanted) = &options.table {
        let names: Vec<&str> = tables.iter().map(|schema| schema.table.as_str()).collect();
        let names = names.join(", ");
        tables.retain(|schema| schema.table == *wanted);
        if tables.is_empty() {
            return Err(Usage(format!("the lake has no table {wanted}; it has: {names}")).into());
        }
    }
    if options.json {
        return print_json(&JsonTables::of(&tables));
    }
    print(&tables.iter().map(|schema| text(schema)).collect::<Vec<_>>().join("\n"))
}

async fn read(lake: &Address, options: &StoreOptions) -> anyhow::Result<Schemas> {
    let store = existing_lake(lake, options).await?;
    Ok(Schemas::load(Records::new(store, Backoff::for_store(0))).await?)
}

/// Lists a table's columns in the order of its rows.
fn text(schema: &TableSchema) -> String {
    let [before, after] = fixed_columns(&schema.table).map(|part| part.into_iter().map(|(name, _)| name));
    let (before, after): (Vec<&str>, Vec<&str>) = (before.collect(), after.collect());
    let fixed: BTreeSet<&str> = before.iter().chain(&after).copied().collect();
    let attributes = schema.columns.keys().map(String::as_str).filter(|name| !fixed.contains(name));
    let order = before.iter().copied().chain(attributes).chain(after.iter().copied());
    let columns: Vec<(Cow<'_, str>, Cow<'_, str>)> = order
        .filter_map(|name| Some((escaped(name), escaped(&schema.columns.get(name)?.type_name))))
        .collect();
    let width = columns.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let table = shown(&schema.table);
    let mut out = format!("{table} ({} columns, schema {})\n", columns.len(), schema.version);
    for (name, of) in columns {
        let _ = writeln!(out, "  {name:width$}  {of}");
    }
    out
}

/// The object that `schema show --json` prints.
#[derive(Debug, Serialize)]
struct JsonTables<'a> {
    tables: BTreeMap<&'a str, JsonTable>,
}

#[derive(Debug, Serialize)]
struct JsonTable {
    version: u64,
    columns: BTreeMap<String, String>,
}

impl<'a> JsonTables<'a> {
    fn of(tables: &[&'a TableSchema]) -> Self {
        let tables = tables.iter().map(|schema| {
            (schema.table.as_str(), JsonTable { version: schema.version, columns: schema.types() })
        });
        Self { tables: tables.collect() }
    }
}
