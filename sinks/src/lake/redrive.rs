//! Redrive: rows of a quarantine file enter the tables to which newer rules route them, each once.
//!
//! Owns the plans, which assign rows to tables and are put once, and the check that a plan's file is committed. Does
//! not own parsing, routing or the content of rows: callers pass their results.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::Key;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::commit::{self, Facts};
use super::records::{self, Records};
use crate::CONTRACT;
use crate::backoff::Backoff;
use crate::ordinals::Ordinal;
use crate::parquet::FooterFacts;
use crate::paths::{self, DataFileName, Destination};
use crate::store::{Kind, Put, Store};

/// An assignment of rows of a quarantine file to tables. A recorded plan is carried out unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The key of the quarantine file.
    pub quarantine: String,
    /// The number of the plan among the plans of that file, from 1.
    pub n: u64,
    /// The version of the rules that understood the rows. Only this version carries the plan out.
    pub routing_version: u32,
    /// The ordinals of the rows, in rising order, by the true name of their table.
    pub rows: BTreeMap<String, Vec<Ordinal>>,
}

impl Plan {
    /// Plans the understood rows that no earlier plan has; `None` without such rows.
    pub fn next(
        quarantine: &DataFileName,
        earlier: &[Self],
        routing_version: u32,
        understood: impl IntoIterator<Item = (Ordinal, String)>,
    ) -> Option<Self> {
        let planned = places_of(earlier);
        let mut rows: BTreeMap<String, Vec<Ordinal>> = BTreeMap::new();
        for (ordinal, table) in understood {
            if !planned.contains(&ordinal) {
                rows.entry(table).or_default().push(ordinal);
            }
        }
        let n = earlier.len() as u64 + 1;
        let quarantine = quarantine.path().to_string();
        (!rows.is_empty()).then_some(Self { quarantine, n, routing_version, rows })
    }

    /// The footer facts of the plan's file for one table, which has `rows` rows; `None` if the plan has no row for it.
    pub fn facts(
        &self,
        quarantine: &DataFileName,
        table: &str,
        rows: u64,
        lake: &str,
        writer: &str,
    ) -> Option<FooterFacts> {
        let ordinals = self.rows.get(table)?;
        Some(FooterFacts {
            lake: lake.to_owned(),
            destination: Destination {
                table: table.into(),
                date: quarantine.date,
                source: quarantine.source.clone(),
            },
            continues_at: quarantine.continues_at,
            first: *ordinals.first()?,
            last: *ordinals.last()?,
            rows,
            routing_version: self.routing_version,
            writer: writer.to_owned(),
            contract: CONTRACT,
            replaces: Vec::new(),
            removed: None,
            durable: None,
        })
    }

    /// The fault of a plan that was read as the `n`th of a quarantine file.
    pub(super) fn fault(&self, quarantine: &DataFileName, n: u64) -> Option<&'static str> {
        let rises =
            |ordinals: &Vec<Ordinal>| !ordinals.is_empty() && ordinals.is_sorted_by(|one, next| one < next);
        if self.quarantine != quarantine.path().as_ref() || self.n != n {
            Some("its content names another plan")
        } else if self.rows.is_empty() || !self.rows.values().all(rises) {
            Some("it has no rows, or rows that don't rise")
        } else if self.rows.contains_key(paths::QUARANTINE_TABLE) {
            Some("it sends rows back to quarantine")
        } else {
            None
        }
    }
}

/// The ordinals of all rows in these plans.
pub fn places_of(plans: &[Plan]) -> BTreeSet<Ordinal> {
    plans.iter().flat_map(|plan| plan.rows.values().flatten().copied()).collect()
}

impl Records {
    /// The durable plans of a quarantine file, in order.
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

    /// Puts a plan unless one with its number exists, and returns the stored one.
    pub async fn plan_redrive(&self, quarantine: &DataFileName, ours: Plan) -> Result<Plan, Error> {
        let n = ours.n;
        let stored = self.put_once(&paths::redrive_plan(quarantine, n), ours).await?;
        checked(stored, quarantine, n)
    }
}

fn checked(plan: Plan, quarantine: &DataFileName, n: u64) -> Result<Plan, Error> {
    let path = || paths::redrive_plan(quarantine, n).to_string();
    match plan.fault(quarantine, n) {
        None => Ok(plan),
        Some(reason) => Err(Error::Plan { path: path(), reason }),
    }
}

/// True if a plan's file exists and is durable. It has at least `facts.rows` rows, unless some were removed.
///
/// # Errors
/// [`Error::File`] if another file has that name: its rows would count as those of the plan.
pub async fn find_file(
    store: &Store,
    path: &Key,
    facts: &FooterFacts,
    backoff: &Backoff,
) -> Result<bool, Error> {
    let mut attempts = backoff.attempts();
    loop {
        match commit::find_durable(store, path).await {
            Ok(None) => return Ok(false),
            Ok(Some(found)) => {
                check_is_of_plan(path, facts, &found)?;
                return Ok(true);
            }
            Err(error) => attempts.wait_after(error).await?,
        }
    }
}

/// Commits a plan's file. Returns once the file is durable, whichever redrive wrote it.
pub async fn commit_file(
    store: &Store,
    path: &Key,
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
        // As for chains: after any answer but success, only the footer under the name counts.
        if find_file(store, path, facts, backoff).await? {
            return Ok(());
        }
        attempts.wait_after(failed).await?;
    }
}

/// Checks that a file has the rows of the plan. Its bytes may differ from ours.
fn check_is_of_plan(path: &Key, ours: &FooterFacts, found: &FooterFacts) -> Result<(), Error> {
    let differs = |fact, ours: &dyn ToString, theirs: &dyn ToString| {
        let (path, ours, theirs) = (path.to_string(), ours.to_string(), theirs.to_string());
        Err(Error::File(commit::Error::Mismatch { path, fact, theirs, ours }))
    };
    commit::matches_ours(path, Facts { ours, found })?;
    if (ours.first, ours.last) != (found.first, found.last) {
        let range = |facts: &FooterFacts| format!("{} to {}", facts.first, facts.last);
        return differs("range of rows", &range(ours), &range(found));
    }
    // A file may have fewer rows if some were removed on purpose.
    if found.rows < ours.rows && found.removed.is_none() {
        return differs("number of rows", &ours.rows, &found.rows);
    }
    Ok(())
}

/// A redrive that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A plan could not be read or written.
    #[error(transparent)]
    Record(#[from] records::Error),
    /// A record under a plan's name that is not a valid plan.
    #[error(
        "{path:?} is not a redrive plan: {reason}; restore it from a backup of the lake's `_catchwater` folder"
    )]
    Plan {
        /// The plan's key.
        path: String,
        /// The fault.
        reason: &'static str,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] commit::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::fixtures::{destination, facts, fast_backoff, written};
    use crate::store::faults::{Faults, PutFault};

    fn quarantine() -> DataFileName {
        let file = paths::data_file(&destination(paths::QUARANTINE_TABLE, "2026-11-22"), Ordinal::new(100));
        paths::parse_data_file(&file).unwrap()
    }

    fn plan(n: u64, rows: &[(&str, &[i64])]) -> Plan {
        let rows = rows.iter().map(|(table, ordinals)| {
            ((*table).to_owned(), ordinals.iter().copied().map(Ordinal::new).collect::<Vec<_>>())
        });
        Plan { quarantine: quarantine().path().to_string(), n, routing_version: 2, rows: rows.collect() }
    }

    #[test]
    fn plans_each_understood_row_once() {
        type Rows<'a> = &'a [(i64, &'a str)];
        let understood = |rows: &[(i64, &str)]| -> Vec<(Ordinal, String)> {
            rows.iter().map(|(ordinal, table)| (Ordinal::new(*ordinal), (*table).to_owned())).collect()
        };
        let first = plan(1, &[("account", &[101, 104]), ("contact", &[102])]);
        let second = plan(2, &[("account", &[103])]);
        let cases: [(&[Plan], Rows, Option<Plan>); 5] = [
            (&[], &[], None),
            (&[], &[(101, "account"), (102, "contact"), (104, "account")], Some(first.clone())),
            (std::slice::from_ref(&first), &[(101, "account"), (102, "contact")], None),
            // A different table for a planned row changes nothing.
            (
                std::slice::from_ref(&first),
                &[(101, "lead"), (103, "account"), (104, "account")],
                Some(second.clone()),
            ),
            (&[first.clone(), second], &[(101, "account"), (103, "account")], None),
        ];
        for (earlier, rows, expected) in cases {
            assert_eq!(Plan::next(&quarantine(), earlier, 2, understood(rows)), expected, "{rows:?}");
        }
    }

    #[tokio::test]
    async fn concurrent_redrives_use_the_plan_recorded_first() {
        let store = Store::in_memory();
        let (faults, slow) = (Faults::new(), Faults::new());
        let one = Records::new(store.with_faults(&faults), fast_backoff());
        let other = Records::new(store.with_faults(&slow), fast_backoff());
        let (ours, theirs) = (plan(1, &[("account", &[101])]), plan(1, &[("lead", &[101])]));
        slow.next_put("redrive", PutFault::DeliveredLate);
        slow.next_put("redrive", PutFault::RequestLost);
        faults.next_put("redrive", PutFault::ResponseLost);
        assert_eq!(one.plan_redrive(&quarantine(), ours.clone()).await.unwrap(), ours);
        assert_eq!(other.plan_redrive(&quarantine(), theirs).await.unwrap(), ours);
        assert_eq!(slow.deliver_late().await, 0, "the name is taken");
        assert_eq!(other.redrive_plans(&quarantine()).await.unwrap(), [ours]);
    }

    #[tokio::test]
    async fn rejects_invalid_plans() {
        let named = |change: &dyn Fn(&mut Plan)| {
            let mut plan = plan(1, &[("account", &[101, 103])]);
            change(&mut plan);
            serde_json::to_vec(&plan).unwrap()
        };
        let cases = [
            ("another number", named(&|plan| plan.n = 2), "another plan"),
            ("another file", named(&|plan| plan.quarantine.push('x')), "another plan"),
            ("no rows", named(&|plan| plan.rows.clear()), "rise"),
            (
                "rows twice",
                named(&|plan| plan.rows.get_mut("account").unwrap()[1] = Ordinal::new(101)),
                "rise",
            ),
            (
                "back",
                named(&|plan| drop(plan.rows.insert("_quarantine".into(), vec![Ordinal::new(1)]))),
                "back",
            ),
            ("no JSON", b"{".to_vec(), "can't be parsed"),
        ];
        for (case, bytes, words) in cases {
            let store = Store::in_memory();
            store.put(&paths::redrive_plan(&quarantine(), 1), bytes.into()).await.unwrap();
            let error = Records::new(store, fast_backoff()).redrive_plans(&quarantine()).await.unwrap_err();
            assert!(error.to_string().contains(words), "{case}: {error}");
        }
    }

    #[tokio::test]
    async fn accepts_an_equal_file_of_another_redrive() {
        let facts =
            FooterFacts { routing_version: 2, ..facts(&destination("account", "2026-11-22"), 100, 101, 104) };
        let path = paths::redriven_file("account", &quarantine(), 1);
        for fault in [PutFault::RequestLost, PutFault::ResponseLost, PutFault::DeliveredLate] {
            let store = Store::in_memory();
            let faults = Faults::new();
            faults.next_put("-r1", fault);
            faults.lose_next_read("-r1");
            let unreliable = store.with_faults(&faults);
            assert!(!find_file(&store, &path, &facts, &fast_backoff()).await.unwrap());
            commit_file(&unreliable, &path, &facts, written(&facts), &fast_backoff()).await.unwrap();
            assert!(find_file(&unreliable, &path, &facts, &fast_backoff()).await.unwrap());
            assert_eq!(faults.deliver_late().await, 0, "{fault:?}");
            // A file with the same rows and other bytes.
            let other = FooterFacts { writer: "another".into(), ..facts.clone() };
            commit_file(&store, &path, &other, written(&other), &fast_backoff()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn rejects_another_file_under_the_name() {
        let facts =
            FooterFacts { routing_version: 2, ..facts(&destination("account", "2026-11-22"), 100, 101, 104) };
        let path = paths::redriven_file("account", &quarantine(), 1);
        let cases: [(FooterFacts, &str); 6] = [
            (FooterFacts { lake: "other".into(), ..facts.clone() }, "lake"),
            (FooterFacts { destination: destination("lead", "2026-11-22"), ..facts.clone() }, "table"),
            (FooterFacts { routing_version: 1, ..facts.clone() }, "routing rules"),
            (FooterFacts { first: Ordinal::new(100), ..facts.clone() }, "100 to 104"),
            (FooterFacts { last: Ordinal::new(105), ..facts.clone() }, "101 to 105"),
            (FooterFacts { rows: 1, last: Ordinal::new(104), ..facts.clone() }, "number of rows"),
        ];
        for (other, words) in cases {
            let store = Store::in_memory();
            store.put(&path, written(&other)).await.unwrap();
            let found = find_file(&store, &path, &facts, &fast_backoff()).await.unwrap_err();
            let put = commit_file(&store, &path, &facts, written(&facts), &fast_backoff()).await.unwrap_err();
            assert!(found.to_string().contains(words) && put.to_string().contains(words), "{found}, {put}");
        }
    }
}
