//! The conformance suite on memory and folders, and tests of single stores.

use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use super::faults::{Faults, PutFault};
use super::suite::{check_store, check_swaps};
use super::{Key, Kind, Put, Store, StoreOptions};
use crate::backoff::Backoff;

fn local() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store =
        Store::open(folder.path().join("a lake/below").to_str().unwrap(), &StoreOptions::default()).unwrap();
    (folder, store)
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn names(store: &Store, prefix: &str) -> Vec<String> {
    store.list(&key(prefix)).await.unwrap().iter().map(|found| found.key.to_string()).collect()
}

#[tokio::test]
async fn put_of_another_version_changes_nothing() {
    check_swaps(&Store::in_memory()).await;
    let (_kept, store) = local();
    check_swaps(&store).await;
}

#[tokio::test]
async fn every_store_conforms() {
    check_store(&Store::open("memory:///lake", &StoreOptions::default()).unwrap()).await;
    let (_kept, store) = local();
    check_store(&store).await;
    let without_faults = Store::in_memory().with_faults(&Faults::new());
    check_store(&without_faults).await;
    let faults = Faults::new();
    faults.refuse_suffixes();
    check_store(&Store::in_memory().with_faults(&faults)).await;
}

#[tokio::test]
async fn reads_with_a_backoff_outlast_a_busy_store() {
    let (store, faults) = (Store::in_memory(), Faults::new());
    store.put(&key("x"), bytes("1")).await.unwrap();
    let backoff = Backoff { first: Duration::ZERO, longest: Duration::ZERO, attempts_max: 3, seed: 0 };
    let reader = store.with_faults(&faults).with_read_backoff(backoff);
    for lost in [2, 3] {
        (0..lost).for_each(|_| faults.lose_next_read("x"));
        assert_eq!(reader.get(&key("x")).await.is_ok(), lost == 2, "{lost}");
    }
    (0..2).for_each(|_| faults.lose_next_read("x"));
    assert_eq!(reader.get_tail(&key("x"), 9).await.unwrap().unwrap().size, 1);
    (0..2).for_each(|_| faults.lose_next_read("x"));
    assert_eq!(reader.get_ranges(&key("x"), &[0..1, 0..1]).await.unwrap(), [bytes("1"), bytes("1")]);
}

#[cfg(unix)]
#[tokio::test]
async fn listings_omit_invalid_names_and_circular_links_only() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (kept, store) = local();
    store.put(&key("b/1"), bytes("1")).await.unwrap();
    let root = store.url().strip_prefix("file://").unwrap().replace("%20", " ");
    let root = std::path::Path::new(&root);
    for name in [&b"a\x01"[..], b"a\xff", b"\n"] {
        std::fs::create_dir(root.join(OsStr::from_bytes(name))).unwrap();
    }
    std::os::unix::fs::symlink("/nowhere", root.join("dangling")).unwrap();
    std::os::unix::fs::symlink(root.join("b"), root.join("linked")).unwrap();
    assert_eq!(store.list_folders(None).await.unwrap(), ["b", "linked"]);
    for name in [&b"2\n"[..], b"3\xff", b"4#1"] {
        std::fs::write(root.join("b").join(OsStr::from_bytes(name)), "").unwrap();
    }
    // Circular links, a link to a sibling folder, and one to a file.
    store.put(&key("c/d/1"), bytes("1")).await.unwrap();
    std::os::unix::fs::symlink(root.join("c"), root.join("b/beside")).unwrap();
    std::os::unix::fs::symlink(root.join("b"), root.join("c/d/back")).unwrap();
    std::os::unix::fs::symlink(root.join("c/d"), root.join("c/d/self")).unwrap();
    std::os::unix::fs::symlink(root, root.join("b/circle")).unwrap();
    std::os::unix::fs::symlink(root.join("b/1"), root.join("b/5")).unwrap();
    let beside = "b/beside/d/1";
    assert!(names(&store, "b").await.starts_with(&["b/1".into(), "b/5".into(), beside.into()]));
    assert!(names(&store, "linked").await.contains(&"linked/beside/d/1".into()));
    drop(kept);
}

#[tokio::test]
async fn only_clones_share_a_memory_store() {
    let store = Store::open("memory:///same", &StoreOptions::default()).unwrap();
    let other = Store::open("memory:///same", &StoreOptions::default()).unwrap();
    store.put(&key("a"), bytes("1")).await.unwrap();
    assert_eq!(store.clone().get(&key("a")).await.unwrap(), Some(bytes("1")));
    assert_eq!(other.get(&key("a")).await.unwrap(), None);
}

#[tokio::test]
async fn folder_can_be_opened_by_its_url() {
    let (kept, store) = local();
    assert!(store.url().starts_with("file:///") && store.url().ends_with("/a%20lake/below"), "{store:?}");
    store.put(&key("a"), bytes("1")).await.unwrap();
    for again in [
        Store::open(store.url(), &StoreOptions::default()),
        Store::open_existing(store.url(), &StoreOptions::default()),
    ] {
        assert_eq!(again.unwrap().get(&key("a")).await.unwrap(), Some(bytes("1")));
    }
    let missing = kept.path().join("missing");
    let error = Store::open_existing(missing.to_str().unwrap(), &StoreOptions::default()).unwrap_err();
    assert!(error.to_string().contains("missing") && !missing.exists(), "{error}");
}

#[test]
fn opening_removes_its_probe() {
    let (kept, _store) = local();
    let left: Vec<_> = std::fs::read_dir(kept.path().join("a lake/below")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Readers do not see the staging file of a crashed put, and writers are not blocked by it.
#[tokio::test]
async fn staging_file_of_a_crash_is_not_listed_and_blocks_no_put() {
    let (kept, store) = local();
    let root = kept.path().join("a lake/below");
    std::fs::create_dir_all(root.join("account")).unwrap();
    let half = root.join("account/x.parquet#1");
    std::fs::write(&half, "hal").unwrap();

    assert!(names(&store, "account").await.is_empty());
    assert_eq!(store.put_if_absent(&key("account/x.parquet"), bytes("whole")).await.unwrap(), Put::Created);
    assert_eq!(names(&store, "account").await, ["account/x.parquet"]);
    assert_eq!(store.get(&key("account/x.parquet")).await.unwrap(), Some(bytes("whole")));
    assert_eq!(std::fs::read(&half).unwrap(), b"hal", "it may belong to a suspended writer");
    assert!(!half.to_str().unwrap().ends_with(".parquet"));
}

#[cfg(unix)]
#[tokio::test]
async fn folder_without_permission_is_fatal() {
    use std::os::unix::fs::PermissionsExt;
    let (kept, store) = local();
    // A file in the place of a folder fails for root as well, which ignores permissions.
    store.put(&key("account"), bytes("")).await.unwrap();
    let error = store.put_if_absent(&key("account/x.parquet"), bytes("1")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Fatal, "{error:?}");
    // The cause is the system's message, without the path.
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(!cause.contains("account") && cause.contains("(os error"), "{cause}");

    let locked = kept.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(locked.join("probe"), "").is_ok() {
        println!("this user writes to folders without permission: opening without permission was not tested");
        return;
    }
    assert_eq!(
        Store::open(locked.to_str().unwrap(), &StoreOptions::default()).unwrap_err().kind(),
        Kind::Fatal
    );
}

#[tokio::test]
async fn injected_faults_apply_to_the_next_put() {
    let cases = [
        // fault, kind of the error, exists at once, exists after late delivery
        (PutFault::RequestLost, Kind::Unknown, false, false),
        (PutFault::ResponseLost, Kind::Unknown, true, true),
        (PutFault::DeliveredLate, Kind::Unknown, false, true),
        (PutFault::Denied, Kind::Fatal, false, false),
    ];
    for (fault, kind, at_once, later) in cases {
        let store = Store::in_memory();
        let faults = Faults::new();
        let writer = store.with_faults(&faults);
        faults.next_put("table/x", fault);
        writer.put_if_absent(&key("other"), bytes("0")).await.unwrap();
        let error = writer.put_if_absent(&key("table/x"), bytes("1")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}");
        assert_eq!(store.get(&key("table/x")).await.unwrap().is_some(), at_once, "{fault:?}");
        assert_eq!(faults.deliver_late().await, usize::from(later && !at_once), "{fault:?}");
        assert_eq!(store.get(&key("table/x")).await.unwrap().is_some(), later, "{fault:?}");
        // The fault applies once.
        let again = writer.put_if_absent(&key("table/x"), bytes("2")).await.unwrap();
        assert_eq!(again == Put::Taken, later, "{fault:?}");
        assert_eq!(faults.puts(), ["other", "table/x", "table/x"]);
    }
}

#[tokio::test]
async fn late_put_finds_its_name_taken() {
    let store = Store::in_memory();
    let faults = Faults::new();
    faults.next_put("x", PutFault::DeliveredLate);
    store.with_faults(&faults).put_if_absent(&key("x"), bytes("late")).await.unwrap_err();
    store.put_if_absent(&key("x"), bytes("early")).await.unwrap();
    assert_eq!(faults.deliver_late().await, 0);
    assert_eq!(store.get(&key("x")).await.unwrap(), Some(bytes("early")));
}

#[tokio::test]
async fn held_put_waits_and_lost_read_fails_once() {
    let store = Store::in_memory();
    let faults = Faults::new();
    let writer = store.with_faults(&faults);
    faults.next_put("x", PutFault::Held);
    let slow = writer.clone();
    let put = tokio::spawn(async move { slow.put_if_absent(&key("x"), bytes("1")).await.unwrap() });
    while faults.held() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.get(&key("x")).await.unwrap(), None);
    faults.release();
    assert_eq!(put.await.unwrap(), Put::Created);

    faults.lose_next_read("x");
    assert_eq!(writer.get(&key("x")).await.unwrap_err().kind(), Kind::Unknown);
    assert!(writer.get(&key("x")).await.unwrap().is_some());
}

#[tokio::test]
async fn hidden_objects_can_still_be_read() {
    let store = Store::in_memory();
    let faults = Faults::new();
    let writer = store.with_faults(&faults);
    for name in ["a/1", "a/2", "b/1"] {
        writer.put(&key(name), bytes("x")).await.unwrap();
    }
    faults.hide_from_listings("a/2");
    faults.hide_from_listings("b");
    assert_eq!(names(&writer, "").await, ["a/1"]);
    assert_eq!(writer.list_folders(None).await.unwrap(), ["a"]);
    assert!(writer.get(&key("a/2")).await.unwrap().is_some());
    faults.show_in_listings();
    assert_eq!(names(&writer, "a").await, ["a/1", "a/2"]);
}

#[tokio::test]
async fn request_without_an_answer_times_out() {
    let (store, faults) = (Store::in_memory(), Faults::new());
    faults.next_put("hangs", PutFault::Held);
    let hanging = store.with_faults(&faults).with_request_timeout(Duration::from_millis(20));
    let error = hanging.put_if_absent(&Key::from("hangs"), Bytes::new()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unknown, "the put may still be executed");
    assert!(error.to_string().contains("did not answer"), "{error}");
}
