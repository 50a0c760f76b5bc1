//! Commits through a store with injected faults.

use tempfile::TempDir;

use super::suite::{check_commits, commit, conflict, durable, files, new_chain};
use super::*;
use crate::lake::fixtures::{destination, facts, fast_backoff, written};
use crate::paths;
use crate::store::StoreOptions;
use crate::store::faults::{Faults, PutFault};

#[tokio::test]
async fn commits_are_exact_on_memory_and_folders() {
    check_commits(|_| Store::in_memory()).await;
    let folder = TempDir::new().unwrap();
    check_commits(|name| {
        Store::open(folder.path().join(name).to_str().unwrap(), &StoreOptions::default()).unwrap()
    })
    .await;
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
