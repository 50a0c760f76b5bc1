//! Messages besides Create, Update and Delete: the table, the record, the parameters, and nothing in `_rest`.

use super::*;
use crate::columns::tests::leaves::check_leaves;

const TEAM: &str = "00000068-0000-4000-8000-000000000068";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// An event's parameters and the expected columns.
struct Case<'c> {
    message: &'static str,
    /// The primary table and record.
    primary: (&'static str, &'static str),
    inputs: Vec<(&'static str, String)>,
    /// The row's id.
    id: &'static str,
    /// `_inputs` without the members of references besides id and table.
    expected: &'c str,
}

fn check(case: Case<'_>) {
    let Case { message, primary: (table, primary), inputs, id, expected } = case;
    let body = Body { inputs, ..update(&[]).message(message).table(table).target("") };
    let body = Body { members: format!(r#""PrimaryEntityId":"{primary}""#), ..body }.json();
    let mut parser = Parser::new(ParentContext::Drop);
    let routed = parser.parse(body.as_bytes()).unwrap().table;
    assert_eq!(routed, if table == "none" { Table::Messages } else { Table::Entity(table) }, "{message}");
    let row = row_of(&body);
    let value = |column: &str| row.get(column).map(String::as_str);
    assert_eq!((value("_message"), value("Id")), (Some(message), Some(id)), "{body}");
    assert_eq!(value("_inputs"), Some(expected), "{message}");
    for column in ["_rest", "_changed", "_truncated", "IsDelete", "_labels", "_outputs"] {
        assert_eq!(value(column), None, "{column} of {message}");
    }
    check_leaves(message, &serde_json::from_str(&body).unwrap());
}

/// A record as a parameter.
fn entity(table: &str, id: &str, attributes: &[(&str, &str)]) -> String {
    format!(r#"{{"__type":"Entity:x",{}"#, &record(table, id, attributes, &[])[1..])
}

fn text(value: &str) -> String {
    format!("\"{value}\"")
}

fn reference_json(table: &str, id: &str) -> String {
    format!(r#"{{"Id":"{id}","LogicalName":"{table}"}}"#)
}

#[test]
fn messages_about_one_record() {
    let status = |number: &str| choice(number);
    check(Case {
        message: "Assign",
        primary: ("account", ID),
        inputs: vec![("Target", lookup("account", ID, "null")), ("Assignee", lookup("team", TEAM, "null"))],
        id: ID,
        expected: &format!(r#"{{"Assignee":{}}}"#, reference_json("team", TEAM)),
    });
    for message in ["SetState", "SetStateDynamicEntity"] {
        check(Case {
            message,
            primary: ("account", ID),
            inputs: vec![
                ("EntityMoniker", lookup("account", ID, "null")),
                ("State", status("1")),
                ("Status", status("2")),
            ],
            id: ID,
            expected: &format!(
                r#"{{"EntityMoniker":{},"State":{{"Value":1}},"Status":{{"Value":2}}}}"#,
                reference_json("account", ID)
            ),
        });
    }
    check(Case {
        message: "Merge",
        primary: ("account", ID),
        inputs: vec![
            ("Target", lookup("account", ID, "null")),
            ("SubordinateId", text(OTHER)),
            ("UpdateContent", entity("account", ZERO, &[("name", r#""Contoso""#), ("city", "null")])),
            ("PerformParentingChecks", "false".to_owned()),
        ],
        id: ID,
        expected: &format!(
            r#"{{"PerformParentingChecks":false,"SubordinateId":"{OTHER}","UpdateContent":{{"Attributes":{{"city":null,"name":"Contoso"}},"Id":"{ZERO}","LogicalName":"account"}}}}"#
        ),
    });
    check(Case {
        message: "AddToQueue",
        primary: ("queue", OTHER),
        inputs: vec![
            ("Target", lookup("incident", ID, "null")),
            ("SourceQueueId", text(TEAM)),
            ("DestinationQueueId", text(OTHER)),
            ("QueueItemProperties", entity("queueitem", ZERO, &[("priority", "1")])),
        ],
        id: OTHER,
        expected: &format!(
            r#"{{"DestinationQueueId":"{OTHER}","QueueItemProperties":{{"Attributes":{{"priority":1}},"Id":"{ZERO}","LogicalName":"queueitem"}},"SourceQueueId":"{TEAM}","Target":{}}}"#,
            reference_json("incident", ID)
        ),
    });
}

#[test]
fn messages_that_close_a_record() {
    for (message, table, parameter, activity) in [
        ("Win", "opportunity", "OpportunityClose", "opportunityclose"),
        ("WinOpportunity", "opportunity", "OpportunityClose", "opportunityclose"),
        ("Lose", "opportunity", "OpportunityClose", "opportunityclose"),
        ("LoseOpportunity", "opportunity", "OpportunityClose", "opportunityclose"),
        ("Close", "incident", "IncidentResolution", "incidentresolution"),
        ("CloseIncident", "incident", "IncidentResolution", "incidentresolution"),
        ("WinQuote", "quote", "QuoteClose", "quoteclose"),
        ("CloseQuote", "quote", "QuoteClose", "quoteclose"),
        ("CancelSalesOrder", "salesorder", "OrderClose", "orderclose"),
    ] {
        let regarding = lookup(table, ID, "null");
        check(Case {
            message,
            primary: (table, ID),
            inputs: vec![
                (parameter, entity(activity, ZERO, &[("subject", r#""done""#), ("regarding", &regarding)])),
                ("Status", choice("3")),
            ],
            id: ID,
            expected: &format!(
                r#"{{"{parameter}":{{"Attributes":{{"regarding":{},"subject":"done"}},"Id":"{ZERO}","LogicalName":"{activity}"}},"Status":{{"Value":3}}}}"#,
                reference_json(table, ID)
            ),
        });
    }
    check(Case {
        message: "QualifyLead",
        primary: ("lead", ID),
        inputs: vec![
            ("LeadId", lookup("lead", ID, "null")),
            ("OpportunityCurrencyId", "null".to_owned()),
            ("CreateAccount", "true".to_owned()),
            ("CreateContact", "false".to_owned()),
            ("Status", choice("3")),
        ],
        id: ID,
        expected: &format!(
            r#"{{"CreateAccount":true,"CreateContact":false,"LeadId":{},"OpportunityCurrencyId":null,"Status":{{"Value":3}}}}"#,
            reference_json("lead", ID)
        ),
    });
}

#[test]
fn messages_without_a_table() {
    for message in ["Associate", "Disassociate"] {
        check(Case {
            message,
            primary: ("none", ZERO),
            inputs: vec![
                ("Target", lookup("account", ID, "null")),
                (
                    "Relationship",
                    r#"{"__type":"Relationship:x","PrimaryEntityRole":null,"SchemaName":"a_b"}"#.to_owned(),
                ),
                ("RelatedEntities", format!("[{}]", lookup("lead", OTHER, "null"))),
            ],
            id: ID,
            expected: &format!(
                r#"{{"RelatedEntities":[{}],"Relationship":{{"SchemaName":"a_b"}},"Target":{}}}"#,
                reference_json("lead", OTHER),
                reference_json("account", ID)
            ),
        });
    }
    check(Case {
        message: "RetrieveMultiple",
        primary: ("none", ZERO),
        inputs: vec![("Query", query())],
        id: ZERO,
        expected: r#"{"Query":{"ColumnSet":{"AllColumns":false,"Columns":["name"]},"Criteria":{"Conditions":[{"AttributeName":"name","Operator":0,"Values":["Contoso",7]}],"FilterOperator":0,"IsQuickFindFilter":false},"EntityName":"account"}}"#,
    });
}

#[test]
fn retrieves_of_a_table() {
    check(Case {
        message: "Retrieve",
        primary: ("account", ID),
        inputs: vec![
            ("Target", lookup("account", ID, "null")),
            ("ColumnSet", r#"{"__type":"ColumnSet:x","AllColumns":false,"Columns":["name"]}"#.to_owned()),
        ],
        id: ID,
        expected: r#"{"ColumnSet":{"AllColumns":false,"Columns":["name"]}}"#,
    });
    check(Case {
        message: "RetrieveMultiple",
        primary: ("account", ZERO),
        inputs: vec![("Query", query())],
        id: ZERO,
        expected: r#"{"Query":{"ColumnSet":{"AllColumns":false,"Columns":["name"]},"Criteria":{"Conditions":[{"AttributeName":"name","Operator":0,"Values":["Contoso",7]}],"FilterOperator":0,"IsQuickFindFilter":false},"EntityName":"account"}}"#,
    });
}

/// A query with one condition.
fn query() -> String {
    r#"{"__type":"QueryExpression:x","ColumnSet":{"AllColumns":false,"AttributeExpressions":[],"Columns":["name"]},"Criteria":{"Conditions":[{"AttributeName":"name","Operator":0,"Values":["Contoso",7]}],"FilterOperator":0,"Filters":[],"IsQuickFindFilter":false},"EntityName":"account","Orders":[],"TopCount":null}"#
        .to_owned()
}

/// Custom APIs, custom actions and unknown messages, bound to a table's record or not.
#[test]
fn unknown_messages_keep_their_parameters() {
    for (message, primary, id) in [
        ("new_Custom", ("account", ID), ID),
        ("new_Custom", ("account", ZERO), ID),
        ("new_Custom", ("none", ZERO), ID),
        ("Unheard Of", ("account", ID), ID),
    ] {
        let target = if primary.0 == "none" {
            format!(r#","Target":{}"#, reference_json("account", ID))
        } else {
            String::new()
        };
        check(Case {
            message,
            primary,
            inputs: vec![
                ("Target", lookup("account", ID, "null")),
                ("Flag", "true".to_owned()),
                ("When", text(r"\/Date(1714979289000)\/")),
                ("Exact", "79228162514264337593543950335".to_owned()),
                ("Float", "1E+15".to_owned()),
                ("Price", money("1.50")),
                ("Choice", choice("4")),
                ("Texts", r#"["a","b"]"#.to_owned()),
                ("Record", entity("contact", OTHER, &[("a", "1")])),
                (
                    "Records",
                    format!(
                        r#"{{"__type":"EntityCollection:x","Entities":[{}],"EntityName":"contact","MoreRecords":false}}"#,
                        record("contact", OTHER, &[], &[])
                    ),
                ),
                ("Nothing", "null".to_owned()),
            ],
            id,
            expected: &format!(
                r#"{{"Choice":{{"Value":4}},"Exact":"79228162514264337593543950335","Flag":true,"Float":1E+15,"Nothing":null,"Price":{{"Value":1.50}},"Record":{{"Attributes":{{"a":1}},"Id":"{OTHER}","LogicalName":"contact"}},"Records":{{"Entities":[{}],"EntityName":"contact","MoreRecords":false}}{target},"Texts":["a","b"],"When":"/Date(1714979289000)/"}}"#,
                reference_json("contact", OTHER)
            ),
        });
    }
}

#[test]
fn virtual_table_messages_create_update_and_delete() {
    for (message, target, is_delete, truncated) in [
        ("OnExternalCreated", entity("account", ID, &[("name", r#""a""#)]), None, None),
        ("OnExternalUpdated", entity("account", ID, &[("name", r#""a""#)]), None, None),
        ("OnExternalUpdated", String::new(), None, Some("true")),
        ("OnExternalDeleted", entity("account", ID, &[]), Some("true"), None),
        ("OnExternalDeleted", lookup("account", ID, "null"), Some("true"), None),
        ("OnExternalDelete", lookup("account", ID, "null"), None, None),
        ("Restore", entity("account", ID, &[]), None, None),
    ] {
        let row = row_of(&update(&[]).message(message).target(target).json());
        let value = |column: &str| row.get(column).map(String::as_str);
        assert_eq!((value("IsDelete"), value("_truncated")), (is_delete, truncated), "{message}: {row:?}");
        assert_eq!(value("Id"), Some(ID));
    }
}
