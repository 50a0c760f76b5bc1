//! Options for the hubs that `catchwater hub` serves, and the report of them.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::exit::Usage;
use super::options::name;
use crate::emulator::{Emulator, HubConfig, HubHandle, read_config_json};

/// The hubs of the namespace: one by its options, or those of a file.
#[derive(Debug, Args)]
pub(super) struct HubsOptions {
    /// Name of the event hub [default: events]
    #[arg(long, env = "CATCHWATER_EVENT_HUB", value_parser = name, value_name = "NAME")]
    event_hub: Option<String>,
    /// Number of partitions [default: 4, or those in the data folder]
    #[arg(long, env = "CATCHWATER_PARTITIONS", value_parser = clap::value_parser!(u32).range(1..=1024), value_name = "N")]
    partitions: Option<u32>,
    /// Consumer group besides $Default; may be repeated [default: any group exists]
    #[arg(long, value_parser = name, value_name = "NAME")]
    consumer_group: Vec<String>,
    /// Event hubs as in the Config.json of the official emulator, instead of the three options above
    #[arg(long, env = "CATCHWATER_CONFIG_JSON", value_name = "FILE")]
    config_json: Option<PathBuf>,
}

impl HubsOptions {
    /// Returns the hubs to serve.
    pub(super) fn hubs(&self) -> anyhow::Result<Vec<HubConfig>> {
        let Self { event_hub, partitions, consumer_group, config_json } = self;
        let Some(file) = config_json else {
            return Ok(vec![HubConfig {
                name: event_hub.clone().unwrap_or_else(|| "events".to_owned()),
                partitions: *partitions,
                consumer_groups: (!consumer_group.is_empty()).then(|| consumer_group.clone()),
            }]);
        };
        if event_hub.is_some() || partitions.is_some() || !consumer_group.is_empty() {
            let text = "--config-json describes all event hubs; leave out --event-hub, --partitions and \
                        --consumer-group, and unset CATCHWATER_EVENT_HUB and CATCHWATER_PARTITIONS";
            return Err(Usage(text.to_owned()).into());
        }
        let bytes = std::fs::read(file)
            .map_err(|error| Usage(format!("{} can't be read: {error}", file.display())))?;
        read_config_json(&bytes).with_context(|| format!("read the event hubs of {}", file.display()))
    }
}

/// Returns the connection strings to print, of AMQP and of WebSocket: those of the hub if there is one, else those of the
/// namespace.
pub(super) fn connection_strings(emulator: &Emulator) -> (String, Option<String>) {
    let event_hub = match emulator.hubs().as_slice() {
        [hub] => format!(";EntityPath={}", hub.name()),
        _ => String::new(),
    };
    let of_hub = |namespace: String| format!("{namespace}{event_hub}");
    (of_hub(emulator.namespace_connection_string()), emulator.websocket_connection_string().map(of_hub))
}

/// Returns the hubs as JSON; `consumer_groups` is null if any group exists.
pub(super) fn hubs_json(emulator: &Emulator) -> Value {
    let hub = |hub: HubHandle| {
        json!({
            "name": hub.name(),
            "partitions": hub.partitions(),
            "consumer_groups": hub.consumer_groups(),
        })
    };
    emulator.hubs().into_iter().map(hub).collect()
}

/// Returns a line for each hub.
pub(super) fn hubs_text(emulator: &Emulator) -> String {
    let mut text = String::new();
    for hub in emulator.hubs() {
        let groups = hub.consumer_groups().map_or_else(|| "any".to_owned(), |groups| groups.join(", "));
        let (name, partitions) = (hub.name(), hub.partitions());
        outln!(text, "  {name}: partitions {partitions}, consumer groups {groups}");
    }
    text
}
