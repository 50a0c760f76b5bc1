//! The conformance suite of every store, for tests here and on real servers.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a check that fails has to panic")]

use bytes::Bytes;

use super::{Key, Put, Store, Swap};

/// Checks the guarantees of a store that is empty.
///
/// # Panics
/// If the store breaks one.
pub async fn check_store(store: &Store) {
    check_missing_objects(store).await;
    check_conditional_puts(store).await;
    check_plain_puts(store).await;
    check_reads(store).await;
    check_listings(store).await;
    check_removal(store).await;
}

/// Checks the guarantees of a put that replaces one version, in a store that is empty.
///
/// # Panics
/// If the store breaks one.
pub async fn check_swaps(store: &Store) {
    let (key, version) =
        (key("folder/state.json"), async |key| store.get_version(key).await.unwrap().unwrap().1);
    assert!(store.get_version(&key).await.unwrap().is_none());
    store.put(&key, bytes("0")).await.unwrap();
    let first = version(&key).await;
    assert_eq!(store.put_if_unchanged(&key, bytes("1"), &first).await.unwrap(), Swap::Replaced);
    assert_eq!(store.put_if_unchanged(&key, bytes("2"), &first).await.unwrap(), Swap::Changed);
    assert_eq!(store.get(&key).await.unwrap(), Some(bytes("1")));
    // A missing object has changed too.
    assert_eq!(store.put_if_unchanged(&"none".into(), bytes("2"), &first).await.unwrap(), Swap::Changed);

    // No increment of concurrent writers is lost.
    let increment = async || {
        loop {
            let (read, version) = store.get_version(&key).await.unwrap().unwrap();
            let next: u32 = std::str::from_utf8(&read).unwrap().parse::<u32>().unwrap() + 1;
            if store.put_if_unchanged(&key, bytes(&next.to_string()), &version).await.unwrap()
                == Swap::Replaced
            {
                break;
            }
        }
    };
    futures::future::join_all((0..8).map(|_| increment())).await;
    assert_eq!(store.get(&key).await.unwrap(), Some(bytes("9")));
    assert_eq!(names(store, "folder").await, ["folder/state.json"]);
}

async fn check_missing_objects(store: &Store) {
    let one = key("one.json");
    assert_eq!(store.get(&one).await.unwrap(), None);
    assert!(store.get_tail(&one, 10).await.unwrap().is_none());
    assert!(names(store, "no/such/folder").await.is_empty());
    assert!(store.list_folders(Some(&key("no"))).await.unwrap().is_empty());
    assert!(store.get_ranges(&one, &[0..1, 1..2]).await.is_err());
}

async fn check_conditional_puts(store: &Store) {
    let (one, nested) = (key("one.json"), nested());
    // The first one wins and stays.
    assert_eq!(store.put_if_absent(&one, bytes("first")).await.unwrap(), Put::Created);
    assert_eq!(store.put_if_absent(&one, bytes("second")).await.unwrap(), Put::Taken);
    assert_eq!(store.get(&one).await.unwrap(), Some(bytes("first")));
    store.make_durable(&one).await.unwrap();

    // One of many concurrent ones wins.
    let puts = (0..20).map(|n| store.put_if_absent(&nested, bytes(&format!("writer {n:02}"))));
    let answers: Vec<Put> = futures::future::try_join_all(puts).await.unwrap();
    assert_eq!(answers.iter().filter(|answer| **answer == Put::Created).count(), 1);
    let winner = answers.iter().position(|answer| *answer == Put::Created).unwrap();
    assert_eq!(store.get(&nested).await.unwrap(), Some(bytes(&format!("writer {winner:02}"))));
    store.make_durable(&nested).await.unwrap();
}

/// A plain put replaces.
async fn check_plain_puts(store: &Store) {
    let (one, empty) = (key("one.json"), key("two.json"));
    store.put(&one, bytes("third")).await.unwrap();
    store.put(&empty, bytes("")).await.unwrap();
    assert_eq!(store.get(&one).await.unwrap(), Some(bytes("third")));
    assert_eq!(store.get(&empty).await.unwrap(), Some(Bytes::new()));
}

async fn check_reads(store: &Store) {
    let (one, empty) = (key("one.json"), key("two.json"));
    let tail = store.get_tail(&one, 3).await.unwrap().unwrap();
    assert_eq!((tail.bytes, tail.size), (bytes("ird"), 5));
    assert_eq!(store.get_tail(&empty, 3).await.unwrap().unwrap().size, 0);
    let tail = store.get_tail(&one, 100).await.unwrap().unwrap();
    assert_eq!((tail.bytes, tail.size), (bytes("third"), 5));
    assert_eq!(store.get_ranges(&one, &[0..1, 3..5]).await.unwrap(), [bytes("t"), bytes("rd")]);

    // A large object arrives whole.
    let (large, whole) = (key("large"), (0..9_000_001_u32).map(|at| at as u8).collect::<Bytes>());
    assert_eq!(store.put_if_absent(&large, whole.clone()).await.unwrap(), Put::Created);
    assert_eq!(store.get(&large).await.unwrap().as_ref(), Some(&whole));
    let tail = store.get_tail(&large, 70_000).await.unwrap().unwrap();
    assert_eq!((tail.bytes, tail.size), (whole.slice(9_000_001 - 70_000..), 9_000_001));
}

/// Listings are recursive and sorted, match whole folder names, and keep the spelling of keys.
async fn check_listings(store: &Store) {
    for name in ["b/2", "b/1", "b/c/3", "bb/4"] {
        store.put(&key(name), bytes("x")).await.unwrap();
    }
    assert_eq!(names(store, "b").await, ["b/1", "b/2", "b/c/3"]);
    assert_eq!(names(store, "table$a%20b").await, [nested().to_string()]);
    assert_eq!(names(store, "").await.len(), 8);
    assert_eq!(store.list_folders(None).await.unwrap(), ["b", "bb", "table$a%20b"]);
    assert_eq!(store.list_folders(Some(&key("b"))).await.unwrap(), ["c"]);
    assert_eq!(store.list(&key("bb")).await.unwrap()[0].size, 1);

    // Longer than a page.
    let many: Vec<Key> = (0..=PAGE_MAX).map(|at| key(&format!("many/{at:05}"))).collect();
    for some in many.chunks(32) {
        futures::future::try_join_all(some.iter().map(|key| store.put(key, Bytes::new()))).await.unwrap();
    }
    let found = store.list(&key("many")).await.unwrap();
    assert!(found.iter().map(|object| &object.key).eq(&many), "{} objects", found.len());
}

/// Removing an object twice is not an error.
async fn check_removal(store: &Store) {
    let probe = key("probe");
    store.put(&probe, bytes("x")).await.unwrap();
    for _ in 0..2 {
        store.remove(&probe).await.unwrap();
        assert_eq!(store.get(&probe).await.unwrap(), None);
    }
}

/// Objects in a page of S3.
const PAGE_MAX: u32 = 1_000;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn nested() -> Key {
    key("table$a%20b/enqueued_date=2026-11-22/x-1.parquet")
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn names(store: &Store, prefix: &str) -> Vec<String> {
    store.list(&key(prefix)).await.unwrap().iter().map(|found| found.key.to_string()).collect()
}
