//! `catchwater hub`: an event hub on this machine, for tests and for trying things out.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::options::name;
use super::output::{print, print_json};
use super::process::Stop;
use crate::emulator::{Config, Emulator};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Address to listen on; port 0 takes a free port
    #[arg(long, env = "CATCHWATER_LISTEN", default_value = "127.0.0.1:5672", value_name = "ADDR")]
    listen: SocketAddr,
    /// Name of the event hub
    #[arg(long, env = "CATCHWATER_EVENT_HUB", default_value = "events", value_parser = name, value_name = "NAME")]
    event_hub: String,
    /// Number of partitions
    #[arg(long, env = "CATCHWATER_PARTITIONS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1024), value_name = "N")]
    partitions: u32,
    /// Folder that keeps the events over restarts [default: they are in memory]
    #[arg(long, env = "CATCHWATER_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object with the connection string once the hub listens
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options, mut stop: Stop) -> anyhow::Result<Exit> {
    let config = Config {
        listen: options.listen,
        event_hub: options.event_hub.clone(),
        partitions: options.partitions,
        data: options.data.clone(),
        ..Config::default()
    };
    let emulator = Emulator::start(config).await?;
    let connection_string = emulator.connection_string();
    if options.json {
        print_json(&serde_json::json!({ "connection_string": connection_string }))?;
    } else {
        print(&format!(
            "{connection_string}\n\
             The hub is listening; stop it with Ctrl-C. In another terminal:\n  \
             catchwater send --generate mixed --events 10000 --connection-string '{connection_string}'\n  \
             catchwater run --until caught-up --lake ./lake --connection-string '{connection_string}'\n"
        ))?;
    }
    stop.requested().await;
    emulator.shutdown().await;
    Ok(Exit::Done)
}
