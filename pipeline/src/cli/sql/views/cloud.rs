//! Statements that connect DuckDB to a lake in a cloud.
//!
//! Owns: the extension to load, the secret to create and the address in DuckDB's spelling. Never prints a key: the
//! secret uses the credentials that the machine is signed in with, or a placeholder where DuckDB can't.

use std::fmt::Write;

use super::text::literal;

/// True if a lake is in a cloud that DuckDB can read.
pub(in crate::cli::sql) fn is_in_cloud(lake: &str) -> bool {
    !connection(&duckdb_address(lake)).is_empty()
}

/// The address of a lake in DuckDB's spelling, where the host of the account precedes the container.
pub(super) fn duckdb_address(lake: &str) -> String {
    let parts = lake.split_once("://").map(|(scheme, rest)| {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        match (scheme.to_ascii_lowercase().as_str(), authority.split_once('@')) {
            ("abfs" | "abfss", Some((container, host))) => format!("abfss://{host}/{container}/{path}"),
            ("abfs", None) => format!("abfss://{rest}"),
            (scheme, _) => format!("{scheme}://{rest}"),
        }
    });
    parts.unwrap_or_else(|| lake.to_owned()).trim_end_matches('/').to_owned()
}

/// The statements that have to precede reading files of this lake; empty for a folder.
pub(super) fn connection(lake: &str) -> String {
    let Some((scheme, rest)) = lake.split_once("://") else { return String::new() };
    let host = rest.split('/').next().unwrap_or_default();
    match scheme {
        "az" | "azure" | "abfss" => azure(lake, host),
        "s3" => s3(lake),
        "gs" | "gcs" => gcs(lake),
        _ => String::new(),
    }
}

fn azure(lake: &str, host: &str) -> String {
    let mut out = String::from(
        "\nINSTALL azure;\nLOAD azure;\n\
         -- Signs in with the credentials of this machine: environment variables, a managed identity, `az login`. The role\n\
         -- Storage Blob Data Reader is enough.",
    );
    // The name of a container has no dot; that of a host has one.
    let account = host.split_once('.').map(|(account, _)| account);
    if account.is_none() {
        out.push_str(" Fill in the name of the storage account.");
    }
    let options = format!(
        "  TYPE azure,\n  PROVIDER credential_chain,\n  CHAIN 'env;managed_identity;cli',\n  ACCOUNT_NAME {}",
        literal(account.unwrap_or("<storage account>"))
    );
    write_secret(&mut out, &options, lake);
    out
}

fn s3(lake: &str) -> String {
    let mut out = String::from(
        "\nINSTALL httpfs;\nLOAD httpfs;\nINSTALL aws;\nLOAD aws;\n\
         -- Signs in with the credentials of this machine: environment variables, a profile, `aws sso login`, its role.\n\
         -- Fill in the region of the bucket. A store of another vendor needs ENDPOINT 'host:port' too.",
    );
    let options =
        "  TYPE s3,\n  PROVIDER credential_chain,\n  CHAIN 'env;config;sso;instance',\n  REGION '<region>'";
    write_secret(&mut out, options, lake);
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

#[cfg(test)]
mod tests {
    use super::*;

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
            ("S3://it's/lake", "s3://it's/lake", &["LOAD httpfs;", "LOAD aws;", "SCOPE 's3://it''s/lake/'"]),
            ("gs://raw", "gs://raw", &["TYPE gcs", "KEY_ID '<access id>'", "SCOPE 'gs://raw/'"]),
        ] {
            let found = duckdb_address(lake);
            assert_eq!(found, address);
            let script = connection(&found);
            assert_eq!(script.is_empty(), parts.is_empty(), "{lake}");
            assert_eq!(is_in_cloud(lake), !parts.is_empty(), "{lake}");
            for part in parts {
                assert!(script.contains(part), "{lake}: {part}\n{script}");
            }
        }
    }
}
