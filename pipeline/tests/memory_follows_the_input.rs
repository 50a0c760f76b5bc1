//! Memory for a body is bounded by a multiple of its size, as counted by the allocator of the test.
//!
//! Owns: bodies of one kind each, as large as a hub accepts. The fuzz target `growth` (`pipeline/fuzz`) mixes the
//! kinds.

#![expect(clippy::print_stdout, reason = "prints the memory for each kind of body: run with --nocapture")]

#[allow(unreachable_pub, dead_code, clippy::all, clippy::pedantic, reason = "of another package")]
#[path = "../fuzz/src/dice.rs"]
mod dice;
#[allow(
    unreachable_pub,
    dead_code,
    missing_debug_implementations,
    clippy::all,
    clippy::pedantic,
    reason = "of another package"
)]
#[path = "../fuzz/src/growth.rs"]
mod growth;
#[path = "support/inputs.rs"]
mod inputs;
#[path = "support/memory.rs"]
mod memory;

use std::path::Path;
use std::time::{Duration, Instant};

use catchwater::internals::columns::{Catalog, Context, TableBuffer};
use catchwater::internals::generator::{Generator, Size};
use catchwater::internals::parse::{GROWTH_FACTOR, ParentContext, Parser};
use catchwater::internals::position::PartitionId;
use catchwater_sinks::parquet::{ChunkWriter, RowGroup, encode_row_group};

use self::growth::{Measured, Reading, measure};

/// Lengths of the bodies: below the limits of Dataverse, of a hub, and of a dedicated cluster.
const LENGTHS: [usize; 3] = [180_000, 1_000_000, 3_000_000];

/// A kind of body: its name, its beginning, a piece that is repeated (`#` is its number), and its end.
type Kind = (&'static str, String, &'static str, &'static str);

fn body((_, front, piece, back): &Kind, length: usize) -> Vec<u8> {
    let mut body = front.clone();
    for number in 0.. {
        if body.len() >= length {
            break;
        }
        body.push_str(&piece.replace('#', &number.to_string()));
    }
    body.truncate(body.trim_end_matches(',').len());
    body.push_str(back);
    body.into_bytes()
}

fn check(kinds: &[Kind]) {
    for kind in kinds {
        for length in LENGTHS {
            let body = body(kind, length);
            // XML has no fast path.
            let is_xml = body.starts_with(b"<");
            for reading in Reading::ALL.into_iter().filter(|reading| !(is_xml && reading.slow)) {
                let measured = measure(&body, reading);
                let ratio = |bytes: usize| bytes as f64 / measured.body as f64;
                println!(
                    "{:<28} {length:>8} {:>5.1} {:>5.1} {} {reading:?}",
                    kind.0,
                    ratio(measured.parse),
                    ratio(measured.row),
                    if measured.understood { "row" } else { "quarantine" },
                );
                assert!(measured.row.max(measured.parse) <= measured.bound(), "{}: {measured:?}", kind.0);
            }
        }
    }
}

fn json(name: &'static str, member: &str, piece: &'static str, back: &'static str) -> Kind {
    let front = format!(r#"{{"MessageName":"Update","PrimaryEntityName":"account",{member}"#);
    (name, front, piece, back)
}

/// The beginning of a record; its attributes follow.
const RECORD: &str = r#""InputParameters":[{"key":"Target","value":{"__type":"Entity:x","Attributes":["#;

#[test]
fn json_bodies_keep_to_the_memory_bound() {
    let _alone = memory::run_alone();
    let image = r#""PostEntityImages":[{"key":"i","value":{"Attributes":["#;
    check(&[
        json("numbers", r#""p":["#, "0,", "]}"),
        json("numbers that are long", r#""p":["#, "1e-400,", "]}"),
        json("empty lists", r#""p":["#, "[],", "]}"),
        json("lists in lists", r#""p":["#, "[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]],", "]}"),
        json("members without a name", r#""p":{"a":0,"#, r#""":0,"#, r#","b":0}}"#),
        json("members of the event", r#""a":0,"#, r#""a#":0,"#, r#","b":0}"#),
        json("escapes", r#""p":""#, r"\u0001", r#""}"#),
        json("line feeds", r#""p":""#, r"\n", r#""}"#),
        json("half surrogates", r#""p":["#, r#""\ud800",0,"#, "]}"),
        json("a parent context", r#""ParentContext":{"p":["#, "0,", "]}}"),
        json("a slow parent context", r#""ParentContext":{"p\u0061":["#, r#""\ud800","#, "]}}"),
        json("attributes", RECORD, r#"{"key":"a#","value":0},"#, "]}}]}"),
        json("attributes of null", RECORD, r#"{"key":"a#","value":null},"#, "]}}]}"),
        json("attributes with odd names", RECORD, r#"{"key":"ééééééééééééé#","value":0},"#, "]}}]}"),
        json(
            "lookups",
            RECORD,
            r#"{"key":"a#","value":{"__type":"EntityReference","Id":"00000064-0000-4000-8000-000000000064","LogicalName":"b","Name":"n"}},"#,
            "]}}]}",
        ),
        json("one long name", &format!("{RECORD}{{\"key\":\""), "é", r#"","value":0}]}}]}"#),
        json(
            "key attributes",
            r#""p":{"__type":"Entity:x","KeyAttributes":["#,
            r#"{"key":"a#","value":0},"#,
            "]}}",
        ),
        json("one key, often", RECORD, r#"{"key":"a","value":0},"#, "]}}]}"),
        json("an image", image, r#"{"key":"a#","value":""},"#, "]}}]}"),
        json("images", r#""PostEntityImages":["#, r#"{"key":"i#","value":{"Attributes":[]}},"#, "]}"),
        json("bytes", &format!(r#"{RECORD}{{"key":"a","value":["#), "7,", "]}]}}]}"),
        json(
            "choices",
            &format!(r#"{RECORD}{{"key":"a","value":["#),
            r#"{"__type":"OptionSetValue","Value":1},"#,
            "]}]}}]}",
        ),
        json(
            "parties",
            &format!(
                r#"{RECORD}{{"key":"a","value":{{"__type":"EntityCollection","EntityName":"activityparty","Entities":["#
            ),
            "{},",
            "]}}]}}]}",
        ),
        json(
            "labels",
            r#""PostEntityImages":[{"key":"i","value":{"FormattedValues":["#,
            r#"{"key":"a#","value":"x"},"#,
            "]}}]}",
        ),
        ("brackets", String::new(), "[", ""),
        ("scalars", String::new(), "1 ", ""),
        ("an event as a string", r#""{\"MessageName\":\"a\",\"p\":["#.to_owned(), "0,", r#"]}""#),
        ("a string", "\"".to_owned(), r"\n", "\""),
    ]);
}

fn xml(name: &'static str, content: &str, piece: &'static str, back: &'static str) -> Kind {
    let front = format!(
        r#"<RemoteExecutionContext xmlns="http://schemas.microsoft.com/xrm/2011/Contracts" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:g="http://schemas.datacontract.org/2004/07/System.Collections.Generic" xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:l="http://schemas.microsoft.com/2003/10/Serialization/Arrays"><MessageName>Update</MessageName><PrimaryEntityName>account</PrimaryEntityName>{content}"#
    );
    (name, front, piece, back)
}

const END: &str = "</RemoteExecutionContext>";

#[test]
fn xml_bodies_keep_to_the_memory_bound() {
    let _alone = memory::run_alone();
    let long = |bytes: usize| format!(r#"<n:p xmlns:n="{}" xmlns:m="urn:m">"#, "u".repeat(bytes));
    check(&[
        ("a namespace of many", format!(r#"<a xmlns="u{}">"#, "x".repeat(60_000)), "<b/>", "</a>"),
        (
            "a namespace in turns",
            format!(r#"<a xmlns="{}" xmlns:m="m">"#, "x".repeat(60_000)),
            "<b/><m:b/>",
            "</a>",
        ),
        ("namespaces", String::from("<a>"), r#"<n:b xmlns:n="urn:#"/>"#, "</a>"),
        ("elements", String::from("<a>"), "<b/>", "</a>"),
        xml("members", "", "<b/>", END),
        xml("members with texts", "", "<b#>x</b#>", END),
        xml("members of another namespace", "", r#"<n:b# xmlns:n="urn:n"/>"#, END),
        xml(
            "qualified names",
            &long(60_000).replace("<n:p", "<p"),
            "<n:b#/>",
            "</p></RemoteExecutionContext>",
        ),
        xml("known namespaces", "", "<g:b#/>", END),
        xml("names without a class", &long(60_000), "<n:b#/>", "</n:p></RemoteExecutionContext>"),
        xml("types", &long(60_000), r#"<b i:type="n:x"/>"#, "</n:p></RemoteExecutionContext>"),
        xml(
            "elements in elements",
            "",
            "<a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a>",
            END,
        ),
        xml("attributes", "<b ", r#" c#="""#, "/></RemoteExecutionContext>"),
        xml("references", "<p>", "&#1;", "</p></RemoteExecutionContext>"),
        xml("control characters", "<p>&amp;", "\u{1}", "</p></RemoteExecutionContext>"),
        xml("carriage returns", "<p>", "\r", "</p></RemoteExecutionContext>"),
        xml("comments", "<p>", "x<!---->", "</p></RemoteExecutionContext>"),
        xml("Base64", r#"<p i:type="x:base64Binary">"#, "AQID", "</p></RemoteExecutionContext>"),
        xml(
            "Base64 in pieces",
            r#"<p i:type="l:ArrayOfbase64Binary">"#,
            "<l:base64Binary>AQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQIDAQID</l:base64Binary>",
            "</p></RemoteExecutionContext>",
        ),
        xml(
            "short Base64",
            r#"<p i:type="l:ArrayOfbase64Binary">"#,
            "<l:base64Binary>AQIDAQID</l:base64Binary>",
            "</p></RemoteExecutionContext>",
        ),
        xml(
            "pairs",
            "<InputParameters>",
            "<KeyValueOfx><g:key>#</g:key><g:value/></KeyValueOfx>",
            "</InputParameters></RemoteExecutionContext>",
        ),
        xml(
            "pairs of one key",
            r#"<p i:type="ArrayOfKeyValueOfx">"#,
            "<KeyValueOfx><g:key/><g:value/></KeyValueOfx>",
            "</p></RemoteExecutionContext>",
        ),
        xml("strings", r#"<p i:type="l:ArrayOfstring">"#, "<l:string/>", "</p></RemoteExecutionContext>"),
        xml("a parent context", "<ParentContext>", "<g:b#/>", "</ParentContext></RemoteExecutionContext>"),
        xml("records", "<p>", "<Entity/>", "</p></RemoteExecutionContext>"),
        xml(
            "attributes of a record",
            r#"<InputParameters><KeyValuePairOfstringanyType><g:key>Target</g:key><g:value i:type="Entity"><Attributes>"#,
            r#"<KeyValueOfx><g:key>a#</g:key><g:value i:type="x:int">1</g:value></KeyValueOfx>"#,
            "</Attributes></g:value></KeyValuePairOfstringanyType></InputParameters></RemoteExecutionContext>",
        ),
    ]);
}

#[test]
fn random_bodies_keep_to_the_memory_bound() {
    let _alone = memory::run_alone();
    for bytes in inputs::random_bytes(300, 60) {
        growth::check(&bytes);
    }
}

/// Bodies as Dataverse posts them need less than a sixteenth of the bound.
#[test]
fn real_events_stay_far_below_the_memory_bound() {
    let _alone = memory::run_alone();
    let data = inputs::data_folder("oracle");
    // The corpus is not part of this repository.
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folders =
        [data.join("json"), data.join("xml"), real.join("json"), real.join("json_wire"), real.join("xml")];
    let mut bodies: Vec<Vec<u8>> = folders.iter().flat_map(|folder| inputs::contents(folder)).collect();
    for size in [Size::Small, Size::Typical, Size::Large] {
        let mut generator = Generator::new(7, size);
        for _ in 0..100 {
            let mut body = Vec::new();
            generator.next(&mut body);
            bodies.push(body);
        }
    }
    let measured: Vec<Measured> =
        bodies.iter().flat_map(|body| Reading::ALL.map(|reading| measure(body, reading))).collect();
    let most = |of: fn(&Measured) -> f64| measured.iter().map(of).fold(0.0, f64::max);
    let long = |measured: &Measured| measured.body >= 2_000;
    println!(
        "{} bodies; of the bound {:.3}; parse {:.1} and row {:.1} times the body, of those from 2 KB on",
        bodies.len(),
        most(|one| one.row as f64 / one.bound() as f64),
        measured
            .iter()
            .filter(|one| long(one))
            .map(|one| one.parse as f64 / one.body as f64)
            .fold(0.0, f64::max),
        measured
            .iter()
            .filter(|one| long(one))
            .map(|one| one.row as f64 / one.body as f64)
            .fold(0.0, f64::max),
    );
    assert!(measured.iter().all(|one| one.row * 16 < one.bound()));
}

/// A sender never uses the name of an attribute twice.
#[test]
fn distinct_attributes_take_linear_time_and_memory() {
    let _alone = memory::run_alone();
    let began = Instant::now();
    let mut bytes = 0;
    let most = memory::peak(|| {
        let mut parser = Parser::new(ParentContext::Drop);
        let mut context = Context::new("hub".into(), Catalog::new());
        let mut buffer = TableBuffer::open(&mut context, "account");
        let mut groups: Vec<RowGroup> = Vec::new();
        for event in 0..6 {
            let attributes: Vec<String> = (0..25_000)
                .map(|number| format!(r#"{{"key":"a{event}_{number}","value":{number}}}"#))
                .collect();
            let body = format!(
                r#"{{"MessageName":"Update","PrimaryEntityName":"account",{RECORD}{}]}}}}]}}"#,
                attributes.join(",")
            );
            bytes += body.len();
            let event = parser.parse(body.as_bytes()).unwrap();
            buffer.push(&mut context, &event, &growth::raw(body.as_bytes()), PartitionId::new(0)).unwrap();
            let group = encode_row_group(&buffer.take(&mut context).batch, ChunkWriter::default()).unwrap();
            assert!(group.joins(&groups));
            groups.push(group);
        }
    });
    println!("{:?} and {most} bytes for bodies of {bytes}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(most < GROWTH_FACTOR * bytes, "{most} bytes for bodies of {bytes}");
}

#[test]
fn memory_of_an_outsized_body_is_freed() {
    let _alone = memory::run_alone();
    let large = body(&json("numbers", r#""p":["#, "127,", "]}"), 6_000_000);
    for slow in [false, true] {
        let parent_context = ParentContext::Drop;
        let before = memory::held();
        let mut parser =
            if slow { Parser::slow_path_only(parent_context) } else { Parser::new(parent_context) };
        assert!(parser.parse(&large).is_ok());
        assert!(memory::held() - before > large.len());
        parser.shrink();
        assert!(memory::held() - before < 64 * 1024, "{} bytes are kept", memory::held() - before);
    }
    let mut context = Context::new("hub".into(), Catalog::new());
    context.shrink();
}
