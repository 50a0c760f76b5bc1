//! Lakes made by hand, and how far each destination is found to reach.

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::lake::fixtures::{destination, facts, impatient, source, written};
use crate::store::faults::Faults;

/// A lake with these files: table, day, name, last row.
async fn lake_of(store: &Store, files: &[(&str, &str, i64, i64)]) {
    for &(table, day, continues_at, last) in files {
        let facts = facts(&destination(table, day), continues_at, continues_at, last);
        let path = paths::data_file(&destination(table, day), Ordinal(continues_at));
        store.put_if_absent(&path, written(&facts)).await.unwrap();
    }
}

const LONG: &str = "a_table_whose_name_is_so_long_that_its_folder_can_only_have_the_beginning_of_it_and_a_hash_\
                    since_no_file_system_takes_more";

const FILES: [(&str, &str, i64, i64); 6] = [
    ("account", "2026-11-21", 0, 3),
    ("account", "2026-11-22", 0, 9),
    ("account", "2026-11-22", 10, 12),
    ("_messages", "2026-11-22", 0, 11),
    ("Account", "2026-11-22", 0, 8),
    (LONG, "2026-11-22", 0, 7),
];

/// What a recovery finds, as (table, day, last row).
fn found(recovered: &[Recovered]) -> Vec<(String, String, i64)> {
    let one = |of: &Recovered| (of.destination.table.to_string(), of.destination.date.to_string(), of.last.0);
    let mut found: Vec<_> = recovered.iter().map(one).collect();
    found.sort();
    found
}

async fn check(store: &Store, since: Option<&str>, expected: &[(&str, &str, i64)]) {
    let since = since.map(|day| day.parse().unwrap());
    let recovered = recover(store, &source(7), since, &impatient()).await.unwrap();
    let mut expected: Vec<_> =
        expected.iter().map(|(table, day, last)| ((*table).to_owned(), (*day).to_owned(), *last)).collect();
    expected.sort();
    assert_eq!(found(&recovered), expected);
    assert!(recovered.iter().all(|of| of.destination.source == source(7)));
}

#[tokio::test]
async fn each_destination_is_found_with_its_last_row_and_true_name() {
    let folder = TempDir::new().unwrap();
    for address in ["memory://", folder.path().to_str().unwrap()] {
        let store = Store::open(address).unwrap();
        check(&store, None, &[]).await;
        lake_of(&store, &FILES).await;
        // What is no file of this source's chains is passed over.
        let other = Destination { source: source(8), ..destination("account", "2026-11-22") };
        store
            .put(&paths::data_file(&other, Ordinal(99)), Bytes::from_static(b"another's affair"))
            .await
            .unwrap();
        store.put(&paths::lake_record(), Bytes::from_static(b"{}")).await.unwrap();
        store.put(&Path::from("account/notes.txt"), Bytes::from_static(b"a note")).await.unwrap();
        let today = [
            ("account", "2026-11-22", 12),
            ("_messages", "2026-11-22", 11),
            ("Account", "2026-11-22", 8),
            (LONG, "2026-11-22", 7),
        ];
        check(&store, Some("2026-11-22"), &today).await;
        check(&store, None, &[&today[..], &[("account", "2026-11-21", 3)]].concat()).await;
        check(&store, Some("2026-11-23"), &[]).await;
    }
}

#[tokio::test]
async fn stale_listing_and_lost_reads_leave_a_hint() {
    let store = Store::open("memory://").unwrap();
    lake_of(&store, &FILES).await;
    let faults = Faults::new();
    faults.hide_from_listings("00000000000000000010");
    faults.hide_from_listings("_messages");
    faults.lose_next_read("2026-11-22");
    faults.lose_next_read("2026-11-22");
    let stale = store.with_faults(&faults);
    let expected = [("account", "2026-11-22", 9), ("Account", "2026-11-22", 8), (LONG, "2026-11-22", 7)];
    check(&stale, Some("2026-11-22"), &expected).await;
}

#[tokio::test]
async fn file_that_can_not_be_relied_on_is_an_error_with_its_path() {
    let destination = destination("account", "2026-11-22");
    let path = paths::data_file(&destination, Ordinal(10));
    for (bytes, says) in [
        (Bytes::from_static(b"no parquet"), "could not read data file"),
        (written(&facts(&destination, 0, 0, 9)), "says that it stands at"),
        (written(&facts(&destination, 10, 0, 9)), "says that it stands at"),
    ] {
        let store = Store::open("memory://").unwrap();
        store.put(&path, bytes).await.unwrap();
        let error = recover(&store, &source(7), None, &impatient()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Fatal);
        let text = error.to_string();
        assert!(text.contains(says) && text.contains(path.as_ref()), "{text}");
    }
}

#[tokio::test]
async fn recovery_runs_on_a_task_of_its_own() {
    let store = Store::open("memory://").unwrap();
    lake_of(&store, &FILES).await;
    let task = tokio::spawn(async move { recover(&store, &source(7), None, &impatient()).await });
    assert_eq!(task.await.unwrap().unwrap().len(), 5);
}
