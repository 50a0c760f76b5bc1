//! The address of a store. Opens nothing.
//!
//! An address can hold a secret: a password before the host, a signature in the query. So it has a type of its own, used
//! from the command line on, whose `Display` and `Debug` leave out user info, query and fragment. Its full text does not
//! leave this module.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::Error;

/// The address of a store: a folder, or a URL. Any text is one; opening it says what is wrong with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

/// The store that an address means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Objects in this process, gone with it.
    Memory,
    /// Objects as files below a folder.
    Folder(PathBuf),
}

impl Address {
    /// The address of a folder in this store: `az://lake?sig=…` and `state` give `az://lake/state?sig=…`.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        let parts = Parts::of(&self.0);
        let place = format!("{}{}", parts.user_info, parts.place);
        Self(format!("{}{}/{name}{}", parts.scheme, place.trim_end_matches('/'), parts.query))
    }

    /// Opens the store; errors never contain the address.
    pub(super) fn place(&self) -> Result<Place, Error> {
        if self.0.is_empty() {
            return Err(Error::NoAddress);
        }
        if is_connection_string(&self.0) {
            return Err(Error::ConnectionString);
        }
        if self.0 != bare(&self.0) {
            return Err(Error::Quoted);
        }
        let Some((scheme, _)) = split_scheme(&self.0) else {
            return Ok(Place::Folder(self.0.as_str().into()));
        };
        match scheme.trim_end_matches(['/', ':']).to_ascii_lowercase().as_str() {
            "memory" => Ok(Place::Memory),
            "file" => Url::parse(&self.0)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .map(Place::Folder)
                .ok_or(Error::FileAddress),
            other => Err(Error::Scheme { scheme: other.to_owned() }),
        }
    }
}

/// Leaves out what can be a secret.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_connection_string(&self.0) {
            return out.write_str("<a connection string>");
        }
        let Parts { scheme, place, .. } = Parts::of(bare(&self.0));
        let place = if scheme.is_empty() { place } else { before_signature(place) };
        write!(out, "{scheme}{place}")
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

/// An address, taken apart; the parts in their order are the address.
#[derive(Default)]
struct Parts<'a> {
    /// With the slashes behind it; empty for a folder.
    scheme: &'a str,
    /// With its `@`.
    user_info: &'a str,
    /// Host and path, or the folder.
    place: &'a str,
    /// Query and fragment.
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let Some((scheme, rest)) = split_scheme(text) else {
            return Self { place: text, ..Self::default() };
        };
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (user_info, rest) = rest.split_at(user_info_length(scheme, authority, rest));
        let (place, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
        Self { scheme, user_info, place, query }
    }
}

/// The length of the user info with its `@`, which may be followed by the host.
fn user_info_length(scheme: &str, authority: &str, rest: &str) -> usize {
    let in_authority = authority.rfind('@');
    // What stands before the `@` of these is the container, unless it has a password.
    let names_container = scheme.to_ascii_lowercase().starts_with("abfs");
    if let Some(at) = in_authority {
        return if names_container && !authority[..at].contains(':') { 0 } else { at + 1 };
    }
    // A password with a slash or a question mark in it ends the authority too early: then the "port" is not a number.
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    if port.is_none_or(|port| port.bytes().all(|digit| digit.is_ascii_digit()) || authority.ends_with(']')) {
        return 0;
    }
    rest.rfind('@').map_or(rest.len(), |at| at + 1)
}

/// The scheme with the slashes behind it, and the rest. One letter is the drive of a folder.
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

/// An address without the white space and the quotation marks around it, which came with it from a file or a chat.
fn bare(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || "\"'`“”„‘’«»".contains(letter))
}

/// What stands before a signature that no `?` precedes, as when that is escaped.
fn before_signature(place: &str) -> &str {
    let lower = place.to_ascii_lowercase();
    let end = ["%3f", "%23", "sig="].iter().filter_map(|part| lower.find(part)).min();
    &place[..end.unwrap_or(place.len())]
}

/// True if the text holds the key of an account, as the portal shows it.
fn is_connection_string(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["accountkey=", "sharedaccesskey", "sharedaccesssignature="].iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_decides_the_store() {
        let folder = |path: &str| Ok(Place::Folder(path.into()));
        let cases: [(&str, Result<Place, &str>); 15] = [
            ("lake", folder("lake")),
            ("./a b/%41", folder("./a b/%41")),
            ("/var/lake", folder("/var/lake")),
            ("a:/b", folder("a:/b")),
            ("file:///var/a%20lake", folder("/var/a lake")),
            ("FILE:///var/lake", folder("/var/lake")),
            ("memory://", Ok(Place::Memory)),
            ("memory:///NAME", Ok(Place::Memory)),
            ("file://elsewhere/lake", Err("file://")),
            ("", Err("empty")),
            (" az://a/b?sig=SECRET", Err("quotation marks")),
            ("\"/var/lake\"", Err("quotation marks")),
            ("az://container/lake?sig=SECRET", Err("az://")),
            ("https:/u:SECRET@host/lake", Err("https://")),
            ("BlobEndpoint=https://a/;AccountKey=SECRET", Err("connection string")),
        ];
        for (text, expected) in cases {
            match (Address::from(text).place(), expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text}"),
                (Err(error), Err(word)) => {
                    let said = format!("{error} {error:?}");
                    assert!(said.contains(word) && !said.contains("SECRET"), "{text}: {said}");
                }
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn display_and_debug_leave_out_secrets() {
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
    fn a_folder_below_keeps_what_opens_the_store() {
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
