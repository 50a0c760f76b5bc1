//! Claims-based security: keeps the token of a connection valid.
//!
//! Owns: the current token and its renewal in the background. Does not own: making a token (`credential`), the request
//! that puts it ([`PutToken`]).

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::warn;

use super::credential::{Credential, Token};
use super::error::Error;
use crate::clock::Clock;

/// Keeps a connection authorized until it is dropped.
#[derive(Debug)]
pub(super) struct Authorization {
    token: Arc<Mutex<String>>,
    renewal: JoinHandle<()>,
}

/// A link to `$cbs`. It lives as long as its connection: the hub allows only one.
pub(super) trait PutToken: Send + 'static {
    /// Puts a token; `expiry` is in unix seconds.
    fn put_token(
        &mut self,
        audience: &str,
        token: &str,
        expiry: Option<i64>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Authorization {
    /// Puts the first token, and renews it in the background if the credential allows.
    #[expect(clippy::disallowed_methods, reason = "the authorization owns its renewal and ends it")]
    pub(super) async fn start(
        mut link: impl PutToken,
        audience: String,
        credential: Credential,
        life: TokenLife,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let Token { text, expiry } = credential.token(&audience, life.expiry(&*clock));
        link.put_token(&audience, &text, expiry).await?;
        let token = Arc::new(Mutex::new(text));
        let current = Arc::clone(&token);
        let renewal = Renewal { link, audience, credential, life, clock, current };
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

/// Lifetime of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenLife {
    pub(super) seconds: i64,
    /// Seconds before its expiry at which a token is renewed.
    pub(super) margin: i64,
}

impl TokenLife {
    /// An hour, as in the official SDKs, and ten minutes for retries.
    pub(super) const DEFAULT: Self = Self { seconds: 3_600, margin: 600 };

    /// The expiry of a token that is made now, in unix seconds.
    fn expiry(self, clock: &dyn Clock) -> i64 {
        clock.now().get() / 1000 + self.seconds
    }
}

/// The background task. It holds the link even if there is nothing to renew: a connection may have only one.
struct Renewal<L> {
    link: L,
    audience: String,
    credential: Credential,
    life: TokenLife,
    clock: Arc<dyn Clock>,
    current: Arc<Mutex<String>>,
}

impl<L: PutToken> Renewal<L> {
    async fn run(mut self) {
        if !self.credential.is_renewable() {
            return std::future::pending().await;
        }
        let life = self.life;
        let mut wait = life.seconds - life.margin;
        loop {
            tokio::time::sleep(Duration::from_secs(wait.max(1) as u64)).await;
            let Token { text, expiry } = self.credential.token(&self.audience, life.expiry(&*self.clock));
            wait = match self.link.put_token(&self.audience, &text, expiry).await {
                Ok(()) => {
                    *self.current.lock().unwrap_or_else(PoisonError::into_inner) = text;
                    life.seconds - life.margin
                }
                Err(error) => {
                    // The old token is valid for the margin. After that the hub detaches the links with a reason.
                    let error = &error as &dyn std::error::Error;
                    warn!(audience = self.audience, error, "the token could not be renewed");
                    (life.margin / 10).max(1)
                }
            };
        }
    }
}
