//! Tokens of Microsoft Entra: the claims that decide a grant.
//!
//! Does not own: a check of the signature. Anybody may open this hub, because its shared access key is public too.
//!
//! # Source
//! Protocol reference 2.4.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Grant;
use crate::clock::UnixMillis;

/// The claims of a token.
#[derive(Deserialize)]
struct Claims {
    aud: String,
    /// Unix seconds.
    exp: i64,
}

/// Checks a token that a client put for `audience`.
///
/// # Errors
/// The description of the refusal, without the token.
pub(in crate::emulator) fn check_token(
    token: &str,
    audience: &str,
    now: UnixMillis,
) -> Result<Grant, String> {
    let claims = read(token).ok_or("MalformedToken: this is not a JSON Web Token with aud and exp.")?;
    if claims.aud.trim_end_matches('/') != SERVICE {
        return Err("InvalidAudience: The token is for another service than Event Hubs.".into());
    }
    let expires_at = UnixMillis::new(claims.exp.saturating_mul(1000));
    if expires_at <= now {
        return Err("ExpiredToken: The token is expired.".into());
    }
    Ok(Grant::new(audience, expires_at))
}

fn read(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// Audience of Event Hubs, which may end in a slash.
const SERVICE: &str = "https://eventhubs.azure.net";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_decide_the_grant() {
        let now = UnixMillis::new(1_700_000_000_000);
        let token = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        for (token, expected) in [
            (token(r#"{"aud":"https://eventhubs.azure.net","exp":1700000001}"#), None),
            (token(r#"{"aud":"https://eventhubs.azure.net/","exp":1700000001,"tid":"x"}"#), None),
            (token(r#"{"aud":"https://storage.azure.com","exp":1700000001}"#), Some("InvalidAudience")),
            (token(r#"{"aud":"https://eventhubs.azure.net","exp":1700000000}"#), Some("ExpiredToken")),
            (token(r#"{"aud":"https://eventhubs.azure.net"}"#), Some("MalformedToken")),
            ("SharedAccessSignature sr=a&sig=b&se=1&skn=c".to_owned(), Some("MalformedToken")),
            ("a.b.c.d".to_owned(), Some("MalformedToken")),
        ] {
            let checked = check_token(&token, "sb://x/hub", now);
            match expected {
                None => assert!(checked.is_ok(), "{token}: {checked:?}"),
                Some(word) => assert!(checked.unwrap_err().starts_with(word), "{token}"),
            }
        }
    }
}
