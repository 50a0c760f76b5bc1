//! Options that several commands share, and the parsers of sizes and durations.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::records::{self, Records};
use catchwater_sinks::paths;
use catchwater_sinks::store::{self, Address, Store, StoreOptions};
use clap::Args;
use jiff::SignedDuration;

use super::exit::Usage;

/// Options that select the lake.
#[derive(Clone, Debug, Args)]
pub(super) struct LakeOptions {
    /// Lake: a folder, or az://, abfss://, s3:// or gs:// with container and folder
    #[arg(long, env = "CATCHWATER_LAKE", hide_env_values = true, value_name = "URL")]
    pub(super) lake: Address,
    /// Folder or URL for checkpoints [default: _catchwater inside the lake]
    #[arg(long, env = "CATCHWATER_STATE", hide_env_values = true, value_name = "URL")]
    pub(super) state: Option<Address>,
}

/// Opens a lake that exists.
///
/// # Errors
/// Also fails for data files without an identity, with the error that the start of a run reports.
pub(super) async fn existing_lake(lake: &Address, options: &StoreOptions) -> anyhow::Result<Store> {
    let store = existing_files(lake, options).await?;
    let records = Records::new(store.clone(), Backoff::for_store(0));
    if records.existing_id().await?.is_none()
        && let Some(data_file) = records.any_data_file().await?
    {
        let (data_file, record) = (data_file.to_string(), paths::lake_record().to_string());
        return Err(records::Error::NoIdentity { data_file, record }.into());
    }
    Ok(store)
}

/// Opens a lake that exists, or the data files of one that has lost its identity.
pub(super) async fn existing_files(lake: &Address, options: &StoreOptions) -> anyhow::Result<Store> {
    let none = |why: &str| {
        Usage(format!(
            "no lake at {lake}: {why}; create one with `catchwater run --lake {lake} …`, or try `catchwater demo`"
        ))
    };
    let store = Store::open_existing(lake, options).map_err(|error| match error {
        store::Error::Folder { ref source, .. } if source.kind() == io::ErrorKind::NotFound => {
            none(&source.to_string()).into()
        }
        other => anyhow::Error::from(other).context(format!("open the lake {lake}")),
    })?;
    let records = Records::new(store.clone(), Backoff::for_store(0));
    if identity_record(&store).await?.is_none() && records.any_data_file().await?.is_none() {
        return Err(none(&format!("it has no {}", paths::lake_record())).into());
    }
    Ok(store)
}

/// The first read of a lake. A busy store is asked again; a store that does not answer is not, since its address may be
/// wrong.
async fn identity_record(store: &Store) -> Result<Option<Bytes>, store::Error> {
    let backoff = Backoff::for_store(0);
    let mut attempts = backoff.attempts();
    loop {
        match store.get(&paths::lake_record()).await {
            Err(error) if error.is_answer() => attempts.wait_after(error).await?,
            read => return read,
        }
    }
}

/// Reads the name of an event hub or a consumer group.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the name is empty; in a shell, $Default needs single quotes: '$Default'".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads `30s`, `10m`, `1h`, `250ms` and what else the parser of `jiff` takes; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    let parsed = match trimmed.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => trimmed.parse::<SignedDuration>().ok().and_then(|duration| duration.try_into().ok()),
    };
    let duration = parsed.ok_or_else(|| format!("invalid duration `{text}`: write 30s, 10m or 1h"))?;
    Ok(duration.min(MAX_DURATION))
}

/// Upper bound on durations: the milliseconds of more fit no `i64`.
const MAX_DURATION: Duration = Duration::from_millis(i64::MAX as u64);

/// Reads `256MiB`, `1GiB`, `64KiB` and what else the parser of `bytesize` takes; a bare number is bytes.
fn size(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    // `K`, `M`, `G` and their small letters are binary here, as for a JVM; `bytesize` takes them for decimal units.
    let is_binary = trimmed.ends_with(['K', 'M', 'G', 'k', 'm', 'g']);
    let parsed = if is_binary { format!("{trimmed}iB").parse() } else { trimmed.parse::<ByteSize>() };
    // The error repeats the text exactly as given, so that `arguments` finds and masks a secret in it.
    let size = parsed.map_err(|_| format!("invalid size `{text}`: write 256MiB or 1GiB"))?;
    Ok(size.as_u64())
}

/// Reads a budget of at least [`MIN_BUDGET`].
pub(super) fn budget(text: &str) -> Result<u64, String> {
    match size(text)? {
        bytes if bytes >= MIN_BUDGET => Ok(bytes),
        _ => Err("the budget is too small to gather rows into files; give 16MiB or more".to_owned()),
    }
}

/// With a smaller budget no file could stay open, and each event would become a file.
const MIN_BUDGET: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_a_number_and_a_unit() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("10m", 600_000),
            ("10min", 600_000),
            ("1h", 3_600_000),
            ("250ms", 250),
            ("0s", 0),
            ("5", 5000),
            (" 10  m ", 600_000),
            ("1.5h", 5_400_000),
            ("1h 30m", 5_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(duration(&u64::MAX.to_string()), Ok(MAX_DURATION));
        for text in ["", "x", "10 parsecs", "-1s", "s", "1d"] {
            assert_eq!(duration(text), Err(format!("invalid duration `{text}`: write 30s, 10m or 1h")));
        }
    }

    #[test]
    fn sizes_take_a_number_and_a_unit() {
        for (text, bytes) in [
            ("256MiB", 256 << 20),
            ("1 GiB", 1 << 30),
            ("64KiB", 64 << 10),
            ("64K", 64 << 10),
            ("64 M", 64 << 20),
            ("64m", 64 << 20),
            ("2G", 2 << 30),
            ("17", 17),
            (" 17  B ", 17),
            ("100MB", 100_000_000),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "x", "10 parsecs", "-1s", "-1", "MiB", "K"] {
            assert_eq!(size(text), Err(format!("invalid size `{text}`: write 256MiB or 1GiB")));
        }
    }
}
