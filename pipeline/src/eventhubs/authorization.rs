//! Claims-based security: keeps the token of a connection valid.
//!
//! Owns: the current token and its renewal in the background. Does not own: making a token (`credential`), the request
//! that puts it ([`PutToken`]).

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::warn;

use super::credential::{Token, TokenSource};
use super::error::Error;

/// Keeps a connection authorized until it is dropped.
#[derive(Debug)]
pub(super) struct Authorization {
    token: Arc<Mutex<String>>,
    renewal: JoinHandle<()>,
}

/// A link to `$cbs`. It lives as long as its connection: the hub allows only one.
pub(super) trait PutToken: Send + 'static {
    /// Puts a token.
    fn put_token(&mut self, audience: &str, token: &Token) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Authorization {
    /// Puts the first token, and renews it in the background if the credential allows.
    #[expect(clippy::disallowed_methods, reason = "the authorization owns its renewal and ends it")]
    pub(super) async fn start(mut link: impl PutToken, source: Arc<TokenSource>) -> Result<Self, Error> {
        let held = source.token().await?;
        link.put_token(source.audience(), &held).await?;
        let token = Arc::new(Mutex::new(held.text.clone()));
        let current = Arc::clone(&token);
        let renewal = Renewal { link, source, held, current };
        Ok(Self { token, renewal: tokio::spawn(renewal.run()) })
    }

    /// The current token.
    pub(super) fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Authorization {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// The background task. It holds the link even if there is nothing to renew: a connection may have only one.
struct Renewal<L> {
    link: L,
    source: Arc<TokenSource>,
    /// The token that the hub has.
    held: Token,
    current: Arc<Mutex<String>>,
}

impl<L: PutToken> Renewal<L> {
    async fn run(mut self) {
        loop {
            let token = self.source.renewed(&self.held).await;
            let audience = self.source.audience();
            match self.link.put_token(audience, &token).await {
                Ok(()) => {
                    self.current.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&token.text);
                    self.held = token;
                }
                Err(error) => {
                    // The old token is valid for a while. After that the hub detaches the links with a reason.
                    warn!(audience, %error, "the hub did not take the new token; it is put again");
                    sleep(PUT_DELAY).await;
                }
            }
        }
    }
}

/// Delay before a token is put again that the hub did not take.
const PUT_DELAY: Duration = Duration::from_secs(10);
