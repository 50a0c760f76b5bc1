//! `catchwater hub`: an event hub on this machine, for tests and for trying things out.
//!
//! Owns: the text with the commands for a second terminal. Does not own: the hub (`emulator`).

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::exit::Exit;
use super::fault_options::FaultOptions;
use super::file_limit;
use super::hub_ports::{PortOptions, ca_file};
use super::hubs::{HubsOptions, connection_strings, hubs_json, hubs_text};
use super::options::duration;
use super::output::{print, print_json};
use super::process::Stop;
use crate::emulator::{Config, Emulator, fault_help};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    ports: PortOptions,
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
    let mut config = Config {
        hubs: options.hubs.hubs()?,
        data: options.data.clone(),
        retention: options.retention,
        faults,
        remote_faults: options.faults.remote_faults,
        ..Config::default()
    };
    let temporary = options.ports.configure(&mut config)?;
    file_limit::raise();
    let emulator = Emulator::start(config).await?;
    if options.json {
        let (connection_string, over_websocket) = connection_strings(&emulator);
        print_json(&serde_json::json!({
            "connection_string": connection_string,
            "ca": ca_file(&emulator),
            "websocket": emulator.websocket_url(),
            "websocket_connection_string": over_websocket,
            "health": emulator.health_url(),
            "hubs": hubs_json(&emulator),
        }))?;
    } else {
        print(&help(&emulator))?;
    }
    stop.requested().await;
    emulator.shutdown().await;
    drop(temporary);
    Ok(Exit::Done)
}

/// Reads a retention, which is longer than zero.
fn retention(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("the hub would keep no event; give a longer time, such as 1h".to_owned()),
        retention => Ok(retention),
    }
}

/// The text for people: connection string, and the commands for a second terminal.
fn help(emulator: &Emulator) -> String {
    let (connection_string, over_websocket) = connection_strings(emulator);
    let mut text = format!("{connection_string}\n");
    // The connection string of a single hub names it.
    let mut options = String::new();
    if emulator.hubs().len() > 1 {
        outln!(text, "Event hubs:");
        text.push_str(&hubs_text(emulator));
        options = format!(" --event-hub {}", emulator.event_hub());
    }
    if let Some(file) = ca_file(emulator) {
        options = format!("{options} --ca-file {}", quoted(&file));
    }
    outln!(text, "The hub is listening; stop it with Ctrl-C. In another terminal:");
    text.push_str(&commands(&connection_string, &options));
    if let Some(connection_string) = over_websocket {
        outln!(text, "Over WebSocket:");
        text.push_str(&commands(&connection_string, &format!("{options} --transport websocket")));
    }
    if let Some(url) = emulator.health_url() {
        outln!(text, "Health: {url}");
    }
    text
}

fn commands(connection_string: &str, options: &str) -> String {
    let to = quoted(connection_string);
    format!(
        "  catchwater send --generate mixed --events 10000{options} --connection-string {to}\n  \
         catchwater run --until caught-up --lake ./lake{options} --connection-string {to}\n"
    )
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
