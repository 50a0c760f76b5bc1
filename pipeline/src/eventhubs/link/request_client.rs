//! A caller's end of a request link.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::request_link::RequestLink;
use super::request_message::{Answer, Request};
use crate::amqp::encode::encode_to_vec;
use crate::eventhubs::authorization::PutToken;
use crate::eventhubs::connection::{SessionTable, SharedSession};
use crate::eventhubs::credential::Token;
use crate::eventhubs::error::Error;
use crate::eventhubs::names::{EXPIRATION, NAME, OPERATION, PUT_TOKEN, TYPE};
use crate::eventhubs::timeouts::Timeouts;

/// Sends requests to a node of the hub. Many may be in flight. Dropping it ends the link.
#[derive(Debug)]
pub(crate) struct RequestClient {
    node: &'static str,
    link: Arc<SharedSession<RequestLink>>,
    table: Arc<SessionTable>,
}

impl RequestClient {
    /// Attaches to a node; `name` is the connection's.
    pub(crate) fn attach(table: &Arc<SessionTable>, node: &'static str, name: &str) -> Result<Self, Error> {
        let link = SharedSession::new(RequestLink::new(node, name));
        let channel = table
            .insert(Arc::<SharedSession<RequestLink>>::clone(&link))
            .map_err(|reason| reason.error(node))?;
        let client = Self { node, link, table: Arc::clone(table) };
        client.with(|link, out| link.begin(channel, out));
        Ok(client)
    }

    /// Returns whether requests can still be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.link.lock().is_open()
    }

    /// Sends a request and waits for the encoded value in the body of its response. `subject` is for errors.
    /// Cancel-safe.
    ///
    /// # Errors
    /// The error that ended the link or the request, or no response within `limit`.
    pub(crate) async fn send(&self, subject: &str, request: &Request, limit: Duration) -> Answer {
        let (answer, answered) = oneshot::channel();
        let id = self.with(|link, out| link.send_request(subject, request, answer, out));
        let _abandon = AbandonOnDrop { link: &self.link, id };
        let lost = |what: String| Err(Error::lost(subject, what));
        match timeout(limit, answered).await {
            Ok(answer) => answer.unwrap_or_else(|_| lost(format!("the link to {} has ended", self.node))),
            Err(_) => lost(format!("no response from {}", self.node)),
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut RequestLink, &mut Vec<u8>) -> T) -> T {
        let mut link = self.link.lock();
        self.table.outgoing.write(|out| change(&mut link, out))
    }
}

impl PutToken for RequestClient {
    async fn put_token(&mut self, audience: &str, token: &Token) -> Result<(), Error> {
        let request = Request {
            properties: encode_to_vec(|out| {
                out.map(|map| {
                    let texts = [(OPERATION, PUT_TOKEN), (TYPE, token.kind.name()), (NAME, audience)];
                    for (name, value) in texts {
                        map.string(name);
                        map.string(value);
                    }
                    if let Some(expiry) = token.expiry {
                        map.string(EXPIRATION);
                        map.timestamp(expiry.saturating_mul(1000));
                    }
                });
            }),
            body: encode_to_vec(|out| out.string(&token.text)),
        };
        self.send(audience, &request, Timeouts::DEFAULT.response).await.map(drop)
    }
}

impl Drop for RequestClient {
    fn drop(&mut self) {
        self.with(RequestLink::abandon);
    }
}

/// Abandons a request whose caller no longer waits.
struct AbandonOnDrop<'a> {
    link: &'a SharedSession<RequestLink>,
    id: u64,
}

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        self.link.lock().abandon_request(self.id);
    }
}
