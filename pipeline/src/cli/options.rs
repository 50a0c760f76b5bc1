//! Options that several commands share, and how people write sizes and durations.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use catchwater_sinks::lake::backoff::Backoff;
use catchwater_sinks::lake::records::{self, Records};
use catchwater_sinks::paths;
use catchwater_sinks::store::{self, Address, Store};
use clap::Args;

use super::exit::Usage;
use crate::eventhubs::{ConnectionString, ConnectionStringError};

/// Which event hub.
#[derive(Clone, Debug, Args)]
pub(super) struct HubOptions {
    /// Connection string of the event hub or its namespace, as the portal shows it
    #[arg(long, env = "CATCHWATER_CONNECTION_STRING", hide_env_values = true, value_parser = connection_string, value_name = "TEXT")]
    connection_string: ParsedConnectionString,
    /// Name of the event hub, when the connection string has no EntityPath
    #[arg(long, env = "CATCHWATER_EVENT_HUB", value_parser = name, value_name = "NAME")]
    event_hub: Option<String>,
}

/// Read on the command line and judged later: what clap says of a wrong value repeats it, and this one holds a key.
type ParsedConnectionString = Result<ConnectionString, ConnectionStringError>;

#[expect(clippy::unnecessary_wraps, reason = "clap asks for a result, and takes an error for its own")]
fn connection_string(text: &str) -> Result<ParsedConnectionString, Infallible> {
    Ok(ConnectionString::parse(text))
}

impl HubOptions {
    /// The connection string, with the name of the hub in it.
    pub(super) fn connection(&self) -> anyhow::Result<ConnectionString> {
        let connection = self.connection_string.clone()?.with_event_hub(self.event_hub.as_deref())?;
        if connection.event_hub().is_none() {
            return Err(Usage(
                "which event hub? The connection string has no EntityPath; give --event-hub NAME".to_owned(),
            )
            .into());
        }
        Ok(connection)
    }
}

/// Which lake.
#[derive(Clone, Debug, Args)]
pub(super) struct LakeOptions {
    /// The lake: a folder, file:// or memory://
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    pub(super) lake: Address,
    /// Where checkpoints stand [default: _catchwater inside the lake]
    #[arg(long, env = "CATCHWATER_STATE", hide_env_values = true, value_name = "URL")]
    pub(super) state: Option<Address>,
}

/// Opens a lake that is there.
///
/// # Errors
/// Also data files without an identity, which the start of a run refuses in the same words.
pub(super) async fn existing_lake(lake: &Address) -> anyhow::Result<Store> {
    let store = existing_files(lake).await?;
    let records = Records::new(store.clone(), Backoff::for_store(0));
    if records.existing_id().await?.is_none()
        && let Some(data_file) = records.any_data_file().await?
    {
        let (data_file, record) = (data_file.to_string(), paths::lake_record().to_string());
        return Err(records::Error::NoIdentity { data_file, record }.into());
    }
    Ok(store)
}

/// Opens a lake that is there, or what is left of one: data files without an identity.
pub(super) async fn existing_files(lake: &Address) -> anyhow::Result<Store> {
    let none = |why: &str| {
        Usage(format!(
            "there is no lake at {lake}: {why}; `catchwater run --lake {lake} …` makes one, `catchwater demo` one to try"
        ))
    };
    let store = Store::open_existing(lake).map_err(|error| match error {
        store::Error::Folder { ref source, .. } if source.kind() == io::ErrorKind::NotFound => {
            none(&source.to_string()).into()
        }
        other => anyhow::Error::from(other).context(format!("open the lake {lake}")),
    })?;
    let records = Records::new(store.clone(), Backoff::for_store(0));
    if store.get(&paths::lake_record()).await?.is_none() && records.any_data_file().await?.is_none() {
        return Err(none(&format!("it has no {}", paths::lake_record())).into());
    }
    Ok(store)
}

/// Reads the name of something at the hub.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the name is empty; in a shell, $Default needs single quotes: '$Default'".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads `90s`, `10m`, `1h`, `250ms` or plain seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let unit_ms = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err(format!("invalid duration `{text}`: write 30s, 10m or 1h")),
    };
    let number: u64 =
        number.parse().map_err(|_| format!("invalid duration `{text}`: write 30s, 10m or 1h"))?;
    Ok(Duration::from_millis(number.saturating_mul(unit_ms)))
}

/// Reads `256MiB`, `1GiB`, `64KiB` or plain bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" | "K" => 10,
        "MiB" | "M" => 20,
        "GiB" | "G" => 30,
        _ => return Err(format!("invalid size `{text}`: write 256MiB or 1GiB")),
    };
    let number: u64 = number.parse().map_err(|_| format!("invalid size `{text}`: write 256MiB or 1GiB"))?;
    Ok(number.saturating_mul(1 << shift))
}

/// Reads a budget; with a small one no row would stay open, and every event became a file.
pub(super) fn budget(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        enough if enough >= LEAST_BUDGET => Ok(enough),
        _ => Err("it is too small to gather rows in; give 16MiB or more".to_owned()),
    }
}

const LEAST_BUDGET: u64 = 16 << 20;

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_as_people_write_them() {
        for (text, expected) in
            [("30s", 30_000), ("10m", 600_000), ("1h", 3_600_000), ("250ms", 250), ("5", 5000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(expected)), "{text}");
        }
        for (text, expected) in [("256MiB", 256 << 20), ("1 GiB", 1 << 30), ("64K", 64 << 10), ("17", 17)] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "x", "10 parsecs", "-1s", "1.5h"] {
            assert!(duration(text).is_err(), "{text}");
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
