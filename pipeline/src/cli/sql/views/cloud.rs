//! How DuckDB reaches a lake that is in a cloud.
//!
//! Owns: the extension to load, the secret to make and the address as DuckDB spells it. Never has a key to print:
//! what is asked for is what the machine is signed in with, and where there is no such way a place to fill in.

use std::fmt::Write;

use super::text::literal;

/// Whether a lake is in a cloud that DuckDB reaches.
pub(in crate::cli::sql) fn is_in_cloud(lake: &str) -> bool {
    !connection(&duckdb_address(lake)).is_empty()
}

/// The address of a lake as DuckDB takes it: it names the account's host before the container, not behind an `@`.
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

/// What has to be said before files of this lake can be read; nothing for a folder.
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
         -- Signs in with what this machine has: environment variables, a managed identity, `az login`. The role\n\
         -- Storage Blob Data Reader is enough.",
    );
    // A container's name has no point, a host's has.
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
         -- Signs in with what this machine has: environment variables, a profile, `aws sso login`, its role.\n\
         -- Fill in the region of the bucket; a store that is not Amazon's needs ENDPOINT 'host:port' too.",
    );
    let options =
        "  TYPE s3,\n  PROVIDER credential_chain,\n  CHAIN 'env;config;sso;instance',\n  REGION '<region>'";
    write_secret(&mut out, options, lake);
    out
}

fn gcs(lake: &str) -> String {
    let mut out = String::from(
        "\nINSTALL httpfs;\nLOAD httpfs;\n\
         -- DuckDB takes HMAC keys of a service account here (Cloud Storage, Settings, Interoperability). Fill them in\n\
         -- where nobody else reads them.",
    );
    write_secret(&mut out, "  TYPE gcs,\n  KEY_ID '<access id>',\n  SECRET '<secret>'", lake);
    out
}

/// The secret holds for this lake only and ends with the session.
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
    fn every_cloud_gets_its_extension_and_a_secret() {
        for (lake, address, said) in [
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
            assert_eq!(script.is_empty(), said.is_empty(), "{lake}");
            assert_eq!(is_in_cloud(lake), !said.is_empty(), "{lake}");
            for part in said {
                assert!(script.contains(part), "{lake}: {part}\n{script}");
            }
        }
    }
}
