//! Each value form in its column, and values that fit no column in `_rest`.

use super::*;

/// The type and value of a new column after a value, or `rest` and the JSON there.
fn column_of(value: &str) -> String {
    let mut rows = Rows::new();
    rows.push(&update(&[("x", value)]).json());
    typed(rows.take_typed())
}

/// The type and value of a column whose type the lake states, or `rest` and the JSON there.
fn column_as(lake: &str, value: &str) -> String {
    let mut rows = Rows::new();
    rows.adopt(&[("x", lake)]);
    rows.push(&update(&[("x", value)]).json());
    typed(rows.take_typed())
}

fn typed((batch, types): (RecordBatch, ColumnTypes)) -> String {
    let row = row(&batch, 0);
    let rest = row.get("_rest").map(|rest| {
        let value = rest.strip_prefix(r#"{"InputParameters":{"Target":{"Attributes":{"x":"#);
        format!("rest {}", value.unwrap().strip_suffix("}}}}").unwrap())
    });
    let column = row.get("x").map(|value| format!("{} {value}", types["x"].name()));
    [column, rest].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[test]
fn each_value_form_has_its_column_type() {
    let guid = "0000000a-0000-4000-8000-00000000000A";
    for (value, expected) in [
        ("null", ""),
        ("[]", ""),
        ("true", "boolean true"),
        ("false", "boolean false"),
        ("12", "number 12"),
        ("-12", "number -12"),
        ("2147483648", "number 2147483648"),
        ("123456789012", "number 123456789012"),
        ("47.63958", "number 47.63958"),
        ("1.0000000000", "number 1"),
        ("-0.0000000001", "number -0.0000000001"),
        ("9223372036854775808", "number 9223372036854775808"),
        ("1E+15", "number 1000000000000000"),
        ("1E+300", "rest 1E+300"),
        ("-1.5E-10", "number -0.00000000015"),
        ("-1.5E-12", "rest -1.5E-12"),
        ("149.253731343284", "number 149.253731343284"),
        ("100000000000000000000000000", "rest 100000000000000000000000000"),
        ("0.33333333333333331", r#"rest "0.33333333333333331""#),
        ("79228162514264337593543950335", r#"rest "79228162514264337593543950335""#),
        (r#""Contoso""#, "text Contoso"),
        (r#""""#, "text "),
        (&format!("\"{guid}\""), &format!("text {guid}")),
        (r#""P1DT2H3M4.005S""#, "text P1DT2H3M4.005S"),
        (r#""2024-12-10T06:43:27Z""#, "text 2024-12-10T06:43:27Z"),
        (r#""\/Date(1714979289000)\/""#, "datetime 1714979289000UTC"),
        (r#""/Date(-6847804800000+0000)/""#, "datetime -6847804800000UTC"),
        (r#""\/Date(1714979289000+0200)\/""#, r#"rest "/Date(1714979289000+0200)/""#),
        (r#""/Date(soon)/""#, "text /Date(soon)/"),
        (&choice("342490000"), "choice 342490000"),
        (&choice("342490000342490001"), r#"rest {"Value":"342490000342490001"}"#),
        (&choice("null"), ""),
        (&choice(r#""1""#), r#"rest {"Value":"1"}"#),
        (&format!("[{},{}]", choice("1"), choice("2")), "choices [1,2]"),
        (&format!("[{},7]", choice("1")), r#"rest [{"Value":1},7]"#),
        (&money("1234.5600"), "decimal 1234.56"),
        (&money("100"), "decimal 100"),
        (&money("1E+300"), r#"rest {"Value":1E+300}"#),
        ("[0,1,250]", "binary [0, 1, 250]"),
        ("[0,256]", "rest [0,256]"),
        ("[0,-1]", "rest [0,-1]"),
        ("[0.5]", "rest [0.5]"),
        (r#"["a","b"]"#, r#"rest ["a","b"]"#),
        ("[true,null]", "rest [true,null]"),
        (
            r#"{"__type":"BooleanManagedProperty:x","CanBeChanged":true,"ManagedPropertyLogicalName":null,"Value":true}"#,
            r#"rest {"CanBeChanged":true,"Value":true}"#,
        ),
        (
            r#"{"__type":"AliasedValue:x","AttributeLogicalName":"name","NeedFormatting":false,"ReturnType":0,"Value":"v"}"#,
            r#"rest {"AttributeLogicalName":"name","NeedFormatting":false,"ReturnType":0,"Value":"v"}"#,
        ),
    ] {
        assert_eq!(column_of(value), expected, "{value}");
    }
}

#[test]
fn values_that_do_not_fit_go_to_rest() {
    let (reference, date) = (lookup("contact", OTHER, "null"), r#""/Date(1000)/""#);
    for (lake, value, expected) in [
        ("text", "12", "rest 12"),
        ("text", "true", "rest true"),
        ("text", date, "text /Date(1000)/"),
        ("number", r#""12""#, r#"rest "12""#),
        ("number", "1E+300", "rest 1E+300"),
        ("number", &money("1.5"), "number 1.5"),
        ("decimal", "7", "decimal 7"),
        ("number", &choice("1"), r#"rest {"Value":1}"#),
        ("choice", "1", "rest 1"),
        ("choice", &money("1"), r#"rest {"Value":1}"#),
        ("choices", &choice("1"), r#"rest {"Value":1}"#),
        ("boolean", "1", "rest 1"),
        ("datetime", date, "datetime 1000UTC"),
        ("datetime", r#""2024-12-10T06:43:27.963Z""#, "datetime 1733813007963UTC"),
        ("datetime", r#""2024-12-10T06:43:27""#, "datetime 1733813007000UTC"),
        ("datetime", r#""2024-12-10T06:43:27+02:00""#, r#"rest "2024-12-10T06:43:27+02:00""#),
        (
            "datetime",
            r#""2024-12-10T06:43:27.1234567Z""#,
            r#"datetime 1733813007123UTC, rest "2024-12-10T06:43:27.1234567Z""#,
        ),
        ("datetime", r#""soon""#, r#"rest "soon""#),
        ("uuid", &format!("\"{OTHER}\""), &format!("uuid {OTHER}")),
        ("uuid", r#""no""#, r#"rest "no""#),
        ("text", &reference, &format!(r#"rest {{"Id":"{OTHER}","LogicalName":"contact"}}"#)),
        ("binary", "[1]", "binary [1]"),
        ("binary", r#""AQ==""#, r#"rest "AQ==""#),
        ("party_list", "[1]", "rest [1]"),
        ("int32", "2147483647", "int32 2147483647"),
        ("int32", "1.0", "int32 1"),
        ("int32", "2147483648", "rest 2147483648"),
        ("int32", "1.5", "rest 1.5"),
        ("int32", &choice("1"), r#"rest {"Value":1}"#),
        ("int64", "9223372036854775807", "int64 9223372036854775807"),
        ("int64", "9223372036854775808", r#"rest "9223372036854775808""#),
        ("int64", r#""1""#, r#"rest "1""#),
        ("double", "4", "double 4"),
        ("double", "4.50", "double 4.5"),
        ("double", "1E+15", "double 1000000000000000"),
        ("double", "-1.5E-10", "double -0.00000000015"),
        ("double", "0.33333333333333331", "double 0.3333333333333333"),
        ("double", "79228162514264337593543950335", r#"rest "79228162514264337593543950335""#),
        ("double", "9007199254740993", r#"rest "9007199254740993""#),
        ("double", r#""NaN""#, r#"rest "NaN""#),
        ("double", &money("1.5"), r#"rest {"Value":1.5}"#),
        ("decimal", "1.0000000000", "decimal 1"),
        ("decimal", "0.33333333333333331", r#"rest "0.33333333333333331""#),
        ("date", r#""\/Date(1714953600000)\/""#, "date day 19849"),
        ("date", r#""/Date(-86400000+0000)/""#, "date day -1"),
        ("date", r#""/Date(-62135596800000)/""#, "date day -719162"),
        ("date", r#""2024-05-06T00:00:00Z""#, "date day 19849"),
        ("date", r#""/Date(1714953600001)/""#, r#"rest "/Date(1714953600001)/""#),
        ("date", r#""/Date(-1)/""#, r#"rest "/Date(-1)/""#),
        ("date", r#""/Date(1714953600000+0200)/""#, r#"rest "/Date(1714953600000+0200)/""#),
        ("date", r#""2024-05-06""#, r#"rest "2024-05-06""#),
        ("choices", "[]", ""),
        ("uuid", &reference, &format!("uuid {OTHER}")),
        ("text", &format!("\"{OTHER}\""), &format!("text {OTHER}")),
        ("a_type_of_tomorrow", "1", "rest 1"),
    ] {
        assert_eq!(column_as(lake, value), expected, "{value} in {lake}");
    }
}

#[test]
fn first_evidence_decides_the_type() {
    let mut rows = Rows::new();
    for value in ["null", "1E+300", "1", r#""text""#, "0.33333333333333331", "2.5", &money("3")] {
        rows.push(&update(&[("x", value)]).json());
    }
    let (batch, types) = rows.take_typed();
    let values: Vec<_> = (0..batch.num_rows())
        .map(|at| row(&batch, at).remove("x").unwrap_or_else(|| "-".to_owned()))
        .collect();
    assert_eq!(values, ["-", "-", "1", "-", "-", "2.5", "3"]);
    assert_eq!(types["x"], ColumnType::Number);
}

#[test]
fn key_column_is_a_uuid() {
    for (table, attribute, value, expected) in [
        ("account", "accountid", ID, "uuid"),
        ("account", "activityid", ID, "uuid"),
        ("account", "accountid", OTHER, "text"),
        ("account", "otherid", ID, "text"),
    ] {
        let mut rows = Rows::new();
        rows.push(&update(&[(attribute, &format!("\"{value}\""))]).table(table).json());
        let (batch, types) = rows.take_typed();
        assert_eq!(types[attribute].name(), expected, "{attribute} {value}");
        assert_eq!(row(&batch, 0)[attribute], value);
    }
}

#[test]
fn members_beside_a_choice_or_money_value_go_to_rest() {
    for (form, value) in [("OptionSetValue", "1"), ("Money", "1.5")] {
        for members in
            [format!(r#""Value":{value},"Label":"one""#), format!(r#""Label":"one","Value":{value}"#)]
        {
            check(
                &update(&[("a", &format!(r#"{{"__type":"{form}:http:\/\/schemas",{members}}}"#))]),
                &[
                    ("a", value),
                    ("_changed", "[a]"),
                    ("_rest", r#"{"InputParameters":{"Target":{"Attributes":{"a":{"Label":"one"}}}}}"#),
                ],
            );
        }
    }
}

#[test]
fn lookups_have_companions() {
    check(
        &update(&[("parent", &lookup("account", OTHER, r#""Fabrikam""#))]),
        &[
            ("parent", OTHER),
            ("parent_entitytype", "account"),
            ("parentname", "Fabrikam"),
            ("_changed", "[parent]"),
        ],
    );
    let keyed = format!(
        r#"{{"__type":"EntityReference","Id":"{OTHER}","KeyAttributes":[{{"key":"code","value":"A1"}},{{"key":"none","value":null}}],"LogicalName":"account","Name":null,"RowVersion":"77"}}"#
    );
    check(
        &update(&[("parent", &keyed)]),
        &[
            ("parent", OTHER),
            ("parent_entitytype", "account"),
            ("_changed", "[parent]"),
            (
                "_rest",
                r#"{"InputParameters":{"Target":{"Attributes":{"parent":{"KeyAttributes":{"code":"A1","none":null},"RowVersion":"77"}}}}}"#,
            ),
        ],
    );
    check(
        &update(&[("parent", &lookup("account", "nonsense", "null"))]),
        &[
            ("_changed", "[parent]"),
            (
                "_rest",
                r#"{"InputParameters":{"Target":{"Attributes":{"parent":{"Id":"nonsense","LogicalName":"account"}}}}}"#,
            ),
        ],
    );
}

#[test]
fn formatted_values_of_choices_and_lookups_are_companions_and_others_labels() {
    let (state, states) = (choice("0"), format!("[{},{}]", choice("1"), choice("2")));
    let parent = lookup("account", OTHER, "null");
    check(
        &formatted(
            &[
                ("statecode", &state),
                ("many", &states),
                ("parent", &parent),
                ("revenue", &money("6100")),
                ("ok", "true"),
            ],
            &[
                ("statecode", "Active"),
                ("many", "One; Two"),
                ("parent", "Fabrikam"),
                ("revenue", "6.100 €"),
                ("ok", "Yes"),
                ("absent", "A \\\"label\\\""),
            ],
        ),
        &[
            ("statecode", "0"),
            ("statecodename", "Active"),
            ("many", "[1,2]"),
            ("manyname", "One; Two"),
            ("parent", OTHER),
            ("parent_entitytype", "account"),
            ("parentname", "Fabrikam"),
            ("revenue", "6100"),
            ("ok", "true"),
            ("_changed", "[statecode,many,parent,revenue,ok]"),
            ("_labels", r#"{"absent":"A \"label\"","ok":"Yes","revenue":"6.100 €"}"#),
        ],
    );
}

#[test]
fn second_formatted_value_of_a_lookup_goes_to_rest_if_different() {
    let parent = lookup("account", OTHER, r#""Fabrikam""#);
    for (label, rest) in [
        ("Fabrikam", None),
        ("Contoso", Some(r#"{"InputParameters":{"Target":{"Attributes":{"parent":{"Name":"Fabrikam"}}}}}"#)),
    ] {
        let mut expected = vec![
            ("parent", OTHER),
            ("parent_entitytype", "account"),
            ("parentname", label),
            ("_changed", "[parent]"),
        ];
        expected.extend(rest.map(|rest| ("_rest", rest)));
        check(&formatted(&[("parent", &parent)], &[("parent", label)]), &expected);
    }
}

#[test]
fn attribute_takes_precedence_over_a_companion_of_its_name() {
    let (state, parent) = (choice("0"), lookup("account", OTHER, r#""Fabrikam""#));
    check(
        &formatted(
            &[
                ("statecode", &state),
                ("parent", &parent),
                ("statecodename", "null"),
                ("parentname", r#""mine""#),
                ("parent_entitytype", r#""mine too""#),
            ],
            &[("statecode", "Active")],
        ),
        &[
            ("statecode", "0"),
            ("parent", OTHER),
            ("parentname", "mine"),
            ("parent_entitytype", "mine too"),
            ("_changed", "[statecode,parent,statecodename,parentname,parent_entitytype]"),
            ("_labels", r#"{"parent":"Fabrikam","statecode":"Active"}"#),
            (
                "_rest",
                r#"{"InputParameters":{"Target":{"Attributes":{"parent":{"LogicalName":"account"}}}}}"#,
            ),
        ],
    );
    let mut rows = Rows::new();
    rows.adopt(&[("statecodename", "number")]);
    rows.push(&formatted(&[("statecode", &state)], &[("statecode", "Active")]).json());
    let row = row(&rows.take(), 0);
    assert_eq!(row["_labels"], r#"{"statecode":"Active"}"#);
    assert!(!row.contains_key("statecodename"));
}

#[test]
fn parties_become_a_list_of_structs() {
    let party = |attributes: &[(&str, &str)], values: &[(&str, &str)]| {
        record("activityparty", OTHER, attributes, values)
    };
    let first = party(
        &[
            ("activitypartyid", &format!("\"{OTHER}\"")),
            ("partyid", &lookup("contact", ID, "null")),
            ("participationtypemask", &choice("1")),
            ("addressused", r#""a@b.c""#),
            ("ispartydeleted", "false"),
            ("nothing", "null"),
        ],
        &[("partyid", "Ann"), ("participationtypemask", "Sender")],
    );
    let second = party(&[("addressused", r#""d@e.f""#), ("partyid", "null")], &[]);
    let collection = format!(
        r#"{{"__type":"EntityCollection:x","Entities":[{first},{second}],"EntityName":"activityparty","MinActiveRowVersion":null,"MoreRecords":false,"PagingCookie":null,"TotalRecordCount":-1,"TotalRecordCountLimitExceeded":false}}"#
    );
    let rest = format!(
        r#"{{"Attributes":{{"activitypartyid":"{OTHER}","ispartydeleted":false,"nothing":null}},"FormattedValues":{{"participationtypemask":"Sender"}},"Id":"{OTHER}","to":{{"MoreRecords":false,"TotalRecordCount":-1,"TotalRecordCountLimitExceeded":false}}}}"#
    );
    let first = format!(
        "(partyid={ID} partyid_entitytype=contact partyidname=Ann participationtypemask=1 addressused=a@b.c rest={rest})"
    );
    let second = format!(r#"(addressused=d@e.f rest={{"Id":"{OTHER}"}})"#);
    check(&update(&[("to", &collection)]), &[("to", &format!("[{first},{second}]")), ("_changed", "[to]")]);

    let bare = format!(r#"[{{"__type":"Entity:x",{}]"#, &party(&[("addressused", r#""d@e.f""#)], &[])[1..]);
    check(&update(&[("cc", &bare)]), &[("cc", &format!("[{second}]")), ("_changed", "[cc]")]);
    let contacts = bare.replace("activityparty", "contact");
    let rest = format!(
        r#"{{"InputParameters":{{"Target":{{"Attributes":{{"cc":[{{"Attributes":{{"addressused":"d@e.f"}},"Id":"{OTHER}","LogicalName":"contact"}}]}}}}}}}}"#
    );
    check(&update(&[("cc", &contacts)]), &[("_changed", "[cc]"), ("_rest", &rest)]);
}

#[test]
fn reserved_and_unusual_names_are_escaped() {
    check(
        &update(&[("id", "1"), ("_rest", "2"), ("Größe", "3"), ("enqueued_date", "4")]),
        &[
            ("attr$id", "1"),
            ("attr$_rest", "2"),
            ("attr$%47r%C3%B6%C3%9Fe", "3"),
            ("attr$enqueued_date", "4"),
            ("_changed", "[id,_rest,Größe,enqueued_date]"),
        ],
    );
}
