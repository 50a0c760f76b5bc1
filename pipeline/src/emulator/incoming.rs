//! What the hub receives on a link: credit, and deliveries put together from their frames.
//!
//! Owns the limits on what a peer may send. Does not own: what a delivery means (`session`).

use std::borrow::Cow;

use crate::amqp::condition;
use crate::amqp::performatives::{Flow, Transfer};
use crate::amqp::session::SessionWindow;

use super::refusal::Refusal;

/// The largest delivery that a link takes, bytes: the limit of the service's standard tier.
///
/// # Source
/// Protocol reference 5.4.
pub(super) const MESSAGE_SIZE_MAX: u64 = 1_048_576;

/// Credit of a publishing link: what a client may have on its way to us.
const CREDIT: u32 = 1000;

/// The receiving end of a link.
#[derive(Debug)]
pub(super) struct Incoming {
    handle: u32,
    delivery_count: u32,
    credit: u32,
    partial: Option<Partial>,
}

/// A delivery of which frames are missing.
#[derive(Debug)]
struct Partial {
    id: u32,
    format: u32,
    settled: bool,
    payload: Vec<u8>,
}

/// A whole delivery.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    pub(super) id: u32,
    pub(super) format: u32,
    pub(super) settled: bool,
    pub(super) payload: Cow<'a, [u8]>,
}

impl Incoming {
    /// Makes a link without credit whose peer has counted to `delivery_count`.
    pub(super) fn new(handle: u32, delivery_count: u32) -> Self {
        Self { handle, delivery_count, credit: 0, partial: None }
    }

    /// Takes a frame in; returns the delivery once it is whole.
    ///
    /// # Errors
    /// What the peer must not do: the link has to be detached.
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

    /// Takes the peer's count in.
    pub(super) fn on_flow(&mut self, flow: &Flow) {
        let Some(count) = flow.delivery_count else { return };
        // A peer that skips deliveries (a drain) gives their credit back.
        let skipped = count.wrapping_sub(self.delivery_count);
        if skipped <= self.credit {
            self.delivery_count = count;
            self.credit -= skipped;
        }
    }

    /// Gives credit again once half of it is used.
    pub(super) fn refill(&mut self, window: &SessionWindow, out: &mut Vec<u8>) {
        if self.credit <= CREDIT / 2 {
            self.credit = CREDIT;
            self.put_flow(window, out);
        }
    }

    /// Puts this link's state onto `out`.
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
    if size as u64 <= MESSAGE_SIZE_MAX {
        return Ok(());
    }
    let text = format!(
        "The received message (delivery-id:{id}, size:{size} bytes) exceeds the limit ({MESSAGE_SIZE_MAX} bytes) \
         currently allowed on the link."
    );
    Err(Refusal::new(condition::MESSAGE_SIZE, text))
}
