//! The HTTP client of `azure_identity`.
//!
//! Owns: its timeouts and trusted certificates, and error answers in a form that `azure_identity` can read. Does not own:
//! requests and retries.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use reqwest::{Certificate, Client};

/// A client that answers errors without escapes.
///
/// `azure_identity` 1.0 borrows the description of an error from the JSON text, which fails on the line breaks and
/// apostrophes that Entra escapes, and the status and the code are lost with it.
#[derive(Debug)]
pub(super) struct EntraClient(Client);

impl EntraClient {
    /// Makes a client. `roots` are trusted beside the certificates of this machine, in DER. A direct one ignores the
    /// proxy of the environment.
    pub(super) fn new(roots: &[Vec<u8>], is_direct: bool) -> reqwest::Result<Self> {
        let roots = roots.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .tls_certs_merge(roots);
        let builder = if is_direct { builder.no_proxy() } else { builder };
        Ok(Self(builder.build()?))
    }
}

impl HttpClient for EntraClient {
    fn execute_request<'a, 'b, 'run>(
        &'a self,
        request: &'b Request,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AsyncRawResponse>> + Send + 'run>>
    where
        'a: 'run,
        'b: 'run,
    {
        Box::pin(async move {
            let response = self.0.execute_request(request).await?;
            if response.status().is_success() {
                return Ok(response);
            }
            let (status, headers, body) = response.deconstruct();
            let body = body.collect().await?;
            let body = readable(&body).unwrap_or_else(|| body.to_vec());
            Ok(AsyncRawResponse::from_bytes(status, headers, body))
        })
    }
}

/// The same answer with a description that needs no escapes in JSON; none for other answers.
fn readable(body: &[u8]) -> Option<Vec<u8>> {
    let mut answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let description = answer.get("error_description")?.as_str()?;
    let words: Vec<&str> = description.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|letter| !letter.is_control()).collect();
    answer["error_description"] = line.replace('"', "'").replace('\\', "/").into();
    serde_json::to_vec(&answer).ok()
}

/// Limit on connecting to an endpoint: an address that drops packets is not waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit on one request: an endpoint answers within a second or two.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_lose_what_json_escapes() {
        let answer = br#"{"error_codes":[7000215],"error_description":"AADSTS7000215: app \u0027a\\b\u0027 \"x\".\r\nTrace ID: 1"}"#;
        let read = String::from_utf8(readable(answer).unwrap()).unwrap();
        assert!(read.contains("\"AADSTS7000215: app 'a/b' 'x'. Trace ID: 1\""), "{read}");
        assert!(read.contains("[7000215]"), "{read}");
        assert_eq!(readable(b"<html>"), None);
        assert_eq!(readable(br#"{"error":"x"}"#), None);
    }
}
