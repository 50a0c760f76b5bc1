//! Damaged, foreign and inconsistent files.

use super::*;
use crate::backoff::Backoff;
use crate::lake::fixtures::fast_backoff;
use crate::store::Kind;

#[tokio::test]
async fn missing_and_overlapping_files_of_a_chain_are_found() {
    let day = "2026-11-22";
    let lake = Lake::whole().await;
    let without = |continues_at| remove(&lake, path("account", day, continues_at));
    without(4).await;
    check(
        "a file in the middle is missing",
        &lake,
        [9, 9, 1, 0, 1, 0],
        &["0005.cw.parquet should continue at 4"],
    )
    .await;
    without(0).await;
    let first = ["0005.cw.parquet is the first of its chain and should continue at 0", "first is 0"];
    check("the first is missing", &lake, [6, 6, 4, 0, 1, 0], &first).await;

    let lake = Lake::whole().await;
    lake.file("account", day, 3, &[3]).await;
    check(
        "rows of the previous file",
        &lake,
        [10, 11, 0, 1, 1, 0],
        &["0003.cw.parquet should continue at 4"],
    )
    .await;

    let lake = Lake::whole().await;
    lake.file("account", day, 11, &[12]).await;
    check("a sequence number is skipped", &lake, [11, 11, 0, 0, 1, 2], &["should continue at 10, where"])
        .await;
}

#[tokio::test]
async fn inconsistent_file_is_found() {
    let day = "2026-11-22";
    let ordinals = [7, 9];
    let facts = || facts("account", day, 5, &ordinals);
    let with = |change: &dyn Fn(&mut FooterFacts)| {
        let mut facts = facts();
        change(&mut facts);
        written(&facts, &ordinals)
    };
    let cases: [(&str, Bytes, &str); 12] = [
        (
            "table",
            with(&|facts| facts.destination.table = "contact".into()),
            r#"its footer has table "contact""#,
        ),
        (
            "day",
            with(&|facts| facts.destination.date = "2026-11-21".parse().unwrap()),
            "its footer has date 2026-11-21",
        ),
        (
            "source",
            with(&|facts| facts.destination.source = source(3)),
            "its footer has source hub-1763800000000-p0003",
        ),
        ("position", with(&|facts| facts.continues_at = Ordinal::new(6)), "its footer has continues_at 6"),
        ("first", with(&|facts| facts.first = Ordinal::new(6)), "rows are 7 to 9, but its footer has 6 to 9"),
        ("last", with(&|facts| facts.last = Ordinal::new(8)), "rows are 7 to 9, but its footer has 7 to 8"),
        ("count", with(&|facts| facts.rows = 3), "it has 2 rows, but its footer has 3"),
        ("lake", with(&|facts| facts.lake = "other".into()), r#"belongs to another lake, "other""#),
        ("order", written(&facts(), &[7, 8, 8, 9]), "the row of 8 is not above the row before it"),
        ("order", written(&facts(), &[7, 9, 8, 9]), "the row of 8 is not above the row before it"),
        ("empty", written(&facts(), &[]), "it has no rows"),
        ("below", written(&tests::facts("account", day, 5, &[4, 9]), &[4, 9]), "its first row 4 is below 5"),
    ];
    for (case, bytes, words) in cases {
        let lake = Lake::whole().await;
        lake.put("account", day, 5, bytes).await;
        let report = lake.audit(Some(9)).await;
        assert_eq!(report.broken_chains, 1, "{case}: {:?}", report.findings);
        let findings = report.findings.join("\n");
        assert!(findings.contains(words) && findings.contains("0005.cw.parquet"), "{case}: {findings}");
    }
}

#[tokio::test]
async fn unreadable_file_is_a_finding_and_the_audit_continues() {
    let day = "2026-11-22";
    let whole = written(&facts("account", day, 4, &[4]), &[4]);
    let mut flipped = whole.to_vec();
    flipped[4..page_bytes(&whole)].fill(0xff);
    let other: ArrayRef = Arc::new(StringArray::from(vec!["4"]));
    let text =
        encode_row_group(&RecordBatch::try_from_iter([(COLUMN, other)]).unwrap(), ChunkWriter::default())
            .unwrap();
    let null: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(4)]));
    let null =
        encode_row_group(&RecordBatch::try_from_iter([(COLUMN, null)]).unwrap(), ChunkWriter::default())
            .unwrap();
    let of = |group| complete(vec![group], &facts("account", day, 4, &[4]));
    let cases = [
        ("empty", Bytes::new()),
        ("no Parquet", Bytes::from_static(b"not a file of rows at all")),
        ("cut", whole.slice(..whole.len() / 2)),
        ("flipped", flipped.into()),
        ("text", of(text)),
        ("null", of(null)),
    ];
    for (case, bytes) in cases {
        let lake = Lake::whole().await;
        lake.put("account", day, 4, bytes).await;
        check(case, &lake, [9, 9, 1, 0, 1, 0], &["0004.cw.parquet", "the first is 4"]).await;
    }
}

#[tokio::test]
async fn store_without_an_answer_ends_the_audit_and_is_not_a_finding() {
    let lake = Lake::whole().await;
    let audit_losing = async |reads: usize, backoff: Backoff| {
        let faults = Faults::new();
        (0..reads).for_each(|_| faults.lose_next_read("cw.parquet"));
        let store = lake.store.with_faults(&faults).with_read_backoff(backoff);
        audit(&store, COLUMNS, is_type, &BTreeMap::new()).await
    };
    let error = audit_losing(1, Backoff::none()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unknown);
    assert!(audit_losing(4, fast_backoff()).await.unwrap().is_clean());
}

#[tokio::test]
async fn foreign_files_are_findings_or_counted() {
    let cases = [
        ("account/enqueued_date=2026-11-22/mine.cw.parquet", 1, 0),
        ("account/enqueued_date=2026-11-22/mine.parquet", 0, 1),
        ("account/more.cw.parquet", 0, 1),
        (
            "account/enqueued_date=2026-11-22/deeper/hub-1763800000000-p0000-00000000000000000010.cw.parquet",
            0,
            1,
        ),
        ("account/enqueued_date=2026-11-22/hub-1763800000000-p0000-10.cw.parquet", 1, 0),
        ("account/enqueued_date=2026-11-22/README.md", 0, 0),
        ("_catchwater/copy.cw.parquet", 0, 0),
        ("_catchwater/start/note.json", 0, 0),
        ("account/_delta_log/00000000000000000010.checkpoint.parquet", 0, 0),
        (
            "account/_compacted/enqueued_date=2026-11-22/hub-1763800000000-p0000-00000000000000000000.cw.parquet",
            0,
            0,
        ),
    ];
    for (name, broken, foreign) in cases {
        let lake = Lake::whole().await;
        lake.record(&Key::parse(name).unwrap(), "").await;
        let words: &[&str] = if broken > 0 { &[name] } else { &[] };
        check(name, &lake, [10, 10, 0, 0, broken, 0], words).await;
        let report = lake.audit(None).await;
        assert_eq!(report.foreign_files, foreign, "{name}");
        assert_eq!(report.first_foreign_file.as_deref(), (foreign > 0).then_some(name));
    }
}

/// End of the pages of a file without bloom filters.
fn page_bytes(file: &[u8]) -> usize {
    let end = file.len() - 8;
    end - u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize
}

/// Checksums cover every byte of every page.
#[tokio::test]
async fn flipped_byte_of_a_page_is_found() {
    let day = "2026-11-22";
    let ordinals: Vec<i64> = (4..40).collect();
    let facts = facts("account", day, 4, &ordinals);
    let whole = written(&facts, &ordinals);
    let lake = Lake::new().await;
    lake.file("account", day, 0, &[0, 1, 2, 3]).await;
    lake.put("account", day, 4, whole.clone()).await;
    assert!(lake.audit(Some(39)).await.is_clean());
    assert!(page_bytes(&whole) > 1_000);
    for at in 4..page_bytes(&whole) {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1 << (at % 8);
        lake.put("account", day, 4, flipped.into()).await;
        let report = lake.audit(Some(39)).await;
        let findings = report.findings.join("\n");
        assert!(!report.is_clean(), "byte {at}");
        let named = ["column \"name\": row group", "column \"_sequence_number\": row group"];
        assert!(
            findings.contains("0004.cw.parquet") && findings.contains("is damaged"),
            "byte {at}: {findings}"
        );
        assert!(named.iter().any(|column| findings.contains(column)), "byte {at}: {findings}");
    }
}

/// A file of another program with our footer entry is recognized by `created_by` or the footer checksum.
#[tokio::test]
async fn file_rewritten_by_another_program_is_found() {
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::WriterProperties;

    let (day, ordinals) = ("2026-11-22", [4]);
    let facts = serde_json::to_string(&facts("account", day, 4, &ordinals)).unwrap();
    let ordinals: ArrayRef = Arc::new(Int64Array::from(ordinals.to_vec()));
    let batch = RecordBatch::try_from_iter([(COLUMN, ordinals)]).unwrap();
    let rewritten = |program: &str| {
        let entry = KeyValue::new(crate::parquet::FACTS_KEY.to_owned(), facts.clone());
        let properties = WriterProperties::builder()
            .set_created_by(program.to_owned())
            .set_key_value_metadata(Some(vec![entry]))
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        Bytes::from(writer.into_inner().unwrap())
    };
    let cases = [
        (
            "parquet-cpp-arrow version 22.0.0",
            [10, 10, 0, 0, 1, 0],
            "was written by parquet-cpp-arrow version 22.0.0, not by catchwater",
        ),
        // Pages with a wrong checksum are not decoded, so their rows count as missing.
        ("catchwater version 0.1.0", [9, 9, 1, 0, 1, 0], "its footer does not match its checksum"),
    ];
    for (program, expected, words) in cases {
        let lake = Lake::whole().await;
        lake.put("account", day, 4, rewritten(program)).await;
        check(program, &lake, expected, &[words, "0004.cw.parquet"]).await;
    }
}
