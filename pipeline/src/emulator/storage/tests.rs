//! The files of a hub after a crash, after damage, and after a change to an empty log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::SystemDisk;
use super::{Error, HubFolder, HubMetadata, LogFiles, LogFolder, LogPosition, Record};
use crate::clock::UnixMillis;

/// Sequence numbers and bodies.
type Events = Vec<(i64, Vec<u8>)>;

/// Opens the log of partition 3 with segments of a few events; returns its files, its end and the bodies.
fn open(folder: &Path) -> Result<(LogFiles, LogPosition, Events), Error> {
    let mut logs = LogFolder::list(folder.to_owned(), Arc::new(SystemDisk)).unwrap();
    logs.segment_size = 200;
    let mut bodies = Vec::new();
    let (files, end) = LogFiles::open(&logs, 3, &mut |at, _, record| {
        bodies.push((at.next, record.encoded.into_vec()));
    })?;
    Ok((files, end, bodies))
}

/// Appends writes of two events each; returns all events of the log.
fn append(folder: &Path, writes: i64) -> Events {
    let (mut files, mut end, mut bodies) = open(folder).unwrap();
    for _ in 0..writes {
        let time = UnixMillis::new(1_700_000_000_000 + end.next);
        let body = |number: i64| format!("the event with number {number}").into_bytes();
        let new = [(end.next, body(end.next)), (end.next + 1, body(end.next + 1))];
        let record = |(_, body): &(i64, Vec<u8>)| Record { header_size: 0, encoded: body.clone().into() };
        files.append(end, time, &new.each_ref().map(record)).unwrap();
        for (_, body) in &new {
            end = end.after(time, body.len());
        }
        bodies.extend(new);
    }
    bodies
}

/// The segments of a folder in order.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "log")).collect();
    paths.sort();
    paths
}

#[test]
fn log_is_read_over_all_segments_and_continued() {
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), 5);
    let all = append(folder.path(), 5);
    assert!(segments(folder.path()).len() > 3);
    fs::write(folder.path().join("notes.txt"), "not a log").unwrap();
    let (_, end, bodies) = open(folder.path()).unwrap();
    assert_eq!((end.next, bodies.len()), (20, 20));
    assert_eq!(bodies, all);
    assert_eq!(end.last.unwrap().enqueued_time, UnixMillis::new(1_700_000_000_018));
}

#[test]
fn torn_last_write_is_removed_as_a_whole_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let all = append(folder.path(), 6);
    let last = segments(folder.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    // One byte less than the last write, to its first byte.
    let write = super::frame::PREFIX_SIZE + 2 * (8 + "the event with number 10".len());
    for cut in whole.len() - write + 1..whole.len() {
        fs::write(&last, &whole[..cut]).unwrap();
        let (_, end, bodies) = open(folder.path()).unwrap();
        assert_eq!(bodies, all[..10], "cut at {cut}");
        assert_eq!(end.next, 10);
        assert_eq!(append(folder.path(), 1), all, "cut at {cut}");
    }
}

#[test]
fn segment_whose_creation_was_torn_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let all = append(folder.path(), 6);
    let next = folder.path().join(format!("p0003.{:020}.log", 12));
    for size in [0, 1, 55] {
        fs::write(&next, vec![7; size]).unwrap();
        assert_eq!(open(folder.path()).unwrap().2, all);
        assert!(!next.exists());
    }
    assert_eq!(append(folder.path(), 1)[..12], all);
}

#[test]
fn damage_before_the_end_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let all = append(folder.path(), 8);
    let paths = segments(folder.path());
    assert!(paths.len() >= 3, "{paths:?}");
    for (index, path) in paths.iter().enumerate() {
        let whole = fs::read(path).unwrap();
        // In the last segment, the last write may be torn.
        let until = if index + 1 == paths.len() { 57 } else { whole.len() };
        for at in (0..until).step_by(7) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(path, &damaged).unwrap();
            let error = open(folder.path()).err().unwrap_or_else(|| panic!("byte {at} of {index}"));
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
            assert_eq!(fs::read(path).unwrap(), damaged, "a refused log is not changed");
        }
        fs::write(path, &whole).unwrap();
    }
    assert_eq!(open(folder.path()).unwrap().2, all);
}

#[test]
fn missing_segment_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), 8);
    let paths = segments(folder.path());
    for (index, path) in paths.iter().enumerate().take(paths.len() - 1) {
        let whole = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        let error = open(folder.path()).err().unwrap_or_else(|| panic!("segment {index}"));
        assert!(error.to_string().contains("a file of this log is missing"), "{error}");
        fs::write(path, &whole).unwrap();
    }
}

#[test]
fn bytes_of_a_write_inside_an_event_are_not_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    append(folder.path(), 1);
    let path = segments(folder.path()).pop().unwrap();
    let (mut files, end, before) = open(folder.path()).unwrap();
    // The event has the bytes of a whole write of another log.
    let other = tempfile::tempdir().unwrap();
    append(other.path(), 1);
    let foreign = fs::read(segments(other.path()).pop().unwrap()).unwrap().split_off(56);
    let record = Record { header_size: 0, encoded: foreign.into() };
    files.append(end, UnixMillis::EPOCH, &[record]).unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(open(folder.path()).unwrap().2, before, "the torn write is repaired");
}

fn metadata(created_at: i64) -> HubMetadata {
    HubMetadata::new("events".into(), 4, UnixMillis::new(created_at))
}

#[test]
fn metadata_is_written_once_and_changed_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = HubFolder::open(folder.path(), metadata(1)).unwrap();
    assert_eq!(HubFolder::open(folder.path(), metadata(2)).unwrap().metadata(), &metadata(1));
    hub.set_partitions(6).unwrap();
    // A change that the process did not complete.
    fs::write(folder.path().join("hub.json.draft"), "{\"event_hub\":").unwrap();
    assert_eq!(HubFolder::open(folder.path(), metadata(2)).unwrap().metadata().partitions, 6);
}

#[test]
fn folder_of_another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let json = r#"{"event_hub":"events","partitions":4,"created_ms":1}"#;
    fs::write(folder.path().join("hub.json"), json).unwrap();
    let error = HubFolder::open(folder.path(), metadata(1)).unwrap_err();
    assert!(error.to_string().contains("layout 1") && error.to_string().contains("hub.json"), "{error}");
}

#[test]
fn change_to_an_empty_log_happens_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = HubFolder::open(folder.path(), metadata(1)).unwrap();
    let (old, new) = (folder.path().join("log-0"), folder.path().join("log-1"));
    let all = append(&old, 3);
    // The process ended before the change: a log folder is there, and the metadata do not name it.
    fs::create_dir(&new).unwrap();
    assert_eq!(HubFolder::open(folder.path(), metadata(9)).unwrap().metadata().created_at.get(), 1);
    assert_eq!(open(&old).unwrap().2, all);
    assert!(!new.exists());
    // The process ended after the change: the log of before is still there.
    let kept = segments(&old).iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect::<Vec<_>>();
    hub.begin_again(UnixMillis::new(2)).unwrap();
    fs::create_dir(&old).unwrap();
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
    let again = HubFolder::open(folder.path(), metadata(9)).unwrap();
    assert_eq!(again.metadata().created_at.get(), 2);
    assert!(!old.exists());
    assert_eq!(open(&new).unwrap().1, LogPosition::default(), "numbers begin at 0");
    let first = append(&new, 1);
    assert_eq!(first[0].0, 0);
}

/// Opens the folder of a hub and expects an error that names a file.
#[track_caller]
fn refused(folder: &Path, words: &[&str]) {
    let error = HubFolder::open(folder, metadata(9)).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word} in {error}");
    }
}

#[test]
fn changed_bit_in_the_metadata_changes_nothing_or_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    HubFolder::open(folder.path(), metadata(1)).unwrap();
    let path = folder.path().join("hub.json");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        match HubFolder::open(folder.path(), metadata(9)) {
            // The name of a member whose value is the default.
            Ok(hub) => assert_eq!(hub.metadata(), &metadata(1)),
            Err(error) => assert!(error.to_string().contains("hub.json"), "{error}"),
        }
    }
}

#[test]
fn metadata_that_do_not_belong_to_the_log_lose_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let mut hub = HubFolder::open(folder.path(), metadata(1)).unwrap();
    let path = folder.path().join("hub.json");
    let before = fs::read(&path).unwrap();
    hub.begin_again(UnixMillis::new(2)).unwrap();
    let after = fs::read(&path).unwrap();
    let log = folder.path().join("log-1");
    let all = append(&log, 3);
    fs::write(&path, before).unwrap();
    refused(folder.path(), &["hub.json", "older", "log-1"]);
    fs::remove_file(&path).unwrap();
    refused(folder.path(), &["hub.json", "missing", "log-1"]);
    assert_eq!(open(&log).unwrap().2, all);
    fs::write(&path, after).unwrap();
    HubFolder::open(folder.path(), metadata(9)).unwrap();
    assert_eq!(open(&log).unwrap().2, all);
    fs::remove_dir_all(&log).unwrap();
    refused(folder.path(), &["log-1", "is missing"]);
}

#[test]
fn files_with_names_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    HubFolder::open(folder.path(), metadata(1)).unwrap();
    let log = folder.path().join("log-0");
    let all = append(&log, 3);
    let copy = folder.path().join("log-0.bak");
    fs::create_dir(&copy).unwrap();
    for name in ["p1.0.log", "p0001.5.log", "p0000.999.begin", "p+1.+3.log", "p0001.-1.log"] {
        fs::write(log.join(name), "mine").unwrap();
    }
    HubFolder::open(folder.path(), metadata(9)).unwrap();
    assert!(copy.is_dir());
    assert_eq!(open(&log).unwrap().2, all);
}
