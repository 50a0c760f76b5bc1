//! The kinds of faults: one table with the name, the value and the effect of each.
//!
//! Does not own: the keys that say where and at which time (`spec`).

use std::time::Duration;

use super::condition::{CONDITIONS, reason};
use super::effect::{Effect, Fault, Form, Operation, Pace, Reason, State, Strike};
use crate::amqp::condition::{CONNECTION_FORCED, DETACH_FORCED, INTERNAL_ERROR};

/// One kind of faults.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Name of its value and the default; `None` without a value.
    pub(super) value: Option<(&'static str, &'static str)>,
    pub(super) length: Length,
    pub(super) scope: Scope,
    /// The effect in words.
    pub(super) text: &'static str,
    /// Reads the value, which is the default if the text has none; an error is the remedy.
    pub(super) read: fn(&str) -> Result<Effect, String>,
}

/// The narrowest part of a namespace that a fault can be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All hubs.
    Namespace,
    /// One hub.
    Hub,
    /// One partition of one hub, or that partition of all hubs.
    Partition,
}

/// The time that a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// It is over at once; `for` is refused.
    Moment,
    /// `for`, else this time.
    Lasts(Duration),
    /// `for`, else without an end.
    Stays,
}

impl Kind {
    /// A fault of one reader that is over at once.
    const fn new(name: &'static str, text: &'static str, read: fn(&str) -> Result<Effect, String>) -> Self {
        Self { name, value: None, length: Length::Moment, scope: Scope::Partition, text, read }
    }

    const fn value(self, name: &'static str, default: &'static str) -> Self {
        Self { value: Some((name, default)), ..self }
    }

    const fn length(self, length: Length) -> Self {
        Self { length, ..self }
    }

    const fn of(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

/// All kinds, in the order of their documentation.
pub(super) const KINDS: &[Kind] = {
    use Length::{Lasts, Stays};
    use Operation::{Clear, Recreate, Renumber, Retain};
    use Scope::{Hub, Namespace};
    const CONDITION: &str = "CONDITION";
    const fn form(name: &'static str, text: &'static str, read: fn(&str) -> Result<Effect, String>) -> Kind {
        Kind::new(name, text, read).length(Stays).of(Hub)
    }
    &[
        Kind::new("detach", "a reader's link is detached with this error", |value| {
            of_reason(value, Fault::Detach)
        })
        .value(CONDITION, DETACH_FORCED),
        Kind::new("end", "a reader's session ends with this error", |value| {
            of_reason(value, Fault::EndSession)
        })
        .value(CONDITION, INTERNAL_ERROR),
        Kind::new("close", "a reader's connection is closed with this error", |value| {
            of_reason(value, Fault::Close)
        })
        .value(CONDITION, CONNECTION_FORCED),
        Kind::new("drop", "a reader's connection ends without a Close", |_| Ok(strike(Fault::Drop))),
        Kind::new("reset", "a reader's connection ends in the middle of a frame", |_| {
            Ok(strike(Fault::DropInFrame))
        }),
        Kind::new(
            "steal",
            "a reader of a higher owner level takes a reader's partition, and leaves after `for`",
            |_| Ok(strike(Fault::Steal(Duration::ZERO))),
        )
        .length(Lasts(Duration::ZERO)),
        Kind::new(
            "random",
            "one of detach, end, close, drop and reset, by random numbers of this seed",
            |value| Ok(Effect::Strike(Strike::Random(number(value)?))),
        )
        .value("SEED", "1"),
        Kind::new("busy", "links are refused and sent events rejected with com.microsoft:server-busy", busy)
            .value("links|sends|all", "all")
            .length(Lasts(BUSY_TIME))
            .of(Hub),
        Kind::new("slow", "a reader gets this number of events a second, or pauses after each 64 KiB", slow)
            .value("EVENTS|DURATION", "100")
            .length(Stays),
        Kind::new("stall", "attached readers get nothing while their links stay open", |_| {
            Ok(Effect::State(State::Stall))
        })
        .length(Lasts(STALL_TIME)),
        Kind::new(
            "token-life",
            "tokens end this time after they were put, and links without a new one lapse",
            |value| Ok(Effect::State(State::TokenLife(duration(value)?))),
        )
        .value("DURATION", "10s")
        .length(Stays)
        .of(Namespace),
        Kind::new("unsettled", "deliveries to readers are not settled", |_| {
            Ok(Effect::State(State::Unsettled))
        })
        .length(Stays),
        form("amqp-value", "new events have an AmqpValue body", amqp_value).value("binary|string", "binary"),
        form("amqp-sequence", "new events have an AmqpSequence body: a list with a binary", |_| {
            Ok(stored_as(Form::Sequence))
        }),
        form("data-sections", "new events have their body in this number of Data sections", |value| {
            Ok(stored_as(Form::Sections(at_least_one(value)?)))
        })
        .value("NUMBER", "3"),
        form(
            "annotations",
            "new events have annotations of every type, some under keys that are not symbols",
            |_| Ok(stored_as(Form::Annotations)),
        ),
        Kind::new(
            "retention",
            "all events but this number of the newest of each partition are removed",
            |value| Ok(Effect::Operation(Retain(number(value)?))),
        )
        .value("EVENTS", "0"),
        Kind::new("recreate", "the hub is deleted and created again, empty", |_| {
            Ok(Effect::Operation(Recreate))
        })
        .of(Hub),
        Kind::new("renumber", "all events are lost and numbers begin at 0, in the same hub", |_| {
            Ok(Effect::Operation(Renumber))
        })
        .of(Hub),
        Kind::new("add-partitions", "the hub gets this number of partitions more", |value| {
            Ok(Effect::Operation(Operation::AddPartitions(at_least_one(value)?)))
        })
        .value("NUMBER", "1")
        .of(Hub),
        Kind::new("clear", "all faults end, also those that are still to come", |_| {
            Ok(Effect::Operation(Clear))
        })
        .of(Namespace),
    ]
};

/// The pause that the text of a throttled service asks for.
const BUSY_TIME: Duration = Duration::from_secs(4);
/// Half of a minute: readers notice a stall after 5 to 60 seconds.
const STALL_TIME: Duration = Duration::from_secs(30);
/// Upper bound on a duration: a longer one is a mistake, and a point in time that far ahead can't be computed with.
const MAX_DURATION: Duration = Duration::from_hours(24 * 365);

/// Faults of connections that end neither a client nor its position, with their usual conditions.
pub(super) fn connection_faults() -> Vec<Fault> {
    let of = |condition: &str, fault: fn(Reason) -> Fault| reason(condition).map(fault);
    let stated = [
        of(DETACH_FORCED, Fault::Detach),
        of(INTERNAL_ERROR, Fault::EndSession),
        of(CONNECTION_FORCED, Fault::Close),
    ];
    stated.into_iter().flatten().chain([Fault::Drop, Fault::DropInFrame]).collect()
}

fn strike(fault: Fault) -> Effect {
    Effect::Strike(Strike::Fault(fault))
}

fn stored_as(form: Form) -> Effect {
    Effect::State(State::Form(form))
}

fn of_reason(condition: &str, fault: fn(Reason) -> Fault) -> Result<Effect, String> {
    let known = || {
        let names: Vec<&str> = CONDITIONS.iter().map(|(name, _)| *name).collect();
        format!("write a condition of the service: {}", names.join(", "))
    };
    Ok(strike(fault(reason(condition).ok_or_else(known)?)))
}

fn amqp_value(value: &str) -> Result<Effect, String> {
    match value {
        "binary" => Ok(stored_as(Form::BinaryValue)),
        "string" => Ok(stored_as(Form::StringValue)),
        _ => Err("write binary or string".into()),
    }
}

fn busy(value: &str) -> Result<Effect, String> {
    let (links, sends) = match value {
        "all" => (true, true),
        "links" => (true, false),
        "sends" => (false, true),
        _ => {
            return Err(
                "write links, sends or all; a connection is closed by close=com.microsoft:server-busy".into(),
            );
        }
    };
    Ok(Effect::State(State::Busy { links, sends }))
}

fn slow(value: &str) -> Result<Effect, String> {
    let pace = match value.parse() {
        Ok(0) => return Err("write at least 1 event a second; stall stops them all".into()),
        Ok(rate) => Pace::Rate(rate),
        Err(_) => Pace::Pause(
            duration(value).map_err(|_| "write events a second, like 100, or a pause, like 50ms")?,
        ),
    };
    Ok(Effect::State(State::Slow(pace)))
}

/// Reads a whole number; an error is the remedy.
pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number".into())
}

fn at_least_one(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_NUMBER).contains(number));
    number.ok_or_else(|| format!("write a whole number from 1 to {MAX_NUMBER}"))
}

/// Upper bound on added partitions and on sections of one body: that of a dedicated hub's partitions.
const MAX_NUMBER: u32 = 1024;

/// Reads a duration with a unit; an error is the remedy.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed =
        text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    let parsed = parsed.filter(|duration| *duration <= MAX_DURATION);
    parsed.ok_or_else(|| "write a duration with its unit, like 250ms, 30s or 10m".into())
}
