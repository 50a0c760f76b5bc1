//! Records and schemas that are missing, damaged or contradict files.

use super::*;

#[tokio::test]
async fn missing_and_wrong_records_are_found() {
    let lake = Lake::whole().await;
    remove(&lake, paths::origin(&source(0))).await;
    check("no origin", &lake, [10, 10, 0, 0, 1, 0], &["has rows and no origin record"]).await;

    let lake = Lake::whole().await;
    lake.record(&paths::origin(&source(0)), r#"{"first":2}"#).await;
    check("rows below the origin", &lake, [10, 10, 0, 0, 1, 0], &["has a row of 0, below its origin 2"])
        .await;

    let lake = Lake::whole().await;
    remove(&lake, paths::first_start(&source(0))).await;
    check("no first start", &lake, [10, 10, 0, 0, 1, 0], &["start/hub-1763800000000.json is missing"]).await;

    let lake = Lake::whole().await;
    lake.record(&paths::lost(&source(0), Ordinal::new(3)), "{").await;
    check("half a record", &lake, [10, 10, 0, 0, 1, 0], &["-3.json can't be parsed"]).await;

    let lake = Lake { store: Store::in_memory() };
    check("nothing but a checkpoint", &lake, [0, 0, 0, 0, 1, 0], &["checkpoint at 9"]).await;
    let lake = Lake::new().await;
    check("an origin and a checkpoint", &lake, [0, 0, 10, 0, 0, 0], &["10 sequence numbers"]).await;
}

/// Audits a lake with this number of schema faults and no other fault. The findings contain all of `words`.
async fn check_schema(case: &str, lake: &Lake, faults: u64, words: &[&str]) {
    let report = lake.audit(Some(9)).await;
    assert_eq!(counts(&report), [10, 10, 0, 0, 0, 0], "{case}: {:?}", report.findings);
    assert_eq!(report.schema_faults, faults, "{case}: {:?}", report.findings);
    assert_eq!((report.is_clean(), report.findings.len() as u64), (faults == 0, faults), "{case}");
    let findings = report.findings.join("\n");
    for word in words {
        assert!(findings.contains(word), "{case}: {word:?} is not in {findings}");
    }
}

#[tokio::test]
async fn columns_that_contradict_their_schema_are_found() {
    let lake = Lake::whole().await;
    check_schema("whole", &lake, 0, &[]).await;

    lake.schema("account", 2, &format!(r#"{SCHEMA},"more":"Utf8""#)).await;
    check_schema("a later version", &lake, 0, &[]).await;

    lake.schema("account", 1, r#""name":"Utf8""#).await;
    lake.schema("account", 2, r#""name":"Utf8""#).await;
    let words = [
        "column \"_sequence_number\" (and in 3 more files) is not in any schema of table \"account\" up to version 2",
    ];
    check_schema("a column of no schema", &lake, 1, &words).await;

    lake.schema("account", 2, SCHEMA).await;
    let record = paths::schema("account", 2);
    let other = lake.store.get(&record).await.unwrap().unwrap();
    let other = String::from_utf8(other.to_vec()).unwrap().replace("[4]", "[5]");
    lake.record(&record, &other).await;
    let words = ["account/2.json changes column \"name\"", "a column keeps its type and field ids"];
    check_schema("a column with another field id", &lake, 1, &words).await;
    lake.record(&paths::schema("account", 1), &other.replace("\"version\":2", "\"version\":1")).await;
    let words = [
        "column \"name\" (and in 3 more files) has field ids [4], but the schema of table \"account\" has [5]",
    ];
    check_schema("files with another field id", &lake, 1, &words).await;

    lake.schema("account", 1, r#""name":"Int32","_sequence_number":"Int64""#).await;
    lake.schema("account", 2, r#""name":"Int32","_sequence_number":"Int64""#).await;
    let words = ["column \"name\"", "has type Utf8, but the schema of table \"account\" has \"Int32\""];
    check_schema("a column of another type", &lake, 1, &words).await;

    lake.schema("account", 1, &SCHEMA.replace("Utf8", "Unknown")).await;
    lake.schema("account", 2, &SCHEMA.replace("Utf8", "Unknown")).await;
    let words = ["column \"name\"", "has type \"Unknown\" in the schema", "does not support"];
    check_schema("a column of a type that this version does not know", &lake, 1, &words).await;
}

#[tokio::test]
async fn broken_schema_chains_are_found() {
    let lake = Lake::whole().await;
    remove(&lake, paths::schema("_messages", 1)).await;
    check_schema("no record", &lake, 1, &["table \"_messages\" has 1 files, but no schema record"]).await;

    let lake = Lake::whole().await;
    lake.schema("account", 4, SCHEMA).await;
    let words = ["account/2.json is missing, but version 4 exists", "account/3.json is missing"];
    check_schema("a missing version", &lake, 2, &words).await;

    let lake = Lake::whole().await;
    lake.schema("account", 2, &format!(r#"{},"more":"Utf8""#, SCHEMA.replace("Utf8", "Int64"))).await;
    let words = ["account/2.json changes column \"name\" from \"Utf8\" to \"Int64\""];
    check_schema("a column of two types", &lake, 1, &words).await;

    let lake = Lake::whole().await;
    lake.schema("account", 2, r#""name":"Utf8","_sequence_number":"Int64""#).await;
    check_schema("a column is gone", &lake, 1, &["drops column \"_row_index\""]).await;

    let lake = Lake::whole().await;
    lake.record(&paths::schema("account", 2), r#"{"table":"contact","version":2,"columns":{}}"#).await;
    check_schema("another table's", &lake, 1, &["contains version 2 of table \"contact\""]).await;

    let lake = Lake::whole().await;
    lake.record(&paths::schema("account", 1), "").await;
    let report = lake.audit(Some(9)).await;
    assert!(report.broken_chains == 1 && report.findings[0].contains("account/1.json can't be parsed"));
}

#[tokio::test]
async fn missing_identity_is_found_with_its_content() {
    let lake = Lake::whole().await;
    remove(&lake, paths::lake_record()).await;
    let words =
        ["the lake has data files, but no identity", r#"its content is {"id":"this lake","contract":2}"#];
    check("gone", &lake, [10, 10, 0, 0, 1, 0], &words).await;
    lake.record(&paths::lake_record(), r#"{"id":"this lake","contract":"2"}"#).await;
    check("no version", &lake, [10, 10, 0, 0, 2, 0], &["lake.json can't be parsed", words[1]]).await;
    lake.record(&paths::lake_record(), "").await;
    check("empty", &lake, [10, 10, 0, 0, 2, 0], &["lake.json can't be parsed", words[1]]).await;
}

#[tokio::test]
async fn records_that_would_stop_a_run_are_found() {
    for (path, words) in [
        (paths::first_start(&source(0)), "start/hub-1763800000000.json can't be parsed"),
        (paths::rules(&source(0), 1), "-p0000-1.json can't be parsed"),
        (paths::further_name(&source(0), "Alias"), "names/hub-1763800000000/alias.json can't be parsed"),
    ] {
        let lake = Lake::whole().await;
        lake.store.put(&path, Bytes::new()).await.unwrap();
        check(words, &lake, [10, 10, 0, 0, 1, 0], &[words]).await;
    }
}
