//! The account: every leaf of every body is somewhere in its row, whatever the leaf becomes.
//!
//! The walk here is `serde_json`'s and knows nothing of marks, types or columns.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::event::scalars::{date, guid, iso_date, number};
use crate::generator::{Generator, Size};

fn bodies(folder: PathBuf) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut bodies: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some((path.display().to_string(), fs::read_to_string(&path).ok()?)))
        .collect();
    bodies.sort();
    bodies
}

/// A leaf's text, comparable: numbers by value, GUIDs in lower case.
fn atom(leaf: &str) -> String {
    if guid(leaf).is_some() {
        return leaf.to_lowercase();
    }
    number(leaf).map_or_else(|| leaf.to_owned(), |number| decimal(number.scaled()))
}

/// The leaves below a value, with their paths as JSON pointers.
fn leaves(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                leaves(&format!("{path}/{at}"), item, found);
            }
        }
        Value::Object(members) => {
            let pair = members.contains_key("key") && members.contains_key("value");
            for (name, value) in members {
                if name != "__type"
                    && name != "ParentContext"
                    && !(pair && name == "key" && value.is_string())
                {
                    leaves(&format!("{path}/{name}"), value, found);
                }
            }
        }
        leaf => found.push((path.to_owned(), leaf.clone())),
    }
}

/// Everything a row says, as atoms.
fn said(batch: &RecordBatch) -> HashSet<String> {
    let mut atoms = HashSet::new();
    for column in batch.columns() {
        add(column, 0, &mut atoms);
    }
    atoms
}

fn add(column: &ArrayRef, at: usize, atoms: &mut HashSet<String>) {
    if column.is_null(at) {
        return;
    }
    match column.data_type() {
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(at);
            (0..items.len()).for_each(|at| add(&items, at, atoms));
        }
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|part| add(part, at, atoms)),
        DataType::Binary => {
            atoms.extend(column.as_binary::<i32>().value(at).iter().map(u8::to_string));
        }
        DataType::Timestamp(..) => {
            let ms = column.as_primitive::<TimestampMillisecondType>().value(at);
            atoms.insert(format!("/Date({ms})/"));
        }
        _ => {
            let text = text(column, at);
            if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(&text) {
                let mut inner = Vec::new();
                leaves("", &json, &mut inner);
                atoms.extend(inner.iter().map(|(_, leaf)| atom(&plain(leaf))));
            }
            atoms.insert(atom(&text));
        }
    }
}

fn plain(leaf: &Value) -> String {
    leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)
}

/// Whether a row says a leaf. What a column's meaning implies is said too.
fn is_said(leaf: &Value, table: &str, atoms: &HashSet<String>) -> bool {
    let text = plain(leaf);
    let implied =
        ["sdkmessageprocessingstep", "activityparty", "none", table, "00000000-0000-0000-0000-000000000000"];
    let clock = date(&text).map(|date| date.ms + i64::from(date.offset.unwrap_or(0)) * 60_000);
    let clock = clock.or_else(|| iso_date(&text).map(|date| date.ms));
    let clock = clock.map(|ms| format!("/Date({ms})/"));
    implied.contains(&text.as_str())
        || atoms.contains(&atom(&text))
        || clock.is_some_and(|clock| atoms.contains(&clock))
}

fn check_leaves(name: &str, body: &Value) {
    let mut found = Vec::new();
    leaves("", body, &mut found);
    check_row(name, &body.to_string(), found);
}

/// Looks for leaves in the row of a body, if it is an event.
fn check_row(name: &str, text: &str, found: Vec<(String, Value)>) {
    let mut parser = Parser::new(ParentContext::Drop);
    let Ok(event) = parser.parse(text.as_bytes()) else { return };
    let table = event.table.name().to_owned();
    let mut rows = Rows::new();
    rows.push(text);
    let batch = rows.take();
    let atoms = said(&batch);
    for (path, leaf) in found {
        assert!(
            is_said(&leaf, &table, &atoms),
            "{path} of {name}, {leaf}, is not in its row: {:?}",
            row(&batch, 0)
        );
    }
}

/// What a leaf is made, one after the other; each unlike anything else in a body.
fn strange_leaves() -> [Value; 9] {
    [
        Value::from("nowhere else"),
        Value::from("\u{1}\"\\/é😀"),
        Value::from("fedcba98-7654-4210-8000-fedcba987654"),
        Value::from("/Date(1234567890123)/"),
        Value::from("/Date(1234567890123+0200)/"),
        Value::from(-918_273_645),
        Value::from(9_182_736_450_000_001_i64),
        Value::from(0.918_273_645),
        Value::from(9.182_736_45e300),
    ]
}

#[test]
fn every_leaf_of_the_oracle_is_in_its_row() {
    let bodies = bodies(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oracle/json"));
    let readable = bodies.iter().filter_map(|(name, body)| Some((name, serde_json::from_str(body).ok()?)));
    let readable: Vec<(&String, Value)> = readable.collect();
    assert!(readable.len() > 55, "{}", readable.len());
    for (name, body) in &readable {
        check_leaves(name, body);
    }
}

#[test]
fn every_leaf_is_in_its_row_whatever_it_becomes() {
    let mut all = bodies(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oracle/json"));
    all.retain(|(name, _)| name.contains("m_"));
    all.push(("every form".to_owned(), every_form()));
    let mut checked = 0;
    for (name, body) in &all {
        let body: Value = serde_json::from_str(body).unwrap();
        let mut found = Vec::new();
        leaves("", &body, &mut found);
        for (path, _) in found {
            for strange in strange_leaves() {
                let mut changed = body.clone();
                *changed.pointer_mut(&path).unwrap() = strange;
                check_leaves(&format!("{name} with {path}"), &changed);
                checked += 1;
            }
        }
    }
    assert!(checked > 3000, "{checked}");
}

/// An update with every value form in Target and in two images that agree and disagree.
fn every_form() -> String {
    let party = record(
        "activityparty",
        OTHER,
        &[
            ("partyid", &lookup("contact", OTHER, r#""P""#)),
            ("participationtypemask", &choice("1")),
            ("addressused", r#""a@b""#),
        ],
        &[("partyid", "P"), ("x", "y")],
    );
    let to = format!(
        r#"{{"__type":"EntityCollection:x","Entities":[{party},{party}],"EntityName":"activityparty","MoreRecords":false,"TotalRecordCount":-1}}"#
    );
    let (parent, state) = (lookup("contact", OTHER, r#""Ann""#), choice("3"));
    let (revenue, many) = (money("12.5"), format!("[{},{}]", choice("4"), choice("5")));
    let key = format!("\"{ID}\"");
    let attributes = [
        ("flag", "true"),
        ("int", "17"),
        ("dec", "1.25"),
        ("text", r#""hello""#),
        ("when", r#""/Date(1700000000000)/""#),
        ("parent", parent.as_str()),
        ("state", &state),
        ("revenue", &revenue),
        ("many", &many),
        ("image", "[9,8]"),
        ("to", &to),
        ("accountid", &key),
        ("parentname", r#""attribute""#),
    ];
    let labels = [
        ("state", "Open"),
        ("parent", "Ann"),
        ("revenue", "12,50"),
        ("ghost", "boo"),
        ("many", "Four; Five"),
    ];
    labelled(&attributes, &labels)
        .after("Same", &attributes, &labels)
        .after(
            "Other",
            &[("int", "18"), ("extra", "1"), ("parent", &lookup("contact", ID, r#""Bob""#))],
            &[("int", "18!")],
        )
        .after(
            "AsynchronousStepPrimaryName",
            &[("name", r#""Primary""#), ("accountid", &key)],
            &[("name", "N")],
        )
        .before("Pre", record("account", ID, &attributes, &labels))
        .input("Flag", "true")
        .member("SharedVariables", &pairs(&[("a", "1"), ("b", r#"{"c":[true,"d"]}"#)]))
        .member("Unknown", r#"{"x":[1,{"y":"z"}]}"#)
        .json()
}

/// What the real bodies have that no column takes: the name of a synchronous step, a row version.
const LEFT_IN_REAL_BODIES: [&str; 2] = ["/OwningExtension/Name", "/InputParameters/Target/RowVersion"];

#[test]
fn the_real_bodies_leave_nothing_out() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let (wire, all) = (bodies(corpus.join("json_wire")), bodies(corpus.join("json")));
    if wire.is_empty() {
        println!("the corpus of real bodies is not beside this repository");
        return;
    }
    for (name, body) in wire.iter().chain(&all) {
        if let Ok(value) = serde_json::from_str::<Value>(body.trim_start_matches('\u{feff}')) {
            check_leaves(name, &value);
        }
    }
    for (name, body) in &wire {
        let rest = row_of(body).remove("_rest").unwrap_or_else(|| "null".to_owned());
        let mut left = Vec::new();
        leaves("", &serde_json::from_str(&rest).unwrap(), &mut left);
        left.retain(|(path, _)| !LEFT_IN_REAL_BODIES.contains(&path.as_str()));
        assert!(left.is_empty(), "{left:?} of {name}");
    }
}

#[test]
fn generated_events_leave_nothing_out() {
    for size in [Size::Small, Size::Typical, Size::Large] {
        let mut generator = Generator::new(7, size);
        for _ in 0..150 {
            let mut body = Vec::new();
            generator.next(&mut body);
            let body = String::from_utf8(body).unwrap();
            assert_eq!(row_of(&body).get("_rest"), None, "{body}");
            check_leaves("a generated event", &serde_json::from_str(&body).unwrap());
        }
    }
}

/// The texts of an XML body that are values: where they begin and end. What a tag is, this knows; what it means,
/// it does not.
fn texts(body: &str) -> Vec<(usize, usize)> {
    let parent = body.find("<ParentContext>").unwrap_or(0)..body.find("</ParentContext>").unwrap_or(0);
    let mut found = Vec::new();
    for (tag_end, _) in body.match_indices('>') {
        let start = tag_end + 1;
        let end = start + body[start..].find('<').unwrap_or(0);
        if start < end
            && !body[..start].ends_with("key>")
            && !body[..start].ends_with("Key>")
            && !parent.contains(&start)
        {
            found.push((start, end));
        }
    }
    found
}

#[test]
fn every_leaf_of_the_oracle_in_xml_is_in_its_row() {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oracle");
    let mut checked = 0;
    for (path, xml) in bodies(oracle.join("xml")) {
        let name = Path::new(&path).with_extension("json");
        let twin = oracle.join("json").join(name.file_name().unwrap());
        let Ok(Ok(twin)) = fs::read_to_string(twin).map(|twin| serde_json::from_str(&twin)) else { continue };
        // The first says more than its twin; the others more than the numbers of `serde_json`.
        let more = ["t_datetime_max.xml", "t_decimal_big.xml", "t_double_third.xml"];
        if more.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let mut found = Vec::new();
        leaves("", &twin, &mut found);
        check_row(&path, &xml, found);
        checked += 1;
    }
    assert!(checked > 55, "{checked}");
}

#[test]
fn every_leaf_of_xml_is_in_its_row_whatever_it_becomes() {
    let strange = [
        "nowhere else",
        "-918273645",
        "0.918273645",
        "INF",
        "fedcba98-7654-4210-8000-fedcba987654",
        "2031-05-06T07:08:09.1234567Z",
        "2031-05-06T07:08:09.1234567+02:00",
        "/Date(1234567890123)/",
    ];
    let mut checked = 0;
    for (name, body) in bodies(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oracle/xml")) {
        for (start, end) in texts(&body) {
            for strange in strange {
                let changed = format!("{}{strange}{}", &body[..start], &body[end..]);
                let place = format!("byte {start}");
                check_row(&format!("{name} with {strange}"), &changed, vec![(place, Value::from(strange))]);
                checked += 1;
            }
        }
    }
    assert!(checked > 3000, "{checked}");
}
