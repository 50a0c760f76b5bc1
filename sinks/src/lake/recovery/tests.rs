//! Lakes written file by file, and the last row that is found of each destination.

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::lake::fixtures::{destination, facts, fast_backoff, source, written};
use crate::store::StoreOptions;
use crate::store::faults::Faults;

/// A lake with these files: table, day, name, last row.
async fn lake_of(store: &Store, files: &[(&str, &str, i64, i64)]) {
    for &(table, day, continues_at, last) in files {
        let facts = facts(&destination(table, day), continues_at, continues_at, last);
        let path = paths::data_file(&destination(table, day), Ordinal::new(continues_at));
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

fn chains<'a>(store: &'a Store, source: &'a SourceId, backoff: &'a Backoff) -> Chains<'a> {
    Chains { store, lake: "this lake", source, backoff }
}

fn since(day: Option<&str>) -> Days {
    Days { since: day.map(|day| day.parse().unwrap()), also: BTreeSet::new() }
}

async fn recover(store: &Store, days: &Days) -> Result<Found, Error> {
    let listing = Listing::read(store, days, &fast_backoff()).await?;
    chains(store, &source(7), &fast_backoff()).recover(&listing).await
}

/// The recovered destinations, as (table, day, last row).
fn found(recovered: &[Recovered]) -> Vec<(String, String, i64)> {
    let one =
        |of: &Recovered| (of.destination.table.to_string(), of.destination.date.to_string(), of.last.get());
    let mut found: Vec<_> = recovered.iter().map(one).collect();
    found.sort();
    found
}

async fn check(store: &Store, day: Option<&str>, expected: &[(&str, &str, i64)]) {
    let recovered = recover(store, &since(day)).await.unwrap().destinations;
    let mut expected: Vec<_> =
        expected.iter().map(|(table, day, last)| ((*table).to_owned(), (*day).to_owned(), *last)).collect();
    expected.sort();
    assert_eq!(found(&recovered), expected);
    assert!(recovered.iter().all(|of| of.destination.source == source(7)));
}

#[tokio::test]
async fn finds_each_destination_with_its_last_row_and_table_name() {
    let folder = TempDir::new().unwrap();
    for address in ["memory://", folder.path().to_str().unwrap()] {
        let store = Store::open(address, &StoreOptions::default()).unwrap();
        check(&store, None, &[]).await;
        lake_of(&store, &FILES).await;
        // Files outside this source's chains are ignored.
        let other = Destination { source: source(8), ..destination("account", "2026-11-22") };
        store
            .put(&paths::data_file(&other, Ordinal::new(99)), Bytes::from_static(b"not parquet"))
            .await
            .unwrap();
        store.put(&paths::lake_record(), Bytes::from_static(b"{}")).await.unwrap();
        store.put(&Key::from("account/notes.txt"), Bytes::from_static(b"a note")).await.unwrap();
        let today = [
            ("account", "2026-11-22", 12),
            ("_messages", "2026-11-22", 11),
            ("Account", "2026-11-22", 8),
            (LONG, "2026-11-22", 7),
        ];
        check(&store, Some("2026-11-22"), &today).await;
        check(&store, None, &[&today[..], &[("account", "2026-11-21", 3)]].concat()).await;
        check(&store, Some("2026-11-23"), &[]).await;
        // The day of rows without a time is always listed.
        let without_time = ("_quarantine", "1970-01-01", 0, 5);
        lake_of(&store, &[without_time]).await;
        check(&store, Some("2026-11-23"), &[("_quarantine", "1970-01-01", 5)]).await;
    }
}

#[tokio::test]
async fn stale_listing_gives_earlier_last_rows() {
    let store = Store::in_memory();
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
async fn rejects_an_unusable_file_and_names_its_path() {
    let destination = destination("account", "2026-11-22");
    let path = paths::data_file(&destination, Ordinal::new(10));
    for (bytes, expected) in [
        (Bytes::from_static(b"not parquet"), "could not read data file"),
        (written(&facts(&destination, 0, 0, 9)), "contradicts its footer"),
        (written(&facts(&destination, 10, 0, 9)), "contradicts its footer"),
        (
            written(&FooterFacts { lake: "another".into(), ..facts(&destination, 10, 10, 19) }),
            "belongs to lake another",
        ),
    ] {
        let store = Store::in_memory();
        store.put(&path, bytes).await.unwrap();
        let error = recover(&store, &Days::default()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Fatal);
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains(path.as_ref()), "{text}");
    }
}

#[tokio::test]
async fn recovery_future_can_be_spawned() {
    let store = Store::in_memory();
    lake_of(&store, &FILES).await;
    let task = tokio::spawn(async move { recover(&store, &Days::default()).await });
    assert_eq!(task.await.unwrap().unwrap().destinations.len(), 5);
}

#[tokio::test]
async fn returns_the_highest_durable_position_of_the_footers() {
    let store = Store::in_memory();
    assert_eq!(recover(&store, &Days::default()).await.unwrap(), Found::default());
    for (table, continues_at, first, last, durable) in [
        ("account", 0, 0, 9, None),
        ("account", 10, 10, 12, Some(9)),
        ("lead", 0, 6, 20, Some(5)),
        ("task", 0, 3, 8, Some(2)),
    ] {
        let destination = destination(table, "2026-11-22");
        let facts = FooterFacts {
            durable: durable.map(Ordinal::new),
            ..facts(&destination, continues_at, first, last)
        };
        store
            .put(&paths::data_file(&destination, Ordinal::new(continues_at)), written(&facts))
            .await
            .unwrap();
    }
    let found = recover(&store, &Days::default()).await.unwrap();
    assert_eq!((found.durable, found.highest_row()), (Some(Ordinal::new(9)), Some(Ordinal::new(20))));
    // A durable position above the file's own rows, or with a flipped bit, is an error.
    let destination = destination("visit", "2026-11-22");
    let path = paths::data_file(&destination, Ordinal::new(0));
    let too_high = FooterFacts { durable: Some(Ordinal::new(3)), ..facts(&destination, 0, 3, 8) };
    let mut flipped = written(&FooterFacts { durable: Some(Ordinal::new(2)), ..too_high.clone() }).to_vec();
    let digit = flipped.windows(11).rposition(|bytes| bytes == b"\"durable\":2").unwrap() + 10;
    flipped[digit] ^= 1;
    for (bytes, expected) in [
        (written(&too_high), "which is not below the file's first row"),
        (flipped.into(), "its footer does not match its checksum"),
    ] {
        store.put(&path, bytes).await.unwrap();
        let error = recover(&store, &Days::default()).await.unwrap_err();
        let text = format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string));
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn includes_additional_days_and_always_the_unknown_day() {
    let store = Store::in_memory();
    let days = ["1970-01-01", "2024-02-02", "2025-03-03", "2026-11-22"];
    lake_of(&store, &days.map(|day| ("account", day, 0, 3))).await;
    let also = BTreeSet::from(["2024-02-02".parse().unwrap()]);
    let found_days = |found: Found| -> Vec<String> {
        found.destinations.iter().map(|of| of.destination.date.to_string()).collect()
    };
    let found = recover(&store, &since(Some("2026-11-22"))).await.unwrap();
    assert_eq!(found_days(found), ["1970-01-01", "2026-11-22"]);
    let found = recover(&store, &Days { also, ..since(Some("2026-11-22")) }).await.unwrap();
    assert_eq!(found_days(found), ["1970-01-01", "2024-02-02", "2026-11-22"]);
}

#[tokio::test]
async fn reads_only_files_that_may_have_rows_above() {
    const COLUMNS: RowColumns = RowColumns { ordinal: "_sequence_number", row_index: "_row_index" };
    let store = Store::in_memory();
    for (table, continues_at, first, last) in
        [("account", 0, 3, 4), ("account", 5, 7, 9), ("account", 10, 12, 12), ("lead", 0, 10, 11)]
    {
        let destination = destination(table, "2026-11-22");
        let facts = facts(&destination, continues_at, first, last);
        store
            .put(&paths::data_file(&destination, Ordinal::new(continues_at)), written(&facts))
            .await
            .unwrap();
    }
    let (source, backoff) = (source(7), fast_backoff());
    let listing = Listing::read(&store, &Days::default(), &backoff).await.unwrap();
    for (after, expected) in [
        (None, &[3..=4, 7..=7, 9..=12][..]),
        (Some(3), &[4..=4, 7..=7, 9..=12]),
        (Some(4), &[7..=7, 9..=12]),
        (Some(8), &[9..=12]),
        (Some(9), &[10..=12]),
        (Some(11), &[12..=12]),
        (Some(12), &[]),
    ] {
        let rows = chains(&store, &source, &backoff).rows_above(&listing, after.map(Ordinal::new), COLUMNS);
        let rows = rows.await.unwrap();
        assert_eq!(rows, expected.iter().cloned().map(OrdinalRange::from).collect(), "{after:?}");
    }
    // A file that ends at or below the position is not read.
    let first = paths::data_file(&destination("account", "2026-11-22"), Ordinal::new(0));
    store.put(&first, Bytes::from_static(b"not parquet")).await.unwrap();
    let above = chains(&store, &source, &backoff);
    assert!(above.rows_above(&listing, Some(Ordinal::new(4)), COLUMNS).await.is_ok());
    assert!(above.rows_above(&listing, Some(Ordinal::new(3)), COLUMNS).await.is_err());
}
