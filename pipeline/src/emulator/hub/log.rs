//! The log of one partition: events in order, each encoded once, ready to be sent.
//!
//! Owns sequence numbers, offsets, enqueued times, and the event at which a reader starts. Does not own: the log file
//! (`storage`), readers (`readers`), or locks (`hub`).

use std::collections::VecDeque;
use std::error::Error as _;

use crate::amqp::codec;
use crate::amqp::condition;
use crate::amqp::sections::{Message, Sections, code};
use crate::clock::UnixMillis;

use super::super::refusal::Refusal;
use super::super::storage::{self, BeginRecord, Leftover, LogFiles, LogFolder, LogPosition, Record};
use super::annotations::{SystemProperties, encode_event};
use super::filter::{Position, StartPosition};

/// Offset and sequence number of an empty partition.
const NONE: i64 = -1;

/// Events of one partition in order.
///
/// Sequence numbers and offsets go on where they were when retention has removed events, all of them included.
#[derive(Debug, Default)]
pub(in crate::emulator) struct PartitionLog {
    /// The events that retention has left.
    events: VecDeque<Event>,
    /// Encoded size of these events.
    bytes: u64,
    /// The place after the last event, even if retention has removed that one.
    end: LogPosition,
    /// The files of a hub with a data folder.
    files: Option<LogFiles>,
    /// Offsets are those of a geo-replicated hub.
    pub(in crate::emulator) is_geo_replicated: bool,
}

/// One event in its sent form, apart from the delivery annotations.
#[derive(Debug)]
pub(in crate::emulator) struct Event {
    pub(in crate::emulator) offset: u64,
    pub(in crate::emulator) enqueued_time: UnixMillis,
    header_size: u32,
    encoded: Box<[u8]>,
}

impl Event {
    /// Returns the header section, which precedes the delivery annotations; usually empty.
    pub(in crate::emulator) fn header(&self) -> &[u8] {
        &self.encoded[..self.header_size as usize]
    }

    /// Returns the sections from the message annotations on.
    pub(in crate::emulator) fn rest(&self) -> &[u8] {
        &self.encoded[self.header_size as usize..]
    }
}

impl PartitionLog {
    /// Opens the log of a partition with the events in its files; later events are appended to them.
    pub(in crate::emulator) fn open(folder: &LogFolder, partition: u32) -> Result<Self, storage::Error> {
        let mut log = Self::default();
        let opened = LogFiles::open(folder, partition, &mut |at, enqueued_time, record| {
            log.push(at, enqueued_time, record);
        });
        let (files, end) = opened?;
        log.end = end;
        log.files = Some(files);
        Ok(log)
    }

    /// Appends events in one write and returns the first sequence number; `key` is the partition key of events without
    /// their own.
    ///
    /// # Errors
    /// Malformed annotations, or a failed write. No event is appended.
    pub(in crate::emulator) fn append(
        &mut self,
        messages: &[Message<'_>],
        key: Option<&str>,
        now: UnixMillis,
    ) -> Result<i64, Error> {
        let enqueued_time = now.max(self.last_enqueued_time());
        let first = self.next();
        let mut at = self.end;
        let mut records = Vec::with_capacity(messages.len());
        for message in messages {
            let offset = self.offset_text(at.next, at.next_offset);
            let properties =
                SystemProperties { sequence_number: at.next, offset: &offset, enqueued_time, key };
            let encoded = encode_event(message, &properties)?.into_boxed_slice();
            at = at.after(enqueued_time, encoded.len());
            records.push(Record { header_size: message.header.len() as u32, encoded });
        }
        self.append_records(enqueued_time, records)?;
        Ok(first)
    }

    /// Appends a message that is sent unchanged; returns its position in the log, which its own annotations may
    /// contradict.
    ///
    /// # Errors
    /// A failed write.
    pub(in crate::emulator) fn append_verbatim(
        &mut self,
        message: &[u8],
        now: UnixMillis,
    ) -> Result<i64, Error> {
        let header = match Sections::new(message).next() {
            Some(Ok(section)) if section.code == code::HEADER => section.whole,
            _ => &[],
        };
        let record = Record { header_size: header.len() as u32, encoded: message.into() };
        let number = self.next();
        self.append_records(now.max(self.last_enqueued_time()), vec![record])?;
        Ok(number)
    }

    fn append_records(&mut self, enqueued_time: UnixMillis, records: Vec<Record>) -> Result<(), Error> {
        if let Some(files) = &mut self.files {
            files.append(self.end, enqueued_time, &records)?;
        }
        for record in records {
            self.push(self.end, enqueued_time, record);
        }
        Ok(())
    }

    fn push(&mut self, at: LogPosition, enqueued_time: UnixMillis, record: Record) {
        let Record { header_size, encoded } = record;
        self.bytes += encoded.len() as u64;
        self.end = at.after(enqueued_time, encoded.len());
        self.events.push_back(Event { offset: at.next_offset, enqueued_time, header_size, encoded });
    }

    /// Returns the events from a sequence number on. The first is the oldest that retention has left if that is a later
    /// one.
    pub(in crate::emulator) fn events_from(&self, number: i64) -> impl Iterator<Item = &Event> {
        self.events.range(self.index_of(number)..)
    }

    /// Returns the number of events that retention has left.
    pub(in crate::emulator) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns the encoded size of the events that retention has left, bytes.
    pub(in crate::emulator) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Removes the events below a sequence number. What it returns is finished without the lock.
    pub(in crate::emulator) fn purge(&mut self, below: i64) -> Purged {
        let gone = self.index_of(below);
        let events: Vec<Event> = self.events.drain(..gone).collect();
        self.bytes -= events.iter().map(|event| event.encoded.len() as u64).sum::<u64>();
        let end = self.end;
        let leftover = self.files.as_mut().map(|files| files.purge(below, end)).unwrap_or_default();
        Purged { events, leftover }
    }

    /// Returns the record of the oldest event that retention has left, for a hub with a data folder.
    pub(in crate::emulator) fn begin_record(&self) -> Option<BeginRecord> {
        self.files.as_ref().map(LogFiles::begin)
    }

    #[cfg(test)]
    pub(in crate::emulator) fn replace_disk(&mut self, disk: std::sync::Arc<dyn storage::Disk>) {
        self.files.as_mut().unwrap().replace_disk(disk);
    }

    /// Returns the sequence number of the first event that was enqueued at a time or later, or of the next event.
    pub(in crate::emulator) fn first_since(&self, time: UnixMillis) -> i64 {
        self.first_where(|event| event.enqueued_time >= time)
    }

    /// Returns whether the log has no events, or retention has removed all of them.
    pub(in crate::emulator) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns the oldest sequence number that retention has left, that of the next event if it has left none, or -1
    /// before the first event.
    pub(in crate::emulator) fn begin(&self) -> i64 {
        if self.end.last.is_none() { NONE } else { self.first() }
    }

    /// Returns the last sequence number, or -1.
    pub(in crate::emulator) fn last(&self) -> i64 {
        self.next() - 1
    }

    /// Returns the sequence number of the next event.
    pub(in crate::emulator) fn next(&self) -> i64 {
        self.end.next
    }

    /// Returns the oldest sequence number that retention has left, or that of the next event.
    fn first(&self) -> i64 {
        self.end.next - self.events.len() as i64
    }

    /// Returns the last event's offset as text, or "-1".
    pub(in crate::emulator) fn last_offset(&self) -> String {
        match self.end.last {
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
    pub(in crate::emulator) fn last_enqueued_time(&self) -> UnixMillis {
        self.end.last.map_or(UnixMillis::EPOCH, |last| last.enqueued_time)
    }

    /// Returns the sequence number from which a reader with this starting position gets events. If retention has
    /// removed that event, the reader starts at the oldest one left.
    ///
    /// # Errors
    /// The service's refusal of a position past the end, or of an offset from before the hub was geo-replicated.
    ///
    /// # Source
    /// Protocol reference 6.3.
    pub(in crate::emulator) fn find_start(&self, start: &StartPosition) -> Result<i64, Refusal> {
        match start.position {
            Position::Beginning => Ok(self.first()),
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
                Ok(next.max(self.first()))
            }
            Position::EnqueuedTime(time) => {
                Ok(self.first_where(|event| start.includes(event.enqueued_time.get(), time)))
            }
        }
    }

    /// Returns the sequence number of the first event with a property that all later ones have too.
    fn first_where(&self, is_included: impl Fn(&Event) -> bool) -> i64 {
        self.first() + self.events.partition_point(|event| !is_included(event)) as i64
    }

    /// Returns the index of the first event that has this sequence number or a later one.
    fn index_of(&self, number: i64) -> usize {
        let index = usize::try_from(number.saturating_sub(self.first())).unwrap_or(0);
        index.min(self.events.len())
    }

    fn check_offset(&self, offset: i64) -> Result<(), Refusal> {
        if self.end.last.is_some_and(|last| offset <= last.offset as i64) {
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

/// Events that retention has removed, and the files that it has passed.
#[derive(Debug)]
#[must_use = "it is finished after the lock of the log"]
pub(in crate::emulator) struct Purged {
    events: Vec<Event>,
    leftover: Leftover,
}

impl Purged {
    /// Frees memory and disk.
    pub(in crate::emulator) fn finish(self) {
        drop(self.events);
        self.leftover.remove();
    }
}

/// Error while an event is appended.
#[derive(Debug, thiserror::Error)]
pub(in crate::emulator) enum Error {
    /// The sender's annotations are malformed.
    #[error("malformed annotations of the event")]
    Annotations(#[from] codec::Error),
    /// Writing the log failed.
    #[error("the log can't be written")]
    Disk(#[from] storage::Error),
}

impl Error {
    /// Returns the refusal of the events that could not be appended.
    pub(in crate::emulator) fn refusal(&self) -> Refusal {
        let cause = match self {
            Self::Annotations(source) => source.to_string(),
            Self::Disk(source) => match source.source() {
                Some(cause) => format!("{source}: {cause}"),
                None => source.to_string(),
            },
        };
        match self {
            Self::Disk(source) if source.is_full() => {
                let text = format!(
                    "The hub's disk is full, and no event of this delivery was kept: {cause}. Free space for the \
                     hub's data folder, or give the hub a shorter retention, and send the events again."
                );
                Refusal::new(condition::RESOURCE_LIMIT, text)
            }
            _ => {
                let text = format!("No event of this delivery was kept: {cause}.");
                Refusal::new(condition::INTERNAL_ERROR, text)
            }
        }
    }
}
