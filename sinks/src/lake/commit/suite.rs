//! The commit suite: commits through lost and late answers, for tests here and on real servers.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a check that fails has to panic")]

use super::{Chain, CommitOutcome, Error, commit_file};
use crate::lake::fixtures::{destination, facts, fast_backoff, written};
use crate::ordinals::Ordinal;
use crate::parquet::read_facts;
use crate::paths;
use crate::store::Store;
use crate::store::faults::{Faults, PutFault};

/// Checks that a file is committed once, in stores that `open` opens by a name. Each is empty.
///
/// # Panics
/// If an outcome or the lake differs from the protocol.
pub async fn check_commits(open: impl Fn(&str) -> Store) {
    for (at, case) in CASES.iter().enumerate() {
        check(&open(&format!("commit-{at}")), case).await;
    }
}

/// A commit of rows 5 to 9.
#[derive(Debug)]
struct Case {
    /// First and last row of a file that another writer has committed before.
    before: Option<(i64, i64)>,
    /// Faults of the puts, in order.
    puts: &'static [PutFault],
    /// Reads of the footer that get no answer.
    lost_reads: usize,
    outcome: CommitOutcome,
}

impl Case {
    const fn new(
        before: Option<(i64, i64)>,
        puts: &'static [PutFault],
        lost_reads: usize,
        outcome: CommitOutcome,
    ) -> Self {
        Self { before, puts, lost_reads, outcome }
    }
}

const CASES: [Case; 14] = {
    use PutFault::{DeliveredLate, RequestLost, ResponseLost};
    [
        // Lost and late answers.
        Case::new(None, &[], 0, durable(9)),
        Case::new(None, &[RequestLost], 0, durable(9)),
        Case::new(None, &[RequestLost, RequestLost, RequestLost, RequestLost], 0, durable(9)),
        Case::new(None, &[ResponseLost], 0, durable(9)),
        Case::new(None, &[DeliveredLate], 0, durable(9)),
        Case::new(None, &[DeliveredLate, ResponseLost], 1, durable(9)),
        Case::new(None, &[ResponseLost], 2, durable(9)),
        // An existing file with the name decides.
        Case::new(Some((3, 9)), &[], 0, durable(9)),
        Case::new(Some((5, 7)), &[], 0, conflict(7)),
        Case::new(Some((0, 4)), &[], 0, conflict(4)),
        Case::new(Some((5, 12)), &[], 0, conflict(12)),
        Case::new(Some((5, 12)), &[ResponseLost], 1, conflict(12)),
        Case::new(Some((5, 7)), &[DeliveredLate], 0, conflict(7)),
        Case::new(Some((5, 9)), &[RequestLost], 3, durable(9)),
    ]
};

async fn check(store: &Store, case: &Case) {
    if let Some((first, last)) = case.before {
        commit(store, &mut new_chain(), first, last).await.unwrap();
    }
    let faults = Faults::new();
    for fault in case.puts {
        faults.next_put("account", *fault);
    }
    (0..case.lost_reads).for_each(|_| faults.lose_next_read("account"));
    let mut chain = new_chain();
    let outcome = commit(&store.with_faults(&faults), &mut chain, 5, 9).await.unwrap();
    assert_eq!(outcome, case.outcome, "{case:?} in {store:?}");
    faults.deliver_late().await;
    let (CommitOutcome::Durable { last } | CommitOutcome::Conflict { last }) = case.outcome;
    assert_eq!(files(store).await, [(0, last.get())], "{case:?} in {store:?}");
    assert_eq!(chain.next(), last.next());
}

/// Commits rows `first` to `last` at the end of the chain.
pub(super) async fn commit(
    store: &Store,
    chain: &mut Chain,
    first: i64,
    last: i64,
) -> Result<CommitOutcome, Error> {
    let facts = facts(&destination("account", "2026-11-22"), chain.next().get(), first, last);
    commit_file(store, chain, &facts, written(&facts), &fast_backoff()).await
}

pub(super) fn new_chain() -> Chain {
    Chain::recovered(None)
}

pub(super) const fn durable(last: i64) -> CommitOutcome {
    CommitOutcome::Durable { last: Ordinal::new(last) }
}

pub(super) const fn conflict(last: i64) -> CommitOutcome {
    CommitOutcome::Conflict { last: Ordinal::new(last) }
}

/// The files of the lake as (name, last row).
pub(super) async fn files(store: &Store) -> Vec<(i64, i64)> {
    let mut files = Vec::new();
    for object in store.list(&paths::table_folder("account")).await.unwrap() {
        let facts = read_facts(store, &object.key).await.unwrap().unwrap();
        files.push((facts.continues_at.get(), facts.last.get()));
    }
    files
}
