//! The log of one partition: events in order, each encoded once, ready to be sent.
//!
//! Owns sequence numbers, offsets, enqueued times, and the index at which a reader starts. Does not own: the log file
//! (`disk`), readers (`readers`), or locks (`hub`).

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
#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    /// The event of sequence number n is at index n.
    events: Vec<Event>,
    /// Number of events that retention has removed. They stay in memory, and no reader gets them.
    purged: usize,
    /// Encoded size of all events: the offset of the next one.
    bytes: u64,
    file: Option<LogFile>,
    /// Offsets are those of a geo-replicated hub.
    pub(super) is_geo_replicated: bool,
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
        let first = self.events.len() as i64;
        let mut offset = self.bytes;
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
        let number = self.events.len() as i64;
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
        let offset = self.bytes;
        self.bytes += encoded.len() as u64;
        self.events.push(Event { offset, enqueued_time, header_size, encoded });
    }

    /// Returns the events from index `next` on.
    pub(super) fn events_from(&self, next: usize) -> &[Event] {
        self.events.get(next..).unwrap_or_default()
    }

    /// Returns the number of events.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns the encoded size of the events, bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Removes the events below a sequence number.
    pub(super) fn purge(&mut self, below: i64) {
        let below = usize::try_from(below).unwrap_or(0).min(self.events.len());
        self.purged = self.purged.max(below);
    }

    /// Returns whether retention has removed every event.
    pub(super) fn is_empty(&self) -> bool {
        self.purged == self.events.len()
    }

    /// Returns the first sequence number, or -1 before the first event.
    pub(super) fn begin(&self) -> i64 {
        if self.events.is_empty() { NONE } else { self.purged as i64 }
    }

    /// Returns the last sequence number, or -1.
    pub(super) fn last(&self) -> i64 {
        self.events.len() as i64 - 1
    }

    /// Returns the last event's offset as text, or "-1".
    pub(super) fn last_offset(&self) -> String {
        match self.events.last() {
            Some(event) => self.offset_text(self.last(), event.offset),
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
        self.events.last().map_or(UnixMillis::EPOCH, |event| event.enqueued_time)
    }

    /// Returns the index of the first event that a reader with this starting position gets.
    ///
    /// # Errors
    /// The service's refusal of a position past the end, or of an offset from before the hub was geo-replicated.
    ///
    /// # Source
    /// Protocol reference 6.3.
    pub(super) fn find_start(&self, start: &StartPosition) -> Result<usize, Refusal> {
        Ok(self.index_of(start)?.max(self.purged))
    }

    fn index_of(&self, start: &StartPosition) -> Result<usize, Refusal> {
        match start.position {
            Position::Beginning => Ok(0),
            Position::End => Ok(self.events.len()),
            Position::Offset { .. } if self.is_geo_replicated != start.position.is_geo_offset() => {
                let text = "The supplied offset is not one of this hub's replication state.";
                Err(Refusal::new(condition::INVALID_GEO_OFFSET, text))
            }
            Position::Offset { offset, .. } => {
                self.check_offset(offset)?;
                Ok(self.first_index(|event| start.includes(event.offset as i64, offset)))
            }
            Position::SequenceNumber(number) => {
                self.check_sequence_number(number)?;
                let next = if start.inclusive { number } else { number.saturating_add(1) };
                Ok(usize::try_from(next).unwrap_or(0))
            }
            Position::EnqueuedTime(time) => {
                Ok(self.first_index(|event| start.includes(event.enqueued_time.get(), time)))
            }
        }
    }

    fn first_index(&self, is_included: impl Fn(&Event) -> bool) -> usize {
        self.events.partition_point(|event| !is_included(event))
    }

    fn check_offset(&self, offset: i64) -> Result<(), Refusal> {
        if self.events.last().is_some_and(|last| offset <= last.offset as i64) {
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
