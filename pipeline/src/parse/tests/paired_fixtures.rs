//! Paired fixtures: one event in both formats gives one tree.

use std::collections::BTreeSet;
use std::path::Path;

use super::{ParentContext, Parser, files, oracle, oracle_xml, render};
use crate::event::ChangeEvent;

/// Pairs whose trees differ: name, text in JSON, text in XML. An empty text: the JSON body is rejected.
const DIFFER: &[(&str, &str, &str)] = &[
    ("t_datetime_max", r#""/Date(253402300799999)/""#, r#"@"9999-12-31T23:59:59.9999999Z""#), // ticks in XML only
    ("t_double_inf", "", ""),                                                                 // not JSON
    ("t_double_ninf", "", ""),                                                                // not JSON
];

/// Inputs of XML bodies whose event the serializer cannot write in JSON.
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

fn describe(event: &ChangeEvent<'_>) -> String {
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
        .map(|event| format!("{} {}", event.parent_context_dropped, describe(&event)))
}

/// Compares two bodies; `differs` is a text in JSON and the text in XML that replaces it.
fn check(name: &str, json: &[u8], xml: &[u8], differs: (&str, &str)) {
    for parents in [ParentContext::Keep, ParentContext::Drop] {
        let json = read(json, parents).unwrap_or_else(|| panic!("{name} as JSON"));
        let xml = Parser::new(parents)
            .parse(xml)
            .map(|event| format!("{} {}", event.parent_context_dropped, describe(&event)));
        assert_eq!(xml.as_deref(), Ok(json.replace(differs.0, differs.1).as_str()), "{name}");
    }
}

#[test]
fn every_pair_of_the_oracle_gives_one_tree() {
    let (json, xml) = (oracle(), oracle_xml());
    let mut unpaired: BTreeSet<&str> =
        xml.iter().map(|(name, _)| name.strip_suffix(".xml").unwrap()).collect();
    for (name, json) in &json {
        let name = name.strip_suffix(".json").unwrap();
        let (_, xml) = xml.iter().find(|(other, _)| other.strip_suffix(".xml") == Some(name)).expect(name);
        match DIFFER.iter().find(|differ| differ.0 == name) {
            Some((_, "", _)) => assert_eq!(read(json, ParentContext::Keep), None, "{name}"),
            Some((_, in_json, in_xml)) => check(name, json, xml, (in_json, in_xml)),
            None => check(name, json, xml, ("nothing", "nothing")),
        }
        if read(json, ParentContext::Keep).is_some() {
            unpaired.remove(name);
        }
    }
    let listed: BTreeSet<&str> = ONLY_XML.iter().map(|(name, _)| *name).collect();
    assert_eq!(unpaired, listed, "XML bodies without a pair in JSON");
}

#[test]
fn xml_that_json_cannot_represent_is_read() {
    for (name, inputs) in ONLY_XML {
        let (_, body) = oracle_xml().into_iter().find(|(file, _)| file == &format!("{name}.xml")).unwrap();
        let mut parser = Parser::new(ParentContext::Drop);
        let event = parser.parse(&body).unwrap_or_else(|reject| panic!("{name}: {reject:?}"));
        let found = event.member(crate::event::Member::InputParameters).unwrap();
        assert_eq!(render(event.tree, found), *inputs, "{name}");
        assert!(!event.repaired, "{name}");
    }
}

/// Members of real bodies that are unknown to the SDK that wrote the derived bodies. Its own additional members are
/// null or zero.
const UNKNOWN_TO_SDK: &[&str] = &["InitiatingUserAgent:", "Unknown:"];

/// UTC offsets of the servers that wrote the real bodies. The derived bodies were written in UTC, and a date shows the
/// offset of its writer.
const ZONES: &[(&str, &str)] = &[
    ("albxrm_activityparty_onprem.json", "+0300)"),
    ("albxrm_documentlocation.json", "+0200)"),
    ("msdocs_use_webhooks_contact_update.json", "-0700)"),
];

/// A rendered body without members that are null, zero or [`UNKNOWN_TO_SDK`].
fn without_unknown(mut body: String) -> String {
    for empty in [":null,", r#":"00000000-0000-0000-0000-000000000000","#] {
        while let Some(at) = body.find(empty) {
            let start = body[..at].rfind([',', '{', '<']).unwrap() + 1;
            body.replace_range(start..at + empty.len(), "");
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
fn derived_bodies_give_the_tree_of_their_original() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let derived = files(&corpus.join("xml"));
    if derived.is_empty() {
        println!("skipped: the corpus of real bodies is absent");
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
