//! Events into the hub, one or many at a time.

use super::Error;

/// A link that sends events.
#[derive(Debug)]
pub struct Sender {}

/// What one call sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Events the hub has accepted.
    pub events: u64,
    /// The bytes of their bodies.
    pub bytes: u64,
}

impl Sender {
    /// Sends one event and waits until the hub has it.
    pub async fn send(&mut self, body: &[u8], content_type: &str) -> Result<Sent, Error> {
        let _ = (body, content_type);
        todo!()
    }

    /// Sends events (body, content type) in batches filled up to the link's limit, and waits until the hub has all.
    pub async fn send_batch<'b>(
        &mut self,
        events: impl IntoIterator<Item = (&'b [u8], &'b str)>,
    ) -> Result<Sent, Error> {
        let _ = events.into_iter();
        todo!()
    }

    /// Detaches.
    pub async fn close(self) -> Result<(), Error> {
        todo!()
    }
}
