//! Checks of this machine: its clock and its limit of open files.
//!
//! Does not own: where the other times come from (`hub`, `store`).

use std::time::Duration;

use super::line::{Line, Outcome};
use super::store::PutTime;
use crate::cli::exit::Usage;
use crate::cli::file_limit;
use crate::clock::{Clock as _, SystemClock, UnixMillis};

/// Compares the clock with that of a store, or with the newest event of the hub.
pub(super) fn clock(put: Option<PutTime>, newest_event: Option<UnixMillis>) -> Line {
    Line::new("clock", compare(put, newest_event, SystemClock.now()))
}

fn compare(put: Option<PutTime>, newest_event: Option<UnixMillis>, now: UnixMillis) -> Outcome {
    // An event that is not there yet: only a clock that is behind shows this.
    let by_event = newest_event.map(|newest| Difference { behind: newest.since(now), ahead: Duration::ZERO });
    let by_store = put
        .map(|put| Difference { behind: put.stated.since(put.after), ahead: put.before.since(put.stated) });
    let (text, difference) = match (by_store, by_event) {
        (Some(store), _) => ("it agrees with that of the store", store),
        (None, Some(event)) => ("the newest event is not ahead of it", event),
        (None, None) => {
            return Outcome::Note("neither a store nor an event of the hub has a time to compare".to_owned());
        }
    };
    let worst = by_event.map_or(difference, |event| event.max(difference));
    if worst.behind.max(worst.ahead) <= MAX_DIFFERENCE {
        return Outcome::Ok(text.to_owned());
    }
    let (by, direction) =
        if worst.behind > worst.ahead { (worst.behind, "behind") } else { (worst.ahead, "ahead") };
    Outcome::Failed(
        Usage(format!(
            "the clock of this machine is {} s {direction}: signatures are refused from five minutes on; set the clock, \
             and keep it set by NTP",
            by.as_secs()
        ))
        .into(),
    )
}

/// A clock beside another one. At most one of the two is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    behind: Duration,
    ahead: Duration,
}

/// The number of files that a run may open.
pub(super) fn open_files() -> Line {
    let outcome = match file_limit::allowed() {
        Some(files) if files < MIN_FILES => Outcome::Failed(
            Usage(format!(
                "a run may open only {files} files: raise the limit to {MIN_FILES} or more with `ulimit -n` or LimitNOFILE"
            ))
            .into(),
        ),
        Some(files) => Outcome::Ok(format!("{files} are allowed")),
        None => Outcome::Ok("this system states no limit".to_owned()),
    };
    Line::new("open files", outcome)
}

/// Difference that a signature survives, less a minute: services take fifteen minutes, some proxies five.
const MAX_DIFFERENCE: Duration = Duration::from_mins(4);

/// Connections to the hub, and a few to each store for four puts at once, with as many again in reserve.
const MIN_FILES: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixMillis = UnixMillis::new(1_700_000_000_000);

    fn text(outcome: Outcome) -> Result<String, String> {
        match outcome {
            Outcome::Ok(text) | Outcome::Note(text) => Ok(text),
            Outcome::Failed(error) => Err(error.to_string()),
            Outcome::Skipped(text) => panic!("{text}"),
        }
    }

    #[test]
    fn a_clock_that_differs_by_minutes_is_a_mistake() {
        let second = Duration::from_secs(1);
        let put = |stated| Some(PutTime { before: NOON, stated, after: NOON + second });
        for (put, event, expected) in [
            (put(NOON), None, Ok("store")),
            (put(NOON + second * 200), None, Ok("store")),
            (put(NOON + second * 302), None, Err("301 s behind")),
            (put(NOON - second * 302), None, Err("302 s ahead")),
            (put(NOON), Some(NOON + second * 500), Err("500 s behind")),
            (None, Some(NOON - second * 500), Ok("newest event")),
            (None, Some(NOON + second * 500), Err("500 s behind")),
            (None, None, Ok("neither")),
        ] {
            match (text(compare(put, event, NOON)), expected) {
                (Ok(text), Ok(words)) | (Err(text), Err(words)) => assert!(text.contains(words), "{text}"),
                (text, _) => panic!("{text:?}"),
            }
        }
    }
}
