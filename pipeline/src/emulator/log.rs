//! The log of one partition: events in order, each encoded once, ready to be sent.
//!
//! Owns sequence numbers, offsets, enqueued times, and the event at which a reader starts. Does not own: the log file
//! (`disk`), readers (`readers`), or locks (`hub`).

use std::collections::VecDeque;

use crate::amqp::codec::{self, Value};
use crate::amqp::condition;
use crate::amqp::encode::Encoder;
use crate::amqp::sections::{Message, Sections, code};
use crate::clock::UnixMillis;

use super::disk::{self, LogFile, Record};
use super::filter::{Position, StartPosition};
use super::refusal::Refusal;

// Annotations that the hub writes; values of the sender are dropped.
const SEQUENCE_NUMBER: &str = "x-opt-sequence-number";
const OFFSET: &str = "x-opt-offset";
const ENQUEUED_TIME: &str = "x-opt-enqueued-time";
/// Annotation with which a sender chooses a partition.
pub(super) const PARTITION_KEY: &str = "x-opt-partition-key";

/// Offset and sequence number of an empty partition.
const NONE: i64 = -1;

/// Events of one partition in order.
///
/// Sequence numbers and offsets go on where they were when retention has removed events, all of them included.
#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    /// The events that retention has left.
    events: VecDeque<Event>,
    /// Sequence number of the first of them, or of the next event if there are none.
    first: i64,
    /// Encoded size of all events since the first one of the partition: the offset of the next one.
    next_offset: u64,
    /// Encoded size of the events that retention has left.
    bytes: u64,
    /// The last event, even if retention has removed it.
    last: Option<LastEvent>,
    file: Option<LogFile>,
    /// Offsets are those of a geo-replicated hub.
    pub(super) is_geo_replicated: bool,
}

/// The last event of a partition: what its properties report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LastEvent {
    offset: u64,
    enqueued_time: UnixMillis,
}

/// One event in its sent form, apart from the delivery annotations.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) offset: u64,
    pub(super) enqueued_time: UnixMillis,
    header_size: u32,
    encoded: Box<[u8]>,
}

impl Event {
    /// Returns the header section, which precedes the delivery annotations; usually empty.
    pub(super) fn header(&self) -> &[u8] {
        &self.encoded[..self.header_size as usize]
    }

    /// Returns the sections from the message annotations on.
    pub(super) fn rest(&self) -> &[u8] {
        &self.encoded[self.header_size as usize..]
    }
}

impl PartitionLog {
    /// Returns the log of a file's records; later events are appended to the file.
    pub(super) fn recovered(file: LogFile, records: Vec<Record>) -> Self {
        let mut log = Self { file: Some(file), ..Self::default() };
        for record in records {
            log.push(record);
        }
        log
    }

    /// Appends events in one write and returns the first sequence number; `key` is the partition key of events without
    /// their own.
    ///
    /// # Errors
    /// Malformed annotations, or a failed write. No event is appended.
    pub(super) fn append(
        &mut self,
        messages: &[Message<'_>],
        key: Option<&str>,
        now: UnixMillis,
    ) -> Result<i64, Error> {
        let enqueued_time = now.max(self.last_enqueued_time());
        let first = self.next();
        let mut offset = self.next_offset;
        let mut records = Vec::with_capacity(messages.len());
        for (sequence_number, message) in (first..).zip(messages) {
            let offset_text = self.offset_text(sequence_number, offset);
            let properties = SystemProperties { sequence_number, offset: &offset_text, enqueued_time, key };
            let encoded = encode_event(message, &properties)?.into_boxed_slice();
            offset += encoded.len() as u64;
            records.push(Record { enqueued_time, header_size: message.header.len() as u32, encoded });
        }
        self.append_records(records)?;
        Ok(first)
    }

    /// Appends a message that is sent unchanged; returns its position in the log, which its own annotations may
    /// contradict.
    ///
    /// # Errors
    /// A failed write.
    pub(super) fn append_verbatim(&mut self, message: &[u8], now: UnixMillis) -> Result<i64, Error> {
        let header = match Sections::new(message).next() {
            Some(Ok(section)) if section.code == code::HEADER => section.whole,
            _ => &[],
        };
        let record = Record {
            enqueued_time: now.max(self.last_enqueued_time()),
            header_size: header.len() as u32,
            encoded: message.into(),
        };
        let number = self.next();
        self.append_records(vec![record])?;
        Ok(number)
    }

    fn append_records(&mut self, records: Vec<Record>) -> Result<(), Error> {
        if let Some(file) = &mut self.file {
            file.append(&records)?;
        }
        for record in records {
            self.push(record);
        }
        Ok(())
    }

    fn push(&mut self, record: Record) {
        let Record { enqueued_time, header_size, encoded } = record;
        let (offset, size) = (self.next_offset, encoded.len() as u64);
        self.next_offset += size;
        self.bytes += size;
        self.last = Some(LastEvent { offset, enqueued_time });
        self.events.push_back(Event { offset, enqueued_time, header_size, encoded });
    }

    /// Returns the events from a sequence number on. The first is the oldest that retention has left if that is a later
    /// one.
    pub(super) fn events_from(&self, number: i64) -> impl Iterator<Item = &Event> {
        self.events.range(self.index_of(number)..)
    }

    /// Returns the number of events that retention has left.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns the encoded size of the events that retention has left, bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Removes the events below a sequence number and returns them, so that the caller frees them without the lock.
    pub(super) fn purge(&mut self, below: i64) -> Purged {
        let gone = self.index_of(below);
        let events: Vec<Event> = self.events.drain(..gone).collect();
        self.first += gone as i64;
        self.bytes -= events.iter().map(|event| event.encoded.len() as u64).sum::<u64>();
        Purged { _events: events }
    }

    /// Returns the sequence number of the first event that was enqueued at a time or later, or of the next event.
    pub(super) fn first_since(&self, time: UnixMillis) -> i64 {
        self.first_where(|event| event.enqueued_time >= time)
    }

    /// Returns whether the log has no events, or retention has removed all of them.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns the oldest sequence number that retention has left, that of the next event if it has left none, or -1
    /// before the first event.
    pub(super) fn begin(&self) -> i64 {
        if self.last.is_none() { NONE } else { self.first }
    }

    /// Returns the last sequence number, or -1.
    pub(super) fn last(&self) -> i64 {
        self.next() - 1
    }

    /// Returns the sequence number of the next event.
    pub(super) fn next(&self) -> i64 {
        self.first + self.events.len() as i64
    }

    /// Returns the last event's offset as text, or "-1".
    pub(super) fn last_offset(&self) -> String {
        match self.last {
            Some(last) => self.offset_text(self.last(), last.offset),
            None => NONE.to_string(),
        }
    }

    /// Returns an offset as readers see it.
    ///
    /// # Source
    /// Protocol reference 4.8.
    fn offset_text(&self, sequence_number: i64, offset: u64) -> String {
        if self.is_geo_replicated { format!("2:{sequence_number}:{offset}") } else { offset.to_string() }
    }

    /// Returns the enqueued time of the last event; 1970-01-01 for an empty partition.
    pub(super) fn last_enqueued_time(&self) -> UnixMillis {
        self.last.map_or(UnixMillis::EPOCH, |last| last.enqueued_time)
    }

    /// Returns the sequence number from which a reader with this starting position gets events. If retention has
    /// removed that event, the reader starts at the oldest one left.
    ///
    /// # Errors
    /// The service's refusal of a position past the end, or of an offset from before the hub was geo-replicated.
    ///
    /// # Source
    /// Protocol reference 6.3.
    pub(super) fn find_start(&self, start: &StartPosition) -> Result<i64, Refusal> {
        match start.position {
            Position::Beginning => Ok(self.first),
            Position::End => Ok(self.next()),
            Position::Offset { .. } if self.is_geo_replicated != start.position.is_geo_offset() => {
                let text = "The supplied offset is not one of this hub's replication state.";
                Err(Refusal::new(condition::INVALID_GEO_OFFSET, text))
            }
            Position::Offset { offset, .. } => {
                self.check_offset(offset)?;
                Ok(self.first_where(|event| start.includes(event.offset as i64, offset)))
            }
            Position::SequenceNumber(number) => {
                self.check_sequence_number(number)?;
                let next = if start.inclusive { number } else { number.saturating_add(1) };
                Ok(next.max(self.first))
            }
            Position::EnqueuedTime(time) => {
                Ok(self.first_where(|event| start.includes(event.enqueued_time.get(), time)))
            }
        }
    }

    /// Returns the sequence number of the first event with a property that all later ones have too.
    fn first_where(&self, is_included: impl Fn(&Event) -> bool) -> i64 {
        self.first + self.events.partition_point(|event| !is_included(event)) as i64
    }

    /// Returns the index of the first event that has this sequence number or a later one.
    fn index_of(&self, number: i64) -> usize {
        let index = usize::try_from(number.saturating_sub(self.first)).unwrap_or(0);
        index.min(self.events.len())
    }

    fn check_offset(&self, offset: i64) -> Result<(), Refusal> {
        if self.last.is_some_and(|last| offset <= last.offset as i64) {
            return Ok(());
        }
        let last = self.last_offset();
        let text =
            format!("The supplied offset '{offset}' is invalid. The last offset in the system is '{last}'");
        Err(Refusal::new(condition::ARGUMENT_ERROR, text))
    }

    fn check_sequence_number(&self, number: i64) -> Result<(), Refusal> {
        let last = self.last();
        if number <= last {
            return Ok(());
        }
        let text = format!(
            "The supplied sequence number '{number}' is invalid. The last sequence number in the system is '{last}'"
        );
        Err(Refusal::new(condition::ARGUMENT_ERROR, text))
    }
}

/// Events that retention has removed; dropping it frees their memory.
#[derive(Debug)]
#[must_use = "it is dropped after the lock of the log"]
pub(super) struct Purged {
    _events: Vec<Event>,
}

/// Error while an event is appended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The sender's annotations are malformed.
    #[error("malformed annotations of the event")]
    Annotations(#[from] codec::Error),
    /// Writing the log file failed.
    #[error("the log can't be written")]
    Disk(#[from] disk::Error),
}

/// The system properties that the hub adds to an event.
struct SystemProperties<'a> {
    sequence_number: i64,
    offset: &'a str,
    enqueued_time: UnixMillis,
    key: Option<&'a str>,
}

/// Encodes an event in its sent form: header, the hub's annotations before the sender's, and the rest unchanged.
fn encode_event(message: &Message<'_>, properties: &SystemProperties<'_>) -> Result<Vec<u8>, codec::Error> {
    // The hub's three annotations take about 100 bytes with their keys.
    let size = message.header.len() + message.message_annotations.len() + message.bare.len() + 160;
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(message.header);
    let mut outcome = Ok(());
    Encoder::new(&mut out).described(code::MESSAGE_ANNOTATIONS, |out| {
        out.map(|map| outcome = encode_annotations(map, message, properties));
    });
    outcome?;
    out.extend_from_slice(message.bare);
    Ok(out)
}

fn encode_annotations(
    map: &mut Encoder<'_>,
    message: &Message<'_>,
    properties: &SystemProperties<'_>,
) -> Result<(), codec::Error> {
    map.symbol(SEQUENCE_NUMBER);
    map.long(properties.sequence_number);
    map.symbol(OFFSET);
    map.string(properties.offset);
    map.symbol(ENQUEUED_TIME);
    map.timestamp(properties.enqueued_time.get());
    let mut key = properties.key;
    let mut entries = message.annotations();
    while !entries.is_empty() {
        let (name, value) = (entries.next_raw()?, entries.next_raw()?);
        let text = Value::read(name)?.text();
        if matches!(text, Some(SEQUENCE_NUMBER | OFFSET | ENQUEUED_TIME)) {
            continue;
        }
        if text == Some(PARTITION_KEY) {
            key = None;
        }
        map.raw(name);
        map.raw(value);
    }
    if let Some(key) = key {
        map.symbol(PARTITION_KEY);
        map.string(key);
    }
    Ok(())
}
