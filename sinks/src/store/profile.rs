//! Access keys in the shared files of Amazon's tools, which `object_store` does not read.
//!
//! Owns: the access key and the region of one profile. Does not own: profiles that take a role or sign in, for which
//! those tools ask another service.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::options::StoreOptions;

/// Settings of the profile that the options name, or of the default profile. Settings of the options win.
///
/// A profile is not looked for if the options have another credential.
///
/// # Errors
/// The options name a profile that has no access key. The default profile may be missing.
pub(super) fn settings(options: &StoreOptions) -> Result<Vec<(&'static str, String)>, Error> {
    let stated = options.get("aws_profile");
    if stated.is_none() && OTHER_CREDENTIALS.iter().any(|name| options.get(name).is_some())
        || options.get("aws_access_key_id").is_some()
    {
        return Ok(Vec::new());
    }
    let name = stated.unwrap_or("default");
    let credentials = Section::read(&file(options, "aws_shared_credentials_file", "credentials"), name)?;
    // Other sections than the default one begin with a word in this file.
    let in_config = if name == "default" { name.to_owned() } else { format!("profile {name}") };
    let config = Section::read(&file(options, "aws_config_file", "config"), &in_config)?;
    let value = |key: &'static str| credentials.get(key).or_else(|| config.get(key));
    match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (Some(_), Some(_)) => {}
        _ if stated.is_none() => return Ok(Vec::new()),
        _ => return Err(Error::Profile { name: name.to_owned() }),
    }
    let keys = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
    let mut found: Vec<_> = keys.iter().filter_map(|key| Some((*key, value(key)?))).collect();
    if options.get("aws_region").is_none() {
        found.extend(value("region").map(|region| ("aws_region", region)));
    }
    Ok(found)
}

/// Credentials that Amazon's tools prefer to the default profile.
const OTHER_CREDENTIALS: [&str; 4] = [
    "aws_web_identity_token_file",
    "aws_container_credentials_relative_uri",
    "aws_container_credentials_full_uri",
    "aws_skip_signature",
];

fn file(options: &StoreOptions, setting: &str, name: &str) -> PathBuf {
    let in_home = || std::env::home_dir().unwrap_or_default().join(".aws").join(name);
    options.get(setting).map_or_else(in_home, PathBuf::from)
}

/// The settings of one section of a file.
#[derive(Default)]
struct Section(Vec<(String, String)>);

impl Section {
    /// A file that does not exist has no sections.
    fn read(file: &Path, name: &str) -> Result<Self, Error> {
        match fs::read_to_string(file) {
            Ok(text) => Ok(Self::parse(&text, name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(Error::ProfileFile { file: file.to_owned(), source }),
        }
    }

    fn parse(text: &str, name: &str) -> Self {
        let (mut settings, mut inside) = (Vec::new(), false);
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            if let Some(header) = line.strip_prefix('[') {
                inside = header.split(']').next().map(str::trim) == Some(name);
            } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
                settings.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Self(settings)
    }

    fn get(&self, key: &str) -> Option<String> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "# comment\n[default]\naws_access_key_id = D\naws_secret_access_key=SECRET-D\n\
                               [ lakes ]\n AWS_ACCESS_KEY_ID = L\naws_secret_access_key = a=b\n[other]\nrole_arn = x\n";

    fn found(variables: &[(&str, &str)]) -> Result<String, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("credentials"), CREDENTIALS).unwrap();
        fs::write(path("config"), "[default]\nregion = eu-central-1\n[profile lakes]\nregion = us-west-2\n")
            .unwrap();
        let files =
            [("AWS_SHARED_CREDENTIALS_FILE", path("credentials")), ("AWS_CONFIG_FILE", path("config"))];
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(files);
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let settings = settings(&StoreOptions::from_variables(variables))?;
        let settings: Vec<String> =
            settings.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(settings.join(" "))
    }

    #[test]
    fn named_and_default_profiles_give_keys_and_region() {
        let default = "aws_access_key_id=D aws_secret_access_key=SECRET-D aws_region=eu-central-1";
        let lakes = "aws_access_key_id=L aws_secret_access_key=a=b aws_region=us-west-2";
        let lakes_elsewhere = "aws_access_key_id=L aws_secret_access_key=a=b";
        assert_eq!(found(&[]).unwrap(), default);
        assert_eq!(found(&[("AWS_PROFILE", "lakes")]).unwrap(), lakes);
        assert_eq!(found(&[("AWS_PROFILE", "lakes"), ("AWS_REGION", "x")]).unwrap(), lakes_elsewhere);
    }

    #[test]
    fn other_credentials_come_before_the_default_profile() {
        assert_eq!(found(&[("AWS_ACCESS_KEY_ID", "x")]).unwrap(), "");
        assert_eq!(found(&[("AWS_ACCESS_KEY_ID", "x"), ("AWS_PROFILE", "lakes")]).unwrap(), "");
        assert_eq!(found(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "x")]).unwrap(), "");
        assert_ne!(found(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "x"), ("AWS_PROFILE", "lakes")]).unwrap(), "");
    }

    #[test]
    fn named_profile_without_an_access_key_is_an_error() {
        for name in ["other", "missing"] {
            let error = found(&[("AWS_PROFILE", name)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("access key"), "{error}");
        }
    }
}
