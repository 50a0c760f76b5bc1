//! Paired fixtures: the same event in both formats gives the same row.

use std::fs;
use std::path::Path;

use super::*;

/// An event in XML about an account with these attributes: name, then the rest of a value's element.
fn xml(attributes: &[(&str, &str)]) -> String {
    let mut pairs = String::new();
    for (name, value) in attributes {
        write!(
            pairs,
            "<KeyValuePairOfstringanyType><g:key>{name}</g:key><g:value {value}</g:value></KeyValuePairOfstringanyType>"
        )
        .unwrap();
    }
    format!(
        r#"<RemoteExecutionContext xmlns="http://schemas.microsoft.com/xrm/2011/Contracts" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:g="http://schemas.datacontract.org/2004/07/System.Collections.Generic" xmlns:x="http://www.w3.org/2001/XMLSchema"><InputParameters><KeyValuePairOfstringanyType><g:key>Target</g:key><g:value i:type="Entity"><Attributes>{pairs}</Attributes><Id>{ID}</Id><LogicalName>account</LogicalName></g:value></KeyValuePairOfstringanyType></InputParameters><MessageName>Update</MessageName><OperationCreatedOn>2024-05-06T07:08:09.1234567+02:00</OperationCreatedOn><PrimaryEntityId>{ID}</PrimaryEntityId><PrimaryEntityName>account</PrimaryEntityName></RemoteExecutionContext>"#
    )
}

#[test]
fn pairs_of_the_oracle_give_equal_rows() {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oracle");
    let mut compared = 0;
    for entry in fs::read_dir(oracle.join("json")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // Not JSON, and finer than a millisecond.
        if ["t_double_inf.json", "t_double_ninf.json", "t_datetime_max.json"].contains(&name.as_str()) {
            continue;
        }
        let json = fs::read_to_string(oracle.join("json").join(&name)).unwrap();
        let xml = fs::read_to_string(oracle.join("xml").join(name.replace(".json", ".xml"))).unwrap();
        let batch = |body: &str| {
            let mut rows = Rows::new();
            rows.push(body);
            rows.take()
        };
        assert_eq!(batch(&xml), batch(&json), "{name}");
        compared += 1;
    }
    assert!(compared > 55, "{compared}");
}

#[test]
fn formats_mix_in_one_table() {
    let mut rows = Rows::new();
    rows.push(&update(&[("when", r#""/Date(1714979289000)/""#), ("n", "5")]).json());
    rows.push(&xml(&[("when", r#"i:type="x:dateTime">2024-05-06T07:08:09Z"#), ("n", r#"i:type="x:int">5"#)]));
    let batch = rows.take();
    let (one, other) = (row(&batch, 0), row(&batch, 1));
    for column in ["when", "n", "_changed"] {
        assert_eq!(one[column], other[column], "{column}");
    }
    assert_eq!(one["when"], "1714979289000UTC");
}

#[test]
fn finer_dates_are_cut_in_the_column_and_whole_in_rest() {
    let fine = "2024-05-06T07:08:09.1234567";
    let body = xml(&[
        ("when", &format!(r#"i:type="x:dateTime">{fine}Z"#)),
        ("zoned", &format!(r#"i:type="x:dateTime">{fine}+02:00"#)),
        ("size", r#"i:type="x:double">INF"#),
    ]);
    let row = row_of(&body);
    assert_eq!(row["when"], "1714979289123UTC");
    assert_eq!(row["_operation_created_on"], "1714979289123UTC");
    assert_eq!((row.get("zoned"), row.get("size")), (None, None), "no evidence");
    assert_eq!(
        row["_rest"],
        format!(
            r#"{{"InputParameters":{{"Target":{{"Attributes":{{"size":"INF","when":"{fine}Z","zoned":"{fine}+02:00"}}}}}},"OperationCreatedOn":"{fine}+02:00"}}"#
        )
    );
}

#[test]
fn json_dates_finer_than_a_millisecond_equal_those_of_xml() {
    let mut rows = Rows::new();
    rows.adopt(&[("when", "datetime"), ("note", "text")]);
    let fine = r#""2024-05-06T07:08:09.1234567Z""#;
    rows.push(&update(&[("when", fine), ("note", fine)]).json());
    rows.push(&xml(&[("note", r#"i:type="x:dateTime">2024-05-06T07:08:09.1234567Z"#)]));
    let batch = rows.take();
    let (json, xml) = (row(&batch, 0), row(&batch, 1));
    assert_eq!(json["when"], "1714979289123UTC");
    assert_eq!(
        json["_rest"],
        format!(r#"{{"InputParameters":{{"Target":{{"Attributes":{{"when":{fine}}}}}}}}}"#)
    );
    assert_eq!((&json["note"], &xml["note"]), (&fine.replace('"', ""), &fine.replace('"', "")));
}
