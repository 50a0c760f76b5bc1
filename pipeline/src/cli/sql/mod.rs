//! `catchwater sql`: DuckDB views over a lake.
//!
//! Owns: which tables a lake has, as its records and folders say. Does not own: what the views look like (`views`).
//! A lake in a cloud is not opened: a copy of it tells the tables, or nothing does.

pub(super) mod views;

use std::collections::BTreeSet;
use std::io::{self, Write};

use anyhow::Context;
use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::paths;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::lake::schema::{Schemas, TableSchema};
use catchwater_sinks::store::Store;
use clap::Args;
use object_store::path::Path;
use url::Url;

use super::options::existing_lake;
use super::{Exit, Usage, runtime};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The lake: a folder, file://, or where DuckDB finds it in a cloud: s3://, az://, abfss://, gs://
    #[arg(long, env = "CATCHWATER_LAKE", value_name = "URL")]
    lake: String,
    /// For a lake in a cloud, which is not opened: a lake in a folder that has its tables and columns, as a copy of it
    #[arg(long, env = "CATCHWATER_LIKE", value_name = "URL")]
    like: Option<String>,
}

pub(super) fn main(options: &Options) -> anyhow::Result<Exit> {
    let script = script(options)?;
    match io::stdout().write_all(script.as_bytes()) {
        // Who reads it has seen enough: `catchwater sql | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        written => written.map(|()| Exit::Done).context("print the views"),
    }
}

/// What is printed: the views, if the lake's tables can be known.
fn script(Options { lake, like }: &Options) -> anyhow::Result<String> {
    match (like, views::is_in_cloud(lake)) {
        (None, false) => runtime(1)?.block_on(read(lake, None)),
        (Some(like), true) => runtime(1)?.block_on(read(like, Some(lake))),
        (None, true) => {
            tracing::warn!(
                %lake,
                "this version does not open lakes in a cloud, so their tables are not known and there are no views: \
                 give --like FOLDER, a lake with the same tables"
            );
            Ok(views::script_without_tables(lake))
        }
        (Some(_), false) => {
            let sentence = "--like is for a lake in a cloud; this one can be asked itself what tables it has";
            Err(Usage(sentence.to_owned()).into())
        }
    }
}

/// A lake as it is when its views are printed: DuckDB refuses a pattern that no file fits.
#[derive(Debug)]
struct Lake<'a> {
    /// Where DuckDB finds it.
    address: &'a str,
    /// The tables that have files.
    tables: &'a [&'a TableSchema],
    /// Whether bodies in quarantine have been read again.
    has_redriven: bool,
    /// Whether there are records of where sources begin.
    has_origins: bool,
    /// Whether there are records of events given up.
    has_lost: bool,
}

/// The views of all tables of a lake; `elsewhere` is where DuckDB shall look for them, if that is not there.
async fn read(lake: &str, elsewhere: Option<&str>) -> anyhow::Result<String> {
    let store = existing_lake(lake).await?;
    let schemas = Schemas::load(Records::new(store.clone(), Backoff::for_store(0))).await?;
    let (mut tables, mut has_redriven) = (Vec::new(), false);
    for schema in schemas.tables() {
        // A schema is durable before the first file that uses it, so there may be none.
        let files = Files::of(&store, &paths::folder_name(&schema.table)).await?;
        has_redriven |= files.redriven;
        if files.any {
            tables.push(schema);
        }
    }
    tell_of_strangers(&store, &schemas).await?;
    let any_in = async |folder: Path| anyhow::Ok(!store.list(&folder).await?.is_empty());
    Ok(views::script(&Lake {
        address: &elsewhere.map_or_else(|| address(&store), str::to_owned),
        tables: &tables,
        has_redriven,
        has_origins: any_in(paths::origin_folder()).await?,
        has_lost: any_in(paths::lost_folder()).await?,
    }))
}

/// What data files a table has.
struct Files {
    any: bool,
    redriven: bool,
}

impl Files {
    async fn of(store: &Store, folder: &str) -> anyhow::Result<Self> {
        let found = store.list(&paths::listed_folder(&[folder])).await?;
        let redriven = found.iter().any(|object| paths::parse_redriven_file(&object.location).is_some());
        let any = redriven || found.iter().any(|object| paths::parse_data_file(&object.location).is_some());
        Ok(Self { any, redriven })
    }
}

/// Names the folders with data files that no schema speaks of: rows in there would be in no view.
async fn tell_of_strangers(store: &Store, schemas: &Schemas) -> anyhow::Result<()> {
    let known: BTreeSet<String> = schemas.tables().map(|schema| paths::folder_name(&schema.table)).collect();
    for folder in store.list_folders(None).await? {
        if folder != paths::RECORDS_FOLDER && !known.contains(&folder) && Files::of(store, &folder).await?.any
        {
            tracing::warn!(%folder, "files without a schema record are in no view; `catchwater audit` tells what they are");
        }
    }
    Ok(())
}

/// The lake as DuckDB finds it from any folder: an absolute path, or the address of another store.
fn address(store: &Store) -> String {
    let path = Url::parse(store.url()).ok().and_then(|url| url.to_file_path().ok());
    path.map_or_else(|| store.url().to_owned(), |path| path.to_string_lossy().into_owned())
}
