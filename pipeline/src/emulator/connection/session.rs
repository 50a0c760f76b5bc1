//! An AMQP session: its links, and the effect of each frame on them.
//!
//! Owns the map from handles to links. Does not own: the connection's own frames (`connection`), windows
//! (`amqp::session`), or the admission of links (`attach`).

use std::collections::BTreeMap;

use crate::amqp::condition;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{
    Attach, Begin, Detach, Disposition, Flow, Outcome, Performative, Role, Transfer,
};
use crate::amqp::session::{SessionWindow, WindowSizes, WindowViolation};

use super::super::hub::event::Batch;
use super::super::refusal::Refusal;
use super::attach::{admit, needed_grant, put_accepted, put_detach, put_refused};
use super::context::ConnectionContext;
use super::incoming::Delivery;
use super::link::{Link, Publisher};
use super::nodes::{self, Reply, RequestNode};
use super::outgoing::{ReplyLink, Sent};

/// Highest handle of a session: the figure of the service's own Begin.
///
/// # Source
/// Protocol reference 1.4.
const MAX_HANDLE: u32 = 255;

/// Windows of a session, in transfers: the figures of the service's own Begin.
///
/// # Source
/// Protocol reference 1.4.
const WINDOWS: WindowSizes = WindowSizes { incoming: 5000, outgoing: 5000 };

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    channel: u16,
    window: SessionWindow,
    links: BTreeMap<u32, Link>,
    /// Addresses of the links that need a grant, by handle.
    needs: BTreeMap<u32, String>,
    /// First and last id of the deliveries that are accepted but not acknowledged yet.
    accepted: Option<(u32, u32)>,
}

/// Error that ends more than a link.
#[derive(Debug)]
pub(super) enum SessionError {
    /// The session has to end.
    Session(Refusal),
    /// The connection has to close.
    Connection(Refusal),
}

impl Session {
    /// Begins the session that the peer asks for, and answers with a Begin.
    pub(super) fn begin(channel: u16, begin: &Begin<'_>, out: &mut Vec<u8>) -> Self {
        let window = SessionWindow::accept(channel, begin, WINDOWS);
        window.put_begin(MAX_HANDLE, out);
        Self { channel, window, links: BTreeMap::new(), needs: BTreeMap::new(), accepted: None }
    }

    /// Processes a frame of the session.
    pub(super) fn on_frame(
        &mut self,
        performative: &Performative<'_>,
        payload: &[u8],
        context: &mut ConnectionContext,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        match performative {
            Performative::Attach(attach) => self.on_attach(attach, context, out),
            Performative::Flow(flow) => self.on_flow(flow, out),
            Performative::Transfer(transfer) => self.on_transfer(transfer, payload, context, out),
            Performative::Detach(detach) => self.on_detach(detach, out),
            // A reader can't reject an event, so the outcome of an unsettled delivery changes nothing.
            Performative::Disposition(_) => Ok(()),
            _ => {
                let text = "A frame that does not belong into a session.";
                Err(SessionError::Connection(Refusal::new(condition::ILLEGAL_STATE, text)))
            }
        }
    }

    /// Returns whether a link is attached.
    pub(super) fn has_links(&self) -> bool {
        self.links.values().any(|link| !matches!(link, Link::Detached))
    }

    /// Returns the number of links, those included that the peer has not detached yet.
    pub(super) fn link_count(&self) -> usize {
        self.links.len()
    }

    /// Returns whether a `$cbs` link of this role is attached.
    pub(super) fn has_cbs(&self, role: Role) -> bool {
        self.links.values().any(|link| match link {
            Link::Requests(RequestNode::Cbs, _) => role == Role::Sender,
            Link::Replies(replies) => role == Role::Receiver && replies.node == RequestNode::Cbs,
            _ => false,
        })
    }

    /// Returns whether the hub sends on this handle.
    pub(super) fn sends_on(&self, handle: u32) -> bool {
        matches!(self.links.get(&handle), Some(Link::Events(_) | Link::Replies(_)))
    }

    /// Sends what a link has to send.
    pub(super) fn pump(&mut self, handle: u32, out: &mut Vec<u8>) -> Sent {
        match self.links.get_mut(&handle) {
            Some(Link::Events(events)) => match events.reader().ended().cloned() {
                None => events.pump(&mut self.window, out),
                Some(refusal) => {
                    self.detach(handle, &refusal, out);
                    Sent::default()
                }
            },
            Some(Link::Replies(replies)) => {
                replies.pump(&mut self.window, out);
                Sent::default()
            }
            _ => Sent::default(),
        }
    }

    /// Returns the link for a reply: the one with its address, or any of its node if `exact` is false.
    pub(super) fn reply_link(&mut self, reply: &Reply, exact: bool) -> Option<&mut ReplyLink> {
        self.links.values_mut().find_map(|link| match link {
            Link::Replies(link) if link.node == reply.node => {
                (!exact || link.address == reply.address).then_some(link)
            }
            _ => None,
        })
    }

    /// Acknowledges the deliveries accepted since the last call, and restores window and credit.
    pub(super) fn finish_turn(&mut self, out: &mut Vec<u8>) {
        if let Some((first, last)) = self.accepted.take() {
            self.put_disposition(first, last, Outcome::Accepted, out);
        }
        self.window.renew(out);
        for link in self.links.values_mut() {
            if let Link::Publisher(_, incoming) | Link::Requests(_, incoming) = link {
                incoming.refill(&self.window, out);
            }
        }
    }

    fn on_attach(
        &mut self,
        attach: &Attach<'_>,
        context: &ConnectionContext,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        if attach.handle > MAX_HANDLE {
            let text = format!("The handle {} is above {MAX_HANDLE}.", attach.handle);
            return Err(SessionError::Connection(Refusal::new(condition::FRAMING_ERROR, text)));
        }
        if self.links.contains_key(&attach.handle) {
            let text = format!("The handle {} is in use.", attach.handle);
            return Err(SessionError::Session(Refusal::new(condition::HANDLE_IN_USE, text)));
        }
        let link = match admit(attach, self.channel, context) {
            Ok(link) => {
                put_accepted(attach, self.channel, out);
                if let Some(address) = needed_grant(attach, context) {
                    self.needs.insert(attach.handle, address);
                }
                link
            }
            Err(refusal) => {
                tracing::debug!(link = attach.name, condition = refusal.condition, "link refused");
                put_refused(attach, &refusal, self.channel, out);
                Link::Detached
            }
        };
        self.links.insert(attach.handle, link);
        Ok(())
    }

    /// Refuses an Attach for a reason outside this session.
    pub(super) fn refuse(&mut self, attach: &Attach<'_>, refusal: &Refusal, out: &mut Vec<u8>) {
        put_refused(attach, refusal, self.channel, out);
        self.links.insert(attach.handle, Link::Detached);
    }

    /// Detaches the links whose grant has lapsed, as the service does; returns their number.
    pub(super) fn detach_lapsed(&mut self, context: &ConnectionContext, out: &mut Vec<u8>) -> u64 {
        let now = context.namespace.now();
        let lapsed: Vec<u32> = self
            .needs
            .iter()
            .filter(|(_, address)| !context.grants.allows(address, now))
            .map(|(handle, _)| *handle)
            .collect();
        let refusal = Refusal::new(condition::UNAUTHORIZED, "ExpiredToken: The token is expired.");
        for handle in &lapsed {
            self.detach(*handle, &refusal, out);
        }
        lapsed.len() as u64
    }

    /// Detaches the links of hubs that have ended.
    pub(super) fn detach_ended(&mut self, out: &mut Vec<u8>) {
        let reason = |(handle, link): (&u32, &Link)| Some((*handle, link.ended()?.clone()));
        let ended: Vec<_> = self.links.iter().filter_map(reason).collect();
        for (handle, refusal) in ended {
            self.detach(handle, &refusal, out);
        }
    }

    fn on_flow(&mut self, flow: &Flow, out: &mut Vec<u8>) -> Result<(), SessionError> {
        self.window.on_flow(flow);
        let Some(handle) = flow.handle else {
            if flow.echo {
                self.window.put_flow(out, |flow| flow);
            }
            return Ok(());
        };
        let outgoing = match self.links.get_mut(&handle).ok_or_else(|| unattached(handle))? {
            Link::Events(events) => &mut events.outgoing,
            Link::Replies(replies) => &mut replies.outgoing,
            Link::Publisher(_, incoming) | Link::Requests(_, incoming) => {
                incoming.on_flow(flow);
                if flow.echo {
                    incoming.put_flow(&self.window, out);
                }
                return Ok(());
            }
            Link::Detached => return Ok(()),
        };
        outgoing.on_flow(flow);
        if flow.echo {
            outgoing.put_flow(&self.window, out);
        }
        Ok(())
    }

    fn on_transfer(
        &mut self,
        transfer: &Transfer<'_>,
        payload: &[u8],
        context: &mut ConnectionContext,
        out: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        self.window.count_received().map_err(window_violation)?;
        let handle = transfer.handle;
        let incoming = match self.links.get_mut(&handle) {
            Some(Link::Publisher(_, incoming) | Link::Requests(_, incoming)) => incoming,
            Some(Link::Detached) => return Ok(()),
            _ => return Err(unattached(handle)),
        };
        match incoming.on_transfer(transfer, payload) {
            Ok(None) => {}
            Ok(Some(delivery)) => self.on_delivery(handle, &delivery, context, out),
            Err(refusal) => self.detach(handle, &refusal, out),
        }
        Ok(())
    }

    fn on_delivery(
        &mut self,
        handle: u32,
        delivery: &Delivery<'_>,
        context: &mut ConnectionContext,
        out: &mut Vec<u8>,
    ) {
        let result = match (&delivery.payload, self.links.get(&handle)) {
            (Err(refusal), _) => Err(refusal.clone()),
            (Ok(payload), Some(Link::Publisher(publisher, _))) => {
                publish(publisher, delivery.format, payload)
            }
            (Ok(payload), Some(Link::Requests(node, _))) => request(*node, payload, context),
            _ => Ok(()),
        };
        match result {
            Ok(()) if delivery.settled => {}
            Ok(()) => self.accept(delivery.id, out),
            // A settled delivery can't be rejected: the link ends instead.
            Err(refusal) if delivery.settled => self.detach(handle, &refusal, out),
            Err(refusal) => {
                self.put_disposition(delivery.id, delivery.id, Outcome::Rejected(Some(refusal.wire())), out);
            }
        }
    }

    /// Records an accepted delivery; consecutive deliveries are acknowledged together.
    fn accept(&mut self, id: u32, out: &mut Vec<u8>) {
        match self.accepted {
            Some((first, last)) if last.wrapping_add(1) == id => self.accepted = Some((first, id)),
            Some((first, last)) => {
                self.put_disposition(first, last, Outcome::Accepted, out);
                self.accepted = Some((id, id));
            }
            None => self.accepted = Some((id, id)),
        }
    }

    fn put_disposition(&self, first: u32, last: u32, outcome: Outcome<'_>, out: &mut Vec<u8>) {
        let state = Some(outcome);
        let disposition = Disposition { role: Role::Receiver, first, last: Some(last), settled: true, state };
        put_frame(out, self.channel, |out| disposition.encode(out));
    }

    fn on_detach(&mut self, detach: &Detach<'_>, out: &mut Vec<u8>) -> Result<(), SessionError> {
        self.needs.remove(&detach.handle);
        let link = self.links.remove(&detach.handle).ok_or_else(|| unattached(detach.handle))?;
        if !matches!(link, Link::Detached) {
            let answer = Detach { handle: detach.handle, closed: detach.closed, error: None };
            put_frame(out, self.channel, |out| answer.encode(out));
        }
        Ok(())
    }

    /// Detaches a link with a reason.
    pub(super) fn detach(&mut self, handle: u32, refusal: &Refusal, out: &mut Vec<u8>) {
        put_detach(handle, refusal, self.channel, out);
        self.needs.remove(&handle);
        self.links.insert(handle, Link::Detached);
    }
}

fn publish(publisher: &Publisher, format: u32, payload: &[u8]) -> Result<(), Refusal> {
    if let Some(refusal) = publisher.hub.ended() {
        return Err(refusal.clone());
    }
    if let Some(refusal) = publisher.hub.faults.rejected_send(&publisher.hub.name) {
        return Err(refusal);
    }
    let batch = Batch::read(format, payload).map_err(|error| {
        Refusal::new(condition::DECODE_ERROR, format!("The event can't be read: {error}."))
    })?;
    publisher.hub.publish(publisher.partition, &batch).map(drop).map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "appending events failed");
        error.refusal()
    })
}

fn request(node: RequestNode, payload: &[u8], context: &mut ConnectionContext) -> Result<(), Refusal> {
    let reply = nodes::answer(node, &context.namespace, &mut context.grants, payload).map_err(|error| {
        Refusal::new(condition::DECODE_ERROR, format!("The request can't be read: {error}."))
    })?;
    context.replies.push(reply);
    Ok(())
}

fn unattached(handle: u32) -> SessionError {
    SessionError::Session(Refusal::new(
        condition::UNATTACHED_HANDLE,
        format!("The handle {handle} is not attached."),
    ))
}

fn window_violation(_: WindowViolation) -> SessionError {
    SessionError::Session(Refusal::new(
        condition::WINDOW_VIOLATION,
        "A transfer came without session window.",
    ))
}
