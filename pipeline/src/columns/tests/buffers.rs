//! Batches: order and types of columns, backfilling, the buffer after a take, quarantine, size.

use arrow::datatypes::Schema;

use super::*;
use crate::clock::UnixMillis;
use crate::event::{QUARANTINE, Reason, Reject};

fn column_names(batch: &RecordBatch) -> Vec<&str> {
    batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect()
}

#[test]
fn columns_follow_the_contract_and_null_ones_are_left_out() {
    let mut rows = Rows::new();
    let (state, parent) = (choice("0"), lookup("account", OTHER, r#""Fabrikam""#));
    let attributes = [
        ("zeta", "1"),
        ("parent", parent.as_str()),
        ("parentx", "1"),
        ("statecode", &state),
        ("never", "null"),
    ];
    let body = formatted(&attributes, &[("statecode", "Active"), ("zeta", "one")]);
    rows.push(&body.message("Delete").member("Stage", "40").member("Odd", "1").json());
    let (batch, types) = rows.take_typed();
    assert_eq!(
        column_names(&batch),
        [
            "Id",
            "IsDelete",
            "SinkModifiedOn",
            "parent",
            "parent_entitytype",
            "parentname",
            "parentx",
            "statecode",
            "statecodename",
            "zeta",
            "_message",
            "_stage",
            "_changed",
            "_hub",
            "_partition",
            "_sequence_number",
            "_offset",
            "_enqueued_time",
            "_row_index",
            "_labels",
            "_rest",
        ]
    );
    for (column, expected) in [
        ("Id", "uuid"),
        ("IsDelete", "boolean"),
        ("SinkModifiedOn", "instant"),
        ("parent", "uuid"),
        ("parent_entitytype", "text"),
        ("statecode", "choice"),
        ("zeta", "number"),
        ("_stage", "int32"),
        ("_changed", "text_list"),
        ("_sequence_number", "int64"),
        ("_rest", "json"),
    ] {
        assert_eq!(types[column].name(), expected, "{column}");
    }
    assert_eq!(types.len(), batch.num_columns());
}

#[test]
fn uuid_and_json_fields_have_arrow_extension_types() {
    let mut rows = Rows::new();
    rows.push(&update(&[]).member("Odd", "1").json());
    let batch = rows.take();
    for (column, extension, parameters) in [("Id", "arrow.uuid", None), ("_rest", "arrow.json", Some(""))] {
        let field = batch.schema_ref().field_with_name(column).unwrap();
        assert_eq!(field.extension_type_name(), Some(extension));
        assert_eq!(field.extension_type_metadata(), parameters);
    }
}

#[test]
fn all_plain_numbers_have_one_type() {
    let mut rows = Rows::new();
    for values in [&["1", "-2147483648"][..], &["2147483648", "1.0", "1E+15"], &["149.253731343284"]] {
        for value in values {
            rows.push(&update(&[("x", value)]).json());
        }
        let batch = rows.take();
        let column = batch.column_by_name("x").unwrap();
        assert_eq!(column.data_type(), &DataType::Decimal128(38, 12), "{values:?}");
        let there: Vec<_> = (0..values.len()).map(|at| text(column, at)).collect();
        let plain = |value: &&str| value.replace("1.0", "1").replace("1E+15", "1000000000000000");
        assert_eq!(there, values.iter().map(plain).collect::<Vec<_>>());
    }
}

#[test]
fn rows_without_a_value_are_null() {
    let party = format!(r#"[{{"__type":"Entity:x",{}]"#, &record("activityparty", OTHER, &[], &[])[1..]);
    let values = [
        ("bool", "true".to_owned()),
        ("int", "1".to_owned()),
        ("long", "5000000000".to_owned()),
        ("dec", "0.5".to_owned()),
        ("text", r#""t""#.to_owned()),
        ("date", r#""/Date(5)/""#.to_owned()),
        ("ref", lookup("contact", OTHER, "null")),
        ("many", format!("[{}]", choice("1"))),
        ("image", "[1,2]".to_owned()),
        ("to", party),
    ];
    // Each column has values in two of 20 rows, with nulls before, between and after.
    let mut rows = Rows::new();
    for at in 0..20 {
        let present: Vec<_> = values
            .iter()
            .enumerate()
            .filter(|(number, _)| at == number + 1 || at == number + 9)
            .map(|(_, (name, value))| (*name, value.as_str()))
            .collect();
        rows.push(&update(&present).json());
    }
    let batch = rows.take();
    for (number, (name, _)) in values.iter().enumerate() {
        let column = batch.column_by_name(name).unwrap();
        assert_eq!(column.len(), 20);
        let valid: Vec<_> = (0..20).filter(|at| column.is_valid(*at)).collect();
        assert_eq!(valid, [number + 1, number + 9], "{name}");
        assert_eq!(text(column, number + 1), text(column, number + 9), "{name}");
        assert!(column.is_null(0));
    }
}

#[test]
fn buffer_is_reusable_after_take() {
    let mut rows = Rows::new();
    rows.push(&update(&[("a", "1"), ("b", r#""x""#)]).json());
    let buffer = rows.buffer.as_ref().unwrap();
    assert_eq!(buffer.rows(), 1);
    assert!(buffer.byte_size() > 0);
    let first = rows.take();
    let buffer = rows.buffer.as_ref().unwrap();
    assert_eq!(buffer.rows(), 0);
    assert_eq!(buffer.byte_size(), 0, "without rows");
    let nothing = rows.take();
    assert_eq!((nothing.num_rows(), nothing.schema_ref().as_ref()), (0, &Schema::empty()));
    rows.push(&update(&[("b", r#""y""#)]).json());
    let second = rows.take();
    assert_eq!(row(&first, 0)["b"], "x");
    assert_eq!(row(&second, 0)["b"], "y");
    assert!(second.column_by_name("a").is_none());
}

#[test]
fn type_change_applies_to_the_next_row_group() {
    let mut rows = Rows::new();
    rows.push(&update(&[("x", "1")]).json());
    rows.adopt(&[("x", "text")]);
    rows.push(&update(&[("x", "2")]).json());
    let (before, types_before) = rows.take_typed();
    rows.push(&update(&[("x", "3")]).json());
    rows.push(&update(&[("x", r#""four""#)]).json());
    let (after, types_after) = rows.take_typed();
    assert_eq!(types_before["x"], ColumnType::Number);
    assert_eq!(row(&before, 1)["x"], "2");
    assert_eq!(types_after["x"], ColumnType::Text);
    assert!(row(&after, 0)["_rest"].contains(r#""x":3"#));
    assert_eq!(row(&after, 1)["x"], "four");
}

#[test]
fn lanes_of_one_catalog_share_types() {
    let mut one = Rows::new();
    one.push(&update(&[("x", "1")]).json());
    let mut other = Context::new("hub".into(), Arc::clone(&one.catalog));
    std::mem::swap(&mut one.context, &mut other);
    one.buffer = None;
    one.push(&update(&[("x", r#""text""#)]).json());
    assert!(!row(&one.take(), 0).contains_key("x"));
}

#[test]
#[should_panic(expected = "out of bounds")]
fn buffer_of_another_context_is_rejected() {
    let (mut first, mut second) = (Rows::new(), Rows::new());
    first.push(&update(&[]).json());
    second.push(&update(&[]).json());
    second.buffer = first.buffer;
    second.push(&update(&[]).json());
}

#[test]
fn byte_size_counts_the_buffers() {
    let mut rows = Rows::new();
    for at in 0..2000 {
        let text = format!("\"{}\"", "x".repeat(at % 100));
        rows.push(&update(&[("a", &at.to_string()), ("t", &text)]).json());
        // Asks after each row: an earlier count must not be reused.
        assert!(rows.buffer.as_ref().unwrap().byte_size() > 0);
    }
    // 2,000 strings of 50 bytes and 10 fixed columns, and not much more.
    let bytes = rows.buffer.as_ref().unwrap().byte_size();
    assert!((300_000..900_000).contains(&bytes), "{bytes}");
}

#[test]
fn few_rows_of_many_columns_take_little_memory() {
    let names: Vec<String> = (0..80).map(|at| format!("attribute_{at}")).collect();
    let texts: Vec<String> = (0..80).map(|at| format!("\"{at}\"")).collect();
    let attributes: Vec<_> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut rows = Rows::new();
    for _ in 0..3 {
        rows.push(&update(&attributes).json());
    }
    let bytes = rows.buffer.as_ref().unwrap().byte_size();
    // Two bytes of string, its length, its column, and its name in `_changed`; 150 bytes for the facts of each event.
    assert!(bytes < 3 * (80 * 5 + 150), "{bytes} bytes for 80 attributes");
}

#[test]
fn buffer_without_rows_takes_no_memory() {
    let mut rows = Rows::new();
    for count in [1, 16, 17, 100] {
        for at in 0..count {
            rows.push(&update(&[("a", &at.to_string()), ("t", r#""text""#)]).json());
        }
        assert!(rows.buffer.as_ref().unwrap().byte_size() > 0);
        assert_eq!(rows.take().num_rows(), count);
        assert_eq!(rows.buffer.as_ref().unwrap().byte_size(), 0, "after {count} rows");
    }
}

#[test]
fn encoded_rows_equal_later_rows_of_the_same_body() {
    let party = format!(
        r#"[{{"__type":"Entity:x",{},{{"__type":"Entity:x",{}]"#,
        &record("activityparty", OTHER, &[("partyid", &lookup("contact", OTHER, "\"A\""))], &[])[1..],
        &record("activityparty", ID, &[("addressused", r#""a@b""#), ("n", "1")], &[])[1..],
    );
    let (long, blank) = (format!("\"{}\"", "x".repeat(10_000)), lookup("contact", OTHER, "null"));
    let many = format!("[{},{}]", choice("-1"), choice("2147483647"));
    let (large, cash) = (i64::MIN.to_string(), money("-0.5"));
    let bodies = [
        update(&[("bool", "true"), ("off", "false"), ("int", "-5"), ("long", &large), ("dec", "0.25")]),
        update(&[("cash", &cash), ("text", &long), ("empty", r#""""#), ("date", r#""/Date(-5)/""#)]),
        update(&[("ref", &blank), ("many", &many), ("none", "[]"), ("image", "[1,255]"), ("to", &party)]),
        update(&[("", "1"), ("a b", "2"), ("a b", "3"), ("A", "null"), ("a", "\"é\""), ("b", "1")]),
        formatted(&[("state", &choice("1")), ("ref", &blank)], &[("state", "On"), ("ref", "B"), ("x", "Y")]),
        update(&[]).message("Delete").member("Odd", "[1]").member("Depth", "3").member("Stage", "-40"),
    ];
    for body in &bodies {
        let json = body.json();
        let mut rows = Rows::new();
        (0..40).for_each(|_| rows.push(&json));
        let batch = rows.take();
        let rows: Vec<_> = (0..40)
            .map(|at| {
                let mut row = row(&batch, at);
                assert_eq!(row.remove("_sequence_number"), Some((1000 + at).to_string()));
                row
            })
            .collect();
        assert!(rows.iter().all(|row| *row == rows[39]), "{json}\n{:?}\n{:?}", rows[0], rows[39]);
    }
    // A column is null in the rows of bodies that lack it, in any order of the bodies.
    let mut mixed = Rows::new();
    bodies.iter().cycle().take(40).for_each(|body| mixed.push(&body.json()));
    let batch = mixed.take();
    for at in 0..40 {
        let (mut one, mut other) = (row(&batch, at), row(&batch, at % bodies.len() + 24));
        one.remove("_sequence_number");
        other.remove("_sequence_number");
        assert_eq!(one, other, "row {at}");
    }
}

#[test]
fn rejected_body_is_kept_with_its_bytes() {
    let mut rows = Rows::new();
    let mut buffer = TableBuffer::open(&mut rows.context, QUARANTINE);
    let raw = RawEvent {
        body: b"{\"a\": \xff",
        sequence_number: SequenceNumber::new(5),
        offset: "77",
        enqueued_time: UnixMillis::new(1000),
        content_type: "application/json",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: None,
    };
    let reject = Reject::at(Reason::InvalidUtf8, 6);
    buffer.push_reject(&mut rows.context, &reject, &raw, r#"{"p":1}"#, PartitionId::new(3));
    let bare = RawEvent { body: b"", content_type: "", ..raw };
    buffer.push_reject(&mut rows.context, &Reject::new(Reason::Empty), &bare, "", PartitionId::new(3));
    assert!(buffer.byte_size() > 2 * "application/json".len(), "{} bytes", buffer.byte_size());
    let batch = buffer.take(&mut rows.context).batch;
    assert_eq!(
        column_names(&batch),
        [
            "SinkModifiedOn",
            "_reason",
            "_byte_offset",
            "_body",
            "_content_type",
            "_properties",
            "_hub",
            "_partition",
            "_sequence_number",
            "_offset",
            "_enqueued_time",
            "_row_index",
        ]
    );
    let first: Vec<_> = batch.columns().iter().map(|column| text(column, 0)).collect();
    assert_eq!(
        first,
        [
            "1000UTC",
            "the body is not UTF-8",
            "6",
            &format!("{:?}", raw.body),
            "application/json",
            r#"{"p":1}"#,
            "hub",
            "3",
            "5",
            "77",
            "1000UTC",
            "0",
        ]
    );
    assert_eq!(row(&batch, 1).get("_content_type"), None);
    assert_eq!(row(&batch, 1)["_body"], "[]");
    assert_eq!(row(&batch, 1)["_reason"], "the body is empty");
}

#[test]
fn refused_event_leaves_earlier_rows_unchanged() {
    let parties =
        format!(r#"{{"Entities":[{}]}}"#, record("activityparty", ID, &[("addressused", r#""a@b""#)], &[]));
    let lookup = lookup("contact", OTHER, r#""Ann""#);
    let (choice, money) = (choice("3"), money("1.5"));
    let every_kind = |text: &'static str| {
        vec![
            ("text", text),
            ("number", "7"),
            ("decimal", "7.25"),
            ("flag", "true"),
            ("date", r#""/Date(1700000000123)/""#),
            ("choice", &choice),
            ("choices", r#"[{"Value":1},{"Value":2}]"#),
            ("money", &money),
            ("parent", &lookup),
            ("to", &parties),
            ("unknown", r#"["x"]"#),
        ]
    };
    let wide: Vec<(String, String)> = (0..1_000).map(|n| (format!("wide{n}"), "0.5".to_owned())).collect();
    let wide: Vec<(&str, &str)> = wide.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let with_all = update(&[every_kind(r#""longer""#), wide].concat());
    let (mut rows, mut untouched) = (Rows::new(), Rows::new());
    for number in 0..500 {
        let attributes = if number % 3 == 0 { every_kind(r#""text""#) } else { vec![("text", r#""other""#)] };
        let body = update(&attributes);
        rows.push(&body.json());
        untouched.push(&body.json());
    }
    assert_eq!(rows.try_push(&with_all.json()), Err(Full));
    assert_eq!(rows.buffer.as_ref().unwrap().rows(), 500);
    assert_eq!(rows.take_typed(), untouched.take_typed());
    assert_eq!(rows.try_push(&with_all.json()), Ok(()));
    let row = row(&rows.take(), 0);
    assert_eq!((row["wide999"].as_str(), row["text"].as_str()), ("0.5", "longer"));
}

/// Metadata or the lake may state more columns than a run adds.
#[test]
fn encoded_rows_keep_their_values_when_a_later_event_is_refused() {
    const COLUMNS: usize = 16 * 1_023;
    let mut rows = Rows::new();
    let names: Vec<String> = (0..COLUMNS).map(|n| format!("a{n}")).collect();
    let mut types: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "decimal")).collect();
    types.push(("to", "party_list"));
    rows.adopt(&types);
    let parties = format!(r#"[{{"__type":"Entity:x",{}]"#, &record("activityparty", ID, &[], &[])[1..]);
    let mut whole = Vec::new();
    for wide in names.chunks(1_023) {
        let mut attributes: Vec<(&str, &str)> = wide.iter().map(|name| (name.as_str(), "0.5")).collect();
        attributes.push(("to", &parties));
        rows.push(&update(&attributes).json());
        whole.push(attributes);
    }
    for _ in whole.len()..20 {
        // The refused event is pushed again into the empty buffer.
        if rows.try_push(&update(&[("name", r#""small""#)]).json()).is_err() {
            break;
        }
    }
    let batch = rows.take();
    for (at, attributes) in whole.iter().enumerate() {
        let row = row(&batch, at);
        assert_eq!(row.get("_rest"), None);
        let values = attributes.iter().filter(|(name, _)| row.contains_key(*name)).count();
        assert_eq!(values, attributes.len(), "row {at}");
    }
}
