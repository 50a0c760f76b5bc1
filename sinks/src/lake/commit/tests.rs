//! Commits through a store with injected faults.

use tempfile::TempDir;

use super::*;
use crate::lake::fixtures::{destination, facts, fast_backoff, written};
use crate::paths;
use crate::store::StoreOptions;
use crate::store::faults::{Faults, PutFault};

/// Commits rows `first` to `last` at the end of the chain.
async fn commit(store: &Store, chain: &mut Chain, first: i64, last: i64) -> Result<CommitOutcome, Error> {
    let facts = facts(&destination("account", "2026-11-22"), chain.next().get(), first, last);
    commit_file(store, chain, &facts, written(&facts), &fast_backoff()).await
}

fn new_chain() -> Chain {
    Chain::recovered(None)
}

fn durable(last: i64) -> CommitOutcome {
    CommitOutcome::Durable { last: Ordinal::new(last) }
}

fn conflict(last: i64) -> CommitOutcome {
    CommitOutcome::Conflict { last: Ordinal::new(last) }
}

/// The files of the lake as (name, last row).
async fn files(store: &Store) -> Vec<(i64, i64)> {
    let mut files = Vec::new();
    for object in store.list(&paths::table_folder("account")).await.unwrap() {
        let facts = read_facts(store, &object.key).await.unwrap().unwrap();
        files.push((facts.continues_at.get(), facts.last.get()));
    }
    files
}

/// Commits rows 5 to 9 with these faults, after another writer's commit of `before`.
async fn check(before: Option<(i64, i64)>, puts: &[PutFault], reads_lost: usize, expected: CommitOutcome) {
    let folder = TempDir::new().unwrap();
    for address in ["memory://", folder.path().join("lake").to_str().unwrap()] {
        let store = Store::open(address, &StoreOptions::default()).unwrap();
        if let Some((first, last)) = before {
            commit(&store, &mut new_chain(), first, last).await.unwrap();
        }
        let faults = Faults::new();
        for fault in puts {
            faults.next_put("account", *fault);
        }
        (0..reads_lost).for_each(|_| faults.lose_next_read("account"));
        let mut chain = new_chain();
        let outcome = commit(&store.with_faults(&faults), &mut chain, 5, 9).await.unwrap();
        assert_eq!(outcome, expected, "{before:?} {puts:?} in {address}");
        faults.deliver_late().await;
        let (CommitOutcome::Durable { last } | CommitOutcome::Conflict { last }) = expected;
        assert_eq!(files(&store).await, [(0, last.get())]);
        assert_eq!(chain.next(), last.next());
    }
}

#[tokio::test]
async fn file_is_committed_once_after_lost_and_late_answers() {
    use PutFault::{DeliveredLate, RequestLost, ResponseLost};
    check(None, &[], 0, durable(9)).await;
    check(None, &[RequestLost], 0, durable(9)).await;
    check(None, &[RequestLost, RequestLost, RequestLost, RequestLost], 0, durable(9)).await;
    check(None, &[ResponseLost], 0, durable(9)).await;
    check(None, &[DeliveredLate], 0, durable(9)).await;
    check(None, &[DeliveredLate, ResponseLost], 1, durable(9)).await;
    check(None, &[ResponseLost], 2, durable(9)).await;
}

#[tokio::test]
async fn existing_file_with_the_name_decides_the_outcome() {
    use PutFault::{DeliveredLate, RequestLost, ResponseLost};
    check(Some((3, 9)), &[], 0, durable(9)).await;
    check(Some((5, 7)), &[], 0, conflict(7)).await;
    check(Some((0, 4)), &[], 0, conflict(4)).await;
    check(Some((5, 12)), &[], 0, conflict(12)).await;
    check(Some((5, 12)), &[ResponseLost], 1, conflict(12)).await;
    check(Some((5, 7)), &[DeliveredLate], 0, conflict(7)).await;
    check(Some((5, 9)), &[RequestLost], 3, durable(9)).await;
}

#[tokio::test]
async fn late_put_of_a_shorter_file_is_a_conflict_for_the_longer() {
    let store = Store::in_memory();
    let faults = Faults::new();
    let flaky = store.with_faults(&faults);
    // A crash ends the first attempt while its put is in flight.
    (0..9).for_each(|_| faults.next_put("account", PutFault::DeliveredLate));
    let crash = commit(&flaky, &mut new_chain(), 5, 6).await;
    assert_eq!(crash.unwrap_err().kind(), Kind::Unknown);
    faults.deliver_late().await;
    // The restarted writer, with the same id, reads more events before it closes the file.
    let restarted = store.with_faults(&Faults::new());
    assert_eq!(commit(&restarted, &mut new_chain(), 5, 9).await.unwrap(), conflict(6));
    let mut chain = Chain::recovered(Some(Ordinal::new(6)));
    assert_eq!(commit(&restarted, &mut chain, 8, 9).await.unwrap(), durable(9));
    assert_eq!(files(&store).await, [(0, 6), (7, 9)]);
}

/// Difference of another writer's file from ours.
type Change = fn(&mut FooterFacts);

#[tokio::test]
async fn rejects_a_file_of_other_rules_or_another_lake() {
    let destination = destination("account", "2026-11-22");
    let changes: [(Change, &str); 5] = [
        (|facts| facts.routing_version = 2, "version of the routing rules is 2, and ours is 1"),
        (|facts| facts.lake = "another lake".into(), "lake is another lake"),
        (|facts| facts.destination.table = "contact".into(), "table is contact"),
        (|facts| facts.destination.source = crate::lake::fixtures::source(8), "source is "),
        (|facts| facts.continues_at = Ordinal::new(5), "position in its chain is 5"),
    ];
    for (change, message) in changes {
        let store = Store::in_memory();
        let ours = facts(&destination, 0, 5, 9);
        let mut theirs = ours.clone();
        change(&mut theirs);
        store.put(&paths::data_file(&destination, Ordinal::new(0)), written(&theirs)).await.unwrap();
        let error =
            commit_file(&store, &mut new_chain(), &ours, written(&ours), &fast_backoff()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Fatal);
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[tokio::test]
async fn refused_and_unanswered_puts_are_errors_that_name_the_file() {
    for (fault, kind) in [(PutFault::Denied, Kind::Fatal), (PutFault::RequestLost, Kind::Unknown)] {
        let faults = Faults::new();
        (0..9).for_each(|_| faults.next_put("account", fault));
        let store = Store::in_memory().with_faults(&faults);
        let error = commit(&store, &mut new_chain(), 5, 9).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("account/enqueued_date=2026-11-22/"), "{error}");
        let attempts = if kind == Kind::Fatal { 1 } else { fast_backoff().attempts_max as usize };
        assert_eq!(faults.puts().len(), attempts);
    }
}

#[tokio::test]
async fn rejects_a_file_closed_for_another_name() {
    let store = Store::in_memory();
    let stale = facts(&destination("account", "2026-11-22"), 0, 8, 9);
    let mut chain = Chain::recovered(Some(Ordinal::new(6)));
    let error = commit_file(&store, &mut chain, &stale, written(&stale), &fast_backoff()).await.unwrap_err();
    assert!(error.to_string().contains("closed to continue at 0, but its chain continues at 7"), "{error}");
}

#[tokio::test]
async fn commit_future_can_be_spawned() {
    let store = Store::in_memory();
    let task = tokio::spawn(async move { commit(&store, &mut new_chain(), 5, 9).await });
    assert_eq!(task.await.unwrap().unwrap(), durable(9));
}
