//! Settings of cloud stores: credentials, endpoints, timeouts.
//!
//! Owns: their names, which are those of the environment variables of `object_store` in small letters, and which of
//! them are secrets. Does not own: their meaning (`cloud`), or files and flags (the caller's).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Settings by name. An unset one has the default of `object_store`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreOptions {
    values: BTreeMap<String, String>,
}

/// A setting that operators use. `object_store` has further names for some of them, which count as well.
#[derive(Clone, Copy, Debug)]
pub struct StoreOption {
    /// The name, as in `azure_storage_account_name`.
    pub name: &'static str,
    /// True for a credential, which is never shown and never written into a configuration file.
    pub is_secret: bool,
    /// One line for the documentation.
    pub help: &'static str,
}

impl StoreOptions {
    /// Takes the settings among environment variables. Other variables and empty ones are ignored.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let known = variables.into_iter().filter_map(|(variable, value)| {
            let name = name_of_variable(&variable)?;
            (!value.is_empty()).then_some((name, value))
        });
        Self { values: known.collect() }
    }

    /// The settings among the environment variables of this process.
    pub fn from_environment() -> Self {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::from_variables(std::env::vars_os().filter_map(utf8))
    }

    /// Sets one setting.
    ///
    /// # Errors
    /// A name that no cloud store has.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, UnknownOption> {
        if !is_known(name) {
            return Err(UnknownOption { name: name.to_owned() });
        }
        self.values.insert(name.to_owned(), value.to_owned());
        Ok(self)
    }

    /// These settings, and those of `defaults` that are unset here.
    #[must_use]
    pub fn or(mut self, defaults: &Self) -> Self {
        for (name, value) in &defaults.values {
            self.values.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    /// The value of a setting.
    #[cfg(feature = "aws")]
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The settings that are set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The settings to document, in the order of the documentation.
    pub fn documented() -> &'static [StoreOption] {
        &DOCUMENTED
    }

    /// True if the value of this setting is a credential. Further names of a credential count as well.
    pub fn is_secret(name: &str) -> bool {
        let documented = DOCUMENTED.iter().find(|option| option.name == name);
        documented.map_or_else(|| looks_secret(name), |option| option.is_secret)
    }
}

/// Names only: some values are secrets.
impl fmt::Debug for StoreOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.values.keys()).finish()
    }
}

/// A setting that no cloud store has.
#[derive(Debug, thiserror::Error)]
#[error("unknown store setting {name:?}")]
pub struct UnknownOption {
    /// The name.
    pub name: String,
}

/// Request timeout: the time for 64 MiB at half a megabyte a second.
pub const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// Prefixes of the settings of each cloud.
const PREFIXES: [&str; 3] = ["azure_", "aws_", "google_"];

/// Variables whose names have no prefix, and the settings that they set.
const UNPREFIXED: [(&str, &str); 3] = [
    ("MSI_ENDPOINT", "azure_msi_endpoint"),
    // App Service and Container Apps name it like this.
    ("IDENTITY_ENDPOINT", "azure_identity_endpoint"),
    ("SERVICE_ACCOUNT", "google_service_account"),
];

fn name_of_variable(variable: &str) -> Option<String> {
    let unprefixed =
        UNPREFIXED.iter().find(|(name, _)| *name == variable).map(|(_, name)| (*name).to_owned());
    let is_upper = !variable.bytes().any(|letter| letter.is_ascii_lowercase());
    unprefixed.or_else(|| is_upper.then(|| variable.to_ascii_lowercase()).filter(|name| is_known(name)))
}

/// True if a store of this build, or a documented one, has the setting.
fn is_known(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && (DOCUMENTED.iter().any(|option| option.name == name) || takes(name))
}

/// True if a store of this build has the setting.
fn takes(name: &str) -> bool {
    match name {
        #[cfg(feature = "azure")]
        azure if azure.starts_with("azure_") => azure.parse::<object_store::azure::AzureConfigKey>().is_ok(),
        #[cfg(feature = "aws")]
        "aws_profile" | "aws_shared_credentials_file" | "aws_config_file" => true,
        #[cfg(feature = "aws")]
        aws if aws.starts_with("aws_") => aws.parse::<object_store::aws::AmazonS3ConfigKey>().is_ok(),
        #[cfg(feature = "gcp")]
        google if google.starts_with("google_") => {
            google.parse::<object_store::gcp::GoogleConfigKey>().is_ok()
        }
        _ => false,
    }
}

/// Errs on the side of masking: a name that mentions a key or a token, unless it names a file, an id or an address.
fn looks_secret(name: &str) -> bool {
    let names_value = ["key", "secret", "token"].iter().any(|word| name.contains(word));
    let names_place = ["_file", "_path", "_id", "_url", "_uri", "_name", "_enabled"];
    names_value && !names_place.iter().any(|ending| name.ends_with(ending))
}

const fn open(name: &'static str, help: &'static str) -> StoreOption {
    StoreOption { name, is_secret: false, help }
}

const fn secret(name: &'static str, help: &'static str) -> StoreOption {
    StoreOption { name, is_secret: true, help }
}

const DOCUMENTED: [StoreOption; 40] = [
    open("azure_storage_account_name", "Storage account of az:// addresses"),
    secret("azure_storage_account_key", "Key of the storage account"),
    secret("azure_storage_sas_token", "Shared access signature of the container or the account"),
    open("azure_tenant_id", "Tenant of the identity in Microsoft Entra"),
    open("azure_client_id", "Client id of the application, or of a user-assigned managed identity"),
    secret("azure_client_secret", "Client secret of the application"),
    open("azure_federated_token_file", "File with the token of a workload identity"),
    open("azure_authority_host", "Authority of tokens, for sovereign clouds"),
    open("azure_msi_endpoint", "Endpoint of the managed identity, if it is not that of virtual machines"),
    open("azure_object_id", "Object id of a user-assigned managed identity"),
    open("azure_msi_resource_id", "Resource id of a user-assigned managed identity"),
    open("azure_use_azure_cli", "true: take tokens from the Azure CLI"),
    open(
        "azure_credential_type",
        "Credential to use: auto, access_key, sas_token, client_secret, workload_identity, managed_identity or azure_cli",
    ),
    open("azure_storage_endpoint", "URL of the blob service, if it is not that of the public cloud"),
    open("azure_storage_use_emulator", "true: Azurite on 127.0.0.1:10000, or at AZURITE_BLOB_STORAGE_URL"),
    open("azure_allow_http", "true: allow an endpoint without TLS"),
    open("azure_proxy_url", "HTTP proxy to Azure"),
    open("azure_connect_timeout", "Time limit of a connection"),
    open("azure_timeout", "Time limit of a request"),
    open("aws_access_key_id", "Id of the access key"),
    secret("aws_secret_access_key", "Secret of the access key"),
    secret("aws_session_token", "Session token of temporary credentials"),
    open("aws_profile", "Profile with an access key in the shared files of Amazon's tools"),
    open("aws_shared_credentials_file", "The first of these files [default: ~/.aws/credentials]"),
    open("aws_config_file", "The second of these files [default: ~/.aws/config]"),
    open("aws_region", "Region of the bucket"),
    open("aws_endpoint", "URL of an S3 service that is not Amazon's"),
    open("aws_virtual_hosted_style_request", "true: the bucket is in the host name"),
    open("aws_web_identity_token_file", "File with the token of a web identity"),
    open("aws_role_arn", "Role to take with the web identity"),
    open("aws_container_credentials_relative_uri", "Credentials of an ECS task"),
    open("aws_metadata_endpoint", "Endpoint of instance roles"),
    open("aws_allow_http", "true: allow an endpoint without TLS"),
    open("aws_proxy_url", "HTTP proxy to S3"),
    open("aws_connect_timeout", "Time limit of a connection"),
    open("aws_timeout", "Time limit of a request"),
    open("google_application_credentials", "File with application default credentials"),
    open("google_service_account", "File with the key of a service account"),
    secret("google_service_account_key", "The key of a service account, as JSON"),
    open("google_proxy_url", "HTTP proxy to Google Cloud Storage"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> StoreOptions {
        StoreOptions::from_variables(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    #[test]
    fn takes_known_variables_that_are_not_empty() {
        let options = variables(&[
            ("AZURE_STORAGE_ACCOUNT_NAME", "lake"),
            ("AZURE_STORAGE_ACCOUNT_KEY", ""),
            ("AWS_PAGER", "less"),
            ("aws_region", "x"),
            ("IDENTITY_ENDPOINT", "http://169.254.131.1/token"),
            ("TOKEN", "x"),
        ]);
        let set: Vec<_> = options.iter().collect();
        let endpoint = ("azure_identity_endpoint", "http://169.254.131.1/token");
        assert_eq!(set, [endpoint, ("azure_storage_account_name", "lake")]);
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(StoreOptions::default().with("azure_storage_accounts_name", "x").is_err());
        assert!(StoreOptions::default().with("region", "x").is_err());
        assert!(StoreOptions::default().with("aws_region", "x").is_ok());
    }

    #[test]
    fn secrets_are_marked_and_not_shown() {
        for name in ["azure_storage_account_key", "azure_storage_sas_key", "aws_token", "google_bearer_token"]
        {
            assert!(StoreOptions::is_secret(name), "{name}");
        }
        for name in ["aws_access_key_id", "aws_web_identity_token_file", "azure_client_id", "aws_region"] {
            assert!(!StoreOptions::is_secret(name), "{name}");
        }
        let shown = format!("{:?}", variables(&[("AWS_SECRET_ACCESS_KEY", "CANARY")]));
        assert_eq!(shown, r#"["aws_secret_access_key"]"#);
    }

    #[test]
    fn first_settings_win_over_defaults() {
        let defaults = variables(&[("AWS_REGION", "file"), ("AWS_ENDPOINT", "file")]);
        let both = variables(&[("AWS_REGION", "environment")]).or(&defaults);
        assert_eq!(
            both.iter().collect::<Vec<_>>(),
            [("aws_endpoint", "file"), ("aws_region", "environment")]
        );
    }

    #[cfg(all(feature = "aws", feature = "azure", feature = "gcp"))]
    #[test]
    fn documented_settings_exist() {
        for option in StoreOptions::documented() {
            assert!(takes(option.name), "{}", option.name);
        }
    }
}
