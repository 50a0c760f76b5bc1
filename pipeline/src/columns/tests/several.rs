//! Events with several targets: a row for each.

use super::*;
use crate::clock::UnixMillis;

const ZERO: &str = "00000000-0000-0000-0000-000000000000";
const THIRD: &str = "00000066-0000-4000-8000-000000000066";

/// An event about several records of `account`.
fn several(message: &'static str, targets: &str) -> Body {
    let body = update(&[]).message(message).target("").input("Targets", targets);
    Body { members: format!(r#""PrimaryEntityId":"{ZERO}""#), ..body }
}

/// The collection that these records are in.
fn collection(records: &[String]) -> String {
    let records = records.join(",");
    format!(
        r#"{{"__type":"EntityCollection:x","Entities":[{records}],"EntityName":"account","MinActiveRowVersion":null,"MoreRecords":false,"PagingCookie":null,"TotalRecordCount":-1}}"#
    )
}

/// The collection's own members, as a parameter.
const COUNTS: &str = r#"{"Targets":{"MoreRecords":false,"TotalRecordCount":-1}}"#;

fn account(id: &str, attributes: &[(&str, &str)]) -> String {
    record("account", id, attributes, &[])
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// Compares the rows of one event without the columns that every row has, but with `Id`.
fn check_rows(body: &Body, expected: &[&[(&str, &str)]]) {
    let json = body.json();
    let mut rows = Rows::new();
    rows.push(&json);
    let batch = rows.take();
    assert_eq!(batch.num_rows(), expected.len(), "{json}");
    for (at, expected) in expected.iter().enumerate() {
        let mut row = row(&batch, at);
        for (column, value) in [
            ("_row_index", at.to_string().as_str()),
            ("_message", body.message),
            ("_hub", "hub"),
            ("_partition", "7"),
            ("_sequence_number", "1000"),
            ("_offset", "4711"),
            ("_enqueued_time", "1700000000123UTC"),
            ("SinkModifiedOn", "1700000000123UTC"),
        ] {
            assert_eq!(row.remove(column).as_deref(), Some(value), "{column} of row {at}\n{json}");
        }
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(row, expected, "row {at}\n{json}");
    }
}

#[test]
fn each_record_is_a_row_and_the_first_has_the_event_s_parts() {
    let parent = lookup("contact", OTHER, r#""Ann""#);
    let first = record("account", ID, &[("name", r#""one""#), ("parent", &parent)], &[("name", "One")]);
    let second = account(OTHER, &[("name", r#""two""#), ("city", "null"), ("odd", r#"["x"]"#)])
        .replace(r#""RowVersion":null"#, r#""RowVersion":"12""#);
    let third = account(THIRD, &[("city", r#""Rome""#)]);
    let inputs = r#"{"Fast":true,"Targets":{"MoreRecords":false,"TotalRecordCount":-1}}"#;
    let before = format!(r#"{{"Pre":{{"Id":"{ID}","LogicalName":"account"}}}}"#);
    check_rows(
        &several("UpdateMultiple", &collection(&[first, second, third]))
            .input("Fast", "true")
            .before("Pre", account(ID, &[]))
            .member("SharedVariables", &pairs(&[("a", "1")]))
            .member("OutputParameters", &pairs(&[("b", "2")]))
            .member("UserId", &format!("\"{OTHER}\""))
            .member("Depth", r#""deep""#)
            .member("Unknown", "1"),
        &[
            &[
                ("Id", ID),
                ("name", "one"),
                ("parent", OTHER),
                ("parent_entitytype", "contact"),
                ("parentname", "Ann"),
                ("_user_id", OTHER),
                ("_changed", "[name,parent]"),
                ("_inputs", inputs),
                ("_outputs", r#"{"b":2}"#),
                ("_shared", r#"{"a":1}"#),
                ("_before", &before),
                ("_labels", r#"{"name":"One"}"#),
                ("_rest", r#"{"Depth":"deep","Unknown":1}"#),
            ],
            &[
                ("Id", OTHER),
                ("name", "two"),
                ("_user_id", OTHER),
                ("_changed", "[name,city,odd]"),
                (
                    "_rest",
                    r#"{"InputParameters":{"Targets":{"Entities":[{"Attributes":{"odd":["x"]},"RowVersion":"12"}]}}}"#,
                ),
            ],
            &[("Id", THIRD), ("city", "Rome"), ("_user_id", OTHER), ("_changed", "[city]")],
        ],
    );
}

#[test]
fn rest_of_the_first_record_is_in_its_row() {
    let odd = account(ID, &[("odd", r#"["x"]"#)]);
    let rest = r#"{"InputParameters":{"Targets":[{"Attributes":{"odd":["x"]}}]},"Unknown":1}"#;
    let plain = account(OTHER, &[]);
    check_rows(
        &several("UpsertMultiple", &list(&[odd, plain])).member("Unknown", "1"),
        &[&[("Id", ID), ("_changed", "[odd]"), ("_rest", rest)], &[("Id", OTHER), ("_changed", "[]")]],
    );
}

#[test]
fn returned_ids_fill_missing_ids() {
    let given = |ids: &[&str]| {
        let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
        pairs(&[("Ids", &list(&ids))])
    };
    let nameless = account(ZERO, &[("a", "1")]).replace(&format!(r#""Id":"{ZERO}","#), "");
    let records = [account(ID, &[("a", "1")]), account(ZERO, &[("a", "1")]), nameless];
    let row = |id| [("Id", id), ("a", "1"), ("_changed", "[a]")];
    let first = |outputs| {
        let mut first = row(ID).to_vec();
        first.push(("_inputs", COUNTS));
        first.push(("_outputs", outputs));
        first
    };
    let event = |ids: &[&str]| {
        several("CreateMultiple", &collection(&records)).member("OutputParameters", &given(ids))
    };
    check_rows(
        &event(&[ID, OTHER, THIRD]),
        &[&[row(ID).as_slice(), &[("_inputs", COUNTS)]].concat(), &row(OTHER), &row(THIRD)],
    );
    // Others, too many, too few.
    let outputs = format!(r#"{{"Ids":["{OTHER}","{OTHER}","{THIRD}"]}}"#);
    check_rows(&event(&[OTHER, OTHER, THIRD]), &[&first(&outputs), &row(OTHER), &row(THIRD)]);
    let outputs = format!(r#"{{"Ids":["{ID}","{OTHER}","{THIRD}","{ID}"]}}"#);
    check_rows(&event(&[ID, OTHER, THIRD, ID]), &[&first(&outputs), &row(OTHER), &row(THIRD)]);
    let outputs = format!(r#"{{"Ids":["{ID}","{OTHER}"]}}"#);
    check_rows(&event(&[ID, OTHER]), &[&first(&outputs), &row(OTHER), &row("")[1..]]);
}

#[test]
fn delete_multiple_has_a_row_per_target() {
    let one = lookup("account", ID, "null");
    let two = lookup("account", OTHER, r#""Two""#);
    let rest = r#"{"InputParameters":{"Targets":[{"Name":"Two"}]}}"#;
    check_rows(
        &several("DeleteMultiple", &list(&[one, two])),
        &[&[("Id", ID), ("IsDelete", "true")], &[("Id", OTHER), ("IsDelete", "true"), ("_rest", rest)]],
    );
    check_rows(
        &several("DeleteMultiple", &collection(&[account(ID, &[]), account(OTHER, &[])])),
        &[
            &[("Id", ID), ("IsDelete", "true"), ("_changed", "[]"), ("_inputs", COUNTS)],
            &[("Id", OTHER), ("IsDelete", "true"), ("_changed", "[]")],
        ],
    );
}

#[test]
fn target_of_another_table_goes_to_rest_whole() {
    let strange = [
        record("contact", OTHER, &[("a", "1")], &[("a", "one")]),
        lookup("contact", OTHER, "null"),
        r#""text""#.to_owned(),
        "null".to_owned(),
    ];
    let contact = format!(r#""Id":"{OTHER}","LogicalName":"contact""#);
    let left = |item: &str| format!(r#"{{"InputParameters":{{"Targets":[{item}]}}}}"#);
    let record = left(&format!(r#"{{"Attributes":{{"a":1}},"FormattedValues":{{"a":"one"}},{contact}}}"#));
    let (reference, text) = (left(&format!("{{{contact}}}")), left(r#""text""#));
    let ours = account(ID, &[("a", "1")]);
    check_rows(
        &several("UpdateMultiple", &list(&[&[ours.clone()][..], &strange].concat())),
        &[
            &[("Id", ID), ("a", "1"), ("_changed", "[a]")],
            &[("_rest", &record)],
            &[("_rest", &reference)],
            &[("_rest", &text)],
            &[],
        ],
    );
    check_rows(
        &several("UpdateMultiple", &list(&[strange[0].clone(), ours])),
        &[&[("_rest", &record)], &[("Id", ID), ("a", "1"), ("_changed", "[a]")]],
    );
}

#[test]
fn images_of_several_records_go_to_rest() {
    let automatic = "AsynchronousStepPrimaryName";
    let image = |name: &str| {
        format!(r#""{name}":{{"Attributes":{{"name":"x"}},"Id":"{ID}","LogicalName":"account"}}"#)
    };
    let rest = format!(r#"{{"PostEntityImages":{{{},{}}}}}"#, image(automatic), image("Post"));
    let name = [("name", r#""x""#)];
    let records = [account(ID, &[("a", "1")]), account(OTHER, &name)];
    check_rows(
        &several("UpdateMultiple", &list(&records)).after("Post", &name, &[]).after(automatic, &name, &[]),
        &[
            &[("Id", ID), ("a", "1"), ("_changed", "[a]"), ("_rest", &rest)],
            &[("Id", OTHER), ("name", "x"), ("_changed", "[name]")],
        ],
    );
}

#[test]
fn event_without_targets_is_one_row() {
    let id = ("Id", ZERO);
    let truncated = ("_truncated", "true");
    for message in ["CreateMultiple", "UpdateMultiple", "UpsertMultiple", "DeleteMultiple"] {
        let delete = (message == "DeleteMultiple").then_some(("IsDelete", "true"));
        let row = |more: &[(&'static str, &'static str)]| [&[id][..], more, delete.as_slice()].concat();
        for (targets, inputs) in [
            (r"[]".to_owned(), r#"{"Targets":[]}"#),
            (
                collection(&[]),
                r#"{"Targets":{"EntityName":"account","MoreRecords":false,"TotalRecordCount":-1}}"#,
            ),
            ("7".to_owned(), r#"{"Targets":7}"#),
        ] {
            check_rows(&several(message, &targets), &[&row(&[("_inputs", inputs)])]);
        }
        check_rows(&several(message, "null"), &[&row(&[("_inputs", r#"{"Targets":null}"#), truncated])]);
        let none = Body { inputs: Vec::new(), ..several(message, "") };
        check_rows(&none, &[&row(&[truncated])]);
    }
}

#[test]
fn only_multiple_messages_have_several_rows() {
    let targets = list(&[account(ID, &[]), account(OTHER, &[])]);
    let record = |id| format!(r#"{{"Id":"{id}","LogicalName":"account"}}"#);
    let inputs = format!(r#"{{"Targets":[{},{}]}}"#, record(ID), record(OTHER));
    let whole: &[(&str, &str)] = &[("Id", ZERO), ("_inputs", &inputs)];
    check_rows(&several("new_Multiple", &targets), &[whole]);
    check_rows(&several("CreateMultiple", &targets).table("none"), &[whole]);
}

#[test]
fn every_row_is_truncated_if_the_size_was_exceeded() {
    let mut rows = Rows::new();
    rows.push_raw(&several("UpdateMultiple", &list(&[account(ID, &[]), account(OTHER, &[])])).json(), true);
    let batch = rows.take();
    assert_eq!(
        (row(&batch, 0)["_truncated"].as_str(), row(&batch, 1)["_truncated"].as_str()),
        ("true", "true")
    );
}

#[test]
fn single_and_multiple_events_share_a_table() {
    let mut rows = Rows::new();
    rows.push(&update(&[("a", "1"), ("b", "1")]).json());
    let records = (0..3).map(|n| account(ID, &[("a", &n.to_string())])).collect::<Vec<_>>();
    rows.push(&several("UpdateMultiple", &list(&records)).json());
    rows.push(&update(&[("b", "2")]).json());
    let batch = rows.take();
    let column = |name| {
        let column = batch.column_by_name(name).unwrap();
        (0..batch.num_rows()).map(|at| text(column, at)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(column("_sequence_number"), "1000 1001 1001 1001 1002");
    assert_eq!(column("_row_index"), "0 0 1 2 0");
    assert_eq!((column("a"), column("b")), ("1 0 1 2 null".to_owned(), "1 null null null 2".to_owned()));
}

/// The time of an event with many targets is linear in their number.
#[test]
fn targets_take_linear_time() {
    let records: Vec<_> =
        (0..8_000).map(|n| account(ID, &[("a", &n.to_string()), ("odd", r#"["x"]"#)])).collect();
    let mut rows = Rows::new();
    rows.push(&several("UpdateMultiple", &collection(&records)).json());
    assert_eq!(rows.buffer.as_ref().unwrap().rows(), 8_000);
    let batch = rows.take();
    assert_eq!(row(&batch, 7_999)["a"], "7999");
    assert_eq!(
        row(&batch, 7_999)["_rest"],
        r#"{"InputParameters":{"Targets":{"Entities":[{"Attributes":{"odd":["x"]}}]}}}"#
    );
}

#[test]
fn long_strings_are_in_the_first_row_only() {
    for (bytes, rows_with_it) in [(100, 200), (5_000, 200), (6_000, 1)] {
        let agent = format!("\"{}\"", "u".repeat(bytes / 2));
        let body = several("UpdateMultiple", &list(&vec!["0".to_owned(); 200]))
            .member("InitiatingUserAgent", &agent)
            .member("OrganizationName", &agent)
            .member("UserId", &format!("\"{OTHER}\""));
        let mut rows = Rows::new();
        rows.push(&body.json());
        let batch = rows.take();
        assert_eq!(batch.num_rows(), 200);
        for column in ["_user_agent", "_organization_name"] {
            let column = batch.column_by_name(column).unwrap();
            assert_eq!(200 - column.null_count(), rows_with_it, "{bytes} bytes");
            assert!(column.is_valid(0));
        }
        for column in ["_user_id", "_message", "_row_index", "_offset"] {
            assert_eq!(batch.column_by_name(column).unwrap().null_count(), 0, "{column}");
        }
        assert!(!row(&batch, 0)["_rest"].contains("uuu"), "a string that is in a column is not in `_rest`");
    }
}

#[test]
fn parts_of_a_large_event_have_the_same_types() {
    let with = |value: &str| format!(r#"{{"Attributes":[{{"key":"x","value":{value}}}]}}"#);
    // The widest number is the last.
    let mut records = vec![with("1"); 19_999];
    records.push(with("0.5"));
    let json = several("UpdateMultiple", &list(&records)).json();
    let mut parser = Parser::new(ParentContext::Drop);
    let event = parser.parse(json.as_bytes()).unwrap();
    let raw = RawEvent {
        body: json.as_bytes(),
        sequence_number: SequenceNumber::new(5),
        offset: "4711",
        enqueued_time: UnixMillis::new(0),
        content_type: "application/json",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: None,
    };
    let mut rows = Rows::new();
    let mut buffer = TableBuffer::open(&mut rows.context, "account");
    assert_eq!(buffer.push(&mut rows.context, &event, &raw, PartitionId::new(7)), Err(Full));
    let mut parts = Vec::new();
    let pushed = buffer.push_in_parts(&mut rows.context, &event, &raw, PartitionId::new(7), |part| {
        parts.push(part.batch);
        Ok::<(), ()>(())
    });
    assert_eq!((pushed, buffer.rows(), buffer.byte_size()), (Ok(()), 0, 0));
    let sizes: Vec<_> = parts.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [8_192, 8_192, 3_616]);
    let mut index = 0;
    for part in &parts {
        let numbers = part.column_by_name("x").unwrap();
        assert_eq!(numbers.data_type(), &DataType::Decimal128(38, 12));
        for number in part.column_by_name("_row_index").unwrap().as_primitive::<Int32Type>().values() {
            assert_eq!(*number, index);
            index += 1;
        }
    }
    let last = &parts[2];
    let [first, last] = [row(&parts[0], 0), row(last, last.num_rows() - 1)];
    assert_eq!((first["x"].as_str(), last["x"].as_str()), ("1", "0.5"));
    assert_eq!((first.get("_rest"), last.get("_rest")), (None, None));
}

#[test]
fn attributes_past_the_limit_of_an_event_go_to_rest() {
    let records: Vec<_> = (0..600).map(|n| account(ID, &[(&format!("a{n}"), &n.to_string())])).collect();
    let mut rows = Rows::new();
    rows.push(&several("UpdateMultiple", &list(&records)).json());
    let batch = rows.take();
    let columns = batch.schema();
    let columns = columns.fields().iter().filter(|field| field.name().starts_with('a')).count();
    assert!((256..400).contains(&columns), "{columns} columns");
    for at in 0..600 {
        let row = row(&batch, at);
        let (name, value) = (format!("a{at}"), at.to_string());
        let in_rest = format!(r#""Attributes":{{"{name}":{value}}}"#);
        let rest = row.get("_rest").is_some_and(|rest| rest.contains(&in_rest));
        assert_eq!((row.get(&name) == Some(&value), rest), (at < columns, at >= columns), "{row:?}");
        assert_eq!(row["_changed"], format!("[{name}]"));
    }
}
