//! Options for where reading begins and where it ends.
//!
//! Owns the forms of a point in time. Does not own: what follows from them (`run`).

use std::future;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::exit::Usage;
use super::options::duration;
use crate::clock::UnixMillis;
use crate::eventhubs::Address;
use crate::run::{StartAt, Until};

/// Options for the range of events that a run reads.
#[derive(Clone, Debug, Args)]
pub(super) struct PositionOptions {
    /// Where a new lake begins: at the oldest event that the hub has, after its last one, or at the first event that it
    /// accepted at this time or later. The first run records it in the lake; later runs continue where the lake ends,
    /// and this option changes nothing [default: earliest]
    #[arg(long, env = "CATCHWATER_FROM", value_parser = start_at, value_name = "earliest|latest|TIME", long_help = FROM)]
    from: Option<StartAt>,
    /// Read up to a bound, then exit: `caught-up` reads the events that the hub has now; a time reads at least all
    /// events that the hub accepted before it [default: read until stopped]
    #[arg(long, env = "CATCHWATER_UNTIL", value_parser = until, value_name = "caught-up|TIME", long_help = UNTIL)]
    until: Option<Until>,
    /// Stop after this time, as a signal would: events in flight become durable, and the exit code is 0. With --until,
    /// the run ends at whichever comes first
    #[arg(long = "for", env = "CATCHWATER_FOR", value_parser = duration, value_name = "TIME")]
    duration: Option<Duration>,
    /// The older name of `--until caught-up`
    #[arg(long, env = "CATCHWATER_UNTIL_CAUGHT_UP", value_parser = BoolishValueParser::new(), hide = true)]
    until_caught_up: bool,
    /// With --until: end if the hub sends nothing for this long although it reports more events. The events that it
    /// sent are durable, a warning names the partition, and the exit code is 0
    #[arg(long, env = "CATCHWATER_IDLE_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "TIME")]
    pub(super) idle_timeout: Duration,
    /// Host name by which the lake knows this hub. Give it once if the hub is reached under another name than before:
    /// an alias, a private endpoint, the other region after a failover. If creation time and partitions agree, the lake
    /// records the new name, and later runs need this option under neither name
    #[arg(long, env = "CATCHWATER_KNOWN_AS", value_parser = host, value_name = "HOST")]
    pub(super) known_as: Option<String>,
}

const FROM: &str =
    "Where a new lake begins. The first run records it in the lake; later runs continue where the \
lake ends, and this option changes nothing.

earliest  the oldest event that the hub has
latest    the first event after those that the hub has at the first run; earlier ones are never read
TIME      the first event that the hub accepted at this time or later: 2026-11-22T08:00:00Z, or \
2026-11-22 for midnight UTC

Partitions that are added to the hub later are read from their first event. [default: earliest]";

const UNTIL: &str = "Read up to a bound, then exit with code 0. Without it, a run reads until it is stopped.

caught-up  the events that the hub has now
TIME       at least all events that the hub accepted before this time: 2026-11-22T08:00:00Z, or 2026-11-22 for \
midnight UTC. If the time is ahead, the run reads on until then";

impl PositionOptions {
    /// Where a new lake begins.
    ///
    /// # Errors
    /// A time that lies ahead.
    pub(super) fn start_at(&self, now: UnixMillis) -> Result<Option<StartAt>, Usage> {
        match self.from {
            Some(StartAt::Time(time)) if time > now => Err(Usage(
                "--from names a time that lies ahead; a lake begins at events that the hub has: use `latest`, or \
                 start the run then"
                    .to_owned(),
            )),
            from => Ok(from),
        }
    }

    pub(super) fn until(&self) -> Option<Until> {
        self.until.or_else(|| self.until_caught_up.then_some(Until::CaughtUp))
    }

    /// Waits until the time of `--for` has passed; without it, never returns.
    pub(super) async fn passed(&self) {
        match self.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => future::pending().await,
        }
    }
}

fn start_at(text: &str) -> Result<StartAt, String> {
    match text {
        "earliest" => Ok(StartAt::Earliest),
        "latest" => Ok(StartAt::Latest),
        _ => time(text).map(StartAt::Time).ok_or_else(|| unreadable(text, "earliest, latest")),
    }
}

fn until(text: &str) -> Result<Until, String> {
    match text {
        "caught-up" => Ok(Until::CaughtUp),
        _ => time(text).map(Until::Time).ok_or_else(|| unreadable(text, "caught-up")),
    }
}

/// A time with its offset from UTC, or a date, which begins at midnight UTC.
fn time(text: &str) -> Option<UnixMillis> {
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        // A date with a time of day but without an offset is refused: it could be local time.
        Err(_) if text.len() == "2026-11-22".len() => {
            text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()
        }
        Err(_) => return None,
    };
    Some(UnixMillis::new(time.as_millisecond()))
}

fn unreadable(text: &str, words: &str) -> String {
    format!("invalid position `{text}`: write {words}, a time such as 2026-11-22T08:00:00Z, or a date")
}

/// Reads a host name as connection strings have it.
fn host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['/', ';', '=', ' ']) {
        return Err("write only the host name, such as contoso.servicebus.windows.net".to_owned());
    }
    Ok(Address::new(text.to_owned(), None, false, None).namespace().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_words_times_and_dates() {
        let at = |milliseconds| StartAt::Time(UnixMillis::new(milliseconds));
        for (text, expected) in [
            ("earliest", StartAt::Earliest),
            ("latest", StartAt::Latest),
            ("1970-01-02", at(86_400_000)),
            ("1970-01-01T00:00:01.5Z", at(1500)),
            ("1970-01-01T02:00:00+02:00", at(0)),
            ("1970-01-01 00:00:01Z", at(1000)),
        ] {
            assert_eq!(start_at(text), Ok(expected), "{text}");
        }
        assert_eq!(until("caught-up"), Ok(Until::CaughtUp));
        assert_eq!(until("1970-01-02"), Ok(Until::Time(UnixMillis::new(86_400_000))));
        // Neither local time nor a word of the other option.
        for text in ["", "caught-up", "now", "2026-11-22T08:00:00", "2026-11", "1763800000", "2026-13-01"] {
            assert!(start_at(text).is_err_and(|error| error.contains("write earliest, latest")), "{text}");
        }
        assert!(until("latest").is_err_and(|error| error.contains("write caught-up")));
    }

    #[test]
    fn host_is_the_namespace_of_connection_strings() {
        assert_eq!(host("Contoso.ServiceBus.windows.net").as_deref(), Ok("contoso.servicebus.windows.net"));
        assert_eq!(host("127.0.0.1").as_deref(), Ok("localhost"));
        for text in ["", "sb://contoso.servicebus.windows.net/", "Endpoint=sb://contoso;"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
