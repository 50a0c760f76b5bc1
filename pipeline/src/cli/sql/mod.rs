//! `catchwater sql`: DuckDB views over a lake.
//!
//! Owns: finding the tables of a lake by its records and folders. Does not own: the text of the views (`views`).
//! A lake in a cloud is not opened; a lake in a folder can stand in for it (`--like`).

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
use url::Url;

use self::lake::Lake;
use super::exit::{Exit, Usage};
use super::options::existing_lake;
use super::output::print;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Lake: a folder, file://, or the address of a lake in a cloud for DuckDB: s3://, az://, abfss://, gs://
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    lake: Address,
    /// For a lake in a cloud, which this version does not open: a lake in a folder with the same tables and columns
    #[arg(long, env = "CATCHWATER_LIKE", hide_env_values = true, value_name = "URL")]
    like: Option<Address>,
}

pub(super) async fn run(options: &Options, store: &StoreOptions) -> anyhow::Result<Exit> {
    print(&script(options, store).await?)?;
    Ok(Exit::Done)
}

/// The script to print: with views if the tables of the lake are known.
async fn script(Options { lake, like }: &Options, options: &StoreOptions) -> anyhow::Result<String> {
    // Scripts are shared and kept, so they get the address without its secrets.
    let shown = lake.to_string();
    match (like, views::is_in_cloud(&shown)) {
        (None, false) => read(lake, options, None).await,
        (Some(like), true) => read(like, options, Some(&shown)).await,
        (None, true) => {
            tracing::warn!(
                %lake,
                "no views were printed: this version does not open a lake in a cloud, so its tables are unknown; \
                 name a lake in a folder with the same tables with --like FOLDER"
            );
            Ok(views::script_without_tables(&shown))
        }
        (Some(_), false) => {
            let sentence = "--like is for a lake in a cloud; the tables of this one are read from itself, so leave --like out";
            Err(Usage(sentence.to_owned()).into())
        }
    }
}

/// The views of all tables of a lake. DuckDB looks for the files at `elsewhere`, if given, instead of at the lake.
async fn read(lake: &Address, options: &StoreOptions, elsewhere: Option<&str>) -> anyhow::Result<String> {
    let store = existing_lake(lake, options).await?;
    let schemas = Schemas::load(Records::new(store.clone(), Backoff::for_store(0))).await?;
    let (mut tables, mut has_redriven) = (Vec::new(), false);
    for schema in schemas.tables() {
        // A schema is durable before the first file that uses it, so a table may have no files.
        let files = Files::of(&store, &paths::folder_name(&schema.table)).await?;
        has_redriven |= files.redriven;
        if files.any {
            tables.push(schema);
        }
    }
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
    Ok(views::script(&Lake {
        address: &elsewhere.map_or_else(|| address(&store), str::to_owned),
        tables: &tables,
        has_redriven,
        has_origins: any_in(paths::origin_folder(), |path| paths::parse_origin(path).is_some()).await?,
        has_lost: any_in(paths::lost_folder(), |path| paths::parse_lost(path).is_some()).await?,
        accepted: &accepted,
    }))
}

/// Kinds of data files that a table has.
struct Files {
    any: bool,
    redriven: bool,
}

impl Files {
    async fn of(store: &Store, folder: &str) -> anyhow::Result<Self> {
        let found = store.list(&paths::listed_folder(&[folder])).await?;
        let redriven = found.iter().any(|object| paths::parse_redriven_file(&object.key).is_some());
        let any = redriven || found.iter().any(|object| paths::parse_data_file(&object.key).is_some());
        Ok(Self { any, redriven })
    }
}

/// Warns about folders with data files but without a schema: their rows are in no view.
async fn warn_about_unknown_tables(store: &Store, schemas: &Schemas) -> anyhow::Result<()> {
    let known: BTreeSet<String> = schemas.tables().map(|schema| paths::folder_name(&schema.table)).collect();
    for folder in store.list_folders(None).await? {
        if paths::is_table_folder(&folder) && !known.contains(&folder) && Files::of(store, &folder).await?.any
        {
            tracing::warn!(%folder, "the files of this folder have no schema record and are in no view; `catchwater audit` reports what they are");
        }
    }
    Ok(())
}

/// The lake as DuckDB finds it from any folder: an absolute path, or the address of another store.
fn address(store: &Store) -> String {
    let path = Url::parse(store.url()).ok().and_then(|url| url.to_file_path().ok());
    path.map_or_else(|| store.url().to_owned(), |path| path.to_string_lossy().into_owned())
}
