//! Bodies of the SDK's own serializer: every form of value in the tree.

use std::fs;

use super::{body, data, oracle, parse, render};
use crate::event::tree::Kind;
use crate::event::{ChangeEvent, Member};

fn check(name: &str, look: impl FnOnce(ChangeEvent<'_>)) {
    parse(&body(name), |event| look(event.expect(name)));
}

#[test]
fn every_form_of_value_is_in_the_tree() {
    let expected = fs::read_to_string(data().join("oracle_inputs.tsv")).unwrap();
    let mut checked = 0;
    for (name, inputs) in expected.lines().map(|line| line.split_once('\t').unwrap()) {
        check(name, |event| {
            assert_eq!(render(event.tree, event.member(Member::InputParameters).unwrap()), inputs, "{name}");
        });
        checked += 1;
    }
    assert_eq!(checked, oracle().len() - 2, "all except the bare infinities");
}

#[test]
fn every_member_of_a_body_is_known() {
    for (name, _) in oracle().into_iter().filter(|(name, _)| !name.ends_with("inf.json")) {
        check(&name, |event| {
            let missing: Vec<_> =
                Member::ALL.iter().filter(|member| event.member(**member).is_none()).collect();
            assert_eq!(missing, [&Member::InitiatingUserAgent], "{name}: this SDK has no user agent");
            assert_eq!(event.tree.members(event.tree.root()).count(), Member::ALL.len() - 1);
            assert_eq!(event.tree.text(event.tree.root()), "", "the root object states no type");
            assert_eq!(event.repaired, name == "t_string_lonesurr.json");
            assert_eq!(event.tree.end(event.tree.root()).index() as usize, event.tree.len());
        });
    }
}

#[test]
fn messages_have_table_and_target() {
    for (name, message, table, target) in [
        ("m_create.json", "Create", "account", Some("Entity")),
        ("m_update.json", "Update", "account", Some("Entity")),
        ("m_delete.json", "Delete", "account", Some("EntityReference")),
        ("m_assign.json", "Assign", "account", Some("EntityReference")),
        ("m_merge.json", "Merge", "account", Some("EntityReference")),
        ("m_updatemultiple.json", "UpdateMultiple", "account", None),
        ("m_update_stripped_empty.json", "Update", "account", None),
        ("m_associate.json", "Associate", "_messages", Some("EntityReference")),
        ("t_money.json", "Probe", "_messages", None),
    ] {
        check(name, |event| {
            assert_eq!((event.message, event.table.name()), (message, table), "{name}");
            assert_eq!(event.target.map(|target| event.tree.text(target)), target, "{name}");
        });
    }
}

#[test]
fn images_are_pairs_of_entities() {
    check("m_update.json", |event| {
        let images = event.member(Member::PostEntityImages).unwrap();
        assert_eq!(event.tree.kind(images), Kind::Pairs);
        for (_, image) in event.tree.members(images) {
            assert_eq!(event.tree.kind(event.tree.member(image, "Attributes").unwrap()), Kind::Pairs);
        }
    });
}
