//! The nine performatives, with every field stated when they are written.
//!
//! Owns the fields and their order. Strings and encoded parts borrow from the frame; what is only passed on
//! (properties, filters, capabilities) stays encoded. Does not own: the hot transfer (`transfer`).
//!
//! # Source
//! AMQP 1.0, 2.7 and 3.5.

use super::codec::{Cursor, Error, Items, Value};
use super::encode::Encoder;

/// One performative.
#[derive(Clone, Debug, PartialEq)]
pub enum Performative<'a> {
    /// Negotiates the connection.
    Open(Open<'a>),
    /// Begins a session.
    Begin(Begin<'a>),
    /// Attaches a link.
    Attach(Box<Attach<'a>>),
    /// Updates windows and credit.
    Flow(Flow),
    /// Transfers (part of) a delivery.
    Transfer(Transfer<'a>),
    /// Tells about the state of deliveries.
    Disposition(Disposition<'a>),
    /// Detaches a link.
    Detach(Detach<'a>),
    /// Ends a session.
    End(Option<Condition<'a>>),
    /// Closes the connection.
    Close(Option<Condition<'a>>),
}

impl<'a> Performative<'a> {
    /// Reads the performative that a frame's body begins with, and returns the payload behind it.
    pub fn decode(body: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let mut cursor = Cursor::new(body);
        let (code, mut fields) = described_list(cursor.value()?)?;
        let performative = match code {
            0x10 => Self::Open(Open::decode(&mut fields)?),
            0x11 => Self::Begin(Begin::decode(&mut fields)?),
            0x12 => Self::Attach(Box::new(Attach::decode(&mut fields)?)),
            0x13 => Self::Flow(Flow::decode(&mut fields)?),
            0x14 => Self::Transfer(Transfer::decode(&mut fields)?),
            0x15 => Self::Disposition(Disposition::decode(&mut fields)?),
            0x16 => Self::Detach(Detach::decode(&mut fields)?),
            0x17 => Self::End(Condition::decode_option(&mut fields)?),
            0x18 => Self::Close(Condition::decode_option(&mut fields)?),
            other => return Err(Error::UnknownDescriptor(other)),
        };
        Ok((performative, cursor.rest()))
    }
}

/// The negotiation of a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open<'a> {
    /// Names the peer.
    pub container_id: &'a str,
    /// The host that is asked for.
    pub hostname: Option<&'a str>,
    /// The largest frame it takes, bytes; none means any.
    pub max_frame_size: Option<u32>,
    /// Its highest channel; none means any.
    pub channel_max: Option<u16>,
    /// The silence after which it gives up, milliseconds.
    pub idle_time_out: Option<u32>,
    /// Encoded array of the capabilities it asks for.
    pub desired_capabilities: Option<&'a [u8]>,
    /// Encoded map of its properties.
    pub properties: Option<&'a [u8]>,
}

impl<'a> Open<'a> {
    fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let container_id = fields.string()?.ok_or(Error::Missing("container-id"))?;
        let hostname = fields.string()?;
        let (max_frame_size, channel_max) = (fields.uint()?, fields.ushort()?);
        let idle_time_out = fields.uint()?;
        fields.skip(3)?;
        let (desired_capabilities, properties) = (fields.raw()?, fields.raw()?);
        Ok(Self {
            container_id,
            hostname,
            max_frame_size,
            channel_max,
            idle_time_out,
            desired_capabilities,
            properties,
        })
    }

    /// Writes all ten fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        performative(out, 0x10, |list| {
            list.string(self.container_id);
            list.option(self.hostname, Encoder::string);
            list.option(self.max_frame_size, Encoder::uint);
            list.option(self.channel_max, Encoder::ushort);
            list.option(self.idle_time_out, Encoder::uint);
            list.nulls(3);
            list.option(self.desired_capabilities, Encoder::raw);
            list.option(self.properties, Encoder::raw);
        });
    }
}

/// The beginning of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Begin<'a> {
    /// The peer's channel that this answers; none when it begins a new session.
    pub remote_channel: Option<u16>,
    /// The transfer-id of its first transfer.
    pub next_outgoing_id: u32,
    /// How many transfers it can take now.
    pub incoming_window: u32,
    /// How many transfers it means to send.
    pub outgoing_window: u32,
    /// Its highest handle; none means any.
    pub handle_max: Option<u32>,
    /// Encoded map of its properties.
    pub properties: Option<&'a [u8]>,
}

impl<'a> Begin<'a> {
    fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let remote_channel = fields.ushort()?;
        let next_outgoing_id = fields.uint()?.ok_or(Error::Missing("next-outgoing-id"))?;
        let incoming_window = fields.uint()?.ok_or(Error::Missing("incoming-window"))?;
        let outgoing_window = fields.uint()?.ok_or(Error::Missing("outgoing-window"))?;
        let handle_max = fields.uint()?;
        fields.skip(2)?;
        let properties = fields.raw()?;
        Ok(Self {
            remote_channel,
            next_outgoing_id,
            incoming_window,
            outgoing_window,
            handle_max,
            properties,
        })
    }

    /// Writes all eight fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        performative(out, 0x11, |list| {
            list.option(self.remote_channel, Encoder::ushort);
            list.uint(self.next_outgoing_id);
            list.uint(self.incoming_window);
            list.uint(self.outgoing_window);
            list.option(self.handle_max, Encoder::uint);
            list.nulls(2);
            list.option(self.properties, Encoder::raw);
        });
    }
}

/// Which end of a link a peer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It sends deliveries.
    #[default]
    Sender,
    /// It receives deliveries.
    Receiver,
}

/// The settle mode by which a sender sends everything settled.
pub const SND_SETTLED: u8 = 1;

/// The attachment of a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attach<'a> {
    /// Names the link between the two containers.
    pub name: &'a str,
    /// Names the link in its session.
    pub handle: u32,
    /// The end that the writer of this attach is.
    pub role: Role,
    /// 0 unsettled, 1 settled, 2 mixed.
    pub snd_settle_mode: Option<u8>,
    /// 0 first, 1 second.
    pub rcv_settle_mode: Option<u8>,
    /// Where deliveries come from; none refuses the link.
    pub source: Option<Source<'a>>,
    /// Where deliveries go; none refuses the link.
    pub target: Option<Target<'a>>,
    /// The sender's first delivery-count; null from a receiver.
    pub initial_delivery_count: Option<u32>,
    /// The largest delivery it takes, bytes.
    pub max_message_size: Option<u64>,
    /// Encoded array of symbols.
    pub offered_capabilities: Option<&'a [u8]>,
    /// Encoded array of symbols.
    pub desired_capabilities: Option<&'a [u8]>,
    /// Encoded map of its properties.
    pub properties: Option<&'a [u8]>,
}

impl<'a> Attach<'a> {
    fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let name = fields.string()?.ok_or(Error::Missing("name"))?;
        let handle = fields.uint()?.ok_or(Error::Missing("handle"))?;
        let role = fields.role()?;
        let (snd_settle_mode, rcv_settle_mode) = (fields.ubyte()?, fields.ubyte()?);
        let source = fields.list(0x28)?.map(Source::decode).transpose()?;
        let target = fields.list(0x29)?.map(Target::decode).transpose()?;
        fields.skip(2)?;
        Ok(Self {
            name,
            handle,
            role,
            snd_settle_mode,
            rcv_settle_mode,
            source,
            target,
            initial_delivery_count: fields.uint()?,
            max_message_size: fields.ulong()?,
            offered_capabilities: fields.raw()?,
            desired_capabilities: fields.raw()?,
            properties: fields.raw()?,
        })
    }

    /// Writes all fourteen fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        performative(out, 0x12, |list| {
            list.string(self.name);
            list.uint(self.handle);
            list.bool(self.role == Role::Receiver);
            list.option(self.snd_settle_mode, Encoder::ubyte);
            list.option(self.rcv_settle_mode, Encoder::ubyte);
            list.option(self.source.as_ref(), |list, source| source.encode(list));
            list.option(self.target.as_ref(), |list, target| target.encode(list));
            list.nulls(2);
            list.option(self.initial_delivery_count, Encoder::uint);
            list.option(self.max_message_size, Encoder::ulong);
            list.option(self.offered_capabilities, Encoder::raw);
            list.option(self.desired_capabilities, Encoder::raw);
            list.option(self.properties, Encoder::raw);
        });
    }
}

/// Where a link's deliveries come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source<'a> {
    /// The node.
    pub address: Option<&'a str>,
    /// Encoded map of filters by name.
    pub filter: Option<&'a [u8]>,
}

impl<'a> Source<'a> {
    fn decode(mut fields: Fields<'a>) -> Result<Self, Error> {
        let address = fields.address()?;
        fields.skip(6)?;
        Ok(Self { address, filter: fields.raw()? })
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.described(0x28, |out| {
            out.list(|list| {
                list.option(self.address, Encoder::string);
                terminus_life(list);
                list.null();
                list.option(self.filter, Encoder::raw);
                list.nulls(3);
            });
        });
    }
}

/// Where a link's deliveries go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target<'a> {
    /// The node.
    pub address: Option<&'a str>,
}

impl<'a> Target<'a> {
    fn decode(mut fields: Fields<'a>) -> Result<Self, Error> {
        Ok(Self { address: fields.address()? })
    }

    fn encode(&self, out: &mut Encoder<'_>) {
        out.described(0x29, |out| {
            out.list(|list| {
                list.option(self.address, Encoder::string);
                terminus_life(list);
                list.null();
            });
        });
    }
}

/// Writes what a source and a target say of how long they last, with the defaults of the standard.
fn terminus_life(list: &mut Encoder<'_>) {
    list.uint(0);
    list.symbol("session-end");
    list.uint(0);
    list.bool(false);
    list.null();
}

/// An update of windows and, with a handle, of credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The next transfer-id it expects; none before it has seen the peer's begin.
    pub next_incoming_id: Option<u32>,
    /// How many transfers it can take now.
    pub incoming_window: u32,
    /// The transfer-id of its next transfer.
    pub next_outgoing_id: u32,
    /// How many transfers it means to send.
    pub outgoing_window: u32,
    /// The link that the rest is about; none when it is about the session alone.
    pub handle: Option<u32>,
    /// How many deliveries the link has seen.
    pub delivery_count: Option<u32>,
    /// How many more may be sent.
    pub link_credit: Option<u32>,
    /// How many are waiting to be sent.
    pub available: Option<u32>,
    /// Asks the sender to use its credit up or give it back.
    pub drain: bool,
    /// Asks for a flow in answer.
    pub echo: bool,
}

impl Flow {
    fn decode(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            next_incoming_id: fields.uint()?,
            incoming_window: fields.uint()?.ok_or(Error::Missing("incoming-window"))?,
            next_outgoing_id: fields.uint()?.ok_or(Error::Missing("next-outgoing-id"))?,
            outgoing_window: fields.uint()?.ok_or(Error::Missing("outgoing-window"))?,
            handle: fields.uint()?,
            delivery_count: fields.uint()?,
            link_credit: fields.uint()?,
            available: fields.uint()?,
            drain: fields.bool()?.unwrap_or(false),
            echo: fields.bool()?.unwrap_or(false),
        })
    }

    /// Writes all eleven fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        performative(out, 0x13, |list| {
            list.option(self.next_incoming_id, Encoder::uint);
            list.uint(self.incoming_window);
            list.uint(self.next_outgoing_id);
            list.uint(self.outgoing_window);
            list.option(self.handle, Encoder::uint);
            list.option(self.delivery_count, Encoder::uint);
            list.option(self.link_credit, Encoder::uint);
            list.option(self.available, Encoder::uint);
            list.bool(self.drain);
            list.bool(self.echo);
            list.null();
        });
    }
}

/// What stands in front of (part of) a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// The link.
    pub handle: u32,
    /// The delivery, in its session; later frames of a delivery may leave it out.
    pub delivery_id: Option<u32>,
    /// The delivery, in its link; later frames of a delivery may leave it out.
    pub delivery_tag: Option<&'a [u8]>,
    /// 0 for one event, 0x80013700 for a batch of events.
    pub message_format: Option<u32>,
    /// Whether the sender has forgotten the delivery already.
    pub settled: Option<bool>,
    /// Whether more frames of this delivery follow.
    pub more: bool,
    /// Whether the delivery is given up half way.
    pub aborted: bool,
}

impl<'a> Transfer<'a> {
    fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let handle = fields.uint()?.ok_or(Error::Missing("handle"))?;
        let delivery_id = fields.uint()?;
        let delivery_tag = fields.binary()?;
        let message_format = fields.uint()?;
        let settled = fields.bool()?;
        let more = fields.bool()?.unwrap_or(false);
        fields.skip(3)?;
        let aborted = fields.bool()?.unwrap_or(false);
        Ok(Self { handle, delivery_id, delivery_tag, message_format, settled, more, aborted })
    }

    /// Writes all eleven fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        performative(out, 0x14, |list| {
            list.uint(self.handle);
            list.option(self.delivery_id, Encoder::uint);
            list.option(self.delivery_tag, Encoder::binary);
            list.option(self.message_format, Encoder::uint);
            list.option(self.settled, Encoder::bool);
            list.bool(self.more);
            list.nulls(3);
            list.bool(self.aborted);
            list.bool(false);
        });
    }
}

/// What has become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It is taken in.
    Accepted,
    /// It is refused for good.
    Rejected(Option<Condition<'a>>),
}

impl Outcome<'_> {
    fn encode(&self, out: &mut Encoder<'_>) {
        match self {
            Outcome::Accepted => out.described(0x24, |out| out.list(|_| ())),
            Outcome::Rejected(error) => {
                out.described(0x25, |out| out.list(|list| Condition::encode_option(*error, list)));
            }
        }
    }
}

/// News about a range of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// The end that the writer is for these deliveries.
    pub role: Role,
    /// The first delivery.
    pub first: u32,
    /// The last delivery; none when it is the first.
    pub last: Option<u32>,
    /// Whether the writer has forgotten them.
    pub settled: bool,
    /// What has become of them; none for states we have no use for.
    pub state: Option<Outcome<'a>>,
}

impl<'a> Disposition<'a> {
    fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let role = fields.role()?;
        let first = fields.uint()?.ok_or(Error::Missing("first"))?;
        let last = fields.uint()?;
        let settled = fields.bool()?.unwrap_or(false);
        let state = match fields.value()? {
            Value::Described(descriptor, value) => match (code_of(descriptor)?, Value::read(value)?) {
                (0x24, _) => Some(Outcome::Accepted),
                (0x25, Value::List(items)) => {
                    Some(Outcome::Rejected(Condition::decode_option(&mut Fields { items })?))
                }
                _ => None,
            },
            _ => None,
        };
        Ok(Self { role, first, last, settled, state })
    }

    /// Writes all six fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        performative(out, 0x15, |list| {
            list.bool(self.role == Role::Receiver);
            list.uint(self.first);
            list.option(self.last, Encoder::uint);
            list.bool(self.settled);
            list.option(self.state.as_ref(), |list, state| state.encode(list));
            list.bool(false);
        });
    }
}

/// The end of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detach<'a> {
    /// The link.
    pub handle: u32,
    /// Whether it is closed for good.
    pub closed: bool,
    /// Why.
    pub error: Option<Condition<'a>>,
}

impl<'a> Detach<'a> {
    fn decode(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let handle = fields.uint()?.ok_or(Error::Missing("handle"))?;
        let closed = fields.bool()?.unwrap_or(false);
        Ok(Self { handle, closed, error: Condition::decode_option(fields)? })
    }

    /// Writes all three fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        performative(out, 0x16, |list| {
            list.uint(self.handle);
            list.bool(self.closed);
            Condition::encode_option(self.error, list);
        });
    }
}

/// An error as the wire has it: a condition for programs and a text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// The symbol, for instance `amqp:link:stolen`.
    pub condition: &'a str,
    /// The text.
    pub description: &'a str,
}

impl<'a> Condition<'a> {
    fn decode_option(fields: &mut Fields<'a>) -> Result<Option<Self>, Error> {
        let Some(mut fields) = fields.list(0x1d)? else { return Ok(None) };
        let condition = fields.string()?.ok_or(Error::Missing("condition"))?;
        Ok(Some(Self { condition, description: fields.string()?.unwrap_or_default() }))
    }

    fn encode_option(error: Option<Self>, list: &mut Encoder<'_>) {
        list.option(error, |list, error| {
            list.described(0x1d, |out| {
                out.list(|list| {
                    list.symbol(error.condition);
                    list.string(error.description);
                    list.null();
                });
            });
        });
    }
}

/// Writes an end with its one field.
pub fn encode_end(error: Option<Condition<'_>>, out: &mut Vec<u8>) {
    performative(out, 0x17, |list| Condition::encode_option(error, list));
}

/// Writes a close with its one field.
pub fn encode_close(error: Option<Condition<'_>>, out: &mut Vec<u8>) {
    performative(out, 0x18, |list| Condition::encode_option(error, list));
}

/// Writes a list behind the descriptor `code`.
pub(super) fn performative(out: &mut Vec<u8>, code: u8, fields: impl FnOnce(&mut Encoder<'_>)) {
    Encoder::new(out).described(code, |out| out.list(fields));
}

/// Reads a described list: its code and its fields.
pub(super) fn described_list(value: Value<'_>) -> Result<(u64, Fields<'_>), Error> {
    let Value::Described(descriptor, value) = value else { return Err(Error::NotA("a described list")) };
    let Value::List(items) = Value::read(value)? else { return Err(Error::NotA("a list of fields")) };
    Ok((code_of(descriptor)?, Fields { items }))
}

/// Returns the numeric code of an encoded descriptor.
pub(super) fn code_of(descriptor: &[u8]) -> Result<u64, Error> {
    match Value::read(descriptor)? {
        Value::Ulong(code) => Ok(code),
        Value::Symbol(name) => named_code(name).ok_or(Error::NotA("a known descriptor")),
        _ => Err(Error::NotA("a descriptor")),
    }
}

/// The descriptors that a peer may spell as symbols instead of codes.
fn named_code(name: &str) -> Option<u64> {
    Some(match name {
        "amqp:open:list" => 0x10,
        "amqp:begin:list" => 0x11,
        "amqp:attach:list" => 0x12,
        "amqp:flow:list" => 0x13,
        "amqp:transfer:list" => 0x14,
        "amqp:disposition:list" => 0x15,
        "amqp:detach:list" => 0x16,
        "amqp:end:list" => 0x17,
        "amqp:close:list" => 0x18,
        "amqp:error:list" => 0x1d,
        "amqp:accepted:list" => 0x24,
        "amqp:rejected:list" => 0x25,
        "amqp:released:list" => 0x26,
        "amqp:modified:list" => 0x27,
        "amqp:source:list" => 0x28,
        "amqp:target:list" => 0x29,
        "amqp:sasl-mechanisms:list" => 0x40,
        "amqp:sasl-init:list" => 0x41,
        "amqp:sasl-outcome:list" => 0x44,
        "amqp:header:list" => 0x70,
        "amqp:delivery-annotations:map" => 0x71,
        "amqp:message-annotations:map" => 0x72,
        "amqp:properties:list" => 0x73,
        "amqp:application-properties:map" => 0x74,
        "amqp:data:binary" => 0x75,
        "amqp:amqp-sequence:list" => 0x76,
        "amqp:amqp-value:*" => 0x77,
        "amqp:footer:map" => 0x78,
        _ => return None,
    })
}

/// The fields of a performative in order; those behind the last stated one are null.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    pub(super) items: Items<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn value(&mut self) -> Result<Value<'a>, Error> {
        self.items.next().unwrap_or(Ok(Value::Null))
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), Error> {
        (0..count).try_for_each(|_| self.items.next_raw().map(drop))
    }

    /// Returns the next field as it is encoded.
    pub(super) fn raw(&mut self) -> Result<Option<&'a [u8]>, Error> {
        let raw = self.items.next_raw()?;
        Ok(if raw == [0x40] { None } else { Some(raw) })
    }

    /// Returns the next field's text, whether string or symbol.
    pub(super) fn string(&mut self) -> Result<Option<&'a str>, Error> {
        self.read("a string", |value| value.text())
    }

    pub(super) fn binary(&mut self) -> Result<Option<&'a [u8]>, Error> {
        self.read("a binary", |value| match value {
            Value::Binary(bytes) => Some(*bytes),
            _ => None,
        })
    }

    pub(super) fn ubyte(&mut self) -> Result<Option<u8>, Error> {
        self.read("a ubyte", |value| value.integer().and_then(|n| n.try_into().ok()))
    }

    fn ushort(&mut self) -> Result<Option<u16>, Error> {
        self.read("a ushort", |value| value.integer().and_then(|n| n.try_into().ok()))
    }

    pub(super) fn uint(&mut self) -> Result<Option<u32>, Error> {
        self.read("a uint", |value| value.integer().and_then(|n| n.try_into().ok()))
    }

    fn ulong(&mut self) -> Result<Option<u64>, Error> {
        self.read("a ulong", |value| match value {
            Value::Ulong(n) => Some(*n),
            other => other.integer().and_then(|n| n.try_into().ok()),
        })
    }

    fn bool(&mut self) -> Result<Option<bool>, Error> {
        self.read("a boolean", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    fn role(&mut self) -> Result<Role, Error> {
        let receiver = self.bool()?.ok_or(Error::Missing("role"))?;
        Ok(if receiver { Role::Receiver } else { Role::Sender })
    }

    /// Returns the address of a terminus; addresses that are no text name nothing we have.
    fn address(&mut self) -> Result<Option<&'a str>, Error> {
        Ok(self.value()?.text())
    }

    /// Returns the fields of a list described by `code`; a described value of another code is none.
    fn list(&mut self, code: u64) -> Result<Option<Fields<'a>>, Error> {
        match self.value()? {
            Value::Null => Ok(None),
            value => {
                let (found, fields) = described_list(value)?;
                Ok((found == code).then_some(fields))
            }
        }
    }

    fn read<T>(
        &mut self,
        wanted: &'static str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.value()? {
            Value::Null => Ok(None),
            value => read(&value).map(Some).ok_or(Error::NotA(wanted)),
        }
    }
}
