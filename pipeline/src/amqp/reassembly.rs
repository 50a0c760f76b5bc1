//! Reassembly: the rules of one delivery over one transfer or several, without its payload.
//!
//! Owns: which transfer begins a delivery, continues it, completes it or abandons it, and the limit on its size. Does
//! not own: the bytes, which each receiver puts where it needs them (`eventhubs/receive` into a batch, others into a
//! vector), or credit.
//!
//! # Source
//! AMQP 1.0, 2.6.14 and 2.7.5.

use super::condition;
use super::performatives::Transfer;

/// The incoming deliveries of one link.
#[derive(Debug)]
pub struct Reassembly {
    max_size: usize,
    /// The delivery whose transfers are outstanding.
    open: Option<Open>,
    /// Its tag; kept beside it so that the room is reused.
    tag: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    delivery: Delivery,
    size: usize,
}

/// The facts about a delivery that its transfers state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Id in its session.
    pub id: u32,
    /// Message format.
    pub format: u32,
    /// The sender has settled it; otherwise it needs a disposition.
    pub settled: bool,
}

/// The part of a delivery that a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A delivery in one transfer.
    Whole(Delivery),
    /// The first of several.
    First,
    /// Neither the first nor the last.
    Middle,
    /// The last of several.
    Last(Delivery),
    /// The sender abandons the delivery; its payload is discarded, and it needs no disposition.
    Aborted,
}

impl Reassembly {
    /// Returns the state between deliveries, for deliveries of at most `max_size` bytes.
    pub fn new(max_size: usize) -> Self {
        Self { max_size, open: None, tag: Vec::new() }
    }

    /// Returns whether the next transfer begins a delivery.
    pub fn is_idle(&self) -> bool {
        self.open.is_none()
    }

    /// Drops the incomplete delivery, if there is one.
    pub fn reset(&mut self) {
        self.open = None;
    }

    /// Handles a transfer with `payload` bytes of payload.
    ///
    /// # Errors
    /// The sender breaks the rules of deliveries; the link has to end.
    pub fn on_transfer(&mut self, transfer: &Transfer<'_>, payload: usize) -> Result<Part, Violation> {
        let Some(open) = self.open else { return self.on_first(transfer, payload) };
        let is_same = transfer.delivery_id.is_none_or(|id| id == open.delivery.id)
            && transfer.delivery_tag.is_none_or(|tag| tag == self.tag)
            && transfer.message_format.is_none_or(|format| format == open.delivery.format);
        if !is_same {
            return Err(Violation::Interleaved);
        }
        self.open = None;
        if transfer.aborted {
            return Ok(Part::Aborted);
        }
        let size = open.size + payload;
        let settled = open.delivery.settled || transfer.settled == Some(true);
        let delivery = Delivery { settled, ..open.delivery };
        self.check_size(delivery.id, size)?;
        if !transfer.more {
            return Ok(Part::Last(delivery));
        }
        self.open = Some(Open { delivery, size });
        Ok(Part::Middle)
    }

    fn on_first(&mut self, transfer: &Transfer<'_>, payload: usize) -> Result<Part, Violation> {
        let id = transfer.delivery_id.ok_or(Violation::NoId)?;
        if transfer.aborted {
            return Ok(Part::Aborted);
        }
        self.check_size(id, payload)?;
        let format = transfer.message_format.unwrap_or(0);
        let delivery = Delivery { id, format, settled: transfer.settled == Some(true) };
        if !transfer.more {
            return Ok(Part::Whole(delivery));
        }
        self.tag.clear();
        self.tag.extend_from_slice(transfer.delivery_tag.unwrap_or_default());
        self.open = Some(Open { delivery, size: payload });
        Ok(Part::First)
    }

    fn check_size(&self, id: u32, size: usize) -> Result<(), Violation> {
        if size <= self.max_size {
            Ok(())
        } else {
            Err(Violation::TooLarge { id, size, limit: self.max_size })
        }
    }
}

/// A violation of the rules of deliveries by the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The first transfer of a delivery has no id.
    #[error("the first transfer of a delivery has no delivery-id")]
    NoId,
    /// A transfer states another id, tag or format than the incomplete delivery.
    #[error("a delivery began before the previous one was complete")]
    Interleaved,
    /// A delivery exceeds the limit.
    #[error("a delivery of at least {size} bytes is larger than {limit}")]
    TooLarge {
        /// Id of the delivery.
        id: u32,
        /// Its bytes so far.
        size: usize,
        /// The limit.
        limit: usize,
    },
}

impl Violation {
    /// The condition that the link ends with.
    pub fn condition(&self) -> &'static str {
        match self {
            Self::NoId => condition::INVALID_FIELD,
            Self::Interleaved => condition::ILLEGAL_STATE,
            Self::TooLarge { .. } => condition::MESSAGE_SIZE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Transfer<'_> = Transfer {
        handle: 0,
        delivery_id: Some(7),
        delivery_tag: Some(b"tag"),
        message_format: Some(9),
        settled: None,
        more: true,
        aborted: false,
    };
    const NEXT: Transfer<'_> =
        Transfer { delivery_id: None, delivery_tag: None, message_format: None, ..FIRST };

    fn settled(settled: bool) -> Delivery {
        Delivery { id: 7, format: 9, settled }
    }

    /// The parts that these transfers are, each with ten bytes of payload, up to the first violation.
    fn parts(transfers: &[Transfer<'_>]) -> Result<Vec<Part>, Violation> {
        let mut reassembly = Reassembly::new(30);
        let parts = transfers.iter().map(|transfer| reassembly.on_transfer(transfer, 10)).collect();
        assert_eq!(reassembly.is_idle(), transfers.last().is_some_and(|last| !last.more || last.aborted));
        parts
    }

    #[test]
    fn later_transfers_may_leave_out_or_repeat_id_tag_and_format() {
        for next in [NEXT, FIRST, Transfer { message_format: None, ..FIRST }] {
            let last = Transfer { more: false, ..next };
            let expected = vec![Part::First, Part::Middle, Part::Last(settled(false))];
            assert_eq!(parts(&[FIRST, next, last]), Ok(expected));
        }
    }

    #[test]
    fn any_transfer_of_a_delivery_may_settle_it() {
        for at in 0..3 {
            let mut transfers = [FIRST, NEXT, Transfer { more: false, ..NEXT }];
            transfers[at].settled = Some(true);
            assert_eq!(parts(&transfers).unwrap()[2], Part::Last(settled(true)), "{at}");
        }
        let whole = Transfer { more: false, settled: Some(true), ..FIRST };
        assert_eq!(parts(&[whole]), Ok(vec![Part::Whole(settled(true))]));
        let settled_then_not = [
            Transfer { settled: Some(true), ..FIRST },
            Transfer { settled: Some(false), more: false, ..NEXT },
        ];
        assert_eq!(parts(&settled_then_not).unwrap()[1], Part::Last(settled(true)));
    }

    #[test]
    fn aborted_delivery_ends_whether_more_is_set_or_not() {
        for more in [false, true] {
            let aborted = Transfer { aborted: true, more, ..NEXT };
            assert_eq!(parts(&[FIRST, aborted]), Ok(vec![Part::First, Part::Aborted]));
            let at_once = Transfer { aborted: true, more, ..FIRST };
            assert_eq!(parts(&[at_once]), Ok(vec![Part::Aborted]));
        }
    }

    #[test]
    fn transfer_of_another_delivery_in_the_middle_is_a_violation() {
        let others = [
            Transfer { delivery_id: Some(8), ..NEXT },
            Transfer { delivery_tag: Some(b"other"), ..NEXT },
            Transfer { message_format: Some(0), ..NEXT },
        ];
        for other in others {
            assert_eq!(parts(&[FIRST, other]), Err(Violation::Interleaved), "{other:?}");
        }
    }

    #[test]
    fn first_transfer_without_an_id_is_a_violation() {
        assert_eq!(Reassembly::new(30).on_transfer(&NEXT, 0), Err(Violation::NoId));
    }

    #[test]
    fn delivery_beyond_the_limit_is_a_violation_at_the_transfer_that_exceeds_it() {
        let too_large = |size| Err(Violation::TooLarge { id: 7, size, limit: 30 });
        let mut reassembly = Reassembly::new(30);
        assert_eq!(reassembly.on_transfer(&FIRST, 30), Ok(Part::First));
        assert_eq!(reassembly.on_transfer(&NEXT, 1), too_large(31));
        let whole = Transfer { more: false, ..FIRST };
        assert_eq!(Reassembly::new(30).on_transfer(&whole, 31), too_large(31));
    }
}
