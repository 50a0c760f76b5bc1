//! The text form of a fault, `KIND[=VALUE][,KEY=VALUE]…`, for the command line and the control interface.
//!
//! Owns the grammar and its errors. Pure. Does not own: the kinds (`kind`).

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use super::effect::{Effect, Fault, Strike};
use super::kind::{KINDS, Kind, Length, Scope, duration, number};

/// A fault, and the conditions under which it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultSpec {
    /// Name of its kind.
    pub kind: &'static str,
    /// Its effect.
    pub effect: Effect,
    /// The time at which it happens.
    pub trigger: Trigger,
    /// Number of times that it happens; `None` is without a limit.
    pub times: Option<u32>,
    /// The time after which a state ends; `None` is never.
    pub lasts: Option<Duration>,
    /// The hubs and partitions that it concerns.
    pub target: Target,
    text: String,
}

/// The hubs and partitions that a fault concerns; without a limit all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The hub that it is limited to.
    pub hub: Option<String>,
    /// The partition that it is limited to.
    pub partition: Option<u32>,
}

impl Target {
    /// Returns whether it includes a hub.
    pub fn has_hub(&self, hub: &str) -> bool {
        self.hub.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(hub))
    }

    /// Returns whether it includes a partition of a hub.
    pub fn has_partition(&self, hub: &str, partition: u32) -> bool {
        self.partition.is_none_or(|only| only == partition) && self.has_hub(hub)
    }
}

/// The time at which a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// After this number of events sent to readers, and again after each `every` more.
    Events {
        /// Events until the first time.
        first: u64,
        /// Events between two times.
        every: Option<u64>,
    },
    /// This time after it was posted, and again each `every` later.
    Time {
        /// Time until the first time.
        first: Duration,
        /// Time between two times.
        every: Option<Duration>,
    },
}

impl FromStr for FaultSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let text = text.trim();
        let mut parts = Part::split(text);
        let first = parts.next().unwrap_or_default();
        let fail = |part: &Part<'_>, remedy: String| SpecError::new(text, part, remedy);
        let kind = KINDS.iter().find(|kind| kind.name == first.name).ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            fail(&first, format!("this kind does not exist; write one of {}", names.join(", ")))
        })?;
        let mut keys = Keys::default();
        for part in parts {
            keys.read(kind, &part).map_err(|remedy| fail(&part, remedy))?;
        }
        let mut effect = read_value(kind, first.value).map_err(|remedy| fail(&first, remedy))?;
        let lasts = keys.lasts.or(match kind.length {
            Length::Lasts(time) => Some(time),
            Length::Moment | Length::Stays => None,
        });
        if let (Effect::Strike(Strike::Fault(Fault::Steal(held))), Some(time)) = (&mut effect, lasts) {
            *held = time;
        }
        let (trigger, times) = keys.trigger().map_err(|remedy| fail(&first, remedy))?;
        let Keys { hub, partition, .. } = keys;
        Ok(Self {
            kind: kind.name,
            effect,
            trigger,
            times,
            lasts,
            target: Target { hub, partition },
            text: text.to_owned(),
        })
    }
}

/// The sentence that a control interface answers with.
impl fmt::Display for FaultSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = KINDS.iter().find(|kind| kind.name == self.kind).map_or("", |kind| kind.text);
        write!(out, "{}: {text}, ", self.text)?;
        match self.trigger {
            Trigger::Events { first, every: None } => write!(out, "after {first} events")?,
            Trigger::Events { first, every: Some(every) } => {
                write!(out, "after {first} events and each {every} more")?;
            }
            Trigger::Time { first: Duration::ZERO, every: None } => write!(out, "at once")?,
            Trigger::Time { first, every: None } => write!(out, "in {first:?}")?,
            Trigger::Time { first, every: Some(every) } => write!(out, "in {first:?} and every {every:?}")?,
        }
        if let (Some(times), true) = (self.times, self.trigger.repeats()) {
            write!(out, ", {times} times")?;
        }
        if let Some(lasts) = self.lasts {
            write!(out, ", for {lasts:?}")?;
        }
        if let Some(hub) = &self.target.hub {
            write!(out, ", in hub {hub}")?;
        }
        if let Some(partition) = self.target.partition {
            write!(out, ", in partition {partition}")?;
        }
        write!(out, ".")
    }
}

impl Trigger {
    fn repeats(self) -> bool {
        match self {
            Self::Events { every, .. } => every.is_some(),
            Self::Time { every, .. } => every.is_some(),
        }
    }
}

/// One part of a text between commas.
#[derive(Clone, Copy, Default)]
struct Part<'a> {
    text: &'a str,
    name: &'a str,
    value: Option<&'a str>,
    /// Bytes before it in the text.
    start: usize,
}

impl<'a> Part<'a> {
    fn split(text: &'a str) -> impl Iterator<Item = Part<'a>> {
        let mut start = 0;
        text.split(',').map(move |part| {
            let blanks = part.len() - part.trim_start().len();
            let at = start + blanks;
            start += part.len() + 1;
            let part = part.trim();
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            Part { text: part, name: name.trim(), value: value.map(str::trim), start: at }
        })
    }
}

fn read_value(kind: &Kind, value: Option<&str>) -> Result<Effect, String> {
    match (kind.value, value) {
        (None, Some(_)) => Err(format!("{} does not take a value; remove it", kind.name)),
        (None, None) => (kind.read)(""),
        (Some((_, default)), value) => (kind.read)(value.unwrap_or(default)),
    }
}

/// The keys of a text.
#[derive(Default)]
struct Keys {
    after: Option<u64>,
    at: Option<Duration>,
    every: Option<Period>,
    times: Option<u32>,
    lasts: Option<Duration>,
    hub: Option<String>,
    partition: Option<u32>,
    seen: Vec<String>,
}

/// Events or time between two faults.
#[derive(Clone, Copy)]
enum Period {
    Events(u64),
    Time(Duration),
}

impl Keys {
    /// Reads one key; an error is the remedy.
    fn read(&mut self, kind: &Kind, part: &Part<'_>) -> Result<(), String> {
        let value = part.value.unwrap_or_default();
        if self.seen.iter().any(|seen| seen == part.name) {
            return Err("the key is there twice; remove one".into());
        }
        self.seen.push(part.name.to_owned());
        match part.name {
            "after" => self.after = Some(positive(value)?),
            "at" => self.at = Some(duration(value)?),
            "every" => self.every = Some(period(value)?),
            "times" => self.times = Some(positive(value)?.try_into().map_err(|_| "write a smaller number")?),
            "for" if kind.length == Length::Moment => {
                return Err(format!("{} is over at once; remove `for`", kind.name));
            }
            "for" => self.lasts = Some(duration(value)?),
            "hub" if kind.scope == Scope::Namespace => {
                return Err(format!("{} concerns all hubs; remove `hub`", kind.name));
            }
            "hub" if value.is_empty() => return Err("write the name of a hub".into()),
            "hub" => self.hub = Some(value.to_owned()),
            "partition" if kind.scope != Scope::Partition => {
                return Err(format!("{} concerns a whole hub; remove `partition`", kind.name));
            }
            "partition" => {
                self.partition = Some(number(value)?.try_into().map_err(|_| "write a smaller number")?);
            }
            _ => {
                let names: Vec<&str> = KEYS.iter().map(|(name, _, _)| *name).collect();
                return Err(format!("this key does not exist; write one of {}", names.join(", ")));
            }
        }
        Ok(())
    }

    /// Returns the trigger and the number of times; an error is the remedy.
    fn trigger(&self) -> Result<(Trigger, Option<u32>), String> {
        let Self { after, at, every, times, .. } = *self;
        let trigger = match (after, at, every) {
            (Some(_), Some(_), _) => return Err("write either after or at".into()),
            (Some(_), _, Some(Period::Time(_))) => {
                return Err("after counts events; write every as a number of events too".into());
            }
            (_, Some(_), Some(Period::Events(_))) => {
                return Err("at is a time; write every as a duration too, like every=5s".into());
            }
            (first, None, Some(Period::Events(every))) => {
                Trigger::Events { first: first.unwrap_or(every), every: Some(every) }
            }
            (Some(first), None, None) => Trigger::Events { first, every: None },
            (None, first, Some(Period::Time(every))) => {
                Trigger::Time { first: first.unwrap_or(every), every: Some(every) }
            }
            (None, first, None) => Trigger::Time { first: first.unwrap_or_default(), every: None },
        };
        match (times, trigger.repeats()) {
            (Some(_), false) => Err("times needs every; add every=5s or every=100".into()),
            (times, true) => Ok((trigger, times)),
            (None, false) => Ok((trigger, Some(1))),
        }
    }
}

fn positive(text: &str) -> Result<u64, String> {
    number(text).ok().filter(|number| *number > 0).ok_or_else(|| "write a whole number from 1".into())
}

fn period(text: &str) -> Result<Period, String> {
    if let Ok(events) = positive(text) {
        return Ok(Period::Events(events));
    }
    let time = duration(text).ok().filter(|time| *time >= MIN_PERIOD);
    time.map(Period::Time)
        .ok_or_else(|| "write events, like every=100, or 10ms and more, like every=5s".into())
}

/// Lower bound on the time between two faults: below it a hub would do nothing else.
const MIN_PERIOD: Duration = Duration::from_millis(10);

/// Keys with their values and meanings.
const KEYS: &[(&str, &str, &str)] = &[
    ("after", "EVENTS", "happens when this number of events has been sent to readers"),
    ("at", "DURATION", "happens this time after the start of the hub, or after POST /faults"),
    ("every", "EVENTS|DURATION", "happens again after each such number of events or time"),
    ("times", "NUMBER", "limits `every`, which goes on without it"),
    ("for", "DURATION", "ends a fault that lasts"),
    ("hub", "NAME", "concerns this hub only, and counts its events only"),
    ("partition", "NUMBER", "concerns this partition only, and counts its events only"),
];

/// Error about the text of a fault: the place, the remedy and an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "fault `{spec}`, at `{part}` (character {place}): {remedy}; an example: `{EXAMPLE}`; all kinds: `catchwater hub --fault help`"
)]
pub struct SpecError {
    spec: String,
    part: String,
    place: usize,
    remedy: String,
}

impl SpecError {
    fn new(spec: &str, part: &Part<'_>, remedy: String) -> Self {
        let place = spec[..part.start].chars().count() + 1;
        Self { spec: spec.to_owned(), part: part.text.to_owned(), place, remedy }
    }
}

const EXAMPLE: &str = "detach,every=5s,times=3";

/// Returns the grammar with all kinds and keys, as `--fault help` prints it and `docs/HUB.md` has it.
pub fn fault_help() -> String {
    let mut out = String::from("KIND[=VALUE][,KEY=VALUE]...\n\n");
    let rows = KINDS.iter().map(|kind| {
        let value = kind.value.map_or_else(String::new, |(name, default)| format!("={name} [{default}]"));
        let lasts = match kind.length {
            Length::Moment => String::new(),
            Length::Lasts(Duration::ZERO) => "for [0s]".to_owned(),
            Length::Lasts(time) => format!("for [{time:?}]"),
            Length::Stays => "for [no end]".to_owned(),
        };
        (format!("{}{value}", kind.name), lasts, kind.text.to_owned())
    });
    put_table(&rows.collect::<Vec<_>>(), &mut out);
    out.push('\n');
    let keys =
        KEYS.iter().map(|(name, value, text)| (format!("{name}={value}"), String::new(), (*text).to_owned()));
    put_table(&keys.collect::<Vec<_>>(), &mut out);
    out
}

fn put_table(rows: &[(String, String, String)], out: &mut String) {
    let width =
        |column: fn(&(String, String, String)) -> &String| rows.iter().map(|row| column(row).len()).max();
    let (first, second) = (width(|row| &row.0).unwrap_or(0), width(|row| &row.1).unwrap_or(0));
    for (name, lasts, text) in rows {
        let gap = if second == 0 { "" } else { "  " };
        // Writing to a string can't fail.
        let _ = writeln!(out, "{name:first$}  {lasts:second$}{gap}{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::effect::{Operation, Pace, State};
    use super::*;

    fn read(text: &str) -> FaultSpec {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_kind_works_without_a_value() {
        for kind in KINDS {
            let spec = read(kind.name);
            assert_eq!(spec.trigger, Trigger::Time { first: Duration::ZERO, every: None }, "{}", kind.name);
            assert_eq!(spec.times, Some(1));
            assert!(
                spec.to_string().starts_with(&format!("{}: {}, at once", kind.name, kind.text)),
                "{spec}"
            );
        }
    }

    #[test]
    fn triggers_are_events_or_times() {
        let seconds = Duration::from_secs;
        for (text, trigger, times) in [
            ("drop,after=7", Trigger::Events { first: 7, every: None }, Some(1)),
            ("drop,every=7", Trigger::Events { first: 7, every: Some(7) }, None),
            ("drop,after=1,every=7", Trigger::Events { first: 1, every: Some(7) }, None),
            ("drop,at=5s", Trigger::Time { first: seconds(5), every: None }, Some(1)),
            ("drop,every=5s,times=3", Trigger::Time { first: seconds(5), every: Some(seconds(5)) }, Some(3)),
            (
                " drop , at = 0s , every = 1m ",
                Trigger::Time { first: seconds(0), every: Some(seconds(60)) },
                None,
            ),
        ] {
            let spec = read(text);
            assert_eq!((spec.trigger, spec.times), (trigger, times), "{text}");
        }
    }

    #[test]
    fn values_and_targets_are_read() {
        let fault = |text: &str| read(text).effect;
        let detach = fault("detach=com.microsoft:server-busy");
        let Effect::Strike(Strike::Fault(Fault::Detach(reason))) = detach else { panic!("{detach:?}") };
        assert_eq!(reason.condition, "com.microsoft:server-busy");
        assert!(reason.text.contains("Please wait 4 seconds"), "{reason:?}");
        assert_eq!(fault("slow=20"), Effect::State(State::Slow(Pace::Rate(20))));
        assert_eq!(fault("slow=20ms"), Effect::State(State::Slow(Pace::Pause(Duration::from_millis(20)))));
        assert_eq!(fault("busy=sends"), Effect::State(State::Busy { links: false, sends: true }));
        assert_eq!(
            fault("steal,for=2s"),
            Effect::Strike(Strike::Fault(Fault::Steal(Duration::from_secs(2))))
        );
        assert_eq!(fault("retention=10"), Effect::Operation(Operation::Retain(10)));
        assert_eq!(read("stall").lasts, Some(Duration::from_secs(30)));
        let spec = read("detach,hub=Orders,partition=3");
        assert!(spec.target.has_partition("orders", 3) && !spec.target.has_partition("orders", 2));
        assert!(!spec.target.has_hub("events"));
    }

    #[test]
    fn mistakes_are_refused_with_place_remedy_and_example() {
        for (text, place, remedy) in [
            ("", "at `` (character 1)", "this kind does not exist; write one of detach, end"),
            ("attach", "at `attach` (character 1)", "write one of detach"),
            ("drop=now", "at `drop=now` (character 1)", "drop does not take a value"),
            (
                "detach=amqp:unknown",
                "at `detach=amqp:unknown`",
                "write a condition of the service: amqp:link:",
            ),
            (
                "detach, each=5s",
                "at `each=5s` (character 9)",
                "this key does not exist; write one of after, at",
            ),
            ("drop,", "at `` (character 6)", "this key does not exist"),
            ("drop,after=0", "at `after=0` (character 6)", "write a whole number from 1"),
            ("drop,at=5", "at `at=5` (character 6)", "write a duration with its unit, like 250ms"),
            ("drop,at=99999999999h", "at `at=99999999999h`", "write a duration"),
            ("drop,every=1ms", "at `every=1ms`", "every=5s"),
            ("drop,after=1,at=1s", "at `drop`", "write either after or at"),
            ("drop,after=1,every=1s", "at `drop`", "write every as a number of events"),
            ("drop,at=1s,every=10", "at `drop`", "write every as a duration"),
            ("drop,times=2", "at `drop`", "times needs every"),
            ("drop,for=2s", "at `for=2s` (character 6)", "drop is over at once; remove `for`"),
            ("drop,at=1s,at=2s", "at `at=2s` (character 12)", "the key is there twice"),
            ("recreate,partition=1", "at `partition=1`", "recreate concerns a whole hub"),
            ("token-life,hub=events", "at `hub=events`", "token-life concerns all hubs"),
            ("drop,hub=", "at `hub=`", "write the name of a hub"),
            ("slow=0", "at `slow=0`", "at least 1 event a second"),
            ("busy=never", "at `busy=never`", "write links, sends or all"),
            ("data-sections=0", "at `data-sections=0`", "write a whole number from 1 to 1024"),
            ("grün,x=ü,each", "at `grün` (character 1)", "this kind does not exist"),
        ] {
            let error = text.parse::<FaultSpec>().expect_err(text).to_string();
            assert!(error.contains(place) && error.contains(remedy), "{text}: {error}");
            assert!(error.contains("an example: `detach,every=5s,times=3`"), "{error}");
        }
        read(EXAMPLE);
    }
}
