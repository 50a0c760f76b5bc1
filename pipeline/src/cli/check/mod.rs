//! `catchwater check`: tries what a run needs, and prints a line for each.
//!
//! Owns: the order of the checks and their time limits, and that nothing stays. Does not own: the words for a mistake,
//! which are those of its error, as a run prints them.

mod line; // the result of one check, as text and as JSON
mod hub; // name resolution, port, TLS, token, event hub, rights
mod store; // lake and state: address, container, rights, conditional puts
mod machine; // clock and open files of this machine

use catchwater_sinks::store::StoreOptions;
use clap::Args;

use super::exit::Exit;
use super::output::{print, print_json};
use super::process::Stop;
use super::run::{JobOptions, config};
use line::{Line, Outcome};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    job: JobOptions,
    /// Print one JSON object a line for each check
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options, settings: &StoreOptions, stop: Stop) -> anyhow::Result<Exit> {
    let lines = Box::pin(checks(&options.job, settings, &stop)).await;
    for line in &lines {
        if options.json {
            print_json(&line.json())?;
        } else {
            print(&line.text())?;
        }
    }
    let failed = lines.iter().find_map(Line::exit);
    Ok(stop.exit().or(failed).unwrap_or(Exit::Done))
}

/// All checks. Hub and stores do not depend on each other and are tried at the same time.
async fn checks(job: &JobOptions, settings: &StoreOptions, stop: &Stop) -> Vec<Line> {
    let config = config(job, settings);
    let hub = async {
        let mut stop = stop.clone();
        match &config {
            Ok(config) => tokio::select! {
                checked = hub::check(&config.hub, &config.consumer_group) => checked,
                () = stop.requested() => hub::not_tried(Outcome::interrupted),
            },
            Err(_) => hub::not_tried(|| Outcome::needs(CONFIGURATION)),
        }
    };
    let (hub, stores) = tokio::join!(hub, store::check_all(&job.lake, settings, stop));
    let understood = || Outcome::Ok("options and variables are understood".to_owned());
    let put_time = stores.iter().find_map(|store| store.put_time);
    let mut lines = vec![Line::new(CONFIGURATION, config.map_or_else(Outcome::Failed, |_| understood()))];
    lines.extend(hub.lines);
    lines.push(machine::clock(put_time, hub.newest_event));
    lines.extend(stores.into_iter().flat_map(|store| store.lines));
    lines.push(machine::open_files());
    lines
}

/// Name of the first check.
const CONFIGURATION: &str = "configuration";
