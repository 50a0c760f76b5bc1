//! Attaching: the link that an Attach asks for, its authorization, and the response.
//!
//! Owns admission and the Attach that answers. Does not own: attached links (`session`).

use std::sync::Arc;

use crate::amqp::codec::Value;
use crate::amqp::condition;
use crate::amqp::encode::encode_to_vec;
use crate::amqp::frames::put_frame;
use crate::amqp::performatives::{Attach, Detach, Role, SND_SETTLED, Source, Target};
use crate::amqp::sections::lookup;

use super::super::access::address::Node;
use super::super::hub::Hub;
use super::super::hub::filter::StartPosition;
use super::super::hub::readers::Reader;
use super::super::limits::MAX_ADDRESS_BYTES;
use super::super::refusal::Refusal;
use super::context::ConnectionContext;
use super::incoming::{Incoming, MAX_MESSAGE_SIZE};
use super::link::{Link, Publisher};
use super::nodes::RequestNode;
use super::outgoing::{EventLink, Outgoing, ReplyLink, Subscription};

/// Capability of a reader that wants runtime metrics of the partition on every event.
const METRICS: &str = "com.microsoft:enable-receiver-runtime-metric";
/// Capability of a reader that accepts any text as an offset. It changes nothing here: offsets are always text.
const GEOREPLICATION: &str = "com.microsoft:georeplication";
/// Link property that holds the owner level.
const OWNER_LEVEL: &str = "com.microsoft:epoch";
/// Link property that names a reader in error texts.
const RECEIVER_NAME: &str = "com.microsoft:receiver-name";

/// Returns the link that an Attach asks for.
///
/// # Errors
/// The refusal to send to the peer.
pub(super) fn admit(attach: &Attach<'_>, channel: u16, context: &ConnectionContext) -> Result<Link, Refusal> {
    let Some(address) = address_of(attach) else {
        return Err(Refusal::new(condition::INVALID_FIELD, "The link names no address."));
    };
    check_lengths(attach)?;
    let node = find(address, context)?;
    check_access(&node, address, context)?;
    match attach.role {
        Role::Sender => admit_sender(attach, node, context),
        Role::Receiver => admit_receiver(attach, node, channel, context),
    }
}

/// Returns the address of the node that an Attach asks for: that of the hub's end of the link.
pub(super) fn address_of<'a>(attach: &Attach<'a>) -> Option<&'a str> {
    match attach.role {
        Role::Sender => attach.target.as_ref().and_then(|target| target.address),
        Role::Receiver => attach.source.as_ref().and_then(|source| source.address),
    }
}

/// Returns the address that an admitted link needs a grant for.
pub(super) fn needed_grant(attach: &Attach<'_>, context: &ConnectionContext) -> Option<String> {
    let address = address_of(attach)?;
    let node = find(address, context).ok()?;
    grant_of(&node, address)
}

fn find(address: &str, context: &ConnectionContext) -> Result<Node, Refusal> {
    Node::find(address, |name| context.namespace.hub(name))
}

fn grant_of(node: &Node, address: &str) -> Option<String> {
    match node {
        Node::Cbs => None,
        _ => Some(address.to_owned()),
    }
}

/// Refuses addresses that are longer than any name: the link would keep them.
fn check_lengths(attach: &Attach<'_>) -> Result<(), Refusal> {
    let source = attach.source.as_ref().and_then(|source| source.address);
    let target = attach.target.as_ref().and_then(|target| target.address);
    if [source, target].into_iter().flatten().all(|address| address.len() <= MAX_ADDRESS_BYTES) {
        return Ok(());
    }
    let text = format!("An address has at most {MAX_ADDRESS_BYTES} bytes.");
    Err(Refusal::new(condition::INVALID_FIELD, text))
}

fn check_access(node: &Node, address: &str, context: &ConnectionContext) -> Result<(), Refusal> {
    let Some(needed) = grant_of(node, address) else { return Ok(()) };
    if context.grants.allows(&needed, context.namespace.now()) {
        return Ok(());
    }
    let text =
        format!("Unauthorized access. A valid token is required to perform this operation on '{needed}'.");
    Err(Refusal::new(condition::UNAUTHORIZED, text))
}

fn admit_sender(attach: &Attach<'_>, node: Node, context: &ConnectionContext) -> Result<Link, Refusal> {
    let publisher = |hub: Arc<Hub>, partition, incoming| {
        if let Some(refusal) = hub.faults.busy_link(&hub.name) {
            return Err(refusal);
        }
        hub.add_publisher(&context.waker);
        Ok(Link::Publisher(Publisher { hub, partition }, incoming))
    };
    let count = attach.initial_delivery_count.unwrap_or(0);
    let incoming = Incoming::new(attach.handle, count, &context.budgets.incomplete);
    match node {
        Node::Cbs => Ok(Link::Requests(RequestNode::Cbs, incoming)),
        Node::Management => Ok(Link::Requests(RequestNode::Management, incoming)),
        Node::Hub(hub) => publisher(hub, None, incoming),
        Node::Partition(hub, id) => publisher(hub, Some(id), incoming),
        Node::Reader { .. } => Err(Refusal::new(condition::NOT_ALLOWED, "A consumer group takes no events.")),
    }
}

fn admit_receiver(
    attach: &Attach<'_>,
    node: Node,
    channel: u16,
    context: &ConnectionContext,
) -> Result<Link, Refusal> {
    let budgets = &context.budgets;
    let outgoing = Outgoing::new(channel, attach.handle, context.max_frame_size, budgets);
    let reply_to = || attach.target.as_ref().and_then(|target| target.address).unwrap_or_default().to_owned();
    match node {
        Node::Cbs => Ok(Link::Replies(ReplyLink::new(outgoing, RequestNode::Cbs, reply_to(), budgets))),
        Node::Management => {
            Ok(Link::Replies(ReplyLink::new(outgoing, RequestNode::Management, reply_to(), budgets)))
        }
        Node::Reader { hub, group, partition } => {
            admit_reader(attach, outgoing, Place { hub, group, partition }, context)
        }
        Node::Hub(_) | Node::Partition(..) => {
            let text = "Events are read from a partition of a consumer group.";
            Err(Refusal::new(condition::NOT_ALLOWED, text))
        }
    }
}

/// The partition and the consumer group that a reader reads.
struct Place {
    hub: Arc<Hub>,
    group: String,
    partition: u32,
}

fn admit_reader(
    attach: &Attach<'_>,
    outgoing: Outgoing,
    place: Place,
    context: &ConnectionContext,
) -> Result<Link, Refusal> {
    let Place { hub, group, partition: id } = place;
    if let Some(refusal) = hub.faults.refused_link(&hub.name) {
        return Err(refusal);
    }
    let Some(partition) = hub.partition(id) else {
        return Err(Refusal::new(condition::NOT_FOUND, "The partition is not there."));
    };
    let filter = attach.source.as_ref().and_then(|source| source.filter);
    let refused = |text: String| Refusal::new(condition::ARGUMENT_ERROR, text);
    let start = StartPosition::read(filter).map_err(refused)?;
    let next = partition.log().find_start(&start)?;
    let property = |name| lookup(attach.properties.unwrap_or_default(), name).ok().flatten();
    let name = property(RECEIVER_NAME).and_then(|value| value.text());
    let level = property(OWNER_LEVEL).and_then(|value| value.integer());
    let reader = partition.readers.enter(&group, Reader::new(name, level, Arc::clone(&context.waker)))?;
    let metrics = desires(attach, METRICS);
    let subscription = Subscription { partition: id, group, next, metrics };
    Ok(Link::Events(Box::new(EventLink::new(outgoing, hub, reader, subscription, &context.waker))))
}

/// Appends the Attach that accepts a link.
pub(super) fn put_accepted(attach: &Attach<'_>, channel: u16, out: &mut Vec<u8>) {
    let offered: Vec<&str> =
        [METRICS, GEOREPLICATION].into_iter().filter(|capability| desires(attach, capability)).collect();
    let capabilities = encode_to_vec(|out| out.symbols(&offered));
    let answer = Attach {
        // Events to readers are always settled; publishers choose the mode themselves.
        snd_settle_mode: match attach.role {
            Role::Receiver => Some(SND_SETTLED),
            Role::Sender => attach.snd_settle_mode,
        },
        source: Some(attach.source.clone().unwrap_or_default()),
        target: Some(attach.target.clone().unwrap_or_default()),
        offered_capabilities: (!offered.is_empty()).then_some(&capabilities),
        ..answer_to(attach)
    };
    put_frame(out, channel, |out| answer.encode(out));
}

/// Appends the frames that refuse a link: an Attach without source and target, then a Detach with the reason.
///
/// # Source
/// Protocol reference 4.6.
pub(super) fn put_refused(attach: &Attach<'_>, refusal: &Refusal, channel: u16, out: &mut Vec<u8>) {
    let answer = Attach {
        initial_delivery_count: None,
        source: None::<Source<'_>>,
        target: None::<Target<'_>>,
        ..answer_to(attach)
    };
    put_frame(out, channel, |out| answer.encode(out));
    put_detach(attach.handle, refusal, channel, out);
}

/// Appends a Detach that closes a link with a reason.
pub(super) fn put_detach(handle: u32, refusal: &Refusal, channel: u16, out: &mut Vec<u8>) {
    let detach = Detach { handle, closed: true, error: Some(refusal.wire()) };
    put_frame(out, channel, |out| detach.encode(out));
}

fn answer_to<'a>(attach: &Attach<'a>) -> Attach<'a> {
    let (role, initial_delivery_count) = match attach.role {
        Role::Sender => (Role::Receiver, None),
        Role::Receiver => (Role::Sender, Some(0)),
    };
    Attach {
        name: attach.name,
        handle: attach.handle,
        role,
        snd_settle_mode: attach.snd_settle_mode,
        rcv_settle_mode: Some(0),
        initial_delivery_count,
        max_message_size: Some(MAX_MESSAGE_SIZE),
        ..Attach::default()
    }
}

/// Returns whether a capability is among the desired ones, which are one symbol or an array.
fn desires(attach: &Attach<'_>, capability: &str) -> bool {
    let Some(Ok(desired)) = attach.desired_capabilities.map(Value::read) else { return false };
    let matches = |value: &Value<'_>| value.text() == Some(capability);
    matches(&desired)
        || desired.items().is_some_and(|mut items| items.any(|item| item.is_ok_and(|item| matches(&item))))
}
