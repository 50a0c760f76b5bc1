//! Statements that connect DuckDB to a lake in a cloud.
//!
//! Owns: the extension to load, the secret to create and the address in DuckDB's spelling. Never prints a credential:
//! the secret uses those that the machine is signed in with, or reads a variable.

use std::collections::BTreeMap;
use std::fmt::Write;

use catchwater_sinks::store::StoreOptions;

use super::text::literal;

/// Settings of the store by name; of a credential only the name.
#[derive(Debug, Default)]
pub(in crate::cli::sql) struct Settings(BTreeMap<String, String>);

/// The lake as DuckDB finds it.
#[derive(Debug)]
pub(in crate::cli::sql) struct Connection {
    /// The address in DuckDB's spelling.
    pub(in crate::cli::sql) address: String,
    /// The statements that have to precede reading files of this lake; empty for a folder.
    pub(in crate::cli::sql) statements: String,
}

impl Settings {
    /// The settings of a store. `azurite` is the URL of the emulator, if it is not the default one.
    pub(in crate::cli::sql) fn new(options: &StoreOptions, azurite: Option<String>) -> Self {
        let named = |(name, value): (&str, &str)| {
            let value = if StoreOptions::is_secret(name) { "" } else { value };
            (name.to_owned(), value.to_owned())
        };
        let azurite = azurite.map(|url| (AZURITE_URL.to_owned(), url));
        Self(options.iter().map(named).chain(azurite).collect())
    }

    /// The same for an address that has a shared access signature.
    pub(in crate::cli::sql) fn with_signature(mut self) -> Self {
        self.0.insert(SIGNATURES[0].to_owned(), String::new());
        self
    }

    /// The first of these settings that is set; `object_store` has several names for one setting.
    fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)).map(String::as_str)
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(&[name]).is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "1"))
    }

    /// SQL that reads the first of these settings from its variable.
    fn variable(&self, names: &[&str]) -> Option<String> {
        let name = names.iter().find(|name| self.0.contains_key(**name))?;
        Some(format!("getenv({})", literal(&name.to_ascii_uppercase())))
    }

    /// True for Azurite, which serves blobs only.
    fn is_emulated(&self) -> bool {
        self.is_true("azure_storage_use_emulator")
    }
}

impl Connection {
    /// The connection to the lake with this address, which has no secret.
    pub(in crate::cli::sql) fn new(lake: &str, settings: &Settings) -> Self {
        let address = duckdb_address(lake, settings);
        let statements = match address.split_once("://") {
            Some(("az" | "azure" | "abfss", rest)) => azure(&address, rest, settings),
            Some(("s3", _)) => s3(&address, settings),
            Some(("gs" | "gcs", _)) => gcs(&address),
            _ => String::new(),
        };
        Self { address, statements }
    }

    /// True if the lake is in a cloud that DuckDB can read.
    pub(in crate::cli::sql) fn is_to_cloud(&self) -> bool {
        !self.statements.is_empty()
    }
}

/// The address in DuckDB's spelling, where the host of the account precedes the container.
fn duckdb_address(lake: &str, settings: &Settings) -> String {
    let parts = lake.split_once("://").map(|(scheme, rest)| {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        match (scheme.to_ascii_lowercase().as_str(), authority.split_once('@')) {
            // The endpoint is that of the blob service, but DuckDB takes abfss:// to the other service of the account.
            ("abfs" | "abfss", Some((container, _)))
                if settings.is_emulated() || settings.get(&ENDPOINTS).is_some() =>
            {
                format!("az://{container}/{path}")
            }
            ("abfs" | "abfss", Some((container, host))) => format!("abfss://{host}/{container}/{path}"),
            ("abfs", None) => format!("abfss://{rest}"),
            ("s3a", _) => format!("s3://{rest}"),
            (scheme, _) => format!("{scheme}://{rest}"),
        }
    });
    parts.unwrap_or_else(|| lake.to_owned()).trim_end_matches('/').to_owned()
}

fn azure(lake: &str, rest: &str, settings: &Settings) -> String {
    let mut out = String::from("\nINSTALL azure;\nLOAD azure;\n");
    let host = rest.split('/').next().unwrap_or_default();
    // The name of a container has no dot; that of a host has one.
    let in_address = host.split_once('.').map(|(account, _)| account);
    let account = in_address.or_else(|| settings.get(&["azure_storage_account_name"]));
    let from_variable = |name: &str, variable: String| (format!("{name}="), format!(" || {variable}"));
    let credential = match (settings.variable(&KEYS), settings.variable(&SIGNATURES)) {
        (Some(key), _) => Some(from_variable("AccountKey", key)),
        (None, Some(signature)) => Some(from_variable("SharedAccessSignature", signature)),
        (None, None) if settings.is_emulated() => Some((format!("AccountKey={AZURITE_KEY}"), String::new())),
        (None, None) => None,
    };
    let options = if let Some((part, variable)) = credential {
        out.push_str(if variable.is_empty() {
            "-- The key of Azurite, which Microsoft has published."
        } else {
            "-- Reads the credential from its variable, which DuckDB's command line can do. In another client, write the value\n\
             -- in place of `getenv(…)`, and do not share the script afterwards."
        });
        let before = azure_connection_string(account, settings) + &part;
        format!("  TYPE azure,\n  CONNECTION_STRING {}{variable}", literal(&before))
    } else {
        out.push_str(
            "-- Signs in with the credentials of this machine: environment variables, a managed identity, `az login`. The role\n\
             -- Storage Blob Data Reader is enough.",
        );
        azure_chain(account, settings)
    };
    if account.is_none() && !settings.is_emulated() {
        out.push_str(" Fill in the name of the storage account.");
    }
    write_secret(&mut out, &options, lake);
    out
}

/// A connection string without the credential.
fn azure_connection_string(account: Option<&str>, settings: &Settings) -> String {
    let default = if settings.is_emulated() { AZURITE_ACCOUNT } else { NO_ACCOUNT };
    let account = account.unwrap_or(default);
    let endpoint = match settings.get(&ENDPOINTS) {
        _ if settings.is_emulated() => {
            let url = settings.get(&[AZURITE_URL]).unwrap_or(AZURITE_DEFAULT);
            format!("BlobEndpoint={}/{account}", url.trim_end_matches('/'))
        }
        Some(endpoint) => format!("BlobEndpoint={endpoint}"),
        None => "EndpointSuffix=core.windows.net".to_owned(),
    };
    let protocol = if endpoint.starts_with("BlobEndpoint=http:") { "http" } else { "https" };
    format!("DefaultEndpointsProtocol={protocol};AccountName={account};{endpoint};")
}

fn azure_chain(account: Option<&str>, settings: &Settings) -> String {
    let workload =
        if settings.get(&["azure_federated_token_file"]).is_some() { "workload_identity;" } else { "" };
    let mut options = format!(
        "  TYPE azure,\n  PROVIDER credential_chain,\n  CHAIN '{workload}env;managed_identity;cli',\n  ACCOUNT_NAME {}",
        literal(account.unwrap_or(NO_ACCOUNT))
    );
    // DuckDB puts the name of the account before it.
    if let Some((_, endpoint)) = settings.get(&ENDPOINTS).and_then(|endpoint| endpoint.split_once("://")) {
        let own = account.and_then(|account| endpoint.strip_prefix(account)?.strip_prefix('.'));
        let _ = write!(options, ",\n  ENDPOINT {}", literal(own.unwrap_or(endpoint).trim_end_matches('/')));
    }
    options
}

fn s3(lake: &str, settings: &Settings) -> String {
    let mut out = String::from(
        "\nINSTALL httpfs;\nLOAD httpfs;\nINSTALL aws;\nLOAD aws;\n\
         -- Signs in with the credentials of this machine: environment variables, a profile, `aws sso login`, its role.",
    );
    let region = settings.get(&["aws_region", "aws_default_region"]);
    if region.is_none() {
        out.push_str("\n-- No region is set, so this is the default one.");
    }
    let mut options = format!(
        "  TYPE s3,\n  PROVIDER credential_chain,\n  CHAIN 'env;config;sso;instance',\n  REGION {}",
        literal(region.unwrap_or(S3_REGION))
    );
    let endpoint = settings.get(&["aws_endpoint_url_s3", "aws_endpoint", "aws_endpoint_url"]);
    if let Some((scheme, host)) = endpoint.and_then(|endpoint| endpoint.split_once("://")) {
        let style = if settings.is_true("aws_virtual_hosted_style_request") { "vhost" } else { "path" };
        let (host, is_tls) = (literal(host.trim_end_matches('/')), scheme.eq_ignore_ascii_case("https"));
        let _ = write!(options, ",\n  ENDPOINT {host},\n  USE_SSL {is_tls},\n  URL_STYLE '{style}'");
    }
    write_secret(&mut out, &options, lake);
    out
}

fn gcs(lake: &str) -> String {
    let mut out = String::from(
        "\nINSTALL httpfs;\nLOAD httpfs;\n\
         -- DuckDB needs the HMAC keys of a service account (Cloud Storage, Settings, Interoperability). Fill them in,\n\
         -- and do not share the script afterwards.",
    );
    write_secret(&mut out, "  TYPE gcs,\n  KEY_ID '<access id>',\n  SECRET '<secret>'", lake);
    out
}

/// Creates a secret that is valid for this lake only, until the session ends.
fn write_secret(out: &mut String, options: &str, lake: &str) {
    let _ = write!(
        out,
        "\nCREATE OR REPLACE SECRET catchwater_lake (\n{options},\n  SCOPE {}\n);\n",
        literal(&format!("{}/", lake.trim_end_matches('/')))
    );
}

/// Names of the key of a storage account, as `object_store` takes them.
const KEYS: [&str; 3] = ["azure_storage_account_key", "azure_storage_access_key", "azure_storage_master_key"];

/// Names of a shared access signature.
const SIGNATURES: [&str; 2] = ["azure_storage_sas_token", "azure_storage_sas_key"];

const ENDPOINTS: [&str; 2] = ["azure_storage_endpoint", "azure_endpoint"];

const NO_ACCOUNT: &str = "<storage account>";

/// <https://learn.microsoft.com/azure/storage/common/storage-use-azurite>
const AZURITE_ACCOUNT: &str = "devstoreaccount1";
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const AZURITE_URL: &str = "azurite_blob_storage_url";
const AZURITE_DEFAULT: &str = "http://127.0.0.1:10000";

/// The region that `object_store` takes if none is set.
const S3_REGION: &str = "us-east-1";

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(&str, &str)]) -> Settings {
        let variables = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::new(&StoreOptions::from_variables(variables), None)
    }

    /// Each cloud, with DuckDB's address and parts of the statements.
    #[test]
    fn each_cloud_gets_its_extension_and_a_secret() {
        for (lake, address, parts) in [
            ("/data/lake", "/data/lake", &[][..]),
            (
                "az://raw/lake/",
                "az://raw/lake",
                &["LOAD azure;", "ACCOUNT_NAME '<storage account>'", "SCOPE 'az://raw/lake/'"],
            ),
            (
                "abfss://raw@contoso.dfs.core.windows.net/lake",
                "abfss://contoso.dfs.core.windows.net/raw/lake",
                &[
                    "PROVIDER credential_chain",
                    "ACCOUNT_NAME 'contoso'",
                    "SCOPE 'abfss://contoso.dfs.core.windows.net/raw/lake/'",
                ],
            ),
            ("abfs://raw", "abfss://raw", &["LOAD azure;", "SCOPE 'abfss://raw/'"]),
            (
                "S3A://it's/lake",
                "s3://it's/lake",
                &["LOAD httpfs;", "LOAD aws;", "REGION 'us-east-1'", "SCOPE 's3://it''s/lake/'"],
            ),
            ("gs://raw", "gs://raw", &["TYPE gcs", "KEY_ID '<access id>'", "SCOPE 'gs://raw/'"]),
        ] {
            let found = Connection::new(lake, &Settings::default());
            assert_eq!(found.address, address);
            assert_eq!(found.is_to_cloud(), !parts.is_empty(), "{lake}");
            for part in parts {
                assert!(found.statements.contains(part), "{lake}: {part}\n{}", found.statements);
            }
        }
    }

    #[test]
    fn settings_of_the_store_are_in_the_secret_without_credentials() {
        for (lake, given, parts) in [
            (
                "az://raw/lake",
                &[("AZURE_STORAGE_ACCOUNT_NAME", "contoso"), ("AZURE_STORAGE_ACCESS_KEY", "CANARY")][..],
                &["AccountName=contoso;EndpointSuffix=core.windows.net;AccountKey=' || \
                     getenv('AZURE_STORAGE_ACCESS_KEY')"][..],
            ),
            (
                "az://raw/lake",
                &[
                    ("AZURE_STORAGE_ACCOUNT_NAME", "contoso"),
                    ("AZURE_STORAGE_SAS_TOKEN", "CANARY"),
                    ("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:9/contoso"),
                ],
                &[
                    "DefaultEndpointsProtocol=http;AccountName=contoso;BlobEndpoint=http://127.0.0.1:9/contoso;\
                     SharedAccessSignature=' || getenv('AZURE_STORAGE_SAS_TOKEN')",
                ],
            ),
            (
                "abfss://raw@contoso.dfs.core.windows.net/lake",
                &[("AZURE_STORAGE_USE_EMULATOR", "true"), ("AZURE_STORAGE_ACCOUNT_KEY", "CANARY")],
                &[
                    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;AccountKey=' || getenv(",
                    "SCOPE 'az://raw/lake/'",
                ],
            ),
            (
                "az://raw/lake",
                &[
                    ("AZURE_STORAGE_ACCOUNT_NAME", "contoso"),
                    ("AZURE_STORAGE_ENDPOINT", "https://contoso.blob.core.chinacloudapi.cn"),
                    ("AZURE_FEDERATED_TOKEN_FILE", "token"),
                ],
                &["CHAIN 'workload_identity;env;", "ENDPOINT 'blob.core.chinacloudapi.cn'"],
            ),
            (
                "s3://raw/lake",
                &[
                    ("AWS_SECRET_ACCESS_KEY", "CANARY"),
                    ("AWS_ENDPOINT_URL", "http://127.0.0.1:8333/"),
                    ("AWS_REGION", "eu-west-1"),
                ],
                &["REGION 'eu-west-1'", "ENDPOINT '127.0.0.1:8333',\n  USE_SSL false,\n  URL_STYLE 'path'"],
            ),
        ] {
            let found = Connection::new(lake, &settings(given)).statements;
            for part in parts {
                assert!(found.contains(part), "{given:?}: {part}\n{found}");
            }
            assert!(!found.contains("CANARY"), "{found}");
        }
    }
}
