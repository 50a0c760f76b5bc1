//! `catchwater sql`: DuckDB views over a lake.
//!
//! Owns: finding the tables of a lake by its records and folders. Does not own: the text of the views (`views`).

mod lake; // facts of a lake that its views depend on
pub(super) mod views; // the views as SQL text

use std::collections::BTreeSet;

use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::lake::schema::Schemas;
use catchwater_sinks::paths::{self, GapCause};
use catchwater_sinks::store::Key;
use catchwater_sinks::store::{Address, Store, StoreOptions};
use clap::Args;
use futures::future::ready;
use futures::{StreamExt, TryFutureExt, TryStreamExt, stream};
use url::Url;

use self::lake::Lake;
use self::views::{Connection, Settings};
use super::exit::{Exit, Usage};
use super::options::existing_lake;
use super::output::print;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Lake: a folder, or az://, abfss://, s3:// or gs:// with container and folder
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    lake: Address,
    /// For a lake in a cloud that this machine can't read: another lake with the same tables and columns
    #[arg(long, env = "CATCHWATER_LIKE", hide_env_values = true, value_name = "URL")]
    like: Option<Address>,
}

pub(super) async fn run(options: &Options, store: &StoreOptions) -> anyhow::Result<Exit> {
    print(&script(options, store).await?)?;
    Ok(Exit::Done)
}

/// The script to print.
async fn script(Options { lake, like }: &Options, options: &StoreOptions) -> anyhow::Result<String> {
    // Scripts are shared and kept, so they get the address without its secrets.
    let connection = Connection::new(&lake.to_string(), &settings(lake, options));
    match like {
        None => read(lake, options, connection).await,
        Some(like) if connection.is_to_cloud() => read(like, options, connection).await,
        Some(_) => {
            let sentence = "--like is for a lake in a cloud; the tables of this one are read from itself, so leave --like out";
            Err(Usage(sentence.to_owned()).into())
        }
    }
}

/// The settings of the store of a lake that DuckDB needs too.
fn settings(lake: &Address, options: &StoreOptions) -> Settings {
    // `object_store` takes this variable for no setting, but reads it.
    let azurite = std::env::var("AZURITE_BLOB_STORAGE_URL").ok();
    let settings = Settings::new(options, azurite);
    if lake.has_signature() { settings.with_signature() } else { settings }
}

/// The views of all tables of a lake, for a DuckDB that finds the files by `connection`.
async fn read(lake: &Address, options: &StoreOptions, connection: Connection) -> anyhow::Result<String> {
    let store = existing_lake(lake, options).await?;
    let schemas = Schemas::load(Records::new(store.clone(), Backoff::for_store(0))).await?;
    let store = store.with_read_backoff(Backoff::for_store(0));
    let files = stream::iter(schemas.tables())
        .map(|schema| {
            Files::of(&store, paths::folder_name(&schema.table)).map_ok(move |files| (schema, files))
        })
        .buffered(LISTED_AT_ONCE);
    // A schema is durable before the first file that uses it, so a table may have no files.
    let files: Vec<_> = files.try_filter(|(_, files)| ready(files.any)).try_collect().await?;
    warn_about_unknown_tables(&store, &schemas).await?;
    let any_in = async |folder: Key, is_record: fn(&Key) -> bool| {
        let found = store.list(&folder).await?;
        anyhow::Ok(found.iter().any(|object| is_record(&object.key)))
    };
    let mut accepted = Vec::new();
    for cause in GapCause::ALL {
        if any_in(paths::gap_folder(cause), |path| paths::parse_gap_record(path).is_some()).await? {
            accepted.push(cause);
        }
    }
    let Connection { address, statements } = connection;
    Ok(views::script(&Lake {
        address: &if statements.is_empty() { path_of(&store) } else { address },
        connection: &statements,
        tables: &files.iter().map(|(schema, _)| *schema).collect::<Vec<_>>(),
        has_redriven: files.iter().any(|(_, files)| files.redriven),
        has_origins: any_in(paths::origin_folder(), |path| paths::parse_origin(path).is_some()).await?,
        has_lost: any_in(paths::lost_folder(), |path| paths::parse_lost(path).is_some()).await?,
        accepted: &accepted,
    }))
}

/// Tables listed at once: enough to hide the latency of an object store.
const LISTED_AT_ONCE: usize = 16;

/// Kinds of data files that a table has.
struct Files {
    any: bool,
    redriven: bool,
}

impl Files {
    async fn of(store: &Store, folder: String) -> anyhow::Result<Self> {
        let found = store.list(&paths::listed_folder(&[&folder])).await?;
        let redriven = found.iter().any(|object| paths::parse_redriven_file(&object.key).is_some());
        let any = redriven || found.iter().any(|object| paths::parse_data_file(&object.key).is_some());
        Ok(Self { any, redriven })
    }
}

/// Warns about folders with data files but without a schema: their rows are in no view.
async fn warn_about_unknown_tables(store: &Store, schemas: &Schemas) -> anyhow::Result<()> {
    let known: BTreeSet<String> = schemas.tables().map(|schema| paths::folder_name(&schema.table)).collect();
    for folder in store.list_folders(None).await? {
        if paths::is_table_folder(&folder)
            && !known.contains(&folder)
            && Files::of(store, folder.clone()).await?.any
        {
            tracing::warn!(%folder, "the files of this folder have no schema record and are in no view; `catchwater audit` reports what they are");
        }
    }
    Ok(())
}

/// A folder as DuckDB finds it from any other: an absolute path.
fn path_of(store: &Store) -> String {
    let path = Url::parse(store.url()).ok().and_then(|url| url.to_file_path().ok());
    path.map_or_else(|| store.url().to_owned(), |path| path.to_string_lossy().into_owned())
}
