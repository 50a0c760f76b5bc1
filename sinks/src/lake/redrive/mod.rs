//! Redrive: rows of a quarantine file enter the tables they turn out to belong to, each once.
//!
//! Owns the plans, which are put once and say which row goes where, and when a plan's file is there. Does not
//! own who understands a body, nor what a row looks like: it is told.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::commit::{self, Facts};
use super::records::{self, Records};
use crate::CONTRACT;
use crate::backoff::Backoff;
use crate::ordinals::Ordinal;
use crate::parquet::FooterFacts;
use crate::paths::{self, DataFileName, Destination};
use crate::store::{Kind, Put, Store};

/// Which rows of a quarantine file go to which table. What stands in the lake is carried out as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The key of the quarantine file.
    pub quarantine: String,
    /// Its place among the plans of that file, from 1.
    pub n: u64,
    /// The rules that understood the rows: only they carry it out.
    pub routing_version: u32,
    /// The places of the rows, in rising order, by the true name of their table.
    pub rows: BTreeMap<String, Vec<Ordinal>>,
}

impl Plan {
    /// Plans what is understood and stands in no earlier plan; `None` if that is nothing.
    pub fn next(
        quarantine: &DataFileName,
        standing: &[Self],
        routing_version: u32,
        understood: impl IntoIterator<Item = (Ordinal, String)>,
    ) -> Option<Self> {
        let planned = places_of(standing);
        let mut rows: BTreeMap<String, Vec<Ordinal>> = BTreeMap::new();
        for (place, table) in understood {
            if !planned.contains(&place) {
                rows.entry(table).or_default().push(place);
            }
        }
        let n = standing.len() as u64 + 1;
        let quarantine = quarantine.path().to_string();
        (!rows.is_empty()).then_some(Self { quarantine, n, routing_version, rows })
    }

    /// What the footer of its file for one table says, whose rows are `rows`; `None` if it has none for it.
    pub fn facts(
        &self,
        quarantine: &DataFileName,
        table: &str,
        rows: u64,
        lake: &str,
        writer: &str,
    ) -> Option<FooterFacts> {
        let places = self.rows.get(table)?;
        Some(FooterFacts {
            lake: lake.to_owned(),
            destination: Destination {
                table: table.into(),
                date: quarantine.date,
                source: quarantine.source.clone(),
            },
            continues_at: quarantine.continues_at,
            first: *places.first()?,
            last: *places.last()?,
            rows,
            routing_version: self.routing_version,
            writer: writer.to_owned(),
            contract: CONTRACT,
            replaces: Vec::new(),
            removed: None,
            durable: None,
        })
    }

    /// What is wrong with a plan that stands as the `n`th of a quarantine file.
    pub(super) fn fault(&self, quarantine: &DataFileName, n: u64) -> Option<&'static str> {
        let rises = |places: &Vec<Ordinal>| !places.is_empty() && places.is_sorted_by(|one, next| one < next);
        if self.quarantine != quarantine.path().as_ref() || self.n != n {
            Some("it says that it is another one")
        } else if self.rows.is_empty() || !self.rows.values().all(rises) {
            Some("its rows don't rise")
        } else if self.rows.contains_key(paths::QUARANTINE_TABLE) {
            Some("it sends rows back into quarantine")
        } else {
            None
        }
    }
}

/// The places in these plans.
pub fn places_of(plans: &[Plan]) -> BTreeSet<Ordinal> {
    plans.iter().flat_map(|plan| plan.rows.values().flatten().copied()).collect()
}

impl Records {
    /// The plans of a quarantine file, in their order. They are durable.
    pub async fn redrive_plans(&self, quarantine: &DataFileName) -> Result<Vec<Plan>, Error> {
        let mut plans = Vec::new();
        loop {
            let n = plans.len() as u64 + 1;
            let path = paths::redrive_plan(quarantine, n);
            match self.get::<Plan>(&path).await? {
                Some(plan) => plans.push(checked(plan, quarantine, n)?),
                None => return Ok(plans),
            }
        }
    }

    /// Puts a plan, unless one stands in its place, and returns the one that stands there for good.
    pub async fn plan_redrive(&self, quarantine: &DataFileName, ours: Plan) -> Result<Plan, Error> {
        let n = ours.n;
        let standing = self.put_once(&paths::redrive_plan(quarantine, n), ours).await?;
        checked(standing, quarantine, n)
    }
}

fn checked(plan: Plan, quarantine: &DataFileName, n: u64) -> Result<Plan, Error> {
    let path = || paths::redrive_plan(quarantine, n).to_string();
    match plan.fault(quarantine, n) {
        None => Ok(plan),
        Some(reason) => Err(Error::Plan { path: path(), reason }),
    }
}

/// Says whether a plan's file is there, durably. `facts` say at least how many rows it has.
///
/// # Errors
/// Something else under that name is an error: its rows would count for ours.
pub async fn find_file(
    store: &Store,
    path: &Path,
    facts: &FooterFacts,
    backoff: &Backoff,
) -> Result<bool, Error> {
    let mut attempts = backoff.attempts();
    loop {
        match commit::find_durable(store, path).await {
            Ok(None) => return Ok(false),
            Ok(Some(found)) => {
                is_of_the_plan(path, facts, &found)?;
                return Ok(true);
            }
            Err(error) => attempts.wait_after(error).await?,
        }
    }
}

/// Puts a plan's file and does not return before it is there, durably, by whoever wrote it.
pub async fn commit_file(
    store: &Store,
    path: &Path,
    facts: &FooterFacts,
    bytes: Bytes,
    backoff: &Backoff,
) -> Result<(), Error> {
    let mut attempts = backoff.attempts();
    loop {
        let failed = match store.put_if_absent(path, bytes.clone()).await {
            Ok(Put::Created) => return Ok(()),
            Ok(Put::Taken) => commit::Error::TakenAndAbsent { path: path.to_string() },
            Err(error) if error.kind() == Kind::Unknown => error.into(),
            Err(error) => return Err(commit::Error::from(error).into()),
        };
        // As for chains: whatever the answer was, the footer under the name decides.
        if find_file(store, path, facts, backoff).await? {
            return Ok(());
        }
        attempts.wait_after(failed).await?;
    }
}

/// A file of the same plan has rows of the same places; how its bytes came out is its writer's affair.
fn is_of_the_plan(path: &Path, ours: &FooterFacts, found: &FooterFacts) -> Result<(), Error> {
    let differs = |fact, ours: &dyn ToString, theirs: &dyn ToString| {
        let (path, ours, theirs) = (path.to_string(), ours.to_string(), theirs.to_string());
        Err(Error::File(commit::Error::Mismatch { path, fact, theirs, ours }))
    };
    commit::matches_ours(path, Facts { ours, found })?;
    if (ours.first, ours.last) != (found.first, found.last) {
        let range = |facts: &FooterFacts| format!("{} to {}", facts.first, facts.last);
        return differs("range of places", &range(ours), &range(found));
    }
    // Rows may have been removed on purpose since.
    if found.rows < ours.rows && found.removed.is_none() {
        return differs("number of rows", &ours.rows, &found.rows);
    }
    Ok(())
}

/// A redrive that can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A plan could not be read or put.
    #[error(transparent)]
    Record(#[from] records::Error),
    /// A plan that can't be one.
    #[error("{path:?} is not a redrive plan: {reason}")]
    Plan {
        /// The plan's key.
        path: String,
        /// The cause.
        reason: &'static str,
    },
    /// A file could not be read or put.
    #[error(transparent)]
    File(#[from] commit::Error),
}

#[cfg(test)]
mod tests;
