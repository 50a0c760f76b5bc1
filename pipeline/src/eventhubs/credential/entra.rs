//! Tokens of Microsoft Entra, which `azure_identity` asks for.
//!
//! Owns: the scope, one credential of `azure_identity` per request, and the time that a request may take. Does not own:
//! when a token is asked for (`source`), or which identity is used (`identity`).
//!
//! `azure_identity` keeps a token until five minutes before its expiry, and the contents of a federated token file for
//! ten minutes. A renewal needs a new token, so each request is made by a new credential, which has kept neither.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential};
use tokio::time::timeout;

use super::error::CredentialError;
use super::remedy::{IdentityKind, explain};

/// An identity of Microsoft Entra.
#[derive(Clone)]
pub struct EntraCredential {
    name: Arc<str>,
    kind: IdentityKind,
    open: Arc<Open>,
}

/// Makes a credential that has not kept a token.
type Open = dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync;

/// Shows the name, and no secret.
impl fmt::Debug for EntraCredential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Entra({})", self.name)
    }
}

/// Names the identity, with its ids.
impl fmt::Display for EntraCredential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

impl EntraCredential {
    /// The identity behind the credentials that `open` makes. `name` is for messages.
    pub(super) fn new(
        name: &str,
        kind: IdentityKind,
        open: impl Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), kind, open: Arc::new(open) }
    }

    /// Asks for a new token.
    pub(super) async fn token(&self) -> Result<AccessToken, CredentialError> {
        let asked = async { (self.open)()?.get_token(&[SCOPE], None).await };
        match timeout(TIMEOUT, asked).await {
            Ok(answer) => answer.map_err(|error| explain(&self.name, self.kind, &error)),
            Err(_) => Err(CredentialError::Unavailable {
                credential: self.name.to_string(),
                cause: format!("no token within {} s", TIMEOUT.as_secs()),
                remedy: self.kind.unreachable(),
            }),
        }
    }
}

/// The service that tokens are for. The slash before `.default` belongs to the scope, so Entra issues the audience
/// `https://eventhubs.azure.net`, as for the official Rust SDK. With two slashes, as in JavaScript and Python, the
/// audience ends in a slash; the service takes both.
const SCOPE: &str = "https://eventhubs.azure.net/.default";
/// Limit on a request for a token, its retries included: the Azure CLI may take ten seconds to start.
const TIMEOUT: Duration = Duration::from_secs(30);
