//! The versions of the routing rules that apply to a source: a chain of records per source (rule 7).
//!
//! The chain begins with the origin. Each later record names a new version and the first event that it decides.
//! Does not own the rules themselves: a version is a number that the caller changes by hand.

use serde::{Deserialize, Serialize};

use super::records::{self, Records};
use crate::ordinals::Ordinal;
use crate::paths::{self, SourceId};

/// A version of the routing rules, and the first event that it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The number of the record in the chain; 0 is the origin, which has its own record.
    pub n: u64,
    /// The first event that this version decides.
    pub from: Ordinal,
    /// The version.
    pub routing_version: u32,
}

/// Permission to read a source by the rules of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// The lowest event to read. The events below were decided by older rules, or precede the origin.
    pub from: Ordinal,
}

/// The operator's statement about earlier versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldVersions {
    /// No statement: older versions may still run, so all their events must be in the lake.
    MayRun,
    /// All older versions were stopped and have no put in flight.
    Stopped {
        /// True if a row is above the durable position: the last older version did not finish its drain.
        rows_above_durable: bool,
    },
}

/// Next step of a run, given the newest recorded rules of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The recorded version is ours: read.
    Start(Entered),
    /// The recorded version is older and finished: record these rules first.
    Record(Rules),
    /// The recorded version is older, and some of its events are not in the lake.
    NotCaughtUp,
    /// The recorded version is older and was stopped, but has rows above an event that is not in the lake.
    NotDrained,
    /// The recorded version is newer.
    Newer,
}

/// Compares the version of this run with the newest recorded rules of a source.
///
/// `done` is the result of [`super::start::done`] for this lake and source. `last_enqueued` must be read after the
/// run has attached, because the attach displaces every reader with older rules.
///
/// If the old versions were stopped, the boundary is one past the durable position, even if the hub has later events.
/// This requires that no row is above the boundary: a chain would count events of the new rules as rows it already has.
pub fn check_rules(
    ours: u32,
    newest: Rules,
    done: Option<Ordinal>,
    last_enqueued: Option<Ordinal>,
    old: OldVersions,
) -> Decision {
    if newest.routing_version == ours {
        return Decision::Start(Entered { from: newest.from });
    }
    if newest.routing_version > ours {
        return Decision::Newer;
    }
    // The recorded rules decide no event below `newest.from`.
    let one_past = |last: Option<Ordinal>| last.map_or(newest.from, Ordinal::next).max(newest.from);
    let (durable, end) = (one_past(done), one_past(last_enqueued));
    let from = match old {
        _ if durable >= end => end,
        OldVersions::MayRun => return Decision::NotCaughtUp,
        OldVersions::Stopped { rows_above_durable: true } => return Decision::NotDrained,
        OldVersions::Stopped { rows_above_durable: false } => durable,
    };
    Decision::Record(Rules { n: newest.n + 1, from, routing_version: ours })
}

impl Records {
    /// Starts to read a source by version `ours` of the rules. Records the boundary if the source had an older version.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`], [`Error::NotDrained`] and [`Error::Newer`] are for the operator; nothing was recorded.
    pub async fn enter(
        &self,
        source: &SourceId,
        ours: u32,
        done: Option<Ordinal>,
        last_enqueued: Option<Ordinal>,
        old: OldVersions,
    ) -> Result<Entered, Error> {
        loop {
            let newest = self.newest_rules(source).await?;
            let theirs = newest.routing_version;
            match check_rules(ours, newest, done, last_enqueued, old) {
                Decision::Start(entered) => return Ok(entered),
                Decision::NotCaughtUp => {
                    return Err(Error::NotCaughtUp { log: source.clone(), theirs, ours });
                }
                Decision::NotDrained => return Err(Error::NotDrained { log: source.clone(), theirs }),
                Decision::Newer => return Err(Error::Newer { log: source.clone(), theirs, ours }),
                // Another writer may have recorded its rules first: the next round reads what is stored.
                Decision::Record(rules) => {
                    self.put_once(&paths::rules(source, rules.n), rules).await?;
                }
            }
        }
    }

    /// True if the newest rules of a source are older than `ours`; false for a source without an origin.
    pub async fn follows_older(&self, source: &SourceId, ours: u32) -> Result<bool, Error> {
        match self.newest_rules(source).await {
            Ok(newest) => Ok(newest.routing_version < ours),
            Err(Error::NoOrigin { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// True if the newest rules of a source are version `ours`. Check this after each attach.
    pub async fn still_current(&self, source: &SourceId, ours: u32) -> Result<bool, Error> {
        Ok(self.newest_rules(source).await?.routing_version == ours)
    }

    /// The newest rules of a source. The listing may be stale, so the names after its last one are tried too.
    async fn newest_rules(&self, source: &SourceId) -> Result<Rules, Error> {
        let listed = self.list(&paths::rules_folder()).await?;
        let of_source = listed.iter().filter_map(paths::parse_rules).filter(|(of, _)| of == source);
        let mut n = of_source.map(|(_, n)| n).max().unwrap_or(0);
        let mut newest = match n {
            0 => self.rules_of_origin(source).await?,
            _ => self
                .recorded_rules(source, n)
                .await?
                .ok_or_else(|| Error::Missing { log: source.clone(), n })?,
        };
        loop {
            n += 1;
            match self.recorded_rules(source, n).await? {
                Some(newer) => newest = newer,
                None => return Ok(newest),
            }
        }
    }

    async fn rules_of_origin(&self, source: &SourceId) -> Result<Rules, Error> {
        let origin = self.origin(source).await?.ok_or_else(|| Error::NoOrigin { log: source.clone() })?;
        Ok(Rules { n: 0, from: origin.first, routing_version: origin.routing_version })
    }

    async fn recorded_rules(&self, source: &SourceId, n: u64) -> Result<Option<Rules>, Error> {
        let Some(rules) = self.get::<Rules>(&paths::rules(source, n)).await? else { return Ok(None) };
        if rules.n == n { Ok(Some(rules)) } else { Err(Error::Misplaced { log: source.clone(), n }) }
    }
}

/// A source that this run may not read, or whose rules could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Events of an older version are not in the lake.
    #[error(
        "{log} has events under version {theirs} of the routing rules that are not in the lake, and this run has \
         version {ours}: run the previous version until it is caught up, stop it, then start this one; if it can't \
         catch up, stop it with SIGTERM, wait a minute, and start this one once with --old-versions-stopped"
    )]
    NotCaughtUp {
        /// The source.
        log: SourceId,
        /// The version in force.
        theirs: u32,
        /// The version of this run.
        ours: u32,
    },
    /// The last older version was killed before its drain ended.
    #[error(
        "{log} has rows above the last durable event, because version {theirs} of the routing rules did not finish \
         its drain: start the previous version again, stop it with SIGTERM, wait until it has exited, \
         then start this one"
    )]
    NotDrained {
        /// The source.
        log: SourceId,
        /// The version in force.
        theirs: u32,
    },
    /// A newer version of the rules is recorded.
    #[error(
        "{log} is read by newer rules: version {theirs} of the routing rules is recorded, and this run has version \
         {ours}; run the newer version"
    )]
    Newer {
        /// The source.
        log: SourceId,
        /// The version in force.
        theirs: u32,
        /// The version of this run.
        ours: u32,
    },
    /// A source whose origin was not recorded before its rules were read.
    #[error("{log} has no origin in this lake")]
    NoOrigin {
        /// The source.
        log: SourceId,
    },
    /// A record that was listed does not exist.
    #[error(
        "record {n} of the routing rules of {log} was listed but does not exist: restore it from a backup of the \
         lake's `_catchwater` folder"
    )]
    Missing {
        /// The source.
        log: SourceId,
        /// The number of the record.
        n: u64,
    },
    /// A record under the name of another one.
    #[error(
        "record {n} of the routing rules of {log} has another number in its content: restore it from a backup of the \
         lake's `_catchwater` folder"
    )]
    Misplaced {
        /// The source.
        log: SourceId,
        /// The number in the name of the record.
        n: u64,
    },
    /// A record could not be read or written.
    #[error(transparent)]
    Record(#[from] records::Error),
}

impl Error {
    /// [`Unknown`](crate::store::Kind::Unknown) if a later attempt can succeed.
    pub fn kind(&self) -> crate::store::Kind {
        match self {
            Self::Record(error) => error.kind(),
            _ => crate::store::Kind::Fatal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::fixtures::{fast_backoff, source};
    use crate::lake::records::Origin;
    use crate::store::Store;
    use crate::store::faults::Faults;

    /// A source with origin 40 and version 1.
    async fn begun_source() -> (Store, Records) {
        let store = Store::in_memory();
        let records = Records::new(store.clone(), fast_backoff());
        let origin = Origin { first: Ordinal::new(40), routing_version: 1, namespace: "ns".into() };
        records.record_origin(&source(7), origin).await.unwrap();
        (store, records)
    }

    /// Expects the first event to read, or a part of the error's text.
    async fn check(
        records: &Records,
        (ours, done, last_enqueued): (u32, Option<i64>, Option<i64>),
        expected: Result<i64, &str>,
    ) {
        check_with(records, OldVersions::MayRun, (ours, done, last_enqueued), expected).await;
    }

    async fn check_with(
        records: &Records,
        old: OldVersions,
        (ours, done, last_enqueued): (u32, Option<i64>, Option<i64>),
        expected: Result<i64, &str>,
    ) {
        let entered = records
            .enter(&source(7), ours, done.map(Ordinal::new), last_enqueued.map(Ordinal::new), old)
            .await;
        match (entered, expected) {
            (Ok(entered), Ok(from)) => assert_eq!(entered.from, Ordinal::new(from)),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (entered, expected) => panic!("{entered:?} is not {expected:?}"),
        }
    }

    #[tokio::test]
    async fn new_rules_begin_after_the_last_enqueued_event() {
        let (store, records) = begun_source().await;
        check(&records, (1, None, Some(99)), Ok(40)).await;
        check(&records, (2, None, Some(99)), Err("run the previous version until it is caught up")).await;
        check(&records, (2, Some(98), Some(99)), Err("run the previous version")).await;
        assert!(records.still_current(&source(7), 1).await.unwrap());
        check(&records, (2, Some(99), Some(99)), Ok(100)).await;
        assert!(!records.still_current(&source(7), 1).await.unwrap());
        assert!(records.still_current(&source(7), 2).await.unwrap());
        // A recorded boundary does not depend on the checkpoint.
        check(&records, (2, None, Some(250)), Ok(100)).await;
        check(&records, (1, Some(250), Some(250)), Err("is read by newer rules")).await;
        // The same with a listing that shows no record.
        let faults = Faults::new();
        faults.hide_from_listings("rules/");
        let stale = Records::new(store.with_faults(&faults), fast_backoff());
        check(&stale, (3, Some(250), Some(250)), Ok(251)).await;
        check(&records, (3, None, None), Ok(251)).await;
        check(&stale, (2, None, None), Err("is read by newer rules")).await;
    }

    #[tokio::test]
    async fn new_rules_begin_at_the_origin_without_outstanding_events() {
        // The hub never had an event, or all its events are below the origin.
        for last_enqueued in [None, Some(39)] {
            let (_, records) = begun_source().await;
            check(&records, (2, None, last_enqueued), Ok(40)).await;
        }
    }

    #[tokio::test]
    async fn concurrent_starts_use_the_boundary_recorded_first() {
        let (_, records) = begun_source().await;
        let other = records.clone();
        let source = source(7);
        let (done, later) = (Some(Ordinal::new(99)), Some(Ordinal::new(102)));
        let both = futures::future::join(
            records.enter(&source, 2, done, done, OldVersions::MayRun),
            other.enter(&source, 2, later, later, OldVersions::MayRun),
        );
        let (one, other) = both.await;
        assert_eq!(one.unwrap(), other.unwrap());
    }

    #[tokio::test]
    async fn rejects_a_source_without_an_origin() {
        let records = Records::new(Store::in_memory(), fast_backoff());
        check(&records, (1, None, None), Err("has no origin in this lake")).await;
    }

    #[tokio::test]
    async fn stopped_versions_end_at_the_durable_position() {
        let drained = OldVersions::Stopped { rows_above_durable: false };
        let killed = OldVersions::Stopped { rows_above_durable: true };
        let (_, records) = begun_source().await;
        check(&records, (2, Some(70), Some(99)), Err("--old-versions-stopped")).await;
        check_with(&records, killed, (2, Some(70), Some(99)), Err("did not finish its drain")).await;
        assert!(records.still_current(&source(7), 1).await.unwrap(), "nothing was recorded");
        check_with(&records, drained, (2, Some(70), Some(99)), Ok(71)).await;
        // The boundary is recorded: the next start does not need the operator's statement.
        check(&records, (2, Some(70), Some(120)), Ok(71)).await;
        check(&records, (1, Some(99), Some(120)), Err("is read by newer rules")).await;
        // Without a durable event, the older rules have decided nothing.
        let (_, records) = begun_source().await;
        check_with(&records, drained, (2, None, Some(99)), Ok(40)).await;
    }
}
