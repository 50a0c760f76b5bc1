//! Authorization: shared access signatures, passwords, and the grants of a connection.
//!
//! Owns the check of signatures and passwords. Does not own: their transport (`nodes`, `connection`).
//!
//! # Source
//! Protocol reference 2.3, 2.4.

pub(super) mod jwt; // tokens of Microsoft Entra
pub(super) mod address; // addresses of nodes

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use sha2::Sha256;

use self::address::path_of;
use super::limits::MAX_TOKENS;
use crate::clock::UnixMillis;

/// The shared access key of the namespace.
#[derive(Clone)]
pub(super) struct AccessKey {
    pub(super) name: String,
    pub(super) key: String,
}

/// Omits the key.
impl fmt::Debug for AccessKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AccessKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl AccessKey {
    /// Checks a token that a client put for `audience`.
    ///
    /// # Errors
    /// The description of the refusal, without the token.
    pub(super) fn check_token(&self, token: &str, audience: &str, now: UnixMillis) -> Result<Grant, String> {
        let parts =
            TokenParts::read(token).ok_or("MalformedToken: this is not a shared access signature.")?;
        let expiry: i64 = parts.expiry.parse().map_err(|_| "MalformedToken: its expiry is not a number.")?;
        if decode(parts.name) != self.name {
            return Err("InvalidSignature: the key name of the token is unknown.".into());
        }
        let signed = format!("{}\n{}", parts.audience, parts.expiry);
        if !self.verify(signed.as_bytes(), &decode(parts.signature)) {
            return Err("InvalidSignature: The token has an invalid signature.".into());
        }
        let expires_at = UnixMillis::new(expiry.saturating_mul(1000));
        if expires_at <= now {
            return Err("ExpiredToken: The token is expired.".into());
        }
        let path = path_of(audience);
        if !covers(&path_of(&decode(parts.audience)), &path) {
            return Err(
                "InvalidAudience: The authorization header contains a token for another audience.".into()
            );
        }
        Ok(Grant { path, expires_at })
    }

    /// Checks a PLAIN response: authorization id, name and password, separated by zero bytes.
    pub(super) fn check_plain(&self, response: &[u8]) -> bool {
        let mut parts = response.splitn(3, |byte| *byte == 0).skip(1);
        parts.next() == Some(self.name.as_bytes()) && parts.next() == Some(self.key.as_bytes())
    }

    fn verify(&self, signed: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        // HMAC accepts keys of any length.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()) else { return false };
        mac.chain_update(signed).verify_slice(&signature).is_ok()
    }
}

/// The permission that a token gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// Permitted path; paths below it are included.
    path: String,
    expires_at: UnixMillis,
}

impl Grant {
    /// A permission for the path of `audience`.
    pub(super) fn new(audience: &str, expires_at: UnixMillis) -> Self {
        Self { path: path_of(audience), expires_at }
    }
}

/// All permissions of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    /// The connection authenticated with PLAIN and does not need a token.
    pub(super) all: bool,
    tokens: Vec<Grant>,
}

impl Grants {
    /// Adds a grant; it replaces one for the same path. Returns false, and adds nothing, if there are too many.
    #[must_use]
    pub(super) fn add(&mut self, grant: Grant) -> bool {
        self.tokens.retain(|held| held.path != grant.path);
        let has_room = self.tokens.len() < MAX_TOKENS;
        if has_room {
            self.tokens.push(grant);
        }
        has_room
    }

    /// Ends all grants at this time, or earlier.
    pub(super) fn shorten(&mut self, expires_at: UnixMillis) {
        for grant in &mut self.tokens {
            grant.expires_at = grant.expires_at.min(expires_at);
        }
    }

    /// Removes the grants that have expired; returns whether there was one.
    pub(super) fn lapse(&mut self, now: UnixMillis) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|grant| grant.expires_at > now);
        self.tokens.len() < before
    }

    /// Returns when the next grant expires.
    pub(super) fn next_expiry(&self) -> Option<UnixMillis> {
        self.tokens.iter().map(|grant| grant.expires_at).min()
    }

    /// Returns whether the address may be used now.
    pub(super) fn allows(&self, address: &str, now: UnixMillis) -> bool {
        let path = path_of(address);
        // The node that describes all hubs is open to every token: a request to it names its hub.
        let is_shared = path == "$management";
        let covered = |grant: &Grant| grant.expires_at > now && (is_shared || covers(&grant.path, &path));
        self.all || self.tokens.iter().any(covered)
    }
}

/// The four parts of a token, still percent-encoded.
struct TokenParts<'a> {
    audience: &'a str,
    signature: &'a str,
    expiry: &'a str,
    name: &'a str,
}

impl<'a> TokenParts<'a> {
    fn read(token: &'a str) -> Option<Self> {
        let pairs = token.strip_prefix("SharedAccessSignature ")?;
        let find = |key| {
            let mut values = pairs.split('&').filter_map(|pair| pair.split_once('='));
            values.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        Some(Self { audience: find("sr")?, signature: find("sig")?, expiry: find("se")?, name: find("skn")? })
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Returns whether `path` is `parent` or below it.
fn covers(parent: &str, path: &str) -> bool {
    let Some(below) = path.strip_prefix(parent) else { return false };
    parent.is_empty() || below.is_empty() || below.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_699_999_999_000);
    const LATER: UnixMillis = UnixMillis::new(1_700_000_000_000);

    fn access(key: &str) -> AccessKey {
        AccessKey { name: "RootManageSharedAccessKey".into(), key: key.into() }
    }

    const UPPER: &str = "SharedAccessSignature sr=sb%3A%2F%2Fdemo.servicebus.windows.net%2Fhub1\
        &sig=FIqeRAVa3kf92NCLjbpRzCF15CfGt9xCL2p7ICir3gg%3D&se=1700000000&skn=RootManageSharedAccessKey";
    const LOWER: &str = "SharedAccessSignature sr=amqps%3a%2f%2fexample.servicebus.windows.net%2fmyhub\
        &sig=SgJoMn7K6nWDCF6e1%2BfsxrmJLsorqPeZ3B8N1uQ31dc%3D&se=1700000000&skn=RootManageSharedAccessKey";

    #[track_caller]
    fn check(key: &str, token: &str, audience: &str, now: UnixMillis, expected: Result<(), &str>) {
        let checked = access(key).check_token(token, audience, now);
        match expected {
            Ok(()) => assert!(checked.is_ok(), "{checked:?}"),
            Err(word) => assert!(checked.unwrap_err().starts_with(word)),
        }
    }

    #[test]
    fn accepts_signed_tokens_and_rejects_altered_ones() {
        let audience = "sb://demo.servicebus.windows.net/hub1";
        check("SAS_KEY_VALUE", UPPER, audience, NOW, Ok(()));
        check("SAS_KEY_VALUE", UPPER, "amqps://other-host/HUB1/Partitions/0", NOW, Ok(()));
        check("mykey", LOWER, "amqps://example.servicebus.windows.net/myhub", NOW, Ok(()));
        check("SAS_KEY_VALUE", UPPER, audience, LATER, Err("ExpiredToken"));
        check("another key", UPPER, audience, NOW, Err("InvalidSignature"));
        check(
            "SAS_KEY_VALUE",
            &UPPER.replace("1700000000", "1800000000"),
            audience,
            NOW,
            Err("InvalidSignature"),
        );
        check(
            "SAS_KEY_VALUE",
            &UPPER.replace("skn=Root", "skn=Other"),
            audience,
            NOW,
            Err("InvalidSignature"),
        );
        check("SAS_KEY_VALUE", UPPER, "sb://demo.servicebus.windows.net/hub12", NOW, Err("InvalidAudience"));
        check("SAS_KEY_VALUE", "ey.jwt", audience, NOW, Err("MalformedToken"));
        check(
            "SAS_KEY_VALUE",
            "SharedAccessSignature sr=&sig=&se=&skn=",
            audience,
            NOW,
            Err("MalformedToken"),
        );
    }

    #[test]
    fn a_grant_covers_the_paths_below_it_until_it_expires() {
        let mut grants = Grants::default();
        assert!(!grants.allows("hub1", NOW));
        assert!(grants.add(access("SAS_KEY_VALUE").check_token(UPPER, "sb://x/hub1", NOW).unwrap()));
        assert!(grants.allows("amqps://y/Hub1/ConsumerGroups/$Default/Partitions/0", NOW));
        assert!(!grants.allows("hub2", NOW));
        assert!(!grants.allows("hub1", LATER));
    }

    #[test]
    fn plain_requires_name_and_key() {
        let access = access("key");
        assert!(access.check_plain(b"\0RootManageSharedAccessKey\0key"));
        assert!(!access.check_plain(b"\0RootManageSharedAccessKey\0wrong"));
        assert!(!access.check_plain(b"\0someone\0key"));
        assert!(!access.check_plain(b""));
    }

    #[test]
    fn debug_omits_the_key() {
        assert!(!format!("{:?}", access("secret")).contains("secret"));
    }
}
