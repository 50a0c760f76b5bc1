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

/// The views of all tables of a lake.
async fn read(lake: &str) -> anyhow::Result<String> {
    let store = existing_lake(lake).await?;
    let schemas = Schemas::load(Records::new(store.clone(), Backoff::for_store(0))).await?;
    let mut tables: Vec<&TableSchema> = schemas.tables().collect();
    tables.sort_by_key(|schema| (schema.table.starts_with('_'), &schema.table));
    let mut with_files = Vec::new();
    for schema in tables {
        // A schema is durable before the first file that uses it, so there may be none.
        if has_files(&store, &paths::folder_name(&schema.table)).await? {
            with_files.push(schema);
        }
    }
    tell_of_strangers(&store, &schemas).await?;
    Ok(views::script(&address(&store), &with_files))
}

async fn has_files(store: &Store, folder: &str) -> anyhow::Result<bool> {
    let found = store.list(&paths::listed_folder(&[folder])).await?;
    let is_of_the_table =
        |path: &Path| paths::parse_data_file(path).is_some() || paths::parse_redriven_file(path).is_some();
    Ok(found.iter().any(|object| is_of_the_table(&object.location)))
}

/// Names the folders with data files that no schema speaks of: rows in there would be in no view.
async fn tell_of_strangers(store: &Store, schemas: &Schemas) -> anyhow::Result<()> {
    let known: BTreeSet<String> = schemas.tables().map(|schema| paths::folder_name(&schema.table)).collect();
    for folder in store.list_folders(None).await? {
        if folder != paths::RECORDS_FOLDER && !known.contains(&folder) && has_files(store, &folder).await? {
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
