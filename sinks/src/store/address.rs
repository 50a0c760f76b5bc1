//! The address of a store.
//!
//! Owns: parsing an address, and its form without secrets. Does not own: opening the store.
//!
//! An address can contain a secret: a password in the user info, a signature in the query. `Display` and `Debug`
//! therefore omit user info, query and fragment, and the full text does not leave this module.

use std::fmt;
use std::path::PathBuf;

use object_store::path::Path;
use url::Url;

use super::Error;

/// The address of a store: a folder, or a URL. Not checked before the store is opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

/// The location of a store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// Objects in the memory of this process.
    Memory,
    /// Objects as files below a folder.
    Folder(PathBuf),
    /// Objects of a cloud store.
    Cloud(CloudLocation),
}

/// A place in a cloud store.
#[derive(PartialEq, Eq)]
pub(super) struct CloudLocation {
    pub(super) service: Service,
    /// Scheme and container, as in `az://container` or `abfss://container@account.dfs.core.windows.net`.
    pub(super) root: String,
    /// Folder of the store in the container; empty for the whole container.
    pub(super) prefix: Path,
    /// Shared access signature of the address: a secret.
    pub(super) signature: Option<String>,
}

/// A kind of cloud store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Azure,
    S3,
    Google,
}

impl Service {
    fn of_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "az" | "abfs" | "abfss" => Some(Self::Azure),
            "s3" | "s3a" => Some(Self::S3),
            "gs" => Some(Self::Google),
            _ => None,
        }
    }

    /// The scheme of its addresses.
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Azure => "az",
            Self::S3 => "s3",
            Self::Google => "gs",
        }
    }

    /// The feature of this package that its client is in.
    pub(super) fn feature(self) -> &'static str {
        match self {
            Self::Azure => "azure",
            Self::S3 => "aws",
            Self::Google => "gcp",
        }
    }
}

/// Without the signature.
impl fmt::Debug for CloudLocation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.root, self.prefix)
    }
}

impl Address {
    /// The address of a folder in this store: `az://lake?sig=…` and `state` give `az://lake/state?sig=…`.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let parts = Parts::parse(&self.0);
        let location = format!("{}{}", parts.user_info, parts.location);
        Self(format!("{}{}/{name}{}", parts.scheme, location.trim_end_matches('/'), parts.query))
    }

    /// True if the address has a shared access signature.
    #[must_use]
    pub fn has_signature(&self) -> bool {
        matches!(self.location(), Ok(Location::Cloud(CloudLocation { signature: Some(_), .. })))
    }

    /// Parses the address. Errors never contain it.
    pub(super) fn location(&self) -> Result<Location, Error> {
        if self.0.is_empty() {
            return Err(Error::NoAddress);
        }
        if is_connection_string(&self.0) {
            return Err(Error::ConnectionString);
        }
        if self.0 != unquoted(&self.0) {
            return Err(Error::Quoted);
        }
        let Some((scheme, _)) = split_scheme(&self.0) else {
            return Ok(Location::Folder(self.0.as_str().into()));
        };
        let scheme = scheme.trim_end_matches(['/', ':']).to_ascii_lowercase();
        match (scheme.as_str(), Service::of_scheme(&scheme)) {
            (_, Some(service)) => self.cloud(service, &scheme).map(Location::Cloud),
            ("memory", _) => Ok(Location::Memory),
            ("file", _) => Url::parse(&self.0)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .map(Location::Folder)
                .ok_or(Error::FileAddress),
            _ => Err(Error::Scheme { scheme }),
        }
    }

    fn cloud(&self, service: Service, scheme: &str) -> Result<CloudLocation, Error> {
        let Parts { scheme: before, user_info, location, query } = Parts::parse(&self.0);
        if !user_info.is_empty() {
            return Err(Error::UserInfo { address: self.to_string() });
        }
        let (container, path) = location.split_once('/').unwrap_or((location, ""));
        if container.is_empty() || before.ends_with("///") {
            return Err(Error::NoContainer { address: self.to_string() });
        }
        let signature =
            query.strip_prefix('?').map(|query| query.split('#').next().unwrap_or(query).to_owned());
        if !query.is_empty() && (service != Service::Azure || signature.is_none()) {
            return Err(Error::Query { address: self.to_string() });
        }
        let prefix =
            Path::from_url_path(path).map_err(|_| Error::FolderName { address: self.to_string() })?;
        // `s3a` and `abfs` are names of other programs for the same stores.
        let scheme = if service == Service::S3 { service.scheme() } else { scheme };
        Ok(CloudLocation { service, root: format!("{scheme}://{container}"), prefix, signature })
    }
}

/// Omits the parts that can contain a secret.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_connection_string(&self.0) {
            return out.write_str("<a connection string>");
        }
        let Parts { scheme, location, .. } = Parts::parse(unquoted(&self.0));
        let location = if scheme.is_empty() { location } else { without_signature(location) };
        write!(out, "{scheme}{location}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({self})")
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&String> for Address {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Self {
        address.clone()
    }
}

/// The parts of an address. Concatenated in order, they are the address.
#[derive(Default)]
struct Parts<'a> {
    /// Scheme with the slashes after it; empty for a folder.
    scheme: &'a str,
    /// User info with its `@`.
    user_info: &'a str,
    /// Host and path, or the folder.
    location: &'a str,
    /// Query and fragment, with their `?` and `#`.
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn parse(text: &'a str) -> Self {
        let Some((scheme, rest)) = split_scheme(text) else {
            return Self { location: text, ..Self::default() };
        };
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (user_info, rest) = rest.split_at(user_info_length(scheme, authority, rest));
        let (location, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
        Self { scheme, user_info, location, query }
    }
}

/// Length of the user info with its `@`, in bytes; 0 without user info.
fn user_info_length(scheme: &str, authority: &str, rest: &str) -> usize {
    let in_authority = authority.rfind('@');
    // In these schemes the part before `@` is the container, unless it has a password.
    let names_container = scheme.to_ascii_lowercase().starts_with("abfs");
    if let Some(at) = in_authority {
        return if names_container && !authority[..at].contains(':') { 0 } else { at + 1 };
    }
    // A slash or question mark in a password ends the authority too early. The "port" is then not a number.
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    if port.is_none_or(|port| port.bytes().all(|digit| digit.is_ascii_digit()) || authority.ends_with(']')) {
        return 0;
    }
    rest.rfind('@').map_or(rest.len(), |at| at + 1)
}

/// Splits off the scheme with the slashes after it. A single letter is not a scheme but a drive.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let colon = text.find(":/")?;
    let name = &text[..colon];
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if name.len() < 2 || !name.bytes().all(plain) {
        return None;
    }
    // The third slash of file:///var begins the path.
    let slashes_max = if name.eq_ignore_ascii_case("file") { 2 } else { usize::MAX };
    let slashes = text[colon + 1..].bytes().take_while(|byte| *byte == b'/').count();
    Some(text.split_at(colon + 1 + slashes.min(slashes_max)))
}

/// Text without surrounding white space and quotation marks, as copied from a file or a chat.
fn unquoted(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || "\"'`“”„‘’«»".contains(letter))
}

/// The part before a signature that does not follow a `?`, for example because the `?` is escaped.
fn without_signature(location: &str) -> &str {
    let lower = location.to_ascii_lowercase();
    let end = ["%3f", "%23", "sig="].iter().filter_map(|part| lower.find(part)).min();
    &location[..end.unwrap_or(location.len())]
}

/// True if the text is a connection string with a key, as the Azure portal shows it.
fn is_connection_string(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["accountkey=", "sharedaccesskey", "sharedaccesssignature="].iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_selects_the_store() {
        let folder = |path: &str| Ok(Location::Folder(path.into()));
        let cases: Vec<(&str, Result<Location, &str>)> = vec![
            ("lake", folder("lake")),
            ("./a b/%41", folder("./a b/%41")),
            ("/var/lake", folder("/var/lake")),
            ("a:/b", folder("a:/b")),
            ("file:///var/a%20lake", folder("/var/a lake")),
            ("FILE:///var/lake", folder("/var/lake")),
            ("memory://", Ok(Location::Memory)),
            ("memory:///NAME", Ok(Location::Memory)),
            ("file://elsewhere/lake", Err("file://")),
            ("", Err("empty")),
            (" az://a/b?sig=SECRET", Err("quotation marks")),
            ("\"/var/lake\"", Err("quotation marks")),
            ("https://account.blob.core.windows.net/container?sig=SECRET", Err("az://")),
            ("az:///lake", Err("container")),
            ("s3://bucket/lake?sig=SECRET", Err("s3://bucket/lake")),
            ("az://container/lake#SECRET", Err("az://container/lake")),
            ("az://u:SECRET@container/lake", Err("az://container/lake")),
            ("gs://bucket/a/../b", Err("gs://bucket/a/../b")),
            ("https:/u:SECRET@host/lake", Err("https://")),
            ("BlobEndpoint=https://a/;AccountKey=SECRET", Err("connection string")),
        ];
        for (text, expected) in cases {
            match (Address::from(text).location(), expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text}"),
                (Err(error), Err(word)) => {
                    let shown = format!("{error} {error:?}");
                    assert!(shown.contains(word) && !shown.contains("SECRET"), "{text}: {shown}");
                }
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn cloud_addresses_have_a_container_and_a_folder() {
        let cloud = |text: &str| match Address::from(text).location().unwrap() {
            Location::Cloud(CloudLocation { service, root, prefix, signature }) => {
                (service, root, prefix.to_string(), signature)
            }
            other => panic!("{text}: {other:?}"),
        };
        let account = "abfss://lakes@account.dfs.core.windows.net";
        for (text, service, root, prefix, signature) in [
            ("az://lakes", Service::Azure, "az://lakes", "", None),
            ("az://lakes/a/b/", Service::Azure, "az://lakes", "a/b", None),
            ("AZ://lakes/a%20b", Service::Azure, "az://lakes", "a b", None),
            ("az://lakes/a?sv=1&sig=s#x", Service::Azure, "az://lakes", "a", Some("sv=1&sig=s")),
            ("abfss://lakes@account.dfs.core.windows.net/a", Service::Azure, account, "a", None),
            ("s3://bucket/a", Service::S3, "s3://bucket", "a", None),
            ("s3a://bucket/a", Service::S3, "s3://bucket", "a", None),
            ("gs://bucket", Service::Google, "gs://bucket", "", None),
        ] {
            let expected = (service, root.to_owned(), prefix.to_owned(), signature.map(str::to_owned));
            assert_eq!(cloud(text), expected, "{text}");
        }
        let location = Address::from("az://lakes/a?sig=SECRET").location().unwrap();
        assert!(!format!("{location:?}").contains("SECRET"));
    }

    #[test]
    fn display_and_debug_omit_secrets() {
        for (text, shown) in [
            ("az://acct/lake?sv=2024&sig=SECRET", "az://acct/lake"),
            ("https://user:SECRET@host:8080/x#SECRET", "https://host:8080/x"),
            ("https://SECRET@host", "https://host"),
            (" \"az://a/b?sig=SECRET\"", "az://a/b"),
            ("https://h/x%3Fsig=SECRET", "https://h/x"),
            ("abfss://c@a/b;sig=SECRET", "abfss://c@a/b;"),
            ("/var/sig=1/lake", "/var/sig=1/lake"),
            ("https:/u:SECRET@host/lake", "https:/host/lake"),
            ("https:///u:SECRET@host/lake", "https:///host/lake"),
            ("https://u:SEC/RET@host/lake", "https://host/lake"),
            ("https://u:SEC?RET@host/lake", "https://host/lake"),
            ("https://u:SEC?RET", "https://"),
            ("s3://bucket/a@b/c", "s3://bucket/a@b/c"),
            ("https://[::1]:80/x?SECRET", "https://[::1]:80/x"),
            ("abfss://raw@a.dfs.core.windows.net/lake?SECRET", "abfss://raw@a.dfs.core.windows.net/lake"),
            ("abfss://raw:SECRET@a.dfs.core.windows.net/lake", "abfss://a.dfs.core.windows.net/lake"),
            ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=SECRET", "<a connection string>"),
            ("/var/a@b/lake?", "/var/a@b/lake?"),
            ("file:///a@b/lake", "file:///a@b/lake"),
        ] {
            let address = Address::from(text);
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), format!("Address({shown})"));
        }
    }

    #[test]
    fn below_keeps_user_info_and_query() {
        for (text, below) in [
            ("lake", "lake/state"),
            ("lake/", "lake/state"),
            ("/", "/state"),
            ("file:///var/lake/", "file:///var/lake/state"),
            ("az://u:p@a/lake/?sig=s", "az://u:p@a/lake/state?sig=s"),
            ("az://a#f", "az://a/state#f"),
            ("memory://", "memory:///state"),
        ] {
            assert_eq!(Address::from(text).below("state").0, below);
        }
    }
}
