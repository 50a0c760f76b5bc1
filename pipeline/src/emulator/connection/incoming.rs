//! The receiving end of a link: credit, and the payload of deliveries.
//!
//! Owns the limits on what a peer may send. Does not own: the rules of a delivery over several transfers
//! (`amqp::reassembly`), or the processing of a delivery (`session`).

use std::borrow::Cow;
use std::sync::Arc;

use crate::amqp::condition;
use crate::amqp::performatives::{Flow, Transfer};
use crate::amqp::reassembly::{self, Part, Reassembly, Violation};
use crate::amqp::session::SessionWindow;

use super::super::limits::{Budget, Held, MAX_TAG_BYTES};
use super::super::refusal::Refusal;

/// Maximum size of a delivery, bytes: the limit of the service's standard tier.
///
/// # Source
/// Protocol reference 5.4.
pub(super) const MAX_MESSAGE_SIZE: u64 = 1_048_576;

/// Credit of a publisher's link: the number of deliveries that may be in flight to the hub.
const CREDIT: u32 = 1000;

/// The receiving end of a link.
#[derive(Debug)]
pub(super) struct Incoming {
    handle: u32,
    delivery_count: u32,
    credit: u32,
    reassembly: Reassembly,
    /// Payload so far of an incomplete delivery; nothing once it exceeds the limit.
    payload: Vec<u8>,
    /// Size so far of an incomplete delivery, bytes.
    size: u64,
    /// Bytes of `payload`, of all that the connection may hold.
    held: Held,
}

/// A complete delivery.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    pub(super) id: u32,
    pub(super) format: u32,
    pub(super) settled: bool,
    /// The payload, or the refusal of one that exceeds the limit.
    pub(super) payload: Result<Cow<'a, [u8]>, Refusal>,
}

impl Incoming {
    /// Returns a link without credit; the peer starts at `delivery_count`.
    pub(super) fn new(handle: u32, delivery_count: u32, incomplete: &Arc<Budget>) -> Self {
        // A delivery over the limit is refused as a whole, and its link stays.
        let reassembly = Reassembly::new(usize::MAX);
        let (payload, held) = (Vec::new(), Held::new(incomplete));
        Self { handle, delivery_count, credit: 0, reassembly, payload, size: 0, held }
    }

    /// Processes a transfer; returns the delivery once it is complete.
    ///
    /// # Errors
    /// A protocol violation of the peer; the link has to be detached.
    pub(super) fn on_transfer<'a>(
        &mut self,
        transfer: &Transfer<'_>,
        payload: &'a [u8],
    ) -> Result<Option<Delivery<'a>>, Refusal> {
        if self.reassembly.is_idle() {
            if self.credit == 0 {
                return Err(Refusal::new(condition::TRANSFER_LIMIT, "The link has no credit left."));
            }
            self.credit -= 1;
            self.delivery_count = self.delivery_count.wrapping_add(1);
            self.size = 0;
        }
        if transfer.delivery_tag.is_some_and(|tag| tag.len() > MAX_TAG_BYTES) {
            let text = format!("A delivery tag has at most {MAX_TAG_BYTES} bytes.");
            return Err(Refusal::new(condition::INVALID_FIELD, text));
        }
        let part = self.reassembly.on_transfer(transfer, payload.len()).map_err(violation)?;
        Ok(match part {
            Part::Whole(delivery) => {
                self.size = payload.len() as u64;
                Some(self.complete(delivery, Cow::Borrowed(payload)))
            }
            Part::First | Part::Middle => {
                self.append(payload)?;
                None
            }
            Part::Last(delivery) => {
                self.append(payload)?;
                self.held.release();
                let payload = Cow::Owned(std::mem::take(&mut self.payload));
                Some(self.complete(delivery, payload))
            }
            Part::Aborted => {
                self.held.release();
                self.payload = Vec::new();
                None
            }
        })
    }

    /// Appends to the payload of an incomplete delivery, or drops it once it exceeds the limit.
    fn append(&mut self, payload: &[u8]) -> Result<(), Refusal> {
        self.size += payload.len() as u64;
        if self.size > MAX_MESSAGE_SIZE {
            self.held.release();
            self.payload = Vec::new();
            return Ok(());
        }
        if !self.held.grow(payload.len()) {
            let text = "The connection has too many bytes of deliveries that are not complete.";
            return Err(Refusal::new(condition::RESOURCE_LIMIT, text));
        }
        self.payload.extend_from_slice(payload);
        Ok(())
    }

    fn complete<'a>(&self, stated: reassembly::Delivery, payload: Cow<'a, [u8]>) -> Delivery<'a> {
        let reassembly::Delivery { id, format, settled } = stated;
        let payload = if self.size <= MAX_MESSAGE_SIZE { Ok(payload) } else { Err(too_large(id, self.size)) };
        Delivery { id, format, settled, payload }
    }

    /// Applies the peer's delivery-count from a Flow.
    pub(super) fn on_flow(&mut self, flow: &Flow) {
        let Some(count) = flow.delivery_count else { return };
        // A peer that drains skips deliveries and so returns their credit.
        let skipped = count.wrapping_sub(self.delivery_count);
        if skipped <= self.credit {
            self.delivery_count = count;
            self.credit -= skipped;
        }
    }

    /// Restores the credit, with a Flow, once half of it is used.
    pub(super) fn refill(&mut self, window: &SessionWindow, out: &mut Vec<u8>) {
        if self.credit <= CREDIT / 2 {
            self.credit = CREDIT;
            self.put_flow(window, out);
        }
    }

    /// Appends a Flow with the state of the link.
    pub(super) fn put_flow(&self, window: &SessionWindow, out: &mut Vec<u8>) {
        window.put_flow(out, |flow| Flow {
            handle: Some(self.handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.credit),
            ..flow
        });
    }
}

fn violation(violation: Violation) -> Refusal {
    Refusal::new(violation.condition(), format!("The transfer breaks the rules of deliveries: {violation}."))
}

/// The refusal of a delivery over the limit, in the service's words.
fn too_large(id: u32, size: u64) -> Refusal {
    let text = format!(
        "The received message (delivery-id:{id}, size:{size} bytes) exceeds the limit ({MAX_MESSAGE_SIZE} bytes) \
         currently allowed on the link."
    );
    Refusal::new(condition::MESSAGE_SIZE, text)
}
