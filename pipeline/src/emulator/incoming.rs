//! The receiving end of a link: credit, and the reassembly of deliveries.
//!
//! Owns the limits on what a peer may send. Does not own: the processing of a delivery (`session`).

use std::borrow::Cow;

use crate::amqp::condition;
use crate::amqp::performatives::{Flow, Transfer};
use crate::amqp::session::SessionWindow;

use super::refusal::Refusal;

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
    partial: Option<Partial>,
}

/// A delivery with frames still to come.
#[derive(Debug)]
struct Partial {
    id: u32,
    format: u32,
    settled: bool,
    payload: Vec<u8>,
}

/// A complete delivery.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    pub(super) id: u32,
    pub(super) format: u32,
    pub(super) settled: bool,
    pub(super) payload: Cow<'a, [u8]>,
}

impl Incoming {
    /// Returns a link without credit; the peer starts at `delivery_count`.
    pub(super) fn new(handle: u32, delivery_count: u32) -> Self {
        Self { handle, delivery_count, credit: 0, partial: None }
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
        let Some(mut partial) = self.partial.take() else { return self.on_first(transfer, payload) };
        partial.settled |= transfer.settled == Some(true);
        check_size(partial.id, partial.payload.len() + payload.len())?;
        if transfer.aborted {
            return Ok(None);
        }
        partial.payload.extend_from_slice(payload);
        if transfer.more {
            self.partial = Some(partial);
            return Ok(None);
        }
        let Partial { id, format, settled, payload } = partial;
        Ok(Some(Delivery { id, format, settled, payload: Cow::Owned(payload) }))
    }

    fn on_first<'a>(
        &mut self,
        transfer: &Transfer<'_>,
        payload: &'a [u8],
    ) -> Result<Option<Delivery<'a>>, Refusal> {
        let Some(id) = transfer.delivery_id else {
            return Err(Refusal::new(
                condition::INVALID_FIELD,
                "The first transfer of a delivery needs a delivery-id.",
            ));
        };
        if self.credit == 0 {
            return Err(Refusal::new(condition::TRANSFER_LIMIT, "The link has no credit left."));
        }
        self.credit -= 1;
        self.delivery_count = self.delivery_count.wrapping_add(1);
        check_size(id, payload.len())?;
        let format = transfer.message_format.unwrap_or(0);
        let settled = transfer.settled.unwrap_or(false);
        if transfer.aborted {
            return Ok(None);
        }
        if transfer.more {
            self.partial = Some(Partial { id, format, settled, payload: payload.to_vec() });
            return Ok(None);
        }
        Ok(Some(Delivery { id, format, settled, payload: Cow::Borrowed(payload) }))
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

fn check_size(id: u32, size: usize) -> Result<(), Refusal> {
    if size as u64 <= MAX_MESSAGE_SIZE {
        return Ok(());
    }
    let text = format!(
        "The received message (delivery-id:{id}, size:{size} bytes) exceeds the limit ({MAX_MESSAGE_SIZE} bytes) \
         currently allowed on the link."
    );
    Err(Refusal::new(condition::MESSAGE_SIZE, text))
}
