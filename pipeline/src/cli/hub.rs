//! `catchwater hub`: an event hub on this machine, for tests and for trying things out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::exit::Exit;
use super::fault_options::FaultOptions;
use super::file_limit;
use super::hubs::{HubsOptions, connection_string, hubs_json, hubs_text};
use super::options::duration;
use super::output::{print, print_json};
use super::process::Stop;
use crate::emulator::{Config, Emulator, fault_help};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Address to listen on; port 0 takes a free port
    #[arg(long, env = "CATCHWATER_LISTEN", default_value = "127.0.0.1:5672", value_name = "ADDR")]
    listen: SocketAddr,
    #[command(flatten)]
    hubs: HubsOptions,
    /// Folder that keeps the events over restarts [default: they are in memory]
    #[arg(long, env = "CATCHWATER_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Time that events are kept, such as 1h [default: without end]
    #[arg(long, env = "CATCHWATER_RETENTION", value_parser = retention, value_name = "DURATION")]
    retention: Option<Duration>,
    #[command(flatten)]
    faults: FaultOptions,
    /// Print one JSON object with the connection string once the hub listens
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options, mut stop: Stop) -> anyhow::Result<Exit> {
    let Some(faults) = options.faults.specs() else {
        print(&fault_help())?;
        return Ok(Exit::Done);
    };
    let config = Config {
        listen: options.listen,
        hubs: options.hubs.hubs()?,
        data: options.data.clone(),
        retention: options.retention,
        faults,
        ..Config::default()
    };
    file_limit::raise();
    let emulator = Emulator::start(config).await?;
    let connection_string = connection_string(&emulator);
    if options.json {
        print_json(&serde_json::json!({
            "connection_string": connection_string,
            "hubs": hubs_json(&emulator),
        }))?;
    } else {
        let names = emulator.hubs();
        // The connection string of a single hub names it.
        let (hubs, event_hub) = match names.as_slice() {
            [_] => (String::new(), String::new()),
            _ => (
                format!("Event hubs:\n{}", hubs_text(&emulator)),
                format!(" --event-hub {}", emulator.event_hub()),
            ),
        };
        print(&format!(
            "{connection_string}\n{hubs}\
             The hub is listening; stop it with Ctrl-C. In another terminal:\n  \
             catchwater send --generate mixed --events 10000{event_hub} --connection-string '{connection_string}'\n  \
             catchwater run --until caught-up --lake ./lake{event_hub} --connection-string '{connection_string}'\n"
        ))?;
    }
    stop.requested().await;
    emulator.shutdown().await;
    Ok(Exit::Done)
}

/// Reads a retention, which is longer than zero.
fn retention(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("the hub would keep no event; give a longer time, such as 1h".to_owned()),
        retention => Ok(retention),
    }
}
