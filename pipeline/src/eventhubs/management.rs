//! Properties of a hub and of its partitions: requests to the management node, and their responses.
//!
//! Owns: the messages. Does not own: the link (`link`), or when a request is repeated (`client`).
//!
//! # Source
//! Protocol reference 3.1 and 3.2.

use super::error::Error;
use super::link::Request;
use super::names::{
    BEGIN_SEQUENCE_NUMBER, CREATED_AT, EVENT_HUB, EVENT_HUB_PARTITION, IS_EMPTY, LAST_OFFSET,
    LAST_SEQUENCE_NUMBER, LAST_TIME, NAME, OPERATION, PARTITION, PARTITION_IDS, READ, SECURITY_TOKEN, TYPE,
};
use crate::amqp::codec::{Items, Value};
use crate::amqp::encode::encode_to_vec;
use crate::amqp::sections::lookup;
use crate::clock::UnixMillis;
use crate::position::{Generation, PartitionId, SequenceNumber};

/// Properties of a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubProperties {
    /// Its name, as the hub spells it.
    pub name: String,
    /// Its creation time.
    pub generation: Generation,
    /// Its partitions, in ascending order.
    pub partitions: Vec<PartitionId>,
}

/// Properties of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProperties {
    /// The first sequence number it still has; -1 if it never had an event.
    pub begin: SequenceNumber,
    /// The last sequence number it assigned; -1 if it never had an event.
    pub last: SequenceNumber,
    /// The offset of the last event.
    pub last_offset: String,
    /// Time at which the hub accepted the last event, in Unix milliseconds.
    pub last_enqueued_time: UnixMillis,
    /// It holds no event.
    pub is_empty: bool,
}

/// A READ request for a hub, or for one of its partitions. `token` authorizes it.
pub(super) fn read_request(hub: &str, partition: Option<PartitionId>, token: &str) -> Request {
    let partition = partition.map(|partition| partition.to_string());
    let kind = if partition.is_some() { EVENT_HUB_PARTITION } else { EVENT_HUB };
    let mut properties = vec![(OPERATION, READ), (NAME, hub), (TYPE, kind), (SECURITY_TOKEN, token)];
    properties.extend(partition.as_deref().map(|partition| (PARTITION, partition)));
    Request {
        properties: encode_to_vec(|out| {
            out.map(|map| {
                for (name, value) in properties {
                    map.string(name);
                    map.string(value);
                }
            });
        }),
        body: encode_to_vec(|out| out.nulls(1)),
    }
}

/// Reads the properties of a hub from a response.
pub(super) fn hub_properties(response: &[u8], subject: &str) -> Result<HubProperties, Error> {
    let map = ResponseMap { map: response, subject };
    Ok(HubProperties {
        name: map.text(NAME)?,
        generation: Generation::new(map.time(CREATED_AT)?),
        partitions: map.partitions()?,
    })
}

/// Reads the properties of a partition from a response.
pub(super) fn partition_properties(response: &[u8], subject: &str) -> Result<PartitionProperties, Error> {
    let map = ResponseMap { map: response, subject };
    Ok(PartitionProperties {
        begin: SequenceNumber::new(map.integer(BEGIN_SEQUENCE_NUMBER)?),
        last: SequenceNumber::new(map.integer(LAST_SEQUENCE_NUMBER)?),
        last_offset: map.text(LAST_OFFSET)?,
        last_enqueued_time: map.time(LAST_TIME)?,
        is_empty: map.boolean(IS_EMPTY)?,
    })
}

/// The encoded map in the response to a READ.
struct ResponseMap<'a> {
    map: &'a [u8],
    subject: &'a str,
}

impl ResponseMap<'_> {
    fn get<T>(&self, name: &'static str, read: impl Fn(&Value<'_>) -> Option<T>) -> Result<T, Error> {
        let found = lookup(self.map, name).ok().flatten().and_then(|value| read(&value));
        found.ok_or_else(|| Error::Response { subject: self.subject.to_owned(), what: name })
    }

    fn text(&self, name: &'static str) -> Result<String, Error> {
        self.get(name, |value| value.text().map(str::to_owned))
    }

    fn integer(&self, name: &'static str) -> Result<i64, Error> {
        self.get(name, |value| match value {
            Value::Long(number) => Some(*number),
            _ => None,
        })
    }

    fn time(&self, name: &'static str) -> Result<UnixMillis, Error> {
        self.get(name, |value| match value {
            Value::Timestamp(time) => Some(UnixMillis::new(*time)),
            _ => None,
        })
    }

    fn boolean(&self, name: &'static str) -> Result<bool, Error> {
        self.get(name, |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    fn partitions(&self) -> Result<Vec<PartitionId>, Error> {
        let mut ids = self.get(PARTITION_IDS, |value| partition_ids(value.items()?))?;
        ids.sort_unstable();
        Ok(ids)
    }
}

fn partition_ids(items: Items<'_>) -> Option<Vec<PartitionId>> {
    let id = |value: Value<'_>| value.text()?.parse().ok().map(PartitionId::new);
    items.map(|value| id(value.ok()?)).collect()
}
