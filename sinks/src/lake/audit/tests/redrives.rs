//! Redriven files and their plans.

use super::*;

/// A whole lake with 10 to 14 in quarantine; 11 and 13 are redriven to accounts, 12 to contacts.
async fn redriven() -> Lake {
    let lake = Lake::whole().await;
    lake.file("_quarantine", DAY, 0, &[10, 11, 12, 13, 14]).await;
    lake.plan(1, r#"{"account":[11,13],"contact":[12]}"#).await;
    lake.redriven("account", 1, &[11, 13]).await;
    lake.redriven("contact", 1, &[12]).await;
    lake
}

const DAY: &str = "2026-11-22";

fn quarantine_file() -> paths::DataFileName {
    paths::parse_data_file(&path("_quarantine", DAY, 0)).unwrap()
}

fn redriven_path(table: &str, n: u64) -> Key {
    paths::redriven_file(table, &quarantine_file(), n)
}

impl Lake {
    async fn plan(&self, n: u64, rows: &str) {
        let file = path("_quarantine", DAY, 0);
        let text = format!(r#"{{"quarantine":"{file}","n":{n},"routing_version":2,"rows":{rows}}}"#);
        self.record(&paths::redrive_plan(&quarantine_file(), n), &text).await;
    }

    async fn redriven(&self, table: &str, n: u64, ordinals: &[i64]) {
        let bytes = written(&facts(table, DAY, 0, ordinals), ordinals);
        self.schema(table, 1, SCHEMA).await;
        self.store.put(&redriven_path(table, n), bytes).await.unwrap();
    }
}

#[tokio::test]
async fn redriven_event_counts_once() {
    let lake = redriven().await;
    check("redriven", &lake, [15, 18, 0, 0, 0, 0], &[]).await;
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.redriven, report.unfinished_redrives), (3, 0));
    assert_eq!((report.tables["account"].rows, report.tables["account"].files), (9, 5));
    assert_eq!((report.tables["contact"].rows, report.tables["_quarantine"].rows), (1, 5));

    lake.plan(2, r#"{"account":[10],"lead":[14]}"#).await;
    lake.redriven("account", 2, &[10]).await;
    check("half of a second plan", &lake, [15, 19, 0, 0, 0, 0], &[]).await;
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.redriven, report.unfinished_redrives), (4, 1));

    let facts = FooterFacts { rows: 3, ..facts("lead", DAY, 0, &[14]) };
    let rows = written_rows(&facts, &[(14, 0), (14, 1), (14, 2)]);
    lake.store.put(&redriven_path("lead", 2), rows).await.unwrap();
    check("an event of three rows", &lake, [15, 22, 0, 0, 0, 0], &[]).await;
    assert_eq!(lake.audit(Some(9)).await.unfinished_redrives, 0);
}

/// A plan leads to a file that a stale listing omits.
#[tokio::test]
async fn redriven_file_missing_from_the_listing_is_found_by_its_plan() {
    let mut lake = redriven().await;
    let faults = Faults::new();
    lake.store = lake.store.with_faults(&faults);
    faults.hide_from_listings("-r1.cw.parquet");
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.redriven, report.unfinished_redrives, report.rows), (3, 0, 18));
    faults.show_in_listings();
    faults.hide_from_listings("redrive");
    let report = lake.audit(Some(9)).await;
    assert_eq!((report.redriven, report.unfinished_redrives, report.rows), (3, 0, 18));
}

#[tokio::test]
async fn faults_of_a_redrive_are_found() {
    let lake = redriven().await;
    remove(&lake, paths::redrive_plan(&quarantine_file(), 1)).await;
    check("no plan", &lake, [15, 18, 0, 0, 2, 0], &["-r1.cw.parquet: it has no plan"]).await;

    let lake = redriven().await;
    lake.redriven("account", 1, &[11, 12, 13]).await;
    let words = [
        "1 of its sequence numbers are not in its plan, first 12",
        "are also in another redriven file, first 12",
    ];
    check("more than the plan", &lake, [15, 19, 0, 1, 1, 0], &words).await;

    let lake = redriven().await;
    lake.redriven("account", 1, &[13]).await;
    check(
        "less than the plan",
        &lake,
        [15, 17, 0, 0, 1, 0],
        &["plan's sequence numbers are not in it, first 11"],
    )
    .await;

    let lake = redriven().await;
    lake.redriven("lead", 1, &[14]).await;
    check("no table of the plan", &lake, [15, 19, 0, 0, 1, 0], &["lead/", "not in its plan, first 14"]).await;

    let lake = redriven().await;
    lake.plan(2, r#"{"lead":[13,14]}"#).await;
    lake.redriven("lead", 2, &[13, 14]).await;
    check("in two plans", &lake, [15, 20, 0, 1, 0, 0], &["lead/", "also in another redriven file, first 13"])
        .await;

    let lake = redriven().await;
    lake.plan(2, r#"{"lead":[14,15]}"#).await;
    lake.redriven("lead", 2, &[14, 15]).await;
    check(
        "not in quarantine",
        &lake,
        [16, 20, 0, 0, 1, 0],
        &["1 of its sequence numbers are not in _quarantine"],
    )
    .await;

    let lake = redriven().await;
    lake.plan(2, r#"{"lead":[9,14]}"#).await;
    lake.redriven("lead", 2, &[9, 14]).await;
    check("in a table, not in quarantine", &lake, [15, 20, 0, 1, 1, 0], &["first 9"]).await;

    let lake = redriven().await;
    lake.file("lead", DAY, 0, &[12]).await;
    check("in an ordinary file too", &lake, [15, 19, 0, 1, 0, 0], &["first is 12"]).await;

    let lake = redriven().await;
    lake.store
        .put(&redriven_path("contact", 1), written(&facts("lead", DAY, 0, &[12]), &[12]))
        .await
        .unwrap();
    check("another's footer", &lake, [15, 18, 0, 0, 2, 0], &["its footer has table \"lead\""]).await;

    let lake = redriven().await;
    lake.store.put(&redriven_path("contact", 1), Bytes::from_static(b"no Parquet")).await.unwrap();
    check("unreadable", &lake, [15, 17, 0, 0, 1, 0], &["contact/"]).await;

    let lake = redriven().await;
    lake.plan(2, r#"{"account":[]}"#).await;
    check("an empty plan", &lake, [15, 18, 0, 0, 1, 0], &["it has no rows, or rows that don't rise"]).await;

    let lake = redriven().await;
    remove(&lake, path("_quarantine", DAY, 0)).await;
    let gone = lake.audit(Some(9)).await;
    assert_eq!((gone.broken_chains, gone.is_clean()), (1, false), "{:?}", gone.findings);
}
