//! Events, gaps and duplicates of sources.

use super::*;

#[tokio::test]
async fn complete_lake_is_clean() {
    let lake = Lake::whole().await;
    check("whole", &lake, [10, 10, 0, 0, 0, 0], &[]).await;

    let report = lake.audit(Some(9)).await;
    let table = |name: &str| report.tables[name].clone();
    assert_eq!((table("account").rows, table("account").files), (7, 4));
    assert_eq!((table("_messages").rows, table("_messages").files), (3, 1));
    assert!(table("account").bytes > 4 * table("_messages").bytes / 2);
    let source = &report.sources[&source(0)];
    assert_eq!(
        (source.first, source.last, source.events),
        (Some(Ordinal::new(0)), Some(Ordinal::new(9)), 10)
    );
}

#[tokio::test]
async fn empty_lake_is_clean() {
    let lake = Lake { store: Store::in_memory() };
    assert_eq!(lake.audit(None).await, Report::default());
    let lake = Lake::new().await;
    assert_eq!(counts(&lake.audit(None).await), [0; 6]);
    assert_eq!(counts(&lake.audit(Some(-1)).await), [0; 6]);
}

#[tokio::test]
async fn missing_rows_are_gaps_up_to_the_checkpoint_and_in_flight_above() {
    let lake = Lake::new().await;
    lake.file("account", "2026-11-22", 0, &[2, 3, 7, 12]).await;
    // checkpoint, gaps, in flight
    let cases = [
        (None, 0, 9),
        (Some(-1), 0, 9),
        (Some(0), 1, 8),
        (Some(5), 4, 5),
        (Some(12), 9, 0),
        (Some(20), 17, 0),
    ];
    for (checkpoint, gaps, in_flight) in cases {
        let report = lake.audit(checkpoint).await;
        assert_eq!(counts(&report), [4, 4, gaps, 0, 0, in_flight], "{checkpoint:?}");
        assert_eq!(report.findings.len(), usize::from(gaps > 0), "{:?}", report.findings);
    }
}

/// A lake with rows 2, 3 and 8; the footer of the file with 8 has this durable position.
async fn with_durable_footer(durable: i64) -> Lake {
    let lake = Lake::new().await;
    lake.file("contact", "2026-11-22", 0, &[2, 3]).await;
    let facts =
        FooterFacts { durable: Some(Ordinal::new(durable)), ..facts("account", "2026-11-22", 0, &[8]) };
    lake.put("account", "2026-11-22", 0, written(&facts, &[8])).await;
    lake
}

#[tokio::test]
async fn footers_prove_gaps_above_the_checkpoint() {
    let lake = with_durable_footer(5).await;
    let cases = [(None, 4, 2), (Some(2), 4, 2), (Some(5), 4, 2), (Some(6), 5, 1)];
    for (checkpoint, gaps, in_flight) in cases {
        let report = lake.audit(checkpoint).await;
        assert_eq!(counts(&report), [3, 3, gaps, 0, 0, in_flight], "{checkpoint:?}: {:?}", report.findings);
    }
    let report = lake.audit(None).await;
    assert!(
        report.findings[0].contains("4 sequence numbers up to the files' durable position 5 have no row")
    );
    // A footer's position must be below the file's own rows.
    let lake = with_durable_footer(8).await;
    assert_eq!(counts(&lake.audit(None).await), [3, 3, 0, 0, 1, 6]);
}

/// Tables are listed in sequence while a writer runs.
#[tokio::test]
async fn file_committed_after_its_table_was_listed_is_not_a_gap() {
    let mut lake = with_durable_footer(7).await;
    lake.file("contact", "2026-11-22", 4, &[4, 5, 6, 7]).await;
    lake.file("phonecall", "2026-11-22", 0, &[0, 1]).await;
    let faults = Faults::new();
    lake.store = lake.store.with_faults(&faults);
    faults.hide_from_next_listing("00000000000000000004.cw.parquet");
    faults.hide_from_next_listing("phonecall");
    let report = lake.audit(None).await;
    assert_eq!(counts(&report), [9, 9, 0, 0, 0, 0], "{:?}", report.findings);
    assert_eq!((report.tables["contact"].rows, report.tables["phonecall"].files), (6, 1));
}

#[tokio::test]
async fn given_up_range_is_not_a_gap() {
    let lake = Lake::new().await;
    lake.record(&paths::origin(&source(0)), r#"{"first":100}"#).await;
    lake.file("account", "2026-11-22", 0, &[102, 103, 107, 112]).await;
    lake.record(&paths::lost(&source(0), Ordinal::new(100)), r#"{"from":100,"to":101}"#).await;
    lake.record(&paths::lost(&source(0), Ordinal::new(104)), r#"{"from":104,"to":107}"#).await;
    lake.record(&paths::lost(&source(0), Ordinal::new(105)), r#"{"from":105,"to":105}"#).await;
    lake.record(&paths::lost(&source(1), Ordinal::new(108)), r#"{"from":108,"to":111}"#).await;
    // Missing are 108 to 111.
    assert_eq!(counts(&lake.audit(Some(109)).await), [4, 4, 2, 0, 0, 2]);
    lake.record(&paths::lost(&source(0), Ordinal::new(108)), r#"{"from":108,"to":5000000000}"#).await;
    assert_eq!(counts(&lake.audit(Some(109)).await), [4, 4, 0, 0, 0, 0]);
}

/// Accepted gaps have a count of their own and are not a fault.
#[tokio::test]
async fn accepted_gaps_are_counted_separately() {
    let lake = Lake::new().await;
    lake.file("account", "2026-11-22", 0, &[0, 3, 4, 9]).await;
    let accept = async |cause, from: i64, ranges: &str| {
        lake.record(
            &paths::gap_record(cause, &source(0), Ordinal::new(from)),
            &format!(r#"{{"ranges":[{ranges}]}}"#),
        )
        .await;
    };
    check("nothing accepted", &lake, [4, 4, 6, 0, 0, 0], &["the first is 1"]).await;
    accept(GapCause::NotSent, 1, r#"{"from":1,"to":2},{"from":6,"to":6}"#).await;
    check("some accepted", &lake, [4, 4, 3, 0, 0, 0], &["3 sequence numbers", "the first is 5"]).await;
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.accepted_gaps, report.accepted_ranges), (3, 2));
    // A number with a row, one with two causes, and one that was given up.
    accept(GapCause::Unreadable, 4, r#"{"from":4,"to":6},{"from":8,"to":8}"#).await;
    lake.record(&paths::lost(&source(0), Ordinal::new(7)), r#"{"from":7,"to":8}"#).await;
    check("all accepted or given up", &lake, [4, 4, 0, 0, 0, 0], &[]).await;
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.accepted_gaps, report.accepted_ranges), (4, 2));
    assert_eq!(report.sources[&source(0)].accepted_gaps, 4);
    // Above the checkpoint they are not in flight either.
    assert_eq!(counts(&lake.audit(Some(3)).await), [4, 4, 0, 0, 0, 0]);

    accept(GapCause::NotSent, 20, r#"{"from":21,"to":22}"#).await;
    check("does not cover its name", &lake, [4, 4, 0, 0, 1, 0], &["gaps/hub-1763800000000-p0000-20.json"])
        .await;
    lake.record(&paths::gap_record(GapCause::Unreadable, &source(0), Ordinal::new(30)), "").await;
    check("empty", &lake, [4, 4, 0, 0, 2, 0], &["-30.json can't be parsed"]).await;
}

#[tokio::test]
async fn duplicates_are_found_across_tables_and_days() {
    for (table, day) in [("contact", "2026-11-22"), ("account", "2026-11-24"), ("_quarantine", "2026-11-22")]
    {
        let lake = Lake::whole().await;
        lake.file(table, day, 0, &[3, 8, 10]).await;
        let file = path(table, day, 0).to_string();
        // Files are read in the order of their names. The finding names the later one.
        let report = lake.audit(Some(9)).await;
        assert_eq!(counts(&report), [11, 13, 0, 2, 0, 0], "{table}");
        let findings = report.findings.join("\n");
        assert!(findings.contains(&file) || table == "_quarantine", "{findings}");
    }
}

#[tokio::test]
async fn event_rows_are_adjacent_and_numbered_from_zero() {
    type Rows<'a> = &'a [(i64, i32)];
    // rows of 7 and 9, rows of the lake, duplicates, finding
    let cases: [(Rows, u64, u64, &str); 8] = [
        (&[(7, 0), (9, 0)], 10, 0, ""),
        (&[(7, 0), (7, 1), (7, 2), (9, 0), (9, 1)], 13, 0, ""),
        (&[(7, 0), (7, 0), (9, 0)], 11, 1, "the row of 7 is not above the row before it"),
        (&[(7, 0), (7, 1), (7, 1), (9, 0)], 12, 1, "row 1 of 7 is stored where row 2 is expected"),
        (&[(7, 0), (7, 1), (7, 0), (7, 1), (9, 0)], 13, 2, "the row of 7 is not above the row before it"),
        (&[(7, 0), (9, 0), (7, 1), (9, 1)], 12, 2, "the row of 7 is not above the row before it"),
        (&[(7, 0), (9, 1)], 10, 0, "row 1 of 9 is stored where row 0 is expected"),
        (&[(7, 0), (7, 2), (9, 0)], 11, 0, "row 2 of 7 is stored where row 1 is expected"),
    ];
    for (rows, all, duplicates, words) in cases {
        let lake = Lake::whole().await;
        let facts = FooterFacts { rows: rows.len() as u64, ..facts("account", "2026-11-22", 5, &[7, 9]) };
        lake.put("account", "2026-11-22", 5, written_rows(&facts, rows)).await;
        let broken = u64::from(!words.is_empty());
        check(words, &lake, [10, all, 0, duplicates, broken, 0], &[words]).await;
    }
}

#[tokio::test]
async fn event_in_two_files_is_one_duplicate() {
    let lake = Lake::whole().await;
    let facts = FooterFacts { rows: 3, ..facts("contact", "2026-11-22", 0, &[3]) };
    lake.put("contact", "2026-11-22", 0, written_rows(&facts, &[(3, 0), (3, 1), (3, 2)])).await;
    check("3 again", &lake, [10, 13, 0, 1, 0, 0], &["1 of its sequence numbers", "contact/"]).await;
}

/// A listing may omit a file that was put while it ran, and contain the next one.
#[tokio::test]
async fn stale_listing_is_not_a_broken_chain() {
    let mut lake = Lake::whole().await;
    let faults = Faults::new();
    lake.store = lake.store.with_faults(&faults);
    faults.hide_from_listings("00000000000000000004.cw.parquet");
    faults
        .hide_from_listings("account/enqueued_date=2026-11-22/hub-1763800000000-p0000-00000000000000000000");
    check("stale", &lake, [10, 10, 0, 0, 0, 0], &[]).await;
}

#[tokio::test]
async fn sources_are_checked_separately() {
    let lake = Lake::whole().await;
    lake.record(&paths::origin(&source(1)), r#"{"first":4000000000000}"#).await;
    let ordinals = [4_000_000_000_000, 4_000_000_000_001, 4_000_000_000_005];
    let mut facts = facts("account", "2026-11-22", 0, &ordinals);
    facts.destination.source = source(1);
    lake.store.put(&facts.data_file(), written(&facts, &ordinals)).await.unwrap();
    let checkpoints = [(source(0), Ordinal::new(9)), (source(1), Ordinal::new(4_000_000_000_002))].into();
    let report = audit(&lake.store, COLUMNS, is_type, &checkpoints).await.unwrap();
    assert_eq!(counts(&report), [13, 13, 1, 0, 0, 2], "{:?}", report.findings);
    assert_eq!((report.sources[&source(0)].gaps, report.sources[&source(1)].gaps), (0, 1));
}

/// A later version can remove rows on purpose; the file stays in its chain.
#[tokio::test]
async fn rows_removed_on_purpose_are_not_gaps() {
    let lake = Lake::whole().await;
    let day = "2026-11-22";
    let removed = Some(Removed { rows: 1, reason: "forgotten".to_owned() });
    let emptied = FooterFacts { rows: 0, removed, ..facts("account", day, 4, &[4]) };
    lake.put("account", day, 4, written(&emptied, &[])).await;
    check("emptied", &lake, [9, 9, 0, 0, 0, 0], &[]).await;
    // Without the entry `removed`, a file without rows is a fault.
    let unmarked = FooterFacts { removed: None, ..emptied };
    lake.put("account", day, 4, written(&unmarked, &[])).await;
    check("unmarked", &lake, [9, 9, 1, 0, 1, 0], &["it has no rows", "the first is 4"]).await;
}

#[tokio::test]
async fn findings_above_the_maximum_are_counted() {
    let lake = Lake::new().await;
    for n in 0..60 {
        lake.record(&Key::from(format!("account/enqueued_date=2026-11-22/{n}.cw.parquet")), "").await;
    }
    let report = lake.audit(None).await;
    assert_eq!((report.broken_chains, report.findings.len()), (60, report::MAX_FINDINGS + 1));
    assert_eq!(report.findings.last().unwrap(), "and 10 more");
}
