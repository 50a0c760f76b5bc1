//! The same event in both formats: the same tree.

use std::collections::BTreeSet;
use std::path::Path;

use super::{ParentContext, Parser, files, oracle, oracle_xml, render};
use crate::event::ChangeEvent;

/// What a pair differs in, and why.
const DIFFER: &[(&str, &str, &str)] = &[
    ("t_datetime_max", r#""/Date(253402300799999)/""#, r#"@"9999-12-31T23:59:59.9999999Z""#), // XML knows ticks
    ("t_double_inf", "", ""),                                                                 // no JSON
    ("t_double_ninf", "", ""),                                                                // no JSON
];

/// The inputs of XML bodies whose event the serializer does not write as JSON.
const ONLY_XML: &[(&str, &str)] = &[
    ("t_attrcoll", "<P:<x:1,>,>"),
    ("t_datetimeoffset", r#"<P:DateTimeOffset{DateTime:"2024-05-06T05:08:09Z",OffsetMinutes:"120",},>"#),
    ("t_dict_so", "<P:<k:1,>,>"),
    ("t_double_inf", "<P:INF,>"),
    ("t_double_ninf", "<P:-INF,>"),
    ("t_enum_state", "<P:1,>"),
    ("t_formatted", r#"<P:<x:"1",>,>"#),
    ("t_list_guid", r#"<P:["00000001-0000-4000-8000-000000000001",],>"#),
    ("t_list_kv", r#"<P:<account:"Update",>,>"#),
    ("t_list_string", r#"<P:["a",],>"#),
    ("t_paramcoll", "<P:<x:1,>,>"),
    ("t_relatedcoll", "<P:[],>"),
];

fn whole(event: &ChangeEvent<'_>) -> String {
    format!(
        "{} {} {:?} {}",
        event.table.name(),
        event.message,
        event.target.is_some(),
        render(event.tree, event.tree.root())
    )
}

fn read(body: &[u8], parents: ParentContext) -> Option<String> {
    Parser::new(parents)
        .parse(body)
        .ok()
        .map(|event| format!("{} {}", event.parent_context_dropped, whole(&event)))
}

/// Compares two bodies; what XML knows better is given as (what JSON says, what XML says).
fn check(name: &str, json: &[u8], xml: &[u8], better: (&str, &str)) {
    for parents in [ParentContext::Keep, ParentContext::Drop] {
        let json = read(json, parents).unwrap_or_else(|| panic!("{name} as JSON"));
        let xml = Parser::new(parents)
            .parse(xml)
            .map(|event| format!("{} {}", event.parent_context_dropped, whole(&event)));
        assert_eq!(xml.as_deref(), Ok(json.replace(better.0, better.1).as_str()), "{name}");
    }
}

#[test]
fn every_pair_of_the_oracle_is_one_tree() {
    let (json, xml) = (oracle(), oracle_xml());
    let mut alone: BTreeSet<&str> = xml.iter().map(|(name, _)| name.strip_suffix(".xml").unwrap()).collect();
    for (name, json) in &json {
        let name = name.strip_suffix(".json").unwrap();
        let (_, xml) = xml.iter().find(|(other, _)| other.strip_suffix(".xml") == Some(name)).expect(name);
        match DIFFER.iter().find(|differ| differ.0 == name) {
            Some((_, "", _)) => assert_eq!(read(json, ParentContext::Keep), None, "{name}"),
            Some((_, json_says, xml_says)) => check(name, json, xml, (json_says, xml_says)),
            None => check(name, json, xml, ("nothing", "nothing")),
        }
        if read(json, ParentContext::Keep).is_some() {
            alone.remove(name);
        }
    }
    let listed: BTreeSet<&str> = ONLY_XML.iter().map(|(name, _)| *name).collect();
    assert_eq!(alone, listed, "XML bodies without a twin");
}

#[test]
fn what_json_cannot_say_is_read() {
    for (name, inputs) in ONLY_XML {
        let (_, body) = oracle_xml().into_iter().find(|(file, _)| file == &format!("{name}.xml")).unwrap();
        let mut parser = Parser::new(ParentContext::Drop);
        let event = parser.parse(&body).unwrap_or_else(|reject| panic!("{name}: {reject:?}"));
        let found = event.member(crate::event::Member::InputParameters).unwrap();
        assert_eq!(render(event.tree, found), *inputs, "{name}");
        assert!(!event.repaired, "{name}");
    }
}

/// Members of real bodies that the SDK which wrote the derived ones does not have. It has others, which are null
/// or zero.
const UNKNOWN_TO_SDK: &[&str] = &["InitiatingUserAgent:", "Unknown:"];

/// The zones of the servers that wrote the real bodies. The derived ones were written in UTC, and a date with an
/// offset shows the writer's.
const ZONES: &[(&str, &str)] = &[
    ("albxrm_activityparty_onprem.json", "+0300)"),
    ("albxrm_documentlocation.json", "+0200)"),
    ("msdocs_use_webhooks_contact_update.json", "-0700)"),
];

/// A rendered body without members that are null or zero, and without those.
fn without_unknown(mut body: String) -> String {
    for nothing in [":null,", r#":"00000000-0000-0000-0000-000000000000","#] {
        while let Some(at) = body.find(nothing) {
            let start = body[..at].rfind([',', '{', '<']).unwrap() + 1;
            body.replace_range(start..at + nothing.len(), "");
        }
    }
    for member in UNKNOWN_TO_SDK {
        while let Some(start) = body.find(member) {
            let end = start + body[start..].find(',').unwrap() + 1;
            body.replace_range(start..end, "");
        }
    }
    body
}

#[test]
fn derived_bodies_are_one_tree_with_theirs() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let derived = files(&corpus.join("xml"));
    if derived.is_empty() {
        println!("the corpus of real bodies is not here; nothing was checked");
    }
    for (name, xml) in derived {
        let name = name.trim_start_matches("derived_").replace(".xml", ".json");
        let wire = files(&corpus.join("json_wire")).into_iter().chain(files(&corpus.join("json")));
        let (_, json) = wire.into_iter().find(|(file, _)| *file == name).expect(&name);
        let zone = ZONES.iter().find(|(of, _)| *of == name).map_or("nothing", |(_, zone)| *zone);
        for parents in [ParentContext::Keep, ParentContext::Drop] {
            let json = read(&json, parents).unwrap_or_else(|| panic!("{name}")).replace(zone, "+0000)");
            let xml = read(&xml, parents).unwrap_or_else(|| panic!("{name}"));
            let (json, xml) = (without_unknown(json), without_unknown(xml));
            let equal = json.bytes().zip(xml.bytes()).take_while(|(one, other)| one == other).count();
            let from = |text: &str| text.chars().skip(equal.saturating_sub(80)).take(160).collect::<String>();
            assert!(json == xml, "{name}\n{}\n{}", from(&json), from(&xml));
        }
    }
}
