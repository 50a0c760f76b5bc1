//! Credentials: shared access keys, and ready-made shared access signatures.
//!
//! Owns: making a token of a credential. Does not own: putting and renewing it (`authorization`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

/// A secret that opens a namespace.
#[derive(Clone)]
pub enum Credential {
    /// A key, of which tokens are made.
    Key {
        /// The name of its rule.
        name: String,
        /// The key.
        key: String,
    },
    /// A token that can't be renewed.
    Signature(String),
}

/// A token for one audience. No `Debug`.
pub(super) struct Token {
    pub(super) text: String,
    /// Unix seconds; `None` for a ready-made signature, which states its own.
    pub(super) expiry: Option<i64>,
}

/// Shows the kind, and no secret.
impl std::fmt::Debug for Credential {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Key { .. } => "Key",
            Self::Signature(_) => "Signature",
        })
    }
}

impl Credential {
    /// Returns whether new tokens can be made of it.
    pub(super) fn is_renewable(&self) -> bool {
        matches!(self, Self::Key { .. })
    }

    /// Makes a token for `audience` that expires at `expiry`, in unix seconds.
    pub(super) fn token(&self, audience: &str, expiry: i64) -> Token {
        match self {
            Self::Key { name, key } => {
                Token { text: sas_token(audience, name, key, expiry), expiry: Some(expiry) }
            }
            Self::Signature(signature) => Token { text: signature.clone(), expiry: None },
        }
    }
}

/// Makes the shared access signature that opens `audience` until `expiry`, in unix seconds.
fn sas_token(audience: &str, key_name: &str, key: &str, expiry: i64) -> String {
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
}
