//! More attributes than a table may have columns, and names that no table has.

use super::*;
use crate::columns::catalog::COLUMNS_MAX;

/// Attributes with numbers for values, from one number to another.
fn numbered(from: usize, to: usize) -> Vec<(String, String)> {
    (from..to).map(|number| (format!("a{number}"), number.to_string())).collect()
}

fn borrowed(attributes: &[(String, String)]) -> Vec<(&str, &str)> {
    attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The Target attributes in `_rest`.
fn rest_of(row: &BTreeMap<String, String>) -> BTreeMap<String, serde_json::Value> {
    let rest: serde_json::Value =
        row.get("_rest").map_or_else(Default::default, |rest| serde_json::from_str(rest).unwrap());
    let attributes = &rest["InputParameters"]["Target"]["Attributes"];
    attributes.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn full_table_leaves_new_attributes_in_rest() {
    let mut rows = Rows::new();
    let (mut from, step) = (0, ATTRIBUTES_MAX - 1);
    while from < COLUMNS_MAX {
        rows.push(&update(&borrowed(&numbered(from, from + step))).json());
        from += step;
    }
    rows.push(&update(&borrowed(&numbered(COLUMNS_MAX + 1, COLUMNS_MAX + 3))).json());
    rows.push(&update(&borrowed(&numbered(7, 8))).json());
    let batch = rows.take();
    let columns = batch.schema();
    let columns = columns.fields().iter().filter(|field| field.name().starts_with('a')).count();
    assert_eq!(columns, COLUMNS_MAX);
    let full = batch.num_rows() - 3;
    assert_eq!(rest_of(&row(&batch, full - 1)), BTreeMap::new());
    assert_eq!(rest_of(&row(&batch, full)), numbers(COLUMNS_MAX..from));
    assert_eq!(rest_of(&row(&batch, full + 1)), numbers(COLUMNS_MAX + 1..COLUMNS_MAX + 3));
    let last = row(&batch, full + 2);
    assert_eq!((last["a7"].as_str(), last.get("_rest")), ("7", None));
}

#[test]
fn attributes_past_the_limit_of_a_table_go_to_rest() {
    let mut rows = Rows::new();
    rows.push(&update(&borrowed(&numbered(0, ATTRIBUTES_MAX + 2))).json());
    rows.push(&update(&borrowed(&numbered(ATTRIBUTES_MAX, ATTRIBUTES_MAX + 2))).json());
    let batch = rows.take();
    let (first, second) = (row(&batch, 0), row(&batch, 1));
    assert_eq!(first.keys().filter(|name| name.starts_with('a')).count(), ATTRIBUTES_MAX);
    assert_eq!(rest_of(&first), numbers(ATTRIBUTES_MAX..ATTRIBUTES_MAX + 2));
    assert_eq!((second["a1024"].as_str(), second.get("_rest")), ("1024", None));
}

#[test]
fn table_has_columns_for_64_party_lists() {
    let parties = r#"[{"__type":"Entity:x","LogicalName":"activityparty","RowVersion":"1"}]"#;
    let lists: Vec<_> = (0..65).map(|n| (format!("a{n}"), parties.to_owned())).collect();
    let mut rows = Rows::new();
    rows.push(&update(&borrowed(&lists)).json());
    rows.push(&update(&[("b", "1"), ("a63", parties)]).json());
    let batch = rows.take();
    let (first, second) = (row(&batch, 0), row(&batch, 1));
    assert_eq!(first.keys().filter(|name| name.starts_with('a')).count(), 64);
    assert_eq!(rest_of(&first).keys().collect::<Vec<_>>(), ["a64"]);
    assert_eq!((second["b"].as_str(), second.contains_key("a63")), ("1", true));
}

/// Attributes that an event has columns for.
const ATTRIBUTES_MAX: usize = 1024;

/// The `_rest` of attributes with numbers for values.
fn numbers(numbers: std::ops::Range<usize>) -> BTreeMap<String, serde_json::Value> {
    numbers.map(|number| (format!("a{number}"), serde_json::Value::from(number))).collect()
}

#[test]
fn lake_column_is_used_after_many_attribute_names() {
    let mut rows = Rows::new();
    rows.adopt(&[("late", "number")]);
    // Values without a form take no columns.
    let unknown: Vec<(String, String)> =
        numbered(0, 3 * COLUMNS_MAX).into_iter().map(|(name, _)| (name, "{}".to_owned())).collect();
    rows.push(&update(&borrowed(&unknown)).json());
    rows.push(&formatted(&[("late", "1"), ("later", "2"), ("null", "null")], &[("later", "two")]).json());
    let batch = rows.take();
    assert!(!row(&batch, 0).contains_key("_rest"), "empty objects are left out");
    let second = row(&batch, 1);
    assert_eq!(second["late"], "1");
    assert_eq!(
        second["_rest"],
        r#"{"InputParameters":{"Target":{"Attributes":{"later":2},"FormattedValues":{"later":"two"}}}}"#
    );
    assert_eq!(second["_changed"], "[late,later,null]");
}

#[test]
fn overlong_name_has_a_column_only_if_the_lake_has_it() {
    let (long, longer) = ("x".repeat(256), "x".repeat(257));
    let row = row_of(&update(&[(&long, "1"), (&longer, "2"), (&"é".repeat(50), "3")]).json());
    assert_eq!(row[&long], "1");
    let rest = rest_of(&row);
    assert_eq!(rest.keys().map(String::len).collect::<Vec<_>>(), [257, 100]);
    let mut rows = Rows::new();
    rows.adopt(&[(&longer, "number")]);
    rows.push(&update(&[(&longer, "2")]).json());
    assert_eq!(super::row(&rows.take(), 0)[&longer], "2");
}

#[test]
fn equal_image_covers_attributes_without_a_column() {
    let long = "x".repeat(300);
    let mut body = formatted(&[(&long, "1")], &[]);
    body.after.push(("image", record("account", ID, &[(&long, "1"), ("name", "\"a\"")], &[])));
    let row = row_of(&body.json());
    assert_eq!(row["name"], "a");
    let rest = &row["_rest"];
    assert_eq!(rest.matches(&long).count(), 2, "the record's and the image's: {rest}");
}
