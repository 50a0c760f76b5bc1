//! `catchwater sql`: DuckDB views over a lake.
//!
//! Owns: which tables a lake has, as its records and folders say. Does not own: what the views look like (`views`).

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
use super::{Exit, runtime};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The lake: a folder or file://
    #[arg(long, env = "CATCHWATER_LAKE", value_name = "URL")]
    lake: String,
}

pub(super) fn main(options: &Options) -> anyhow::Result<Exit> {
    let Options { lake } = options;
    let script = runtime(1)?.block_on(read(lake))?;
    match io::stdout().write_all(script.as_bytes()) {
        // Who reads it has seen enough: `catchwater sql | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        written => written.map(|()| Exit::Done).context("print the views"),
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

/// The views of all tables of a lake.
async fn read(lake: &str) -> anyhow::Result<String> {
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
        address: &address(&store),
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
