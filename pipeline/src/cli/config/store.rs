//! The table `[store]`: settings of cloud stores, by the names of `object_store`.
//!
//! Owns: secrets from files (`NAME_file`). Does not own: the names (`catchwater_sinks::store`), or the environment.

use std::fs;

use catchwater_sinks::store::StoreOptions;

use super::document::{Entry, Value};
use super::settings::nearest;
use crate::cli::text::without_secrets;

/// The name of the table.
pub(super) const TABLE: &str = "store";

/// Ending of a key that names the file of a secret.
pub(super) const FILE_SUFFIX: &str = "_file";

/// Adds an entry of the table.
///
/// # Errors
/// Why it is refused, without its value.
pub(super) fn add(options: StoreOptions, entry: &Entry) -> Result<StoreOptions, String> {
    let key = entry.key.as_str();
    let value = match &entry.value {
        Value::Text(text) | Value::Number(text) => text.clone(),
        Value::Switch(on) => on.to_string(),
        Value::List(_) | Value::Nested => return Err(format!("{key} takes a text, not a list")),
    };
    if StoreOptions::is_secret(key) && options.clone().with(key, "").is_ok() {
        let variable = key.to_ascii_uppercase();
        return Err(format!(
            "{key} is a secret, which does not belong in this file; write {key}{FILE_SUFFIX} = \"FILE\", or set {variable} \
             in the environment"
        ));
    }
    if without_secrets(&value) != value {
        let variable = key.to_ascii_uppercase();
        return Err(format!(
            "the value of {key} holds a secret, which does not belong in this file; set {variable} in the environment"
        ));
    }
    match secret_of_file(key) {
        Some(secret) => options.with(secret, &read(key, &value)?).map_err(|_| unknown(key)),
        None => options.with(key, &value).map_err(|_| unknown(key)),
    }
}

/// The secret that a key reads from a file.
pub(super) fn secret_of_file(key: &str) -> Option<&str> {
    let secret = key.strip_suffix(FILE_SUFFIX)?;
    (StoreOptions::is_secret(secret) && StoreOptions::default().with(secret, "").is_ok()).then_some(secret)
}

/// The names to write in the table, in the order of the documentation.
pub(super) fn keys() -> impl Iterator<Item = String> {
    StoreOptions::documented().iter().map(|option| {
        if option.is_secret { format!("{}{FILE_SUFFIX}", option.name) } else { option.name.to_owned() }
    })
}

fn read(key: &str, file: &str) -> Result<String, String> {
    let text =
        fs::read_to_string(file).map_err(|error| format!("the file of {key} can't be read: {error}"))?;
    let secret = text.trim_start_matches('\u{feff}').trim();
    if secret.is_empty() {
        return Err(format!("the file of {key} is empty; write the secret into it"));
    }
    Ok(secret.to_owned())
}

fn unknown(key: &str) -> String {
    let keys: Vec<String> = keys().collect();
    let remedy = nearest(key, keys.iter().map(String::as_str))
        .map_or_else(|| "docs/CONFIG.md lists them".to_owned(), |near| format!("did you mean {near}?"));
    format!("no cloud store has a setting {key}; {remedy}")
}
