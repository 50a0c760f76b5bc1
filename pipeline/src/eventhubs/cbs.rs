//! Claims-based security: a token for the hub, put again before it expires.
//!
//! Owns: the token of a connection and its renewal in the background. Does not own: how a token is made (`auth`), how
//! a connection talks to `$cbs` ([`TokenNode`]).

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fe2o3_amqp_types::primitives::{SimpleValue, Timestamp, Value};
use tokio::task::JoinHandle;
use tracing::warn;

use super::Error;
use super::auth::sas_token;
use super::connection_string::Credential;
use super::names::{EXPIRATION, NAME, OPERATION, PUT_TOKEN, SAS_TOKEN, TYPE};
use super::requests::Requests;
use crate::clock::{Clock, SystemClock};

/// Keeps a connection authorised; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Authorisation {
    token: Arc<Mutex<String>>,
    renewal: JoinHandle<()>,
}

/// Where a connection puts its tokens. It has one for as long as it lives: the hub allows no second.
pub(super) trait TokenNode: Send + 'static {
    /// Puts a token; `expiry` is in unix seconds.
    fn put(
        &mut self,
        audience: &str,
        token: &str,
        expiry: Option<i64>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Authorisation {
    /// Puts the first token and, if it can be renewed, sees to the next ones.
    pub(super) async fn begin(
        mut node: impl TokenNode,
        audience: String,
        credential: Credential,
        life: TokenLife,
    ) -> Result<Self, Error> {
        let (first, expiry) = make(&audience, &credential, life);
        node.put(&audience, &first, expiry).await?;
        let token = Arc::new(Mutex::new(first));
        let renewal = tokio::spawn(renew(node, audience, credential, life, Arc::clone(&token)));
        Ok(Self { token, renewal })
    }

    /// The token that is valid now.
    pub(super) fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Authorisation {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// How long tokens live, and how long before their end the next one is put.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenLife {
    pub(super) seconds: i64,
    pub(super) margin: i64,
}

impl TokenLife {
    /// An hour, as the official SDKs have it, and ten minutes to get through a bad spell.
    pub(super) const DEFAULT: Self = Self { seconds: 3_600, margin: 600 };
}

/// The token, and its expiry where it is ours.
fn make(audience: &str, credential: &Credential, life: TokenLife) -> (String, Option<i64>) {
    match credential {
        Credential::Key { name, key } => {
            let expiry = SystemClock.now_ms() / 1000 + life.seconds;
            (sas_token(audience, name, key, expiry), Some(expiry))
        }
        Credential::Signature(signature) => (signature.clone(), None),
    }
}

impl TokenNode for Requests {
    async fn put(&mut self, audience: &str, token: &str, expiry: Option<i64>) -> Result<(), Error> {
        let mut properties = vec![
            (OPERATION, SimpleValue::String(PUT_TOKEN.to_owned())),
            (TYPE, SimpleValue::String(SAS_TOKEN.to_owned())),
            (NAME, SimpleValue::String(audience.to_owned())),
        ];
        if let Some(expiry) = expiry {
            let expiry = Timestamp::from_milliseconds(expiry * 1000);
            properties.push((EXPIRATION, SimpleValue::Timestamp(expiry)));
        }
        self.ask(audience, &properties, Value::String(token.to_owned())).await.map(drop)
    }
}

/// Puts the next token before the last one expires, for as long as the connection lives.
///
/// It keeps the node also when there is nothing to renew: a connection may have only one.
async fn renew(
    mut node: impl TokenNode,
    audience: String,
    credential: Credential,
    life: TokenLife,
    current: Arc<Mutex<String>>,
) {
    if matches!(credential, Credential::Signature(_)) {
        return std::future::pending().await;
    }
    let mut wait = life.seconds - life.margin;
    loop {
        tokio::time::sleep(Duration::from_secs(wait.max(1) as u64)).await;
        let (token, expiry) = make(&audience, &credential, life);
        wait = match node.put(&audience, &token, expiry).await {
            Ok(()) => {
                *current.lock().unwrap_or_else(PoisonError::into_inner) = token;
                life.seconds - life.margin
            }
            Err(error) => {
                // If it lapses the hub detaches the links and says why; until then there is time to try again.
                warn!(error = &error as &dyn std::error::Error, "the token could not be renewed");
                (life.margin / 10).max(1)
            }
        };
    }
}
