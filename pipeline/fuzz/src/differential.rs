//! Checks of a drawn event: our parser reads the same from its JSON as serde_json, and the same from its XML.

use catchwater::internals::event::ChangeEvent;
use catchwater::internals::event::tree::{Kind, NodeId, Tree};
use catchwater::internals::parse::{ParentContext, Parser};
use serde_json::Value;

use crate::dice::Dice;
use crate::event::Fixture;

/// Draws an event, parses it in both formats and compares the results.
pub fn check(bytes: &[u8]) {
    let fixture = Fixture::draw(&mut Dice(bytes));
    let mut of_json = Parser::new(ParentContext::Keep);
    let json = of_json.parse(fixture.json.as_bytes());
    let json = json.unwrap_or_else(|reject| panic!("{reject:?}\n{}", fixture.json));
    let theirs: Value =
        serde_json::from_str(&fixture.json).unwrap_or_else(|error| panic!("{error}\n{}", fixture.json));
    same_as_serde(json.tree, json.tree.root(), &theirs, &fixture.json);
    let mut of_xml = Parser::new(ParentContext::Keep);
    let xml = of_xml.parse(fixture.xml.as_bytes());
    let xml = xml.unwrap_or_else(|reject| panic!("{reject:?}\n{}", fixture.xml));
    same_event(&json, &xml, &fixture);
}

/// Compares leaf by leaf. To serde_json, pairs are a list of objects.
fn same_as_serde(tree: Tree<'_>, node: NodeId, theirs: &Value, json: &str) {
    let fits = match (tree.kind(node), theirs) {
        (Kind::Null, Value::Null) | (Kind::False, Value::Bool(false)) | (Kind::True, Value::Bool(true)) => {
            true
        }
        (Kind::Number, Value::Number(number)) => same_number(tree.text(node), number),
        (Kind::Text, Value::String(text)) => tree.text(node) == text,
        (Kind::List, Value::Array(items)) => {
            tree.items(node).zip(items).for_each(|(item, theirs)| same_as_serde(tree, item, theirs, json));
            tree.items(node).count() == items.len()
        }
        (Kind::Object, Value::Object(members)) => {
            let of_type = members.get("__type").and_then(Value::as_str).unwrap_or_default();
            for (name, value) in tree.members(node) {
                same_as_serde(tree, value, &members[tree.text(name)], json);
            }
            let untyped = members.keys().filter(|name| *name != "__type").count();
            tree.members(node).count() == untyped
                && tree.text(node) == of_type.split(':').next().unwrap_or_default()
        }
        (Kind::Pairs, Value::Array(items)) => {
            for ((name, value), pair) in tree.members(node).zip(items) {
                assert_eq!(tree.text(name), pair["key"], "{json}");
                same_as_serde(tree, value, &pair["value"], json);
            }
            tree.members(node).count() == items.len()
        }
        _ => false,
    };
    assert!(fits, "{:?} {:?}, but serde_json reads {theirs} in\n{json}", tree.kind(node), tree.text(node));
}

/// Compares the text of numbers, except for the case of `E`, or their values if serde_json does not keep the text. The
/// fuzz package enables the feature that keeps it.
fn same_number(text: &str, theirs: &serde_json::Number) -> bool {
    theirs.to_string().eq_ignore_ascii_case(text)
        || !KEEPS_TEXT.with(|keeps| *keeps) && is_close(text, theirs)
}

/// Compares values. serde_json may miss the nearest float by a few units in the last place.
fn is_close(text: &str, theirs: &serde_json::Number) -> bool {
    let Some((ours, theirs)) = text.parse::<f64>().ok().zip(theirs.as_f64()) else { return false };
    (ours - theirs).abs() <= 4.0 * f64::EPSILON * ours.abs()
}

thread_local! {
    static KEEPS_TEXT: bool = serde_json::from_str::<Value>("1.10").is_ok_and(|one| one.to_string() == "1.10");
}

/// Compares the events of both formats node by node.
fn same_event(json: &ChangeEvent<'_>, xml: &ChangeEvent<'_>, fixture: &Fixture) {
    let bodies = || format!("\n{}\n{}", fixture.json, fixture.xml);
    for node in (0..json.tree.len().min(xml.tree.len()) as u32).map(NodeId::new) {
        let of = |tree: Tree<'_>| (tree.kind(node), tree.text(node).to_owned(), tree.end(node));
        assert_eq!(of(json.tree), of(xml.tree), "node {node:?} in JSON and XML{}", bodies());
    }
    assert_eq!(json.tree.len(), xml.tree.len(), "nodes in JSON and XML{}", bodies());
    assert_eq!((json.table, json.message, json.target), (xml.table, xml.message, xml.target), "{}", bodies());
}
