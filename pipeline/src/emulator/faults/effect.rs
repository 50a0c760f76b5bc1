//! The effects of faults.
//!
//! Owns the data only. Does not own: the names and texts of the kinds (`kind`).

use std::time::Duration;

use crate::emulator::refusal::Refusal;

/// The effect of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// One reader loses its link, its session or its connection.
    Strike(Strike),
    /// The hub behaves in another way for a time.
    State(State),
    /// The hub's events or partitions change.
    Operation(Operation),
}

/// A fault of one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The same fault every time.
    Fault(Fault),
    /// One of the faults of connections, by the next random number of this seed.
    Random(u64),
}

/// A fault of a connection, a session or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection drops without a Close.
    Drop,
    /// The connection drops in the middle of a frame.
    DropInFrame,
    /// The link is detached.
    Detach(Reason),
    /// The session ends.
    EndSession(Reason),
    /// The connection is closed.
    Close(Reason),
    /// Another reader with a higher owner level takes the partition for this time.
    Steal(Duration),
}

impl Fault {
    /// Returns the name of its kind.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::DropInFrame => "reset",
            Self::Detach(_) => "detach",
            Self::EndSession(_) => "end",
            Self::Close(_) => "close",
            Self::Steal(_) => "steal",
        }
    }
}

/// An error condition and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The AMQP error condition.
    pub condition: &'static str,
    /// The description.
    pub text: String,
}

impl Reason {
    /// A reason with a tracking id, as the service writes them.
    pub fn new(condition: &'static str, text: &str) -> Self {
        Self { condition, text: format!("{text} TrackingId:2f6e-fault, SystemTracker:emulator") }
    }

    pub(in crate::emulator) fn refusal(&self) -> Refusal {
        Refusal::new(self.condition, self.text.as_str())
    }
}

/// A behavior that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Requests are refused as by a throttled service.
    Busy {
        /// Links are refused.
        links: bool,
        /// Sent events are rejected.
        sends: bool,
    },
    /// Events come slowly.
    Slow(Pace),
    /// The readers that are attached get nothing.
    Stall,
    /// Grants end this time after their token was put, or earlier.
    TokenLife(Duration),
    /// Deliveries to readers are not settled.
    Unsettled,
    /// Events are stored in another form.
    Form(Form),
}

/// A bound on the events of one reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Events per second.
    Rate(u32),
    /// Pause after each turn of a link, which is 64 KiB of events at most.
    Pause(Duration),
}

/// Another form of an event; the bytes of its body stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The body is an `AmqpValue` with a binary.
    BinaryValue,
    /// The body is an `AmqpValue` with a string, if it is UTF-8.
    StringValue,
    /// The body is an `AmqpSequence` of one list with a binary.
    Sequence,
    /// The body is in this number of Data sections.
    Sections(u32),
    /// The event has annotations of every type.
    Annotations,
}

/// A change of the hub's events or partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Retention removes all events but this number of the newest, in each partition.
    Retain(u64),
    /// The hub is deleted and created again.
    Recreate,
    /// Events are lost and numbers begin at 0, while the hub stays the same.
    Renumber,
    /// Partitions are added.
    AddPartitions(u32),
    /// All faults end.
    Clear,
}
