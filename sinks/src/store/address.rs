//! Which store an address means. Opens nothing.

use std::path::PathBuf;

use url::Url;

use super::Error;

/// A store's address, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// Objects in this process, gone with it.
    Memory,
    /// Objects as files below a folder.
    Folder(PathBuf),
}

impl Address {
    /// Understands an address; its text never stands in an error, since an address can carry a key.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let Some((scheme, _)) = text.split_once("://") else {
            return if text.is_empty() { Err(Error::NoAddress) } else { Ok(Self::Folder(text.into())) };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "memory" => Ok(Self::Memory),
            "file" => Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .map(Self::Folder)
                .ok_or(Error::FileAddress),
            other => Err(Error::Scheme { scheme: other.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_by_their_scheme() {
        let folder = |path: &str| Ok(Address::Folder(path.into()));
        let cases: [(&str, Result<Address, &str>); 10] = [
            ("lake", folder("lake")),
            ("./a b/%41", folder("./a b/%41")),
            ("/var/lake", folder("/var/lake")),
            ("file:///var/a%20lake", folder("/var/a lake")),
            ("FILE:///var/lake", folder("/var/lake")),
            ("memory://", Ok(Address::Memory)),
            ("memory:///NAME", Ok(Address::Memory)),
            ("file://elsewhere/lake", Err("file://")),
            ("", Err("empty")),
            ("az://container/lake?sig=SECRET", Err("az://")),
        ];
        for (text, expected) in cases {
            match (Address::parse(text), expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text}"),
                (Err(error), Err(word)) => {
                    let said = error.to_string();
                    assert!(said.contains(word) && !said.contains("SECRET"), "{text}: {said}");
                }
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }
}
