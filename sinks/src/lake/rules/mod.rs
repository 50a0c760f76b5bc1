//! The routing rules of a source, each version from its first event on: a chain of records per source (rule 7).
//!
//! The origin is the chain's beginning; each later record names the first event of the rules it brings. Does
//! not own what the rules are: a version is a number that the caller changes by hand.

use serde::{Deserialize, Serialize};

use super::records::{self, Records};
use crate::ordinals::Ordinal;
use crate::paths::{self, SourceId};

/// A version of the routing rules, and the first event that it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Its place in the chain; 0 is the origin, which is recorded elsewhere.
    pub n: u64,
    /// The first event they decide.
    pub from: Ordinal,
    /// Their version.
    pub routing_version: u32,
}

/// A source that may be read by these rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Reading begins here or above: everything below belongs to older rules, or to no lake at all.
    pub from: Ordinal,
}

/// The operator's statement about earlier versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldVersions {
    /// Nothing: they may still run, so they must have caught up.
    MayRun,
    /// They were stopped, and nothing of theirs is on its way to the store.
    Stopped {
        /// True if a row is above the durable position: then the last of them did not finish its drain.
        rows_above_durable: bool,
    },
}

/// Decision of a run after reading the newest rules of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are ours.
    Start(Entered),
    /// They are older, and all they decide is in the lake: ours begin here, once that is recorded.
    Record(Rules),
    /// They are older, and events that they decide are not in the lake.
    NotCaughtUp,
    /// They are older and were stopped, but some of their rows lie above an event that is not in the lake.
    NotDrained,
    /// They are newer.
    Newer,
}

/// Judges the newest rules of a source.
///
/// `done` is [`super::start::done`] of this lake and source; `last_enqueued` is read after the run has
/// attached and has displaced every reader by older rules.
///
/// Once the old versions are stopped the boundary is one past what is durable, whatever the hub has beyond. That holds
/// only if no row is above it: the chain of a table would take events of the new rules for rows it has already.
pub fn judge(
    ours: u32,
    newest: Rules,
    done: Option<Ordinal>,
    last_enqueued: Option<Ordinal>,
    old: OldVersions,
) -> Verdict {
    if newest.routing_version == ours {
        return Verdict::Start(Entered { from: newest.from });
    }
    if newest.routing_version > ours {
        return Verdict::Newer;
    }
    // What lies below their beginning they never had to decide.
    let behind = |last: Option<Ordinal>| last.map_or(newest.from, Ordinal::next).max(newest.from);
    let (durable, end) = (behind(done), behind(last_enqueued));
    let from = match old {
        _ if durable >= end => end,
        OldVersions::MayRun => return Verdict::NotCaughtUp,
        OldVersions::Stopped { rows_above_durable: true } => return Verdict::NotDrained,
        OldVersions::Stopped { rows_above_durable: false } => durable,
    };
    Verdict::Record(Rules { n: newest.n + 1, from, routing_version: ours })
}

impl Records {
    /// Enters a source by rules of our version, and records where they begin if they are new to it.
    ///
    /// # Errors
    /// [`Error::NotCaughtUp`], [`Error::NotDrained`] and [`Error::Newer`] are sentences for the operator; nothing was
    /// recorded.
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
            match judge(ours, newest, done, last_enqueued, old) {
                Verdict::Start(entered) => return Ok(entered),
                Verdict::NotCaughtUp => return Err(Error::NotCaughtUp { log: source.clone(), theirs, ours }),
                Verdict::NotDrained => return Err(Error::NotDrained { log: source.clone(), theirs }),
                Verdict::Newer => return Err(Error::Newer { log: source.clone(), theirs, ours }),
                // Another writer may have recorded its own: what stands there is judged in the next round.
                Verdict::Record(rules) => {
                    self.put_once(&paths::rules(source, rules.n), rules).await?;
                }
            }
        }
    }

    /// True if a source follows older rules than these; false for one without an origin.
    pub async fn follows_older(&self, source: &SourceId, ours: u32) -> Result<bool, Error> {
        match self.newest_rules(source).await {
            Ok(newest) => Ok(newest.routing_version < ours),
            Err(Error::NoOrigin { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// True if the newest rules of a source are of this version: checked after each attach.
    pub async fn still_current(&self, source: &SourceId, ours: u32) -> Result<bool, Error> {
        Ok(self.newest_rules(source).await?.routing_version == ours)
    }

    /// The newest rules of a source. The listing may be stale: the names behind its last one are tried.
    async fn newest_rules(&self, source: &SourceId) -> Result<Rules, Error> {
        let listed = self.list(&paths::rules_folder()).await?;
        let of_source = listed.iter().filter_map(paths::parse_rules).filter(|(of, _)| of == source);
        let mut n = of_source.map(|(_, n)| n).max().unwrap_or(0);
        let mut newest = match n {
            0 => self.first_rules(source).await?,
            _ => self.rules(source, n).await?.ok_or_else(|| Error::Missing { log: source.clone(), n })?,
        };
        loop {
            n += 1;
            match self.rules(source, n).await? {
                Some(newer) => newest = newer,
                None => return Ok(newest),
            }
        }
    }

    async fn first_rules(&self, source: &SourceId) -> Result<Rules, Error> {
        let origin = self.origin(source).await?.ok_or_else(|| Error::NoOrigin { log: source.clone() })?;
        Ok(Rules { n: 0, from: origin.first, routing_version: origin.routing_version })
    }

    async fn rules(&self, source: &SourceId, n: u64) -> Result<Option<Rules>, Error> {
        let Some(rules) = self.get::<Rules>(&paths::rules(source, n)).await? else { return Ok(None) };
        if rules.n == n { Ok(Some(rules)) } else { Err(Error::Misplaced { log: source.clone(), n }) }
    }
}

/// A source that may not be read by our rules, or whose rules are unknown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An older version has work to finish.
    #[error(
        "{log} has events that version {theirs} of the routing rules decides and that are not in the lake: \
         run the version before this one until it is caught up, stop it, then start this one \
         (its rules are version {ours}); if it can't catch up, stop it with SIGTERM, wait a minute, \
         and start this one once with --old-versions-stopped"
    )]
    NotCaughtUp {
        /// The source.
        log: SourceId,
        /// The version in force.
        theirs: u32,
        /// The version of this run.
        ours: u32,
    },
    /// The last older version was killed, or its drain took too long.
    #[error(
        "{log} has rows above the last durable event, written by version {theirs} of the routing rules: \
         the version before this one did not finish its drain; start it once more, stop it with SIGTERM \
         and wait until it has ended, then start this one"
    )]
    NotDrained {
        /// The source.
        log: SourceId,
        /// The version in force.
        theirs: u32,
    },
    /// A newer version was here.
    #[error(
        "this lake is written by newer rules: {log} follows version {theirs} of the routing rules, \
         and this run knows version {ours}"
    )]
    Newer {
        /// The source.
        log: SourceId,
        /// The version in force.
        theirs: u32,
        /// The version of this run.
        ours: u32,
    },
    /// Entered before begun.
    #[error("{log} has no origin in this lake")]
    NoOrigin {
        /// The source.
        log: SourceId,
    },
    /// A record that was listed is gone.
    #[error("record {n} of the routing rules of {log} was listed and is not there")]
    Missing {
        /// The source.
        log: SourceId,
        /// The record.
        n: u64,
    },
    /// A record under another's name.
    #[error("record {n} of the routing rules of {log} says that it is another one")]
    Misplaced {
        /// The source.
        log: SourceId,
        /// The record.
        n: u64,
    },
    /// A record could not be read or put.
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
mod tests;
