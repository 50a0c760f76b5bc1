//! Incoming frames: cut out of the read buffer where they lie, and dispatched to their sessions.
//!
//! Owns: the hub's channels, and frames that belong to no session. Does not own: the buffer (`buffer`), the socket.

use std::sync::Arc;

use super::close_reason::CloseReason;
use super::protocol_error::ProtocolError;
use super::session::AnySession;
use super::session_table::SessionTable;
use super::transfers::Transfers;
use crate::amqp::MAX_FRAME_SIZE;
use crate::amqp::frames::{FrameRef, Layer, put_frame};
use crate::amqp::performatives::{Begin, Condition, Performative, encode_close};

/// Dispatcher of a connection's incoming frames.
#[derive(Debug)]
pub(crate) struct Incoming {
    table: Arc<SessionTable>,
    /// Sessions by the hub's channels.
    routes: Vec<Option<Route>>,
    /// The hub's channels with transfers since the last wake-up.
    touched: Vec<u16>,
    /// Frames that a session has written, before they join the write queue.
    replies: Vec<u8>,
}

#[derive(Debug)]
struct Route {
    session: AnySession,
    /// Our channel of the same session.
    local_channel: u16,
    touched: bool,
}

impl Incoming {
    pub(crate) fn new(table: Arc<SessionTable>) -> Self {
        Self { table, routes: Vec::new(), touched: Vec::new(), replies: Vec::new() }
    }

    /// Dispatches all whole frames that `bytes` begins with; returns their length.
    ///
    /// # Errors
    /// The connection has ended. A Close for the hub is queued.
    pub(crate) fn dispatch(&mut self, bytes: &[u8]) -> Result<usize, CloseReason> {
        let dispatched = self.dispatch_frames(bytes);
        self.wake_touched();
        dispatched.map_err(|ended| match ended {
            Ended::ByHub(reason) => {
                self.close(None);
                reason
            }
            Ended::ByUs(error) => {
                let text = error.to_string();
                self.close(Some(Condition { condition: error.condition(), description: &text }));
                CloseReason::Lost(format!("malformed frame from the hub: {text}"))
            }
        })
    }

    fn dispatch_frames(&mut self, bytes: &[u8]) -> Result<usize, Ended> {
        let mut consumed = 0;
        while let Some(frame) = FrameRef::first(&bytes[consumed..], MAX_FRAME_SIZE as usize)? {
            let run = self.dispatch_transfers(&bytes[consumed..], frame)?;
            if run > 0 {
                consumed += run;
                continue;
            }
            consumed += frame.size;
            if !frame.body.is_empty() {
                self.dispatch_control(&frame)?;
            }
        }
        Ok(consumed)
    }

    /// Gives the transfers that `bytes` begins with to their session; returns their length. One lock serves them all.
    fn dispatch_transfers(&mut self, bytes: &[u8], first: FrameRef<'_>) -> Result<usize, ProtocolError> {
        let Some(Some(route)) = self.routes.get_mut(usize::from(first.channel)) else { return Ok(0) };
        let mut transfers = Transfers::new(bytes, first);
        let mut session = route.session.lock();
        session.on_transfers(&mut transfers, &mut self.replies)?;
        if !self.replies.is_empty() {
            // While the session is locked, so that its frames leave in the order they were written.
            self.table.outgoing.write(|out| out.append(&mut self.replies));
        }
        drop(session);
        if transfers.consumed() > 0 && !std::mem::replace(&mut route.touched, true) {
            self.touched.push(first.channel);
        }
        Ok(transfers.consumed())
    }

    /// Handles a frame that is not a transfer.
    fn dispatch_control(&mut self, frame: &FrameRef<'_>) -> Result<(), Ended> {
        if frame.layer != Layer::Amqp {
            return Err(ProtocolError::Order.into());
        }
        let (performative, _) = Performative::decode(frame.body)?;
        match performative {
            Performative::Open(_) => Err(ProtocolError::Order.into()),
            Performative::Close(error) => {
                Err(Ended::ByHub(CloseReason::new(error, "the hub closed the connection")))
            }
            Performative::Begin(begin) => self.on_begin(frame.channel, &begin),
            Performative::End(error) => {
                let route = self.routes.get_mut(usize::from(frame.channel)).and_then(Option::take);
                let route = route.ok_or(ProtocolError::Order)?;
                let mut session = route.session.lock();
                self.table.outgoing.write(|out| session.on_end(error, out));
                drop(session);
                route.session.changed.notify_one();
                self.table.remove(route.local_channel);
                Ok(())
            }
            other => {
                let route = self.routes.get(usize::from(frame.channel)).and_then(Option::as_ref);
                let route = route.ok_or(ProtocolError::Order)?;
                let mut session = route.session.lock();
                self.table.outgoing.write(|out| session.on_frame(&other, out));
                drop(session);
                route.session.changed.notify_one();
                Ok(())
            }
        }
    }

    /// The hub has begun its side of one of our sessions. A session that the hub begins itself is refused.
    fn on_begin(&mut self, channel: u16, begin: &Begin<'_>) -> Result<(), Ended> {
        let local_channel = begin.remote_channel.ok_or(ProtocolError::Order)?;
        let session = self.table.get(local_channel).ok_or(ProtocolError::Order)?;
        session.lock().on_begin(begin);
        let index = usize::from(channel);
        if self.routes.len() <= index {
            self.routes.resize_with(index + 1, || None);
        }
        if self.routes[index].is_some() {
            return Err(ProtocolError::Order.into());
        }
        self.routes[index] = Some(Route { session, local_channel, touched: false });
        Ok(())
    }

    /// Wakes the readers of all sessions with new transfers, once per read.
    fn wake_touched(&mut self) {
        for channel in self.touched.drain(..) {
            if let Some(Some(route)) = self.routes.get_mut(usize::from(channel)) {
                route.touched = false;
                route.session.changed.notify_one();
            }
        }
    }

    fn close(&self, error: Option<Condition<'_>>) {
        self.table.outgoing.write_last(|out| put_frame(out, 0, |out| encode_close(error, out)));
    }
}

/// The side that ended the connection.
enum Ended {
    ByHub(CloseReason),
    ByUs(ProtocolError),
}

impl<E: Into<ProtocolError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::ByUs(error.into())
    }
}
