//! The windows of a session: ids of transfers, and the number that may still arrive and leave.
//!
//! Owns the arithmetic of counters that wrap around, the Begin, and the session's part of a Flow. Does not own: credit,
//! which belongs to a link, the links of a session, or the moment at which a window is renewed, for which each end has
//! reasons of its own. The emulator and both kinds of client links use it.

use super::frames::put_frame;
use super::performatives::{Begin, Flow};

/// The windows that one end states for its session, in transfers.
#[derive(Clone, Copy, Debug)]
pub struct WindowSizes {
    /// Transfers that the peer may send until the window is renewed.
    pub incoming: u32,
    /// Transfers that we may send. It is informative: the peer's incoming window limits what is sent.
    pub outgoing: u32,
}

/// Transfer ids and windows of one session, in both directions.
#[derive(Debug)]
pub struct SessionWindow {
    channel: u16,
    /// The peer's channel, if the peer began the session.
    answers: Option<u16>,
    sizes: WindowSizes,
    /// `None` until the peer has begun its side.
    next_incoming_id: Option<u32>,
    incoming_left: u32,
    next_outgoing_id: u32,
    outgoing_left: u32,
    next_delivery_id: u32,
}

impl SessionWindow {
    /// Returns the windows of a session that we begin on `channel`. Nothing may be sent until the peer has answered.
    pub fn initiate(channel: u16, sizes: WindowSizes) -> Self {
        Self {
            channel,
            answers: None,
            sizes,
            next_incoming_id: None,
            incoming_left: sizes.incoming,
            next_outgoing_id: FIRST_TRANSFER_ID,
            outgoing_left: 0,
            next_delivery_id: 0,
        }
    }

    /// Returns the windows of a session that the peer has begun on `channel`. Our side uses the same channel.
    pub fn accept(channel: u16, begin: &Begin<'_>, sizes: WindowSizes) -> Self {
        let mut window = Self { answers: Some(channel), ..Self::initiate(channel, sizes) };
        window.on_begin(begin);
        window
    }

    /// Applies the peer's Begin.
    pub fn on_begin(&mut self, begin: &Begin<'_>) {
        self.next_incoming_id = Some(begin.next_outgoing_id);
        self.outgoing_left = begin.incoming_window;
    }

    /// Appends our Begin.
    pub fn put_begin(&self, handle_max: u32, out: &mut Vec<u8>) {
        let begin = Begin {
            remote_channel: self.answers,
            next_outgoing_id: self.next_outgoing_id,
            incoming_window: self.incoming_left,
            outgoing_window: self.sizes.outgoing,
            handle_max: Some(handle_max),
            properties: None,
        };
        put_frame(out, self.channel, |out| begin.encode(out));
    }

    /// Our channel.
    pub fn channel(&self) -> u16 {
        self.channel
    }

    /// Returns whether the peer's window has room for a transfer.
    pub fn may_send(&self) -> bool {
        self.outgoing_left > 0
    }

    /// Counts a sent transfer.
    pub fn count_sent(&mut self) {
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
        self.outgoing_left = self.outgoing_left.saturating_sub(1);
    }

    /// Returns the id of the next delivery and counts it.
    pub fn next_delivery_id(&mut self) -> u32 {
        let id = self.next_delivery_id;
        self.next_delivery_id = id.wrapping_add(1);
        id
    }

    /// Appends a Flow frame with the session's state and the link state that `link` adds.
    pub fn put_flow(&self, out: &mut Vec<u8>, link: impl FnOnce(Flow) -> Flow) {
        let flow = link(Flow {
            next_incoming_id: self.next_incoming_id,
            incoming_window: self.incoming_left,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: self.sizes.outgoing,
            ..Flow::default()
        });
        put_frame(out, self.channel, |out| flow.encode(out));
    }

    /// Applies the peer's window from a Flow.
    pub fn on_flow(&mut self, flow: &Flow) {
        // A peer that has not seen our Begin yet counts from our first transfer.
        let expected = flow.next_incoming_id.unwrap_or(FIRST_TRANSFER_ID);
        let in_flight = self.next_outgoing_id.wrapping_sub(expected);
        self.outgoing_left = flow.incoming_window.saturating_sub(in_flight);
    }

    /// Counts a received transfer.
    ///
    /// # Errors
    /// The peer has exceeded the window; the session has to end.
    pub fn count_received(&mut self) -> Result<(), WindowViolation> {
        if self.incoming_left == 0 {
            return Err(WindowViolation);
        }
        self.incoming_left -= 1;
        self.next_incoming_id = self.next_incoming_id.map(|id| id.wrapping_add(1));
        Ok(())
    }

    /// Transfers that the peer may still send.
    pub fn incoming_left(&self) -> u32 {
        self.incoming_left
    }

    /// Lets the peer send `transfers` more, unless it may send more already: transfers under that window may be in
    /// flight. The next Flow states it. Returns whether there is something to state.
    pub fn extend_to(&mut self, transfers: u32) -> bool {
        let extends = transfers > self.incoming_left;
        self.incoming_left = self.incoming_left.max(transfers);
        extends
    }

    /// Restores the incoming window, with a Flow, once half of it is used.
    pub fn renew(&mut self, out: &mut Vec<u8>) {
        if self.incoming_left <= self.sizes.incoming / 2 {
            self.extend_to(self.sizes.incoming);
            self.put_flow(out, |flow| flow);
        }
    }
}

/// A transfer arrived although the session window was exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transfer arrived without session window")]
pub struct WindowViolation;

/// Id of our first transfer in a session.
const FIRST_TRANSFER_ID: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::frames::FrameBuffer;
    use crate::amqp::performatives::Performative;

    const SIZES: WindowSizes = WindowSizes { incoming: 10, outgoing: 7 };

    fn begun(next_outgoing_id: u32, incoming_window: u32) -> SessionWindow {
        let begin = Begin { next_outgoing_id, incoming_window, ..Begin::default() };
        let mut window = SessionWindow::initiate(3, SIZES);
        window.on_begin(&begin);
        window
    }

    /// The only frame of `out`, which is a Flow.
    fn flow_in(out: &[u8]) -> Flow {
        let mut buffer = FrameBuffer::new(512);
        buffer.extend(out);
        let frame = buffer.next_frame().unwrap().unwrap();
        assert_eq!((frame.channel, buffer.next_frame()), (3, Ok(None)));
        match Performative::decode(&frame.body).unwrap().0 {
            Performative::Flow(flow) => flow,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_sent_and_no_id_is_stated_before_the_peer_has_begun() {
        let mut window = SessionWindow::initiate(3, SIZES);
        assert!(!window.may_send());
        let mut out = Vec::new();
        window.put_flow(&mut out, |flow| Flow { link_credit: Some(5), ..flow });
        let expected = Flow {
            next_incoming_id: None,
            incoming_window: 10,
            outgoing_window: 7,
            link_credit: Some(5),
            ..Flow::default()
        };
        assert_eq!(flow_in(&out), expected);
        window.on_begin(&Begin { incoming_window: 1, ..Begin::default() });
        assert!(window.may_send());
        window.count_sent();
        assert!(!window.may_send());
    }

    #[test]
    fn received_transfers_use_the_window_until_it_is_renewed_at_half() {
        let mut window = begun(u32::MAX - 1, 0);
        let mut out = Vec::new();
        for left in (6..10).rev() {
            window.count_received().unwrap();
            window.renew(&mut out);
            assert_eq!((window.incoming_left(), out.len()), (left, 0));
        }
        window.count_received().unwrap();
        window.renew(&mut out);
        let flow = flow_in(&out);
        assert_eq!((flow.next_incoming_id, flow.incoming_window), (Some(3), 10), "ids wrap around");
        for _ in 0..10 {
            window.count_received().unwrap();
        }
        assert_eq!(window.count_received(), Err(WindowViolation));
    }

    #[test]
    fn window_never_shrinks_below_what_the_peer_may_have_sent() {
        let mut window = begun(0, 0);
        assert!(!window.extend_to(4) && !window.extend_to(10));
        assert_eq!(window.incoming_left(), 10);
        assert!(window.extend_to(11));
        assert_eq!(window.incoming_left(), 11);
    }

    #[test]
    fn window_of_a_flow_counts_from_the_last_transfer_that_the_peer_has_seen() {
        let mut window = begun(0, 100);
        for _ in 0..4 {
            window.count_sent();
        }
        // (the peer's next id, its window, transfers that may be sent)
        for (seen, size, left) in
            [(Some(4), 3, 3), (Some(2), 3, 1), (None, 5, 1), (Some(0), 4, 0), (Some(0), 2, 0)]
        {
            let flow = Flow { next_incoming_id: seen, incoming_window: size, ..Flow::default() };
            window.on_flow(&flow);
            for sent in 0..left {
                assert!(window.may_send(), "{seen:?} {size}: {sent}");
                window.count_sent();
            }
            assert!(!window.may_send(), "{seen:?} {size}");
            window.next_outgoing_id = 4;
        }
    }

    #[test]
    fn accepted_session_answers_on_the_channel_of_the_peer() {
        let begin = Begin { next_outgoing_id: 9, incoming_window: 2, ..Begin::default() };
        let window = SessionWindow::accept(3, &begin, SIZES);
        let mut out = Vec::new();
        window.put_begin(255, &mut out);
        let (answer, _) = Performative::decode(&out[8..]).unwrap();
        let expected = Begin {
            remote_channel: Some(3),
            next_outgoing_id: 0,
            incoming_window: 10,
            outgoing_window: 7,
            handle_max: Some(255),
            properties: None,
        };
        assert_eq!(answer, Performative::Begin(expected));
        assert!(window.may_send());
    }
}
