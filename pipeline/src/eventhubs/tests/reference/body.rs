//! The contents of a received message: the pieces of its body, its properties, its position.
//!
//! Nothing is lost: data sections are joined, a string or binary value is its bytes, and any other body stays in its
//! AMQP encoding.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fe2o3_amqp_types::messaging::annotations::OwnedKey;
use fe2o3_amqp_types::messaging::{
    Annotations, ApplicationProperties, Body, DeliveryAnnotations, Message, MessageAnnotations,
};
use fe2o3_amqp_types::primitives::{LazyValue, SimpleValue, Symbol, Value};
use serde_json::{Number, Value as Json};

use crate::amqp::encode::encode_to_vec;
use crate::clock::UnixMillis;
use crate::event::{EventHead, RawBatchBuilder};
use crate::eventhubs::names::{ENQUEUED_TIME, LAST_SEQUENCE_NUMBER, OFFSET, SEQUENCE_NUMBER, SIZE_EXCEEDED};
use crate::position::SequenceNumber;

/// A message whose body is decoded lazily.
pub(in crate::eventhubs::tests) type Received = Message<Body<LazyValue>>;

/// Appends an event to the batch; returns the length of its body.
pub(in crate::eventhubs::tests) fn push(
    batch: &mut RawBatchBuilder,
    place: &Place<'_>,
    received: &Received,
) -> usize {
    let properties = received.application_properties.as_ref().filter(|properties| !properties.is_empty());
    let properties_text = properties.map(to_json).unwrap_or_default();
    let content_type = received.properties.as_ref().and_then(|properties| properties.content_type.as_ref());
    let head = EventHead {
        sequence_number: place.sequence_number,
        offset: place.offset,
        enqueued_time: place.enqueued_time,
        content_type: content_type.map_or("", Symbol::as_str),
        // JSON text, where ours keeps the encoding; `properties_of` reads both.
        encoded_properties: properties_text.as_bytes(),
        size_exceeded: properties
            .is_some_and(|properties| properties.keys().any(|key| key.contains(SIZE_EXCEEDED))),
        undecodable: None,
        last_enqueued: last_enqueued(received.delivery_annotations.as_ref()),
    };
    let before = batch.body_bytes();
    match &received.body {
        Body::Data(sections) => batch.push_event(&head, sections.iter().map(|section| section.0.as_slice())),
        Body::Value(value) => batch.push_event(&head, [value_bytes(value.0.as_slice())]),
        Body::Sequence(sections) => {
            let lists: Vec<Vec<u8>> = sections.iter().map(|section| encode_list(&section.0)).collect();
            batch.push_event(&head, lists.iter().map(Vec::as_slice));
        }
        Body::Empty => batch.push_event(&head, []),
    }
    batch.body_bytes() - before
}

/// A list of encoded items, in the encoding of our encoder.
fn encode_list(items: &[LazyValue]) -> Vec<u8> {
    encode_to_vec(|out| out.list(|list| items.iter().for_each(|item| list.raw(item.as_slice()))))
}

/// The partition's last sequence number when the hub sent this event.
pub(in crate::eventhubs::tests) fn last_enqueued(
    annotations: Option<&DeliveryAnnotations>,
) -> Option<SequenceNumber> {
    match get(&annotations?.0, LAST_SEQUENCE_NUMBER)? {
        Value::Long(number) => Some(SequenceNumber::new(*number)),
        _ => None,
    }
}

/// The position of an event.
pub(in crate::eventhubs::tests) struct Place<'a> {
    pub(in crate::eventhubs::tests) sequence_number: SequenceNumber,
    offset: &'a str,
    enqueued_time: UnixMillis,
}

impl<'a> Place<'a> {
    /// Reads the annotations.
    ///
    /// # Errors
    /// The name of the one that is missing, of the wrong type or out of range.
    pub(in crate::eventhubs::tests) fn of(
        annotations: Option<&'a MessageAnnotations>,
    ) -> Result<Self, &'static str> {
        let annotations = &annotations.ok_or(SEQUENCE_NUMBER)?.0;
        let Some(Value::Long(number)) = get(annotations, SEQUENCE_NUMBER) else {
            return Err(SEQUENCE_NUMBER);
        };
        if !(0..i64::MAX).contains(number) {
            return Err(SEQUENCE_NUMBER);
        }
        let Some(Value::String(offset)) = get(annotations, OFFSET) else { return Err(OFFSET) };
        let Some(Value::Timestamp(time)) = get(annotations, ENQUEUED_TIME) else {
            return Err(ENQUEUED_TIME);
        };
        // The years 1 to 9999.
        if !(-62_135_596_800_000..253_402_300_800_000).contains(&time.milliseconds()) {
            return Err(ENQUEUED_TIME);
        }
        Ok(Self {
            sequence_number: SequenceNumber::new(*number),
            offset,
            enqueued_time: UnixMillis::new(time.milliseconds()),
        })
    }
}

/// Finds an annotation. Messages have three to five of them, so a search costs less than a hash.
fn get<'a>(annotations: &'a Annotations, name: &str) -> Option<&'a Value> {
    let is_named = |key: &OwnedKey| matches!(key, OwnedKey::Symbol(Symbol(key)) if key == name);
    annotations.iter().find(|(key, _)| is_named(key)).map(|(_, value)| value)
}

/// The bytes of an encoded value: the contents of text and binary, nothing for null, the encoding of any other.
///
/// # Source
/// AMQP 1.0, 1.6: format codes; variable-width values state their length in one byte or in four.
fn value_bytes(encoded: &[u8]) -> &[u8] {
    const NULL: u8 = 0x40;
    const BINARY_TEXT_SYMBOL_8: [u8; 3] = [0xa0, 0xa1, 0xa3];
    const BINARY_TEXT_SYMBOL_32: [u8; 3] = [0xb0, 0xb1, 0xb3];
    match encoded {
        [NULL] => &[],
        [code, _, bytes @ ..] if BINARY_TEXT_SYMBOL_8.contains(code) => bytes,
        [code, _, _, _, _, bytes @ ..] if BINARY_TEXT_SYMBOL_32.contains(code) => bytes,
        _ => encoded,
    }
}

/// Application properties as a JSON object with sorted keys.
fn to_json(properties: &ApplicationProperties) -> String {
    let members: BTreeMap<&str, Json> =
        properties.iter().map(|(name, value)| (name.as_str(), property(value))).collect();
    // A map of text and plain values always has a JSON form.
    serde_json::to_string(&members).unwrap_or_default()
}

fn property(value: &SimpleValue) -> Json {
    let float =
        |number: f64| Number::from_f64(number).map_or_else(|| number.to_string().into(), Json::Number);
    match value {
        SimpleValue::Null => Json::Null,
        SimpleValue::Bool(value) => (*value).into(),
        SimpleValue::Ubyte(value) => (*value).into(),
        SimpleValue::Ushort(value) => (*value).into(),
        SimpleValue::Uint(value) => (*value).into(),
        SimpleValue::Ulong(value) => (*value).into(),
        SimpleValue::Byte(value) => (*value).into(),
        SimpleValue::Short(value) => (*value).into(),
        SimpleValue::Int(value) => (*value).into(),
        SimpleValue::Long(value) => (*value).into(),
        SimpleValue::Float(value) => float(f64::from(value.0)),
        SimpleValue::Double(value) => float(value.0),
        SimpleValue::Char(value) => value.to_string().into(),
        SimpleValue::Timestamp(value) => value.milliseconds().into(),
        SimpleValue::Uuid(value) => uuid::Uuid::from_bytes(*value.as_inner()).to_string().into(),
        SimpleValue::Binary(value) => STANDARD.encode(value).into(),
        SimpleValue::String(value) | SimpleValue::Symbol(Symbol(value)) => value.as_str().into(),
        // Decimals and described values, which no known sender uses, are shown as the library shows them.
        other => format!("{other:?}").into(),
    }
}
