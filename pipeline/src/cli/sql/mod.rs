//! `catchwater sql`: DuckDB views over a lake.
//!
//! Owns: which tables a lake has, as its records and folders say. Does not own: what the views look like (`views`).
//! A lake in a cloud is not opened: a copy of it tells the tables, or nothing does.

mod lake; // what the views need to know of a lake
pub(super) mod views; // the views as SQL text

use std::collections::BTreeSet;

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::lake::schema::Schemas;
use catchwater_sinks::paths::{self, GapCause};
use catchwater_sinks::store::{Address, Store};
use clap::Args;
use object_store::path::Path;
use url::Url;

use self::lake::Lake;
use super::exit::{Exit, Usage};
use super::options::existing_lake;
use super::output::print;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The lake: a folder, file://, or where DuckDB finds it in a cloud: s3://, az://, abfss://, gs://
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    lake: Address,
    /// For a lake in a cloud, which is not opened: a lake in a folder that has its tables and columns, as a copy of it
    #[arg(long, env = "CATCHWATER_LIKE", hide_env_values = true, value_name = "URL")]
    like: Option<Address>,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<Exit> {
    print(&script(options).await?)?;
    Ok(Exit::Done)
}

/// What is printed: the views, if the lake's tables can be known.
async fn script(Options { lake, like }: &Options) -> anyhow::Result<String> {
    // Scripts are shared and kept: nothing secret of the address gets into them.
    let shown = lake.to_string();
    match (like, views::is_in_cloud(&shown)) {
        (None, false) => read(lake, None).await,
        (Some(like), true) => read(like, Some(&shown)).await,
        (None, true) => {
            tracing::warn!(
                %lake,
                "this version does not open lakes in a cloud, so their tables are not known and there are no views: \
                 give --like FOLDER, a lake with the same tables"
            );
            Ok(views::script_without_tables(&shown))
        }
        (Some(_), false) => {
            let sentence = "--like is for a lake in a cloud; this one can be asked itself what tables it has";
            Err(Usage(sentence.to_owned()).into())
        }
    }
}

/// The views of all tables of a lake; `elsewhere` is where DuckDB shall look for them, if that is not there.
async fn read(lake: &Address, elsewhere: Option<&str>) -> anyhow::Result<String> {
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
    let any_in = async |folder: Path, is_record: fn(&Path) -> bool| {
        let found = store.list(&folder).await?;
        anyhow::Ok(found.iter().any(|object| is_record(&object.location)))
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
        if paths::is_table_folder(&folder) && !known.contains(&folder) && Files::of(store, &folder).await?.any
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
