//! A caller's end of a request link to `$cbs`.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::request_link::{Request, RequestLink};
use crate::eventhubs::authorization::PutToken;
use crate::eventhubs::connection::{SessionTable, SharedSession};
use crate::eventhubs::credential::Token;
use crate::eventhubs::error::Error;
use crate::eventhubs::names::CBS;

/// Puts tokens on a connection. One request is outstanding at a time.
#[derive(Debug)]
pub(crate) struct RequestClient {
    link: Arc<SharedSession<RequestLink>>,
    table: Arc<SessionTable>,
}

impl RequestClient {
    /// Attaches to `$cbs`; `name` is the connection's.
    pub(crate) fn attach(table: &Arc<SessionTable>, name: &str) -> Result<Self, Error> {
        let link = SharedSession::new(RequestLink::new(CBS, name));
        let channel = table
            .insert(Arc::<SharedSession<RequestLink>>::clone(&link))
            .map_err(|reason| reason.error(CBS))?;
        let client = Self { link, table: Arc::clone(table) };
        client.with(|link, out| link.begin(channel, out));
        Ok(client)
    }

    fn with<T>(&self, change: impl FnOnce(&mut RequestLink, &mut Vec<u8>) -> T) -> T {
        let mut link = self.link.lock();
        self.table.outgoing.write(|out| change(&mut link, out))
    }
}

impl PutToken for RequestClient {
    async fn put_token(&mut self, audience: &str, token: &Token) -> Result<(), Error> {
        let Token { text: token, kind, expiry, .. } = token;
        let request = Request { audience, token, kind: kind.name(), expiry: *expiry };
        self.with(|link, out| link.send_request(&request, out));
        let answered = async {
            loop {
                let response = self.link.lock().take_response();
                match response {
                    Some(response) => return response,
                    None => self.link.changed.notified().await,
                }
            }
        };
        timeout(RESPONSE_TIMEOUT, answered)
            .await
            .unwrap_or_else(|_| Err(Error::lost(audience, format!("no response from {CBS}"))))
    }
}

/// Limit on waiting for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);
