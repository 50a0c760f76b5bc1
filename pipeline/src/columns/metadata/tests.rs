//! Responses of the Web API, whole and broken, and metadata inferred from bodies.

use super::*;
use crate::columns::{Doubt, Survey};
use crate::parse::{ParentContext, Parser};

fn read(files: &[(&str, &str)]) -> Result<Metadata, Error> {
    let sources = files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec()));
    Metadata::of(&sources.collect::<Vec<_>>())
}

/// All types as `table.column=type`.
fn types_of(metadata: &Metadata) -> String {
    let tables = metadata.tables();
    let columns = tables
        .flat_map(|(table, columns)| columns.iter().map(move |(c, t)| format!("{table}.{c}={}", t.name())));
    columns.collect::<Vec<_>>().join(" ")
}

/// An attribute of `account`, and the type of its column.
fn type_of(attribute: &str) -> String {
    let response = format!(r#"{{"LogicalName":"account","Attributes":[{{"LogicalName":"x",{attribute}}}]}}"#);
    types_of(&read(&[("a.json", &response)]).unwrap()).trim_start_matches("account.x=").to_owned()
}

#[test]
fn attribute_types() {
    for (name, number, expected) in [
        ("Boolean", 0, "boolean"),
        ("Customer", 1, "uuid"),
        ("DateTime", 2, "datetime"),
        ("Decimal", 3, "decimal"),
        ("Double", 4, "double"),
        ("Integer", 5, "int32"),
        ("Lookup", 6, "uuid"),
        ("Memo", 7, "text"),
        ("Money", 8, "decimal"),
        ("Owner", 9, "uuid"),
        ("PartyList", 10, "party_list"),
        ("Picklist", 11, "choice"),
        ("State", 12, "choice"),
        ("Status", 13, "choice"),
        ("String", 14, "text"),
        ("Uniqueidentifier", 15, "uuid"),
        ("CalendarRules", 16, ""),
        ("Virtual", 17, ""),
        ("BigInt", 18, "int64"),
        ("ManagedProperty", 19, ""),
        ("EntityName", 20, "text"),
        ("OfTomorrow", 99, ""),
    ] {
        assert_eq!(type_of(&format!(r#""AttributeType":"{name}""#)), expected, "{name}");
        assert_eq!(type_of(&format!(r#""AttributeType":{number}"#)), expected, "{number}");
        let type_name = format!(r#""AttributeType":"{name}","AttributeTypeName":{{"Value":"{name}Type"}}"#);
        assert_eq!(type_of(&type_name), expected, "{type_name}");
    }
    for (attribute, expected) in [
        (r#""AttributeType":"Virtual","AttributeTypeName":{"Value":"MultiSelectPicklistType"}"#, "choices"),
        (r#""AttributeType":17,"AttributeTypeName":"ImageType""#, "binary"),
        (r#""AttributeType":"Virtual","AttributeTypeName":{"Value":"FileType"}"#, ""),
        (r#""AttributeTypeName":{"Value":"MoneyType"}"#, "decimal"),
        (r#""AttributeType":null,"AttributeTypeName":null"#, ""),
        (r#""AttributeType":"String","AttributeOf":"ownerid""#, ""),
        (r#""AttributeType":"String","AttributeOf":null,"IsPrimaryId":false,"Odd":[{}]"#, "text"),
        (r#""AttributeType":"DateTime","DateTimeBehavior":{"Value":"DateOnly"}"#, "date"),
        (r#""AttributeType":"DateTime","DateTimeBehavior":"DateOnly""#, "date"),
        (
            r#""AttributeType":"DateTime","DateTimeBehavior":{"Value":"UserLocal"},"Format":"DateOnly""#,
            "datetime",
        ),
        (r#""AttributeType":"DateTime","DateTimeBehavior":{"Value":"TimeZoneIndependent"}"#, "datetime"),
        (r#""AttributeType":"DateTime","DateTimeBehavior":null"#, "datetime"),
        (r##""@odata.type":"#Microsoft.Dynamics.CRM.UniqueIdentifierAttributeMetadata""##, "uuid"),
        (
            r##""@odata.type":"#Microsoft.Dynamics.CRM.LookupAttributeMetadata","AttributeType":"PartyList""##,
            "party_list",
        ),
    ] {
        assert_eq!(type_of(attribute), expected, "{attribute}");
    }
}

#[test]
fn accepts_each_form_of_response() {
    let entity =
        r#"{"LogicalName":"account","Attributes":[{"LogicalName":"name","AttributeType":"String"}]}"#;
    for response in [
        entity.to_owned(),
        format!("[{entity}]"),
        format!("\u{feff}{{\"value\":[{entity}]}}"),
        format!(r#"{{"@odata.context":"https://o/api/data/v9.2/$metadata#EntityDefinitions(LogicalName,Attributes())","value":[{entity}]}}"#),
        format!(r#"{{"@odata.context":"https://o/$metadata#EntityDefinitions(LogicalName,Attributes())/$entity",{}"#, &entity[1..]),
        r#"{"@odata.context":"https://o/$metadata#EntityDefinitions('account')/Attributes(LogicalName)","value":[{"LogicalName":"name","AttributeType":14}]}"#.to_owned(),
        r#"{"@odata.context":"x#EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata(LogicalName)","value":[{"LogicalName":"name"}]}"#.to_owned(),
        r#"{"@odata.context":"x#EntityDefinitions('account')/Attributes/Microsoft.Dynamics.CRM.MemoAttributeMetadata/$entity","LogicalName":"name"}"#.to_owned(),
        r#"{"@odata.context":"x#EntityDefinitions('70816501-edb9-4740-a16c-6a5efbc05d84')/Attributes","value":[{"EntityLogicalName":"account","LogicalName":"name","AttributeType":"String"}]}"#.to_owned(),
    ] {
        assert_eq!(types_of(&read(&[("a.json", &response)]).unwrap()), "account.name=text", "{response}");
    }
    let hostile = r#"[{"LogicalName":"odd/table","Attributes":[{"LogicalName":"_rest","AttributeType":"Double"},{"LogicalName":"Id","AttributeType":"Double"}]},
        {"LogicalName":"_quarantine","Attributes":[{"LogicalName":"x","AttributeType":"Double"}]}]"#;
    assert_eq!(
        types_of(&read(&[("a.json", hostile)]).unwrap()),
        "odd/table.attr$%49d=double odd/table.attr$_rest=double"
    );
}

#[test]
fn files_are_joined() {
    let tables = r#"{"value":[{"MetadataId":"70816501-EDB9-4740-a16c-6a5efbc05d84","LogicalName":"account","Attributes":[
        {"LogicalName":"founded","AttributeType":"DateTime"},{"LogicalName":"ownerid","AttributeType":"Owner"},
        {"LogicalName":"tags","AttributeType":"Virtual"}]}]}"#;
    let cast = |table: &str, cast: &str, attribute: &str| {
        format!(
            r#"{{"@odata.context":"x#EntityDefinitions({table})/Attributes/Microsoft.Dynamics.CRM.{cast}AttributeMetadata(LogicalName)","value":[{attribute}]}}"#
        )
    };
    let dates = r#"{"LogicalName":"founded","DateTimeBehavior":{"Value":"DateOnly"}}"#;
    let owner = r#"{"LogicalName":"ownerid"}"#;
    let tags = r#"{"LogicalName":"tags"}"#;
    let by_id = cast("70816501-edb9-4740-a16c-6a5efbc05d84", "DateTime", dates);
    for dates in [cast("'account'", "DateTime", dates), by_id.clone()] {
        let files = [
            ("a.json", dates.as_str()),
            ("b.json", tables),
            ("c.json", &cast("'account'", "Lookup", owner)),
            ("d.json", &cast("'account'", "MultiSelectPicklist", tags)),
        ];
        let read = read(&files).unwrap();
        assert_eq!(types_of(&read), "account.founded=date account.ownerid=uuid account.tags=choices");
    }
    let error = read(&[("a.json", &by_id)]).unwrap_err().to_string();
    assert!(error.contains("a.json") && error.contains("70816501-edb9"), "{error}");
}

#[test]
fn faults_have_the_file_and_the_path() {
    let one = r#"[{"LogicalName":"account","Attributes":[{"LogicalName":"x","AttributeType":"Integer"}]}]"#;
    let other = r#"[{"LogicalName":"account","Attributes":[{"LogicalName":"x","AttributeType":"String"}]}]"#;
    let behavior =
        r#"[{"LogicalName":"account","Attributes":[{"LogicalName":"x","DateTimeBehavior":"DateOnly"}]}]"#;
    for (files, expected) in [
        (
            vec![("a.json", "12")],
            "a.json at $: a response of EntityDefinitions is an object or a list of tables",
        ),
        (vec![("a.json", "[1]")], "a.json at $[0]: a table is an object"),
        (vec![("a.json", "{}")], "a.json at $: it has no LogicalName"),
        (vec![("a.json", r#"{"value":7}"#)], "a.json at $.value: it is not a list"),
        (
            vec![("a.json", r#"{"value":[{"LogicalName":""}]}"#)],
            "a.json at $.value[0]: it has no LogicalName",
        ),
        (
            vec![("a.json", r#"[{"LogicalName":"t","Attributes":{}}]"#)],
            "a.json at $[0].Attributes: it is not a list",
        ),
        (
            vec![(
                "a.json",
                r#"[{"LogicalName":"t","Attributes":[{"LogicalName":"x"},{"AttributeType":1}]}]"#,
            )],
            "a.json at $[0].Attributes[1]: it has no LogicalName",
        ),
        (
            vec![(
                "a.json",
                r#"[{"LogicalName":"t","Attributes":[{"LogicalName":"x","AttributeType":true}]}]"#,
            )],
            "a.json at $[0].Attributes[0].AttributeType: it is neither the name nor the number of a type",
        ),
        (
            vec![(
                "a.json",
                r#"[{"LogicalName":"t","Attributes":[{"LogicalName":"x","DateTimeBehavior":{"Value":1}}]}]"#,
            )],
            "a.json at $[0].Attributes[0].DateTimeBehavior.Value: it is not a string",
        ),
        (
            vec![("a.json", r#"{"error":{"code":"0x8","message":"no such table"}}"#)],
            "a.json at $.error: the Web API answered with an error: no such table",
        ),
        (
            vec![("a.json", one), ("b.json", other)],
            "account.x is int32 in a.json and text in b.json at $[0].Attributes[0]",
        ),
        (
            vec![("a.json", behavior), ("b.json", one), ("c.json", other)],
            "account.x is int32 in b.json and text in c.json at $[0].Attributes[0]",
        ),
        (
            vec![
                ("a.json", behavior),
                ("b.json", one),
                ("c.json", &behavior.replace("DateOnly", "UserLocal")),
            ],
            "account.x is DateOnly in a.json and UserLocal in c.json at $[0].Attributes[0]",
        ),
    ] {
        let error = read(&files).unwrap_err().to_string();
        assert_eq!(error.strip_prefix("table metadata: "), Some(expected));
    }
    let error = read(&[("a.json", "{\n\"value\": nil}")]).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.to_string().contains("a.json") && source.contains("line 2"), "{error}: {source}");
    let utf16 = Metadata::of(&[(PathBuf::from("a.json"), b"\xff\xfe{\0".to_vec())]).unwrap_err();
    assert!(utf16.to_string().contains("UTF-16"), "{utf16}");
}

#[test]
fn folder_is_read_in_name_order() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    assert!(matches!(Metadata::read(folder.path()), Err(Error::Nothing(_))));
    write("readme.txt", "not read");
    write("b.JSON", r#"[{"LogicalName":"account"}]"#);
    assert!(matches!(Metadata::read(folder.path()), Err(Error::NoTypes(_))));
    write(
        "a.json",
        r#"[{"LogicalName":"account","Attributes":[{"LogicalName":"x","AttributeType":"Integer"}]}]"#,
    );
    assert_eq!(types_of(&Metadata::read(folder.path()).unwrap()), "account.x=int32");
    let nowhere = Metadata::read(&folder.path().join("nowhere")).unwrap_err();
    assert!(nowhere.to_string().contains("nowhere"), "{nowhere}");
}

#[test]
fn number_and_date_types_hold_narrower_ones() {
    for (lake, holds) in [
        ("number", "number decimal int32 int64"),
        ("decimal", "decimal int32 int64"),
        ("int64", "int64 int32"),
        ("int32", "int32"),
        ("double", "double"),
        ("datetime", "datetime date"),
        ("date", "date"),
        ("text", "text"),
        ("uuid", "uuid"),
        ("a_type_of_tomorrow", ""),
    ] {
        let types =
            ["number", "decimal", "int64", "int32", "double", "datetime", "date", "text", "uuid", "choice"];
        for stated in types {
            let expected = holds.split(' ').any(|held| held == stated);
            let (lake, stated_type) = (ColumnType::from_name(lake), ColumnType::from_name(stated).unwrap());
            let does_hold = lake.is_some_and(|lake| lake.holds(stated_type));
            assert_eq!(does_hold, expected, "{stated} in {lake:?}");
        }
    }
}

/// The types and doubts of a survey of updates with an attribute `x`, and one with an empty name, which metadata can't
/// state.
fn surveyed(values: &[&str]) -> (String, Vec<Doubt>) {
    let mut survey = Survey::default();
    for value in values {
        let body = format!(
            r#"{{"MessageName":"Update","PrimaryEntityName":"account","PrimaryEntityId":"{ID}","InputParameters":[{{"key":"Target","value":{{"__type":"Entity:x","Attributes":[{{"key":"","value":true}},{{"key":"x","value":{value}}}],"Id":"{ID}","LogicalName":"account"}}}}]}}"#
        );
        survey.push(&Parser::new(ParentContext::Drop).parse(body.as_bytes()).unwrap());
    }
    let inferred = survey.finish();
    let text = inferred.to_string();
    let types =
        types_of(&read(&[("inferred.json", &text)]).unwrap_or_else(|error| panic!("{error}\n{text}")));
    let name = text.split(r#""AttributeType":""#).nth(1).map_or("", |rest| rest.split('"').next().unwrap());
    (
        format!("{name} {}", types.trim_start_matches("account.x=")),
        inferred.unknown.iter().map(|unknown| unknown.doubt).collect(),
    )
}

const ID: &str = "00000064-0000-4000-8000-000000000064";

#[test]
fn survey_infers_unambiguous_types() {
    let (guid, midnight) = (format!("\"{ID}\""), r#""/Date(86400000)/""#);
    let lookup = format!(r#"{{"__type":"EntityReference:x","Id":"{ID}","LogicalName":"contact"}}"#);
    let money = r#"{"__type":"Money:x","Value":1.5}"#;
    let choice = r#"{"__type":"OptionSetValue:x","Value":1}"#;
    let choices = format!("[{choice}]");
    let party = r#"[{"__type":"Entity:x","Attributes":[],"LogicalName":"activityparty"}]"#;
    for (values, expected) in [
        (vec!["null", "[]"], " "),
        (vec!["true"], "Boolean boolean"),
        (vec![money], "Money decimal"),
        (vec![money, "7"], "Money decimal"),
        (vec!["1E+300"], "Double double"),
        (vec!["4", "0.5", "0.33333333333333331"], "Double double"),
        (vec![choice], "Picklist choice"),
        (vec![&choices, "[]"], "Virtual choices"),
        (vec![&lookup], "Lookup uuid"),
        (vec![&guid, &lookup], "Lookup uuid"),
        (vec![&guid, r#""some text""#], "String text"),
        (vec![midnight, r#""/Date(86400001)/""#], "DateTime datetime"),
        (vec![midnight, r#""2024-05-06T10:00:00Z""#], "DateTime datetime"),
        (vec![midnight, r#""some text""#], "String text"),
        (vec![r#""/Date(0+0200)/""#], " "),
        (vec![party], "PartyList party_list"),
        (vec!["[0,1]"], "Virtual binary"),
    ] {
        assert_eq!(surveyed(&values), (expected.to_owned(), Vec::new()), "{values:?}");
    }
}

#[test]
fn survey_leaves_out_ambiguous_types() {
    let (guid, midnight) = (format!("\"{ID}\""), r#""/Date(86400000)/""#);
    for (values, doubt) in [
        (vec!["1", "null", "2"], Doubt::Number),
        (vec!["1", "2147483648"], Doubt::Number),
        (vec!["1.5"], Doubt::Number),
        (vec![midnight, "null", midnight], Doubt::Midnight),
        (vec![guid.as_str()], Doubt::Guid),
        (vec!["1", r#""one""#, "true"], Doubt::Mixed),
    ] {
        assert_eq!(surveyed(&values), (" ".to_owned(), vec![doubt]), "{values:?}");
    }
}
