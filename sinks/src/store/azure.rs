//! The client of Azure Blob Storage.
//!
//! Owns: the client for an address and its settings, and the URL of a container. Does not own: timeouts and retries
//! (`cloud`), or the requests for metadata (`blob_metadata`).

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use url::Url;

use super::address::CloudLocation;
use super::blob_metadata::{BlobClient, KeptConnector};
use super::error::Error;
use super::options::StoreOptions;

/// Opens a container with a builder that has timeouts and retries. Sends no request. `BlobClient` is `None` for
/// `OneLake`, which is not Azure Blob Storage.
pub(super) fn open(
    location: &CloudLocation,
    options: &StoreOptions,
    builder: MicrosoftAzureBuilder,
) -> Result<Opened, Error> {
    let connector = KeptConnector::default();
    let builder = configured(builder, location, options).with_http_connector(connector.clone());
    let place = ContainerUrl::of(location, &builder);
    let azure = builder.with_url(&location.root).build().map_err(Error::settings(&location.root))?;
    let blobs = place.zip(connector.client()).map(|(place, http)| {
        let ContainerUrl { url, account } = place;
        let credentials = Arc::clone(azure.credentials());
        Arc::new(BlobClient { container: url, account, prefix: location.prefix.clone(), credentials, http })
    });
    Ok((Arc::new(azure), blobs))
}

/// The objects of a container, and the client of its blobs.
type Opened = (Arc<dyn ObjectStore>, Option<Arc<BlobClient>>);

fn configured(
    mut builder: MicrosoftAzureBuilder,
    location: &CloudLocation,
    options: &StoreOptions,
) -> MicrosoftAzureBuilder {
    for (name, value) in options.iter().filter(|(name, _)| name.starts_with("azure_")) {
        if let Ok(key) = name.parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(signature) = &location.signature {
        let sas = AzureConfigKey::SasKey;
        builder = builder.with_config(sas, signature).with_credential_type("sas_token");
    }
    builder
}

/// The URL of a container, and the account that signs its requests. `object_store` has both, but does not export them.
#[derive(Debug, PartialEq, Eq)]
struct ContainerUrl {
    url: Url,
    account: String,
}

impl ContainerUrl {
    /// `None` for `OneLake`, and for settings that `object_store` refuses.
    fn of(location: &CloudLocation, builder: &MicrosoftAzureBuilder) -> Option<Self> {
        let setting = |key| builder.get_config_value(&key);
        let place = location.root.split_once("://")?.1;
        let (container, host) = place.split_once('@').unwrap_or((place, ""));
        if is_true(setting(AzureConfigKey::UseFabricEndpoint)) || host.ends_with(".fabric.microsoft.com") {
            return None;
        }
        let in_host = host.split('.').next().filter(|account| !account.is_empty()).map(str::to_owned);
        let account = in_host.or_else(|| setting(AzureConfigKey::AccountName));
        let (service, account) = if is_true(setting(AzureConfigKey::UseEmulator)) {
            let account = account.unwrap_or_else(|| EMULATOR_ACCOUNT.to_owned());
            let at = std::env::var("AZURITE_BLOB_STORAGE_URL").unwrap_or_else(|_| EMULATOR_URL.to_owned());
            (format!("{}/{account}", at.trim_end_matches('/')), account)
        } else {
            let account = account?;
            let public = || format!("https://{account}.blob.core.windows.net");
            (setting(AzureConfigKey::Endpoint).unwrap_or_else(public), account)
        };
        let url = Url::parse(&format!("{}/{container}", service.trim_end_matches('/'))).ok()?;
        Some(Self { url, account })
    }
}

/// True for the words by which `object_store` turns a setting on.
fn is_true(setting: Option<String>) -> bool {
    let on = ["1", "true", "on", "yes", "y"];
    setting.is_some_and(|value| on.contains(&value.to_ascii_lowercase().as_str()))
}

/// Azurite's account and address, as `object_store` knows them.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_URL: &str = "http://127.0.0.1:10000";

#[cfg(test)]
mod tests {
    use super::super::address::{Address, Location};
    use super::*;

    fn url_of(address: &str, settings: &[(&str, &str)]) -> Option<(String, String)> {
        let Location::Cloud(location) = Address::from(address).location().unwrap() else {
            panic!("{address}")
        };
        let options = settings
            .iter()
            .fold(StoreOptions::default(), |options, (name, value)| options.with(name, value).unwrap());
        let found =
            ContainerUrl::of(&location, &configured(MicrosoftAzureBuilder::new(), &location, &options));
        found.map(|found| (found.url.to_string(), found.account))
    }

    #[test]
    fn container_has_the_url_that_object_store_uses() {
        let account = ("azure_storage_account_name", "lakes");
        let endpoint = ("azure_storage_endpoint", "http://127.0.0.1:1/lakes/");
        let emulator = ("azure_storage_use_emulator", "TRUE");
        let lakes = |url: &str| Some((url.to_owned(), "lakes".to_owned()));
        for (address, settings, expected) in [
            ("az://state/a", &[account][..], lakes("https://lakes.blob.core.windows.net/state")),
            ("az://state", &[account, endpoint], lakes("http://127.0.0.1:1/lakes/state")),
            ("az://state", &[account, emulator], lakes("http://127.0.0.1:10000/lakes/state")),
            (
                "abfss://state@lakes.dfs.core.windows.net/a",
                &[],
                lakes("https://lakes.blob.core.windows.net/state"),
            ),
            ("abfss://state@lakes.dfs.fabric.microsoft.com/a", &[], None),
            ("az://state", &[account, ("azure_use_fabric_endpoint", "true")], None),
            ("az://state", &[], None),
        ] {
            assert_eq!(url_of(address, settings), expected, "{address} {settings:?}");
        }
    }

    #[test]
    fn only_stores_in_blob_storage_have_metadata_blobs() {
        let account = StoreOptions::default().with("azure_storage_account_name", "lakes").unwrap();
        let of =
            |address: &str| super::super::Store::open(address, &account).unwrap().metadata_blobs().is_some();
        assert!(of("az://state/a"));
        assert!(!of("memory://"));
    }
}
