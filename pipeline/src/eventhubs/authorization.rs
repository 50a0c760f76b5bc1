//! Claims-based security: keeps the token of a connection valid.
//!
//! Owns: putting the first token and each later one. Does not own: tokens and the times of their renewal (`credential`),
//! the request that puts one ([`PutToken`]).

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::condition::ErrorKind;
use super::credential::{Token, TokenSource};
use super::error::Error;

/// Keeps a connection authorized until it is dropped.
#[derive(Debug)]
pub(super) struct Authorization<L> {
    shared: Arc<Shared<L>>,
    renewal: JoinHandle<()>,
}

/// A link to `$cbs`. It lives as long as its connection: the hub allows only one.
pub(super) trait PutToken: Send + 'static {
    /// Puts a token for an audience.
    fn put_token(&mut self, audience: &str, token: &Token) -> impl Future<Output = Result<(), Error>> + Send;
}

impl<L: PutToken> Authorization<L> {
    /// Puts the first token, and renews it in the background.
    #[expect(clippy::disallowed_methods, reason = "the authorization owns its renewal and ends it")]
    pub(super) async fn start(mut link: L, tokens: Arc<TokenSource>) -> Result<Self, Error> {
        let mut token = tokens.token().await?;
        let mut put = link.put_token(tokens.audience(), &token).await;
        if put.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unauthorized) {
            // The current token may be from another connection, and revoked since.
            token = tokens.replace(&token).await?;
            put = link.put_token(tokens.audience(), &token).await;
        }
        put?;
        let shared =
            Arc::new(Shared { link: tokio::sync::Mutex::new(link), tokens, current: Mutex::new(token) });
        let renewal = tokio::spawn(Arc::clone(&shared).keep_valid());
        Ok(Self { shared, renewal })
    }

    /// Puts a token in place of the current one, which the hub has refused.
    pub(super) async fn renew(&self) -> Result<(), Error> {
        let refused = self.shared.current().clone();
        let token = self.shared.tokens.replace(&refused).await?;
        self.shared.put(&refused, token).await
    }

    /// The text of the token that was put last.
    pub(super) fn token(&self) -> String {
        self.shared.current().text.clone()
    }
}

impl<L> Drop for Authorization<L> {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// The token of a connection and the link that puts it.
struct Shared<L> {
    link: tokio::sync::Mutex<L>,
    tokens: Arc<TokenSource>,
    current: Mutex<Token>,
}

/// Omits the token.
impl<L> std::fmt::Debug for Shared<L> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Shared").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl<L: PutToken> Shared<L> {
    /// Renews the token ahead of its expiry. If that fails, the old one is valid until then; afterwards the hub detaches
    /// the links with a reason.
    async fn keep_valid(self: Arc<Self>) {
        loop {
            let held = self.current().clone();
            let token = self.tokens.renewed(&held).await;
            match self.put(&held, token).await {
                Ok(()) => debug!(audience = self.tokens.audience(), "token renewed"),
                Err(error) => {
                    warn_of(self.tokens.audience(), &error);
                    sleep(PUT_RETRY_DELAY).await;
                }
            }
        }
    }

    /// Puts a token in place of `old`, unless another caller has put it already.
    async fn put(&self, old: &Token, token: Token) -> Result<(), Error> {
        let mut link = self.link.lock().await;
        let is_put = self.current().text == token.text && token.text != old.text;
        if !is_put {
            link.put_token(self.tokens.audience(), &token).await?;
            *self.current() = token;
        }
        Ok(())
    }

    fn current(&self) -> MutexGuard<'_, Token> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn warn_of(audience: &str, error: &Error) {
    let error = error as &dyn std::error::Error;
    warn!(audience, error, "the hub did not take a new token; trying again");
}

/// Delay after a token that the hub did not take: short enough for tokens that live ten seconds.
const PUT_RETRY_DELAY: Duration = Duration::from_secs(1);
