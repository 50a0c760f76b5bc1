//! Whole events: the envelope, parameters, deletes, events without a table, truncated ones.

use std::fs;
use std::path::Path;

use super::*;

fn oracle(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oracle/json").join(name))
        .unwrap()
}

/// Compares the whole row of a body of the oracle without the columns that all have.
fn check_oracle(name: &str, expected: &[(&str, &str)]) {
    let mut row = row_of(&oracle(name));
    for (column, value) in [
        ("SinkModifiedOn", "1700000000123UTC"),
        ("_operation_id", "00000004-0000-4000-8000-000000000004"),
        ("_operation_created_on", "1714979289000UTC"),
        ("_correlation_id", "00000002-0000-4000-8000-000000000002"),
        ("_request_id", "00000007-0000-4000-8000-000000000007"),
        ("_depth", "1"),
        ("_stage", "40"),
        ("_mode", "1"),
        ("_isolation_mode", "1"),
        ("_in_transaction", "false"),
        ("_offline", "false"),
        ("_offline_playback", "false"),
        ("_user_id", "00000003-0000-4000-8000-000000000003"),
        ("_initiating_user_id", "00000003-0000-4000-8000-000000000003"),
        ("_user_aad_id", "00000000-0000-0000-0000-000000000000"),
        ("_initiating_user_aad_id", "00000000-0000-0000-0000-000000000000"),
        ("_organization_id", "00000005-0000-4000-8000-000000000005"),
        ("_organization_name", "unq00000000000000000000000000000"),
        ("_business_unit_id", "00000001-0000-4000-8000-000000000001"),
        ("_step_id", "00000006-0000-4000-8000-000000000006"),
        ("_secondary_table", "none"),
        ("_hub", "hub"),
        ("_partition", "7"),
        ("_sequence_number", "1000"),
        ("_offset", "4711"),
        ("_enqueued_time", "1700000000123UTC"),
        ("_row_index", "0"),
    ] {
        assert_eq!(row.remove(column).as_deref(), Some(value), "{column} of {name}");
    }
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(row, expected, "{name}");
}

#[test]
fn create_fills_the_fixed_columns() {
    check_oracle(
        "m_create.json",
        &[
            ("Id", ID),
            ("accountid", ID),
            ("address1_latitude", "47.63958"),
            ("createdon", "1714979289000UTC"),
            ("donotemail", "false"),
            ("entityimage", "[1, 2, 3]"),
            ("exchangerate", "1"),
            ("name", "Contoso"),
            ("new_choices", "[1,2]"),
            ("new_choicesname", "One; Two"),
            ("numberofemployees", "12"),
            ("primarycontactid", OTHER),
            ("primarycontactid_entitytype", "contact"),
            ("revenue", "1234.56"),
            ("statecode", "0"),
            ("statecodename", "Active"),
            ("versionnumber", "123456789012"),
            ("_message", "Create"),
            (
                "_changed",
                "[name,accountid,statecode,revenue,exchangerate,address1_latitude,numberofemployees,donotemail,createdon,primarycontactid,description,versionnumber,entityimage,new_choices]",
            ),
            ("_shared", r#"{"DefaultsAddedFlag":true,"IsAutoTransact":true}"#),
        ],
    );
}

#[test]
fn delete_sets_is_delete() {
    let image = format!(
        r#"{{"Attributes":{{"accountid":"{ID}","name":"Contoso"}},"Id":"{ID}","LogicalName":"account"}}"#
    );
    let before = format!(r#"{{"AsynchronousStepPrimaryName":{image},"PreImage":{image}}}"#);
    check_oracle(
        "m_delete.json",
        &[("Id", ID), ("IsDelete", "true"), ("_message", "Delete"), ("_before", &before)],
    );
}

#[test]
fn assign_has_the_target_s_id() {
    let inputs = r#"{"Assignee":{"Id":"00000068-0000-4000-8000-000000000068","LogicalName":"team"}}"#;
    check_oracle("m_assign.json", &[("Id", ID), ("_message", "Assign"), ("_inputs", inputs)]);
}

#[test]
fn associate_goes_to_messages() {
    let inputs = format!(
        r#"{{"RelatedEntities":[{{"Id":"00000066-0000-4000-8000-000000000066","LogicalName":"lead"}},{{"Id":"00000067-0000-4000-8000-000000000067","LogicalName":"lead"}}],"Relationship":{{"SchemaName":"accountleads_association"}},"Target":{{"Id":"{ID}","LogicalName":"account"}}}}"#
    );
    check_oracle("m_associate.json", &[("Id", ID), ("_message", "Associate"), ("_inputs", &inputs)]);
}

#[test]
fn parameters_besides_target_are_inputs() {
    check(
        &update(&[("a", "1")])
            .input("SuppressDuplicateDetection", "false")
            .input("Empty", "[]")
            .input(
                "Query",
                r#"{"__type":"ColumnSet:x","AllColumns":false,"Columns":["b","a"],"Nested":[],"None":null}"#,
            )
            .member("OutputParameters", &pairs(&[("id", &format!("\"{ID}\""))]))
            .member("SharedVariables", &pairs(&[("Big", "79228162514264337593543950335"), ("B", "true")])),
        &[
            ("a", "1"),
            ("_changed", "[a]"),
            (
                "_inputs",
                r#"{"Empty":[],"Query":{"AllColumns":false,"Columns":["b","a"]},"SuppressDuplicateDetection":false}"#,
            ),
            ("_outputs", &format!(r#"{{"id":"{ID}"}}"#)),
            ("_shared", r#"{"B":true,"Big":"79228162514264337593543950335"}"#),
        ],
    );
    let outputs = pairs(&[("id", &format!("\"{ID}\"")), ("more", "1")]);
    check(
        &update(&[]).message("Create").member("OutputParameters", &outputs),
        &[("_changed", "[]"), ("_outputs", r#"{"more":1}"#)],
    );
}

#[test]
fn target_that_is_not_the_record_is_an_input() {
    let named = lookup("account", ID, r#""Contoso""#);
    let inputs = format!(r#"{{"Target":{{"Id":"{ID}","LogicalName":"account","Name":"Contoso"}}}}"#);
    check(&update(&[]).message("Assign").target(named), &[("_inputs", &inputs)]);

    let other = format!(r#"{{"__type":"Entity",{}"#, &record("contact", OTHER, &[("a", "1")], &[])[1..]);
    let inputs = format!(r#"{{"Target":{{"Attributes":{{"a":1}},"Id":"{OTHER}","LogicalName":"contact"}}}}"#);
    check(&update(&[]).target(other.clone()), &[("_inputs", &inputs)]);
    check(&update(&[]).message("new_Api").table("none").target(other), &[("_inputs", &inputs)]);
    check(&update(&[]).message("new_Api").target("7"), &[("_inputs", r#"{"Target":7}"#)]);
}

#[test]
fn falls_back_to_target_id() {
    let zero = "00000000-0000-0000-0000-000000000000";
    for (primary, target, id) in [
        (format!("\"{OTHER}\""), ID, Some(OTHER)),
        (format!("\"{zero}\""), ID, Some(ID)),
        ("null".to_owned(), ID, Some(ID)),
        (format!("\"{zero}\""), "", Some(zero)),
        ("null".to_owned(), "", None),
    ] {
        let mut body = update(&[]).target(lookup("account", target, "null"));
        body.members = format!(r#""PrimaryEntityId":{primary}"#);
        let row = row_of(&body.json());
        assert_eq!(row.get("Id").map(String::as_str), id, "{primary} {target}");
        assert_eq!(row.get("_rest"), None, "{primary} {target}");
        // An id that is not the row's is kept.
        let kept = row.get("_inputs").is_some_and(|inputs| inputs.contains(target));
        assert_eq!(kept, id != Some(target), "{primary} {target}");
    }
}

#[test]
fn event_without_its_record_is_truncated() {
    let stripped = oracle("m_update_stripped_empty.json");
    assert_eq!(row_of(&stripped)["_truncated"], "true");
    for (message, target, size_exceeded, truncated) in [
        ("Update", "", false, true),
        ("Create", "null", false, true),
        ("Delete", "", false, false),
        ("new_Api", "", false, false),
        ("Delete", "", true, true),
    ] {
        let mut rows = Rows::new();
        rows.push_raw(&update(&[]).message(message).target(target).json(), size_exceeded);
        let row = row(&rows.take(), 0);
        assert_eq!(row.contains_key("_truncated"), truncated, "{message} {target} {size_exceeded}");
        assert!(!row.contains_key("_rest"), "{message}: {row:?}");
    }
}

/// The form in which Dataverse leaves members out is not documented.
#[test]
fn truncated_members_may_be_absent_null_or_empty() {
    for message in
        ["Create", "Update", "CreateMultiple", "UpdateMultiple", "UpsertMultiple", "DeleteMultiple"]
    {
        let whole = update(&[]).message(message).target("").json();
        for written in [None, Some("null"), Some("[]")] {
            let body = ["InputParameters", "PreEntityImages", "PostEntityImages"].iter().fold(
                whole.replace('}', r#","ParentContext":null}"#),
                |body, member| {
                    let as_made = format!(r#","{member}":[]"#);
                    assert!(body.contains(&as_made), "{body}");
                    let written = written.map(|value| format!(r#","{member}":{value}"#));
                    body.replace(&as_made, &written.unwrap_or_default())
                },
            );
            let mut rows = Rows::new();
            rows.push(&body);
            let batch = rows.take();
            let row = row(&batch, 0);
            assert_eq!((batch.num_rows(), row["_truncated"].as_str(), row["Id"].as_str()), (1, "true", ID));
            assert!(!row.contains_key("_rest") && !row.contains_key("_inputs"), "{body}: {row:?}");
        }
    }
}

#[test]
fn operation_time_ignores_its_offset() {
    for (stated, expected) in [
        (r#""\/Date(1724647396000+0300)\/""#, Some("1724658196000UTC")),
        (r#""\/Date(1506409448000-0700)\/""#, Some("1506384248000UTC")),
        (r#""\/Date(1697398446012)\/""#, Some("1697398446012UTC")),
        (r#""2024-12-10T06:43:27.963Z""#, Some("1733813007963UTC")),
        (r#""2024-12-10T06:43:27.963+02:00""#, Some("1733813007963UTC")),
        (r#""yesterday""#, None),
        ("12", None),
    ] {
        let row = row_of(&update(&[]).member("OperationCreatedOn", stated).json());
        assert_eq!(row.get("_operation_created_on").map(String::as_str), expected, "{stated}");
        assert_eq!(row.contains_key("_rest"), expected.is_none(), "{stated}");
    }
}

#[test]
fn unexpected_and_unknown_members_go_to_rest() {
    check(
        &update(&[])
            .member("OperationId", r#""no guid""#)
            .member("Depth", "1.5")
            .member("Stage", r#""40""#)
            .member("IsInTransaction", "1")
            .member("InitiatingUserAgent", r#""""#)
            .member("SharedVariables", "true")
            .member("OwningExtension", &format!(r#"{{"Id":"{OTHER}","KeyAttributes":[],"LogicalName":"sdkmessageprocessingstep","Name":"lake","RowVersion":null}}"#))
            .member("Brand", r#"{"new":[1,null,{}],"none":null,"empty":{"a":null}}"#)
            .member("NoNews", "null"),
        &[
            ("_changed", "[]"),
            ("_user_agent", ""),
            ("_step_id", OTHER),
            (
                "_rest",
                r#"{"Brand":{"new":[1,null,{}]},"Depth":1.5,"IsInTransaction":1,"OperationId":"no guid","OwningExtension":{"Name":"lake"},"SharedVariables":true,"Stage":"40"}"#,
            ),
        ],
    );
}

#[test]
fn numbers_beyond_f64_become_strings() {
    for number in ["1E+400", "-1.5e+99999999999999999999", &"9".repeat(1000)] {
        check(
            &update(&[]).member("Odd", number),
            &[("_changed", "[]"), ("_rest", &format!(r#"{{"Odd":"{number}"}}"#))],
        );
    }
}

#[test]
fn record_members_besides_attributes_go_to_rest() {
    let target = format!(
        r#"{{"__type":"Entity","Attributes":{},"EntityState":2,"FormattedValues":[],"Id":"{OTHER}","KeyAttributes":{},"LogicalName":"account","RelatedEntities":[],"RowVersion":"5948260"}}"#,
        pairs(&[("a", "1")]),
        pairs(&[("code", r#""A1""#)]),
    );
    let rest = format!(
        r#"{{"InputParameters":{{"Target":{{"EntityState":2,"Id":"{OTHER}","KeyAttributes":{{"code":"A1"}},"RowVersion":"5948260"}}}}}}"#
    );
    check(&update(&[]).target(target), &[("a", "1"), ("_changed", "[a]"), ("_rest", &rest)]);
}

#[test]
fn duplicate_parts_keep_the_first() {
    let target = format!(
        r#"{{"__type":"Entity","Attributes":[{{"key":"a","value":1}}],"Attributes":[{{"key":"b","value":2}}],"Id":"{ID}","Id":"{OTHER}","LogicalName":"account"}}"#
    );
    let rest = format!(r#"{{"InputParameters":{{"Target":{{"Attributes":{{"b":2}},"Id":"{OTHER}"}}}}}}"#);
    check(&update(&[]).target(target), &[("a", "1"), ("_changed", "[a]"), ("_rest", &rest)]);
}

#[test]
fn cleared_party_list_is_changed() {
    let empty = r#"{"__type":"EntityCollection:x","Entities":[],"EntityName":"activityparty","MoreRecords":false,"PagingCookie":null,"TotalRecordCount":0}"#;
    let collection = r#"{"EntityName":"activityparty","MoreRecords":false,"TotalRecordCount":0}"#;
    let rest = format!(r#"{{"InputParameters":{{"Target":{{"Attributes":{{"cc":{collection}}}}}}}}}"#);
    check(&update(&[("cc", empty)]), &[("_changed", "[cc]"), ("_rest", &rest)]);
}

#[test]
fn strings_are_unchanged() {
    let text = r#""\"\\\/\u0008\u000c\n\r\t\u0001é\ud83d\ude00\u2028 \u007f""#;
    let row = row_of(&update(&[("x", text), ("y", &format!("[{text}]"))]).json());
    let plain = "\"\\/\u{8}\u{c}\n\r\t\u{1}é😀\u{2028} \u{7f}";
    assert_eq!(row["x"], plain);
    let value = "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001é😀\u{2028} \u{7f}\"";
    assert_eq!(
        row["_rest"],
        format!(r#"{{"InputParameters":{{"Target":{{"Attributes":{{"y":[{value}]}}}}}}}}"#)
    );
}

#[test]
fn duplicate_members_are_all_kept() {
    let row = row_of(&update(&[]).member("B", "1").member("A", "2").member("B", "3").json());
    assert_eq!(row["_rest"], r#"{"A":2,"B":1,"B":3}"#);
    let row = row_of(&update(&[]).member("Depth", "1").member("Depth", "2").json());
    assert_eq!((row["_depth"].as_str(), row["_rest"].as_str()), ("1", r#"{"Depth":2}"#));
}
