//! The token source of a hub, which all of its connections share.
//!
//! Owns: the current token, its renewal ahead of the expiry, and warnings if it can't be renewed. Does not own: putting
//! it on a connection (`authorization`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;
use tracing::{info, warn};

use super::error::CredentialError;
use super::kind::Credential;
use super::notice::Notice;
use super::renewal::Validity;
use super::signature::{ReadyMade, sas_token};
use super::token::{Token, TokenKind};
use crate::clock::{Clock, UnixMillis};

/// Gives out tokens for one event hub.
pub(crate) struct TokenSource {
    credential: Credential,
    /// The resource that tokens are for.
    audience: String,
    life: TokenLife,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// Lifetime of tokens that are made of a key. Entra decides about its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenLife {
    pub(crate) seconds: i64,
}

impl TokenLife {
    /// An hour, as in the official SDKs.
    pub(crate) const DEFAULT: Self = Self { seconds: 3_600 };
}

#[derive(Default)]
struct State {
    current: Option<Token>,
    /// The last attempt at a token, if it failed.
    failed: Option<(UnixMillis, CredentialError)>,
    /// The last announcement of an expiry.
    announced: Option<Notice>,
}

/// Omits the token.
impl std::fmt::Debug for TokenSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { credential, audience, .. } = self;
        out.debug_struct("TokenSource").field("credential", credential).field("audience", audience).finish()
    }
}

impl TokenSource {
    pub(crate) fn new(
        credential: Credential,
        audience: String,
        life: TokenLife,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { credential, audience, life, clock, state: Mutex::default() }
    }

    /// The clock that tokens expire by.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The resource that tokens are for.
    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }

    /// Returns whether it can make another token than the first.
    pub(crate) fn is_renewable(&self) -> bool {
        self.credential.is_renewable()
    }

    /// The current token; a new one at the first call, and when its renewal is due. A failure is an error only if the
    /// current token has expired.
    pub(crate) async fn token(&self) -> Result<Token, CredentialError> {
        let asked_at = self.clock.now();
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some(current) = &state.current {
            let is_due =
                self.is_renewable() && current.validity().is_some_and(|validity| validity.is_due(now));
            if !is_due {
                self.check_expiry(current, now)?;
                return Ok(current.clone());
            }
        }
        self.renew(&mut state, asked_at).await
    }

    /// A token in place of one that the hub has refused: the current one if it is another, or a new one.
    ///
    /// # Errors
    /// Also for a ready-made signature that has expired. If it has not, the same one is returned.
    pub(crate) async fn replace(&self, refused: &Token) -> Result<Token, CredentialError> {
        let asked_at = self.clock.now();
        let mut state = self.state.lock().await;
        match &state.current {
            Some(current) if current.text != refused.text => return Ok(current.clone()),
            _ => state.current = None,
        }
        self.renew(&mut state, asked_at).await
    }

    /// Waits until there is another token than `held`, ahead of its expiry. It tries again after a failure, and logs
    /// it. Never returns for a ready-made signature, whose expiry it announces.
    pub(crate) async fn renewed(&self, held: &Token) -> Token {
        loop {
            let now = self.clock.now();
            let wait = match held.validity() {
                Some(validity) if !self.is_renewable() => {
                    self.announce(validity.until, now).await;
                    MAX_WAIT
                }
                Some(validity) if validity.is_due(now) => {
                    match self.token().await {
                        Ok(token) if token.text != held.text => return token,
                        // It was logged, or a managed identity gives out the same token until shortly before its expiry.
                        Err(_) | Ok(_) => validity.retry_delay(),
                    }
                }
                Some(validity) => validity.renewal().since(now),
                None => MAX_WAIT,
            };
            sleep(wait.clamp(MIN_WAIT, MAX_WAIT)).await;
        }
    }

    /// Obtains a token, unless an attempt has just failed.
    async fn renew(&self, state: &mut State, asked_at: UnixMillis) -> Result<Token, CredentialError> {
        // A token that is still valid is renewed once per delay. Without one, only those who waited for the failure share
        // it.
        let valid =
            state.current.as_ref().and_then(Token::validity).filter(|it| it.is_valid(self.clock.now()));
        let delay = valid.map_or(Duration::ZERO, Validity::retry_delay);
        let failed = state.failed.as_ref().filter(|(at, _)| *at + delay >= asked_at);
        let error = match failed.map(|(_, error)| error.clone()) {
            Some(error) => error,
            None => match self.obtain().await {
                Ok(token) => {
                    state.failed = None;
                    return Ok(state.current.insert(token).clone());
                }
                Err(error) => {
                    state.failed = Some((self.clock.now(), error.clone()));
                    if state.current.is_some() {
                        let audience = &self.audience;
                        warn!(audience, %error, "the token could not be renewed; it is tried again");
                    }
                    error
                }
            },
        };
        let now = self.clock.now();
        match &state.current {
            Some(current) if current.validity().is_some_and(|validity| validity.is_valid(now)) => {
                Ok(current.clone())
            }
            _ => Err(error),
        }
    }

    /// Makes or asks for a token.
    async fn obtain(&self) -> Result<Token, CredentialError> {
        let obtained = self.clock.now();
        match &self.credential {
            Credential::Key { name, key } => {
                let expiry = obtained.get() / 1000 + self.life.seconds;
                let text = sas_token(&self.audience, name, key, expiry);
                Ok(Token { text, kind: TokenKind::Sas, expiry: Some(expiry), obtained })
            }
            Credential::Signature(text) => {
                let ReadyMade { expiry, .. } = self.check_signature(text)?;
                let token =
                    Token { text: text.clone(), kind: TokenKind::Sas, expiry: Some(expiry), obtained };
                self.check_expiry(&token, obtained)?;
                Ok(token)
            }
            Credential::Entra(credential) => {
                let token = credential.token().await?;
                let expiry = token.expires_on.unix_timestamp();
                let text = token.token.secret().to_owned();
                Ok(Token { text, kind: TokenKind::Jwt, expiry: Some(expiry), obtained })
            }
        }
    }

    fn check_signature(&self, text: &str) -> Result<ReadyMade, CredentialError> {
        let signature = ReadyMade::read(text)?;
        let (resource, audience) = (&signature.resource, &self.audience);
        if !signature.covers(audience) {
            return Err(CredentialError::OtherAudience {
                resource: resource.clone(),
                audience: audience.clone(),
            });
        }
        if !signature.has_host_of(audience) {
            warn!(
                resource,
                audience, "the shared access signature is for another host name; the hub may refuse it"
            );
        }
        Ok(signature)
    }

    fn check_expiry(&self, token: &Token, now: UnixMillis) -> Result<(), CredentialError> {
        let expired = |expiry| CredentialError::Expired { expiry: at(expiry) };
        match (token.expiry, token.validity()) {
            (Some(expiry), Some(validity)) if !self.is_renewable() && !validity.is_valid(now) => {
                Err(expired(expiry))
            }
            _ => Ok(()),
        }
    }

    /// Warns of an expiry, once per step.
    async fn announce(&self, expiry: UnixMillis, now: UnixMillis) {
        let notice = Notice::at(now, expiry);
        let mut state = self.state.lock().await;
        let expiry = at(expiry.get() / 1000);
        if state.announced.is_none() {
            info!(expiry, "a ready-made shared access signature can't be renewed");
        }
        if state.announced < Some(notice) {
            state.announced = Some(notice);
            if let Some(text) = notice.warning() {
                warn!(expiry, remedy = "start again with a new one", "{text}");
            }
        }
    }
}

/// A time in UTC, as people write it.
fn at(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// Upper bound on a wait. The wall clock is asked again after it: timers do not count the time that a machine sleeps.
const MAX_WAIT: Duration = Duration::from_secs(15);
/// Lower bound on a wait, so that an error of a clock does not turn into a busy loop.
const MIN_WAIT: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
    use azure_core::error::{Error as AzureError, ErrorKind};
    use azure_core::time::OffsetDateTime;
    use futures::FutureExt as _;

    use super::*;
    use crate::clock::ManualClock;
    use crate::eventhubs::{EntraCredential, IdentityKind};

    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
    const AUDIENCE: &str = "sb://ns.net/hub";

    /// An identity whose tokens are numbered and live an hour, or which refuses.
    #[derive(Clone, Debug)]
    struct FakeIdentity {
        clock: ManualClock,
        /// Tokens given out so far; negative while it refuses.
        given: Arc<AtomicI64>,
    }

    impl TokenCredential for FakeIdentity {
        fn get_token<'a: 'c, 'b: 'c, 's: 'c, 'o: 'c, 'c>(
            &'a self,
            _: &'b [&'s str],
            _: Option<TokenRequestOptions<'o>>,
        ) -> std::pin::Pin<Box<dyn Future<Output = azure_core::Result<AccessToken>> + Send + 'c>> {
            let number = self.given.fetch_add(1, Ordering::SeqCst);
            let expires = OffsetDateTime::from_unix_timestamp(self.clock.now().get() / 1000 + 3600).unwrap();
            Box::pin(async move {
                match number {
                    0.. => Ok(AccessToken::new(format!("token {number}"), expires)),
                    _ => Err(AzureError::with_message(ErrorKind::Credential, "AADSTS7000215: wrong secret")),
                }
            })
        }
    }

    impl FakeIdentity {
        fn source() -> (Self, TokenSource) {
            let identity = Self { clock: ManualClock::at(NOW), given: Arc::default() };
            let credential = Arc::new(identity.clone());
            let entra = EntraCredential::new("identity", IdentityKind::ClientSecret, move || {
                Ok(Arc::<FakeIdentity>::clone(&credential) as _)
            });
            let clock = Arc::new(identity.clock.clone());
            let source =
                TokenSource::new(Credential::Entra(entra), AUDIENCE.to_owned(), TokenLife::DEFAULT, clock);
            (identity, source)
        }

        fn pass(&self, minutes: u64) {
            self.clock.advance(Duration::from_mins(minutes));
        }
    }

    async fn text(source: &TokenSource) -> Result<String, String> {
        source.token().await.map(|token| token.text).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn connections_share_a_token_until_its_renewal_is_due() {
        let (identity, source) = FakeIdentity::source();
        assert_eq!(text(&source).await.unwrap(), "token 0");
        identity.pass(49);
        assert_eq!(text(&source).await.unwrap(), "token 0");
        identity.pass(1);
        assert_eq!(text(&source).await.unwrap(), "token 1");
        let refused = source.token().await.unwrap();
        assert_eq!(source.replace(&refused).await.unwrap().text, "token 2");
        assert_eq!(source.replace(&refused).await.unwrap().text, "token 2");
    }

    #[tokio::test]
    async fn a_failed_renewal_keeps_the_token_until_it_expires() {
        let (identity, source) = FakeIdentity::source();
        assert_eq!(text(&source).await.unwrap(), "token 0");
        identity.given.store(-1_000, Ordering::SeqCst);
        identity.pass(55);
        assert_eq!(text(&source).await.unwrap(), "token 0");
        assert_eq!(text(&source).await.unwrap(), "token 0");
        assert_eq!(identity.given.load(Ordering::SeqCst), -999, "one attempt per delay");
        identity.pass(5);
        assert!(text(&source).await.unwrap_err().contains("AADSTS7000215: wrong secret"));
        identity.given.store(7, Ordering::SeqCst);
        identity.pass(1);
        assert_eq!(text(&source).await.unwrap(), "token 7");
    }

    #[tokio::test]
    async fn renewal_returns_a_new_token_before_the_old_one_expires() {
        let (identity, source) = FakeIdentity::source();
        let held = source.token().await.unwrap();
        identity.pass(49);
        assert!(source.renewed(&held).now_or_never().is_none(), "the token has eleven minutes left");
        identity.pass(1);
        assert_eq!(source.renewed(&held).await.text, "token 1");
    }

    #[tokio::test]
    async fn ready_made_signatures_are_checked_before_they_are_put() {
        let of = |resource: &str, expiry: i64| {
            let text = format!("SharedAccessSignature sr={resource}&sig=SECRET&se={expiry}&skn=n");
            let clock = Arc::new(ManualClock::at(NOW));
            TokenSource::new(Credential::Signature(text), AUDIENCE.to_owned(), TokenLife::DEFAULT, clock)
        };
        let source = of("sb%3A%2F%2Fns.net%2Fhub", 1_700_000_001);
        let token = source.token().await.unwrap();
        assert_eq!(
            (token.expiry, token.kind.name()),
            (Some(1_700_000_001), "servicebus.windows.net:sastoken")
        );
        for (resource, expiry, expected) in [
            ("sb%3A%2F%2Fns.net%2Fhub", 1_700_000_000, "expired at 2023-11-14T22:13:20Z"),
            ("sb%3A%2F%2Fns.net%2Fother", 1_700_000_001, "is for sb://ns.net/other, not for sb://ns.net/hub"),
        ] {
            let error = text(&of(resource, expiry)).await.unwrap_err();
            assert!(error.contains(expected) && !error.contains("SECRET"), "{error}");
        }
    }
}
