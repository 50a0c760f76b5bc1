//! Shared access signatures: made of a key, or ready-made.
//!
//! Owns: signing, and the parts of a ready-made signature. Does not own: when it expires (`source`).
//!
//! # Source
//! Protocol reference 2.3 and 2.4.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;

use super::error::CredentialError;

/// The readable parts of a ready-made signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadyMade {
    /// The resource that it opens, decoded.
    pub(super) resource: String,
    /// Unix seconds.
    pub(super) expiry: i64,
}

impl ReadyMade {
    /// Reads a signature.
    pub(super) fn read(text: &str) -> Result<Self, CredentialError> {
        let missing = |part| CredentialError::Malformed { part };
        let pairs = text.trim().strip_prefix("SharedAccessSignature ").ok_or_else(|| missing("prefix"))?;
        let find = |key: &'static str| {
            let mut values = pairs.split('&').filter_map(|pair| pair.split_once('='));
            values
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value)
                .ok_or_else(|| missing(key))
        };
        let resource = percent_decode_str(find("sr")?).decode_utf8_lossy().into_owned();
        let expiry = find("se")?.parse().map_err(|_| missing("se"))?;
        find("sig")?;
        Ok(Self { resource, expiry })
    }

    /// Returns whether it opens `audience`: the same path or one above it. The hub decides about the host, which may be
    /// an alias of the namespace.
    pub(super) fn covers(&self, audience: &str) -> bool {
        let (_, allowed) = split(&self.resource);
        let (_, path) = split(audience);
        path.strip_prefix(&*allowed)
            .is_some_and(|below| allowed.is_empty() || below.is_empty() || below.starts_with('/'))
    }

    /// Returns whether its host is the one of `audience`.
    pub(super) fn has_host_of(&self, audience: &str) -> bool {
        split(&self.resource).0 == split(audience).0
    }
}

/// Host and path of a resource, in lower case, without scheme, port and slashes at the ends.
fn split(resource: &str) -> (String, String) {
    let resource = resource.to_lowercase();
    let rest = resource.split_once("://").map_or(&*resource, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    (host.to_owned(), path.trim_matches('/').to_owned())
}

/// Makes the shared access signature that opens `audience` until `expiry`, in unix seconds.
pub(super) fn sas_token(audience: &str, key_name: &str, key: &str, expiry: i64) -> String {
    let resource = encode(audience);
    let signature = encode(&signature(&resource, key, expiry));
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={}", encode(key_name))
}

/// Signs a token. `resource` is its `sr` exactly as it is sent: encoded, and in the same case.
fn signature(resource: &str, key: &str, expiry: i64) -> String {
    // The key is the text itself; it is not decoded, although it looks like base64.
    match Hmac::<Sha256>::new_from_slice(key.as_bytes()) {
        Ok(mut mac) => {
            mac.update(resource.as_bytes());
            mac.update(b"\n");
            mac.update(expiry.to_string().as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        }
        // Can't happen: HMAC accepts keys of any length. The hub would refuse a token without a signature.
        Err(_) => String::new(),
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Characters that are percent-encoded: all but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_equal_those_of_the_official_sdks() {
        let token = sas_token(
            "sb://demo.servicebus.windows.net/hub1",
            "RootManageSharedAccessKey",
            "SAS_KEY_VALUE",
            1_700_000_000,
        );
        let expected = "SharedAccessSignature sr=sb%3A%2F%2Fdemo.servicebus.windows.net%2Fhub1\
            &sig=FIqeRAVa3kf92NCLjbpRzCF15CfGt9xCL2p7ICir3gg%3D&se=1700000000&skn=RootManageSharedAccessKey";
        assert_eq!(token, expected);
    }

    #[test]
    fn signature_covers_the_resource_as_it_is_sent() {
        let resource = "amqps%3a%2f%2fexample.servicebus.windows.net%2fmyhub";
        let signature = encode(&signature(resource, "mykey", 1_700_000_000));
        assert_eq!(signature, "SgJoMn7K6nWDCF6e1%2BfsxrmJLsorqPeZ3B8N1uQ31dc%3D");
    }

    #[test]
    fn parts_of_a_ready_made_signature_are_read() {
        let read =
            ReadyMade::read("SharedAccessSignature sig=b%3D&SR=sb%3a%2f%2fNs.net%2fHub&se=17&skn=n").unwrap();
        assert_eq!(read, ReadyMade { resource: "sb://Ns.net/Hub".to_owned(), expiry: 17 });
        for (text, part) in [
            ("sr=a&sig=secret&se=1", "prefix"),
            ("SharedAccessSignature sig=secret&se=1", "sr"),
            ("SharedAccessSignature sr=a&se=1", "sig"),
            ("SharedAccessSignature sr=a&sig=secret", "se"),
            ("SharedAccessSignature sr=a&sig=secret&se=soon", "se"),
        ] {
            let error = ReadyMade::read(text).unwrap_err();
            assert_eq!(error, CredentialError::Malformed { part }, "{text}");
        }
    }

    #[test]
    fn a_signature_covers_its_resource_and_the_paths_below() {
        let audience = "sb://ns.net/hub";
        for (resource, covered, same_host) in [
            ("sb://ns.net/hub", true, true),
            ("amqps://NS.net:5671/Hub/", true, true),
            ("https://ns.net/", true, true),
            ("ns.net", true, true),
            ("sb://alias.net/hub", true, false),
            ("sb://ns.net/hub1", false, true),
            ("sb://ns.net/hu", false, true),
            ("sb://ns.net/hub/Partitions/0", false, true),
        ] {
            let signature = ReadyMade { resource: resource.to_owned(), expiry: 1 };
            assert_eq!(signature.covers(audience), covered, "{resource}");
            assert_eq!(signature.has_host_of(audience), same_host, "{resource}");
        }
    }
}
